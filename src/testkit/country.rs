//! The cast: provinces with one pooling area each, their rules, members with money or a wallet, and their transfers.

use crate::domain::hub::tables::PartiesRow;
use crate::domain::hub::{CreateRequest, Deadlines, HubMachine, WaitMode};
use crate::domain::machine::Ticket;
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{LegRow, PersonRow};
use crate::domain::node::{Input, MemberReport, NodeMachine, Vault};
use crate::domain::protocol::{Kind, Party, Terms, TermsDigests};
use crate::domain::rules::rulebook::{
    RuleLayer, RulePlace, RuleText, RuleValues, RuleVersion, Rulebook, WithoutWallet,
};
use crate::domain::value::{
    Area, Civil, Day, Digest, IdNumber, Insurance, InsuranceStatus, InsuranceType, Kinship, MemberRef, Money,
    Opening, Person, PersonName, Province, ProvinceCode, RegionCode, RegionDirectory, StartId, TransferId,
};
use std::sync::Arc;

/// The payer's province where there are two: 河北, region 130100.
pub const PAYER: ProvinceCode = ProvinceCode::new(13);
/// The payee's: 四川, region 510100.
pub const PAYEE: ProvinceCode = ProvinceCode::new(51);
/// Noon of 2026-11-21 in Shanghai: when every day here begins.
pub const NOON: i64 = 1_795_233_600_000;
/// From noon to 06:00 of the next day.
pub const NOON_TO_SIX_MS: i64 = 18 * 3_600_000;
/// What each payer has at first in the simulation, in fen.
pub const OPENING: i64 = 500_000;

/// Who takes part. Member numbers begin at 0; every member may give and receive.
#[derive(Clone, Debug)]
pub struct Country {
    /// Provinces, each with a node.
    pub provinces: Vec<ProvinceCode>,
    /// Members of each province.
    pub members: u64,
    /// What each of them has at first, in fen.
    pub opening: i64,
    /// Places.
    pub places: Arc<RegionDirectory>,
    /// Rules.
    pub rulebook: Arc<Rulebook>,
    /// The nodes' vault.
    pub vault: Arc<dyn Vault>,
    /// What a number is found by.
    pub id_hash: fn(&IdNumber) -> Digest,
}

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Id of the transfer.
    pub transfer_id: TransferId,
    /// Payer: province and member.
    pub payer: (ProvinceCode, u64),
    /// Relative.
    pub payee: (ProvinceCode, u64),
    /// Amount in fen.
    pub fen: i64,
    /// What to wait for.
    pub wait: WaitMode,
    /// How long, in milliseconds.
    pub deadline_ms: u64,
}

/// A vault that seals nothing: a row holds the name as it is, or says that it is damaged.
#[derive(Debug)]
pub struct PlainVault;

impl Vault for PlainVault {
    fn holds(&self, row: &PersonRow, person: &Person) -> Option<bool> {
        (row.sealed != b"damaged").then(|| row.sealed == person.name.reveal().as_bytes())
    }
}

fn area(province: ProvinceCode) -> RegionCode {
    // Two digits and 0100 are six digits.
    RegionCode::new(u32::from(province.number()) * 10_000 + 100).expect("six digits")
}

/// What a number is found by: the number itself, since nothing here is real.
pub fn id_hash(number: &IdNumber) -> Digest {
    let mut hash = Digest::default();
    hash.0[..18].copy_from_slice(&number.reveal().as_bytes()[..18]);
    hash
}

/// A member of a province.
pub fn person(province: ProvinceCode, member: u64) -> Person {
    let (day, sequence) = (1 + member / 900 % 28, member % 900);
    // 1 to 28 January 1980 and fewer than 900 people a day: the number and the name always exist.
    let birth = (1980, 1, u8::try_from(day).unwrap_or(1));
    let address = area(province).number() + 2;
    Person {
        id_number: IdNumber::generate(address, birth, u16::try_from(sequence).unwrap_or(0))
            .expect("a number"),
        name: PersonName::new("测试").expect("a name"),
    }
}

/// What a member is known by at his node.
pub fn member_ref(province: ProvinceCode, member: u64) -> MemberRef {
    let mut bytes = [province.number(); 16];
    bytes[8..].copy_from_slice(&member.to_be_bytes());
    MemberRef(bytes)
}

/// A request of a province's own system.
pub fn request(name: &str) -> RequestMark {
    RequestMark { request_id: name.to_owned(), digest: Digest([7; 32]) }
}

