//! The simulated country: provinces with one pooling area each, members with money or a wallet, and their transfers.

use crate::domain::hub::tables::PartiesRow;
use crate::domain::hub::{CreateRequest, WaitMode};
use crate::domain::machine::step::Ticket;
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::PersonRow;
use crate::domain::node::{Input, MemberReport, Vault};
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::transfer::{Party, Terms, TermsDigests};
use crate::domain::rules::rulebook::{
    RuleLayer, RulePlace, RuleText, RuleValues, RuleVersion, Rulebook, WithoutWallet,
};
use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::id_number::{IdNumber, Person, PersonName};
use crate::domain::value::kinship::Kinship;
use crate::domain::value::member::{AccountState, InsuranceStatus, InsuranceType};
use crate::domain::value::money::Money;
use crate::domain::value::region::{Area, Opening, Province, ProvinceCode, RegionCode, RegionDirectory};
use std::sync::Arc;

/// Noon of 2026-11-21 in Shanghai: when every simulated day begins.
pub const NOON: i64 = 1_795_233_600_000;
/// From noon to 06:00 of the next day.
pub const NOON_TO_SIX_MS: i64 = 18 * 3_600_000;
/// What each payer has at first, in fen.
const OPENING: i64 = 500_000;

/// Who takes part. Member numbers begin at 0; every member may give and receive.
#[derive(Clone, Debug)]
pub struct Country {
    /// Provinces, each with a node.
    pub provinces: Vec<ProvinceCode>,
    /// Members of each province.
    pub members: u64,
    /// Places.
    pub places: Arc<RegionDirectory>,
    /// Rules.
    pub rulebook: Arc<Rulebook>,
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

/// A vault that seals nothing: a row holds the name as it is.
#[derive(Debug)]
pub struct PlainVault;

impl Vault for PlainVault {
    fn holds(&self, row: &PersonRow, person: &Person) -> Option<bool> {
        Some(row.sealed == person.name.reveal().as_bytes())
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

impl Country {
    /// So many provinces, with so many members each; a payer may make so many transfers a day.
    /// `acceptance`: some provinces demand that payees accept, of their own or of others'.
    pub fn new(provinces: u8, members: u64, daily: u64, acceptance: bool) -> Country {
        let codes: Vec<ProvinceCode> = (0..provinces).map(|at| ProvinceCode::new(11 + at)).collect();
        let from = Day::from_number(20_250_101);
        let opened = |province: &ProvinceCode| Area {
            code: area(*province),
            name: format!("area {province}"),
            province: *province,
            openings: vec![Opening { from, until: None }],
            source: "simulated".to_owned(),
        };
        let listed =
            |code: &ProvinceCode| Province { code: *code, name: code.to_string(), municipality: false };
        let places = RegionDirectory::new(
            codes.iter().map(listed).collect(),
            codes.iter().map(opened).collect(),
            Vec::new(),
        );
        let values = RuleValues {
            floor: Some(Money::ZERO),
            transfer_max: Some(Money::from_fen(200_000)),
            daily_count_max: Some(daily),
            kinships: Some(Kinship::ALL.iter().copied().collect()),
            payee_types: Some(vec![InsuranceType::Employee, InsuranceType::Resident]),
            closed_hours: Some(None),
            verification: Some(Vec::new()),
            acceptance: Some(false),
            without_wallet: Some(WithoutWallet::Refuse),
            acceptance_demanded: Some(false),
            one_open_transfer: Some(false),
        };
        let text = |name: String, values| {
            let layer = RuleLayer { name: name.as_str().into(), text: name.as_str().into() };
            RuleText { layer, versions: vec![RuleVersion { effective_from: from, values }] }
        };
        let national = text("simulated".to_owned(), values);
        let demands = |code: &ProvinceCode| {
            let values = RuleValues {
                acceptance: Some(code.number().is_multiple_of(2)),
                acceptance_demanded: Some(code.number().is_multiple_of(3)),
                ..RuleValues::default()
            };
            (RulePlace::Province(*code), text(format!("simulated {code}"), values))
        };
        let demanding: Vec<_> = codes.iter().filter(|_| acceptance).map(demands).collect();
        let rulebook = Rulebook::new(&national, &demanding, |_| Digest([9; 32]));
        // Fixed values but for how many provinces there are, which are numbered from 11 on: always sound.
        Country {
            provinces: codes,
            members,
            places: Arc::new(places.expect("a sound list of places")),
            rulebook: Arc::new(rulebook.expect("a sound rulebook")),
        }
    }

    fn person(province: ProvinceCode, member: u64) -> Person {
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

    fn member_ref(province: ProvinceCode, member: u64) -> MemberRef {
        let mut bytes = [province.number(); 16];
        bytes[8..].copy_from_slice(&member.to_be_bytes());
        MemberRef(bytes)
    }

    /// What makes a province's members known, with money and a wallet each.
    pub fn enrolment(&self, province: ProvinceCode) -> Vec<Input> {
        let mark = |name: String| RequestMark { request_id: name, digest: Digest([7; 32]) };
        let enrol = |member: u64| {
            let (person, member_ref) =
                (Country::person(province, member), Country::member_ref(province, member));
            let report = MemberReport {
                request: mark(format!("enrol {member}")),
                region: area(province),
                insurance_type: InsuranceType::Employee,
                insurance_status: InsuranceStatus::Active,
                in_arrears: false,
                public_medical: false,
                account_state: AccountState::Normal,
                person_known: false,
                person: PersonRow {
                    id_hash: id_hash(&person.id_number),
                    member_ref,
                    sealed: person.name.reveal().as_bytes().to_vec(),
                },
            };
            let (request, opening) = (mark(format!("credit {member}")), mark(format!("open {member}")));
            let amount = Money::from_fen(OPENING);
            [
                Input::Upsert { ticket: Ticket::new(0), report: Box::new(report) },
                Input::Credit { ticket: Ticket::new(0), request, member_ref, amount, period: 202_611 },
                Input::OpenWallet {
                    ticket: Ticket::new(0),
                    request: opening,
                    member_ref,
                    use_region: area(province),
                    opened_by: None,
                    holder: None,
                },
            ]
        };
        (0..self.members).flat_map(enrol).collect()
    }

    /// A wish as the hub is handed it.
    pub fn request(&self, wish: &Wish) -> CreateRequest {
        let party = |(province, member): (ProvinceCode, u64)| Party {
            person: Country::person(province, member),
            region: area(province),
            province,
        };
        let digest = |(province, member): (ProvinceCode, u64)| {
            let mut digest = Digest::default();
            digest.0[..16].copy_from_slice(&Country::member_ref(province, member).0);
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