/// What a province's system reports of a member: an employee has an account.
pub fn report(
    name: &str,
    (province, number): (ProvinceCode, u64),
    region: RegionCode,
    (insurance_type, insurance_status): (InsuranceType, InsuranceStatus),
) -> Input {
    let (person, member_ref) = (person(province, number), member_ref(province, number));
    let report = MemberReport {
        request: request(name),
        insurance: Insurance { insurance_status, ..Insurance::new(region, insurance_type) },
        person_known: false,
        person: PersonRow {
            id_hash: id_hash(&person.id_number),
            member_ref,
            sealed: person.name.reveal().as_bytes().to_vec(),
        },
    };
    Input::Upsert { ticket: Ticket::new(0), report: Box::new(report) }
}

/// An allotment of a province's own system.
pub fn credit(name: &str, member_ref: MemberRef, fen: i64) -> Input {
    let (ticket, request, amount) = (Ticket::new(0), request(name), Money::from_fen(fen));
    Input::Credit { ticket, request, member_ref, amount, period: 202_611 }
}

fn open_wallet(name: &str, member_ref: MemberRef, use_region: RegionCode) -> Input {
    let (ticket, request) = (Ticket::new(0), request(name));
    Input::OpenWallet { ticket, request, member_ref, use_region, opened_by: None, holder: None }
}

/// What a province's own system says, as its server hands it in where the member has this reference.
pub fn known_as(mut input: Input, known: MemberRef) -> Input {
    match &mut input {
        Input::Upsert { report, .. } => report.person.member_ref = known,
        Input::Credit { member_ref, .. } | Input::OpenWallet { member_ref, .. } => *member_ref = known,
        _ => {}
    }
    input
}

/// The values of the national rules: 2,000.00 at most, three a day, nothing beyond the law asked for.
pub fn national_values() -> RuleValues {
    RuleValues {
        floor: Some(Money::ZERO),
        transfer_max: Some(Money::from_fen(200_000)),
        daily_count_max: Some(3),
        kinships: Some(Kinship::ALL.iter().copied().collect()),
        payee_types: Some(vec![InsuranceType::Employee, InsuranceType::Resident]),
        closed_hours: Some(None),
        verification: Some(Vec::new()),
        acceptance: Some(false),
        without_wallet: Some(WithoutWallet::Refuse),
        acceptance_demanded: Some(false),
        one_open_transfer: Some(false),
    }
}

/// A rule text with these values, in force since the beginning of 2025.
pub fn rule_text(name: &str, values: RuleValues) -> RuleText {
    let version = RuleVersion { effective_from: Day::from_number(20_250_101), values };
    RuleText { layer: RuleLayer { name: name.into(), text: name.into() }, versions: vec![version] }
}

impl Country {
    /// These provinces under these rules, each with so many members.
    fn of(
        provinces: Vec<ProvinceCode>,
        members: u64,
        national: RuleValues,
        demanding: &[(RulePlace, RuleText)],
    ) -> Country {
        let opened = |province: &ProvinceCode| Area {
            code: area(*province),
            name: format!("area {province}"),
            province: *province,
            openings: vec![Opening { from: Day::from_number(20_250_101), until: None }],
            source: "simulated".to_owned(),
        };
        let listed =
            |code: &ProvinceCode| Province { code: *code, name: code.to_string(), municipality: false };
        let places = RegionDirectory::new(
            provinces.iter().map(listed).collect(),
            provinces.iter().map(opened).collect(),
            Vec::new(),
        );
        let national = rule_text("simulated", national);
        let rulebook = Rulebook::new(&national, demanding, |_| Digest([9; 32]));
        // Fixed values but for which provinces there are: always sound.
        Country {
            provinces,
            members,
            opening: OPENING,
            places: Arc::new(places.expect("a sound list of places")),
            rulebook: Arc::new(rulebook.expect("a sound rulebook")),
            vault: Arc::new(PlainVault),
            id_hash,
        }
    }

    /// So many provinces, with so many members each; a payer may make so many transfers a day.
    /// `acceptance`: some provinces demand that payees accept, of their own or of others'.
    pub fn new(provinces: u8, members: u64, daily: u64, acceptance: bool) -> Country {
        let codes: Vec<ProvinceCode> = (0..provinces).map(|at| ProvinceCode::new(11 + at)).collect();
        let demands = |code: &ProvinceCode| {
            let values = RuleValues {
                acceptance: Some(code.number().is_multiple_of(2)),
                acceptance_demanded: Some(code.number().is_multiple_of(3)),
                ..RuleValues::default()
            };
            (RulePlace::Province(*code), rule_text(&format!("simulated {code}"), values))
        };
        let demanding: Vec<_> = codes.iter().filter(|_| acceptance).map(demands).collect();
        let national = RuleValues { daily_count_max: Some(daily), ..national_values() };
        Country::of(codes, members, national, &demanding)
    }

    /// The payer's province and the payee's, with one member each, under changed national rules.
    pub fn pair(change: impl FnOnce(&mut RuleValues)) -> Country {
        let mut national = national_values();
        change(&mut national);
        Country::of(vec![PAYER, PAYEE], 1, national, &[])
    }

    /// A hub's machine at a start of it.
    pub fn hub(&self, start_id: StartId) -> HubMachine {
        let (places, rulebook) = (Arc::clone(&self.places), Arc::clone(&self.rulebook));
        HubMachine::new(start_id, places, rulebook, Deadlines::default())
    }

    /// A node's machine at a start of it, with its legs in doubt.
    pub fn node(&self, province: ProvinceCode, start_id: StartId, in_doubt: Vec<LegRow>) -> NodeMachine {
        let (places, rulebook) = (Arc::clone(&self.places), Arc::clone(&self.rulebook));
        NodeMachine::new(province, start_id, places, rulebook, Arc::clone(&self.vault), in_doubt)
    }

    /// What makes a province's members known, with money and a wallet each.
    pub fn enrolment(&self, province: ProvinceCode) -> Vec<Input> {
        (0..self.members).flat_map(|number| self.enrolment_of(province, number)).collect()
    }

    /// What makes one of them known, with money and a wallet.
    pub fn enrolment_of(&self, province: ProvinceCode, number: u64) -> [Input; 3] {
        let kind = (InsuranceType::Employee, InsuranceStatus::Active);
        let member_ref = member_ref(province, number);
        [
            report(&format!("enrol {number}"), (province, number), area(province), kind),
            credit(&format!("credit {number}"), member_ref, self.opening),
            open_wallet(&format!("open {number}"), member_ref, area(province)),
        ]
    }

    /// What makes the one member known of a province of a pair: the payer has 10,000.00, the payee an open wallet.
    pub fn enrolment_of_pair(province: ProvinceCode) -> [Input; 2] {
        let (member_ref, area, active) = (member_ref(province, 0), area(province), InsuranceStatus::Active);
        let (kind, then) = match province {
            PAYER => (InsuranceType::Employee, credit("credit", member_ref, 1_000_000)),
            _ => (InsuranceType::Resident, open_wallet("open", member_ref, area)),
        };
        [report("enrol", (province, 0), area, (kind, active)), then]
    }

    /// A wish as the hub is handed it.
    pub fn request(wish: &Wish) -> CreateRequest {
        let party = |(province, member): (ProvinceCode, u64)| Party {
            person: person(province, member),
            region: area(province),
            province,
        };
        let digest = |(province, number): (ProvinceCode, u64)| {
            let mut digest = Digest::default();
            digest.0[..16].copy_from_slice(&member_ref(province, number).0);
            digest
        };
        let mut whole = Digest::default();
        whole.0[..16].copy_from_slice(&wish.transfer_id.0);
        for (place, digest) in [(16, digest(wish.payer)), (20, digest(wish.payee))] {
            whole.0[place] = digest.0[0];
            whole.0[place + 1..place + 4].copy_from_slice(&digest.0[13..16]);
        }
        whole.0[24..].copy_from_slice(&wish.fen.to_be_bytes());
        CreateRequest {
            transfer_id: wish.transfer_id,
            owner: "urn:gongji:app:sim".to_owned(),
            terms: Terms {
                kind: Kind::TRANSFER,
                payer: party(wish.payer),
                payee: party(wish.payee),
                kinship: Kinship::Parent,
                amount: Money::from_fen(wish.fen),
            },
            verification: None,
            digests: TermsDigests {
                payer: digest(wish.payer),
                payee: digest(wish.payee),
                remark: Digest::default(),
                whole,
            },
            parties: PartiesRow {
                transfer_id: wish.transfer_id,
                sealed: Vec::new(),
                receipt_time: Civil(NOON),
            },
            wait: wish.wait,
            deadline_ms: wish.deadline_ms,
        }
    }
}
