//! A hub and two nodes over rows in memory, with every message in the test's hands. For unit tests only.

use crate::domain::hub::tables::{PartiesRow, TransferRow};
use crate::domain::hub::{self, AcceptRequest, CreateRequest, Deadlines, HubMachine, WaitMode};
use crate::domain::machine::own::PeerRow;
use crate::domain::machine::step::{Batch, Machine, Output, Step, Ticket};
use crate::domain::machine::table::{Row, TableRow};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::PersonRow;
use crate::domain::node::{self, MemberReport, NodeMachine, Vault};
use crate::domain::protocol::call::{Announced, PeerMark};
use crate::domain::protocol::leg::Leg;
use crate::domain::protocol::transfer::{Party, Terms, TermsDigests};
use crate::domain::rules::rulebook::{RuleLayer, RuleText, RuleValues, RuleVersion, Rulebook, WithoutWallet};
use crate::domain::value::calendar::{Civil, Day, Mono, Now};
use crate::domain::value::id::{Digest, MemberRef, StartId, TransferId};
use crate::domain::value::id_number::{IdNumber, Person, PersonName};
use crate::domain::value::kinship::Kinship;
use crate::domain::value::member::{AccountState, InsuranceStatus, InsuranceType};
use crate::domain::value::money::Money;
use crate::domain::value::region::{Area, Opening, Province, ProvinceCode, RegionCode, RegionDirectory};
use std::sync::Arc;

mod host;
mod inputs;
mod returns;

pub use host::Host;
pub use inputs::{announcement, answer, create, request, say};
pub use returns::{compensate, operator, proposal};

/// The payer's province: 河北, region 130100.
pub const PAYER: ProvinceCode = ProvinceCode::new(13);
/// The payee's province: 四川, region 510100.
pub const PAYEE: ProvinceCode = ProvinceCode::new(51);
/// Noon of 2026-11-21 in Shanghai.
pub const NOON: i64 = 1_795_233_600_000;

pub type HubOutput = Output<hub::Answer, hub::Effect>;
pub type NodeOutput = Output<node::Answer, node::Effect>;

/// The whole toy.
#[derive(Debug)]
pub struct Toy {
    pub hub: Host<HubMachine>,
    pub payer: Host<NodeMachine>,
    pub payee: Host<NodeMachine>,
    pub now: Now,
    places: Arc<RegionDirectory>,
    rulebook: Arc<Rulebook>,
}

pub fn places() -> RegionDirectory {
    let from = Day::parse("2025-01-01").expect("a day");
    let area = |code: u32, province: u8| Area {
        code: RegionCode::new(code).expect("a code"),
        name: format!("area {code}"),
        province: ProvinceCode::new(province),
        openings: vec![Opening { from, until: None }],
        source: "test".to_owned(),
    };
    let province =
        |code: u8| Province { code: ProvinceCode::new(code), name: format!("{code}"), municipality: false };
    RegionDirectory::new(vec![province(13), province(51)], vec![area(130_100, 13), area(510_100, 51)], vec![])
        .expect("places")
}

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

pub fn rulebook(change: impl FnOnce(&mut RuleValues)) -> Rulebook {
    let effective_from = Day::parse("2025-01-01").expect("a day");
    let mut values = national_values();
    change(&mut values);
    let version = RuleVersion { effective_from, values };
    let layer = RuleLayer { name: "national.toml".into(), text: "test".into() };
    let national = RuleText { layer, versions: vec![version] };
    Rulebook::new(&national, &[], |_| Digest([9; 32])).expect("a rulebook")
}

pub fn person(sequence: u16) -> Person {
    Person {
        id_number: IdNumber::generate(130_102, (1980, 1, 1), sequence).expect("a number"),
        name: PersonName::new("测试").expect("a name"),
    }
}

/// What each province's one person is found by.
pub fn id_hash(province: ProvinceCode) -> Digest {
    Digest([province.number(); 32])
}

/// A vault whose rows say by themselves what stands in them.
#[derive(Debug)]
pub struct OpenVault;

impl OpenVault {
    pub const OTHER_NAME: &'static [u8] = b"other name";
    pub const DAMAGED: &'static [u8] = b"damaged";
}

impl Vault for OpenVault {
    fn holds(&self, row: &PersonRow, _person: &Person) -> Option<bool> {
        match row.sealed.as_slice() {
            OpenVault::DAMAGED => None,
            sealed => Some(sealed != OpenVault::OTHER_NAME),
        }
    }
}

pub fn member(province: ProvinceCode) -> MemberRef {
    MemberRef([province.number(); 16])
}

pub fn id(number: u8) -> TransferId {
    TransferId([number; 16])
}

impl Toy {
    /// A started hub, two joined nodes; the payer has 10,000.00, the payee an open wallet.
    pub fn new() -> Toy {
        Toy::with_rules(|_| ())
    }

    /// The same under other rules.
    pub fn with_rules(change: impl FnOnce(&mut RuleValues)) -> Toy {
        let (places, rulebook) = (Arc::new(places()), Arc::new(rulebook(change)));
        let now = Now { mono: Mono(0), civil: Civil(NOON) };
        let hub = HubMachine::new(StartId([1; 16]), places.clone(), rulebook.clone(), Deadlines::default());
        let node = |province: ProvinceCode| {
            let start = StartId([province.number(); 16]);
            Host::new(
                NodeMachine::new(province, start, places.clone(), rulebook.clone(), Arc::new(OpenVault), []),
                province.number(),
            )
        };
        let (payer, payee) = (node(PAYER), node(PAYEE));
        let mut toy = Toy { hub: Host::new(hub, 1), payer, payee, now, places, rulebook };
        toy.hub.run(now, hub::Input::Start { unsettled: vec![], restored: None });
        toy.join(PAYER);
        toy.join(PAYEE);
        toy.enrol(PAYER, 130_100, InsuranceType::Employee);
        toy.enrol(PAYEE, 510_100, InsuranceType::Resident);
        let credit = node::Input::Credit {
            ticket: Ticket::new(0),
            request: request("credit"),
            member_ref: member(PAYER),
            amount: Money::from_fen(1_000_000),
            period: 202_611,
        };
        toy.payer.run(now, credit);
        let open = node::Input::OpenWallet {
            ticket: Ticket::new(0),
            request: request("open"),
            member_ref: member(PAYEE),
            use_region: RegionCode::new(510_100).expect("a code"),
            opened_by: None,
            holder: None,
        };
        toy.payee.run(now, open);
        toy
    }

    pub fn node(&mut self, province: ProvinceCode) -> &mut Host<NodeMachine> {
        if province == PAYER { &mut self.payer } else { &mut self.payee }
    }

    /// A node announces itself and takes the incarnation that it is given.
    pub fn join(&mut self, province: ProvinceCode) -> Vec<HubOutput> {
        let (now, mark) = (self.now, self.node(province).mark);
        let hub: Option<PeerRow> = self.node(province).get(&node::Key::Peer(ProvinceCode::HUB));
        let announcement = |proof| match announcement(0, province, mark, proof) {
            hub::Input::Announce { ticket, province, node, announcement, .. } => {
                let knows_us_to = hub.as_ref().map(|hub| hub.sequence);
                hub::Input::Announce { ticket, province, node, announcement, knows_us_to }
            }
            other => other,
        };
        let mut outputs = self.hub.run(now, announcement(None));
        if let Some(Output::Answer(_, hub::Answer::Announced(Announced::Prove { sequence }))) =
            outputs.first()
        {
            // Journals of the toy have no hashes.
            let proof = Some((*sequence, Digest::default()));
            outputs = self.hub.run(now, announcement(proof));
        }
        let mut outputs = std::collections::VecDeque::from(outputs);
        let Some(Output::Answer(
            _,
            hub::Answer::Announced(Announced::Admitted { incarnation, resync, hub_recovered }),
        )) = outputs.pop_front()
        else {
            panic!("not admitted");
        };
        let hub = self.hub.mark;
        let node = self.node(province);
        node.mark.incarnation = incarnation;
        node.run(now, node::Input::Joined { incarnation, hub, resync, hub_recovered });
        outputs.into()
    }

    /// The node's process ends and starts again, and joins.
    pub fn restart_node(&mut self, province: ProvinceCode, start: u8) {
        self.restart_node_as(province, start);
        drop(self.join(province));
    }

    /// The node's process ends and starts again: only its rows and journal are left.
    pub fn restart_node_as(&mut self, province: ProvinceCode, start: u8) {
        let (places, rulebook) = (self.places.clone(), self.rulebook.clone());
        let node = self.node(province);
        let prepared = |row: &&crate::domain::node::tables::LegRow| {
            row.state == crate::domain::protocol::leg::LegState::Prepared
        };
        let in_doubt: Vec<_> = node.rows.rows().filter_map(TableRow::of).filter(prepared).cloned().collect();
        node.machine =
            NodeMachine::new(province, StartId([start; 16]), places, rulebook, Arc::new(OpenVault), in_doubt);
        node.mark.start_id = StartId([start; 16]);
    }

    /// The hub's process ends and starts again, and admits the nodes.
    pub fn restart_hub(&mut self, start: u8) -> Vec<HubOutput> {
        let mut outputs = self.start_hub(start);
        for province in [PAYER, PAYEE] {
            outputs.extend(self.join(province));
        }
        outputs
    }

    /// The hub's process ends and starts again.
    pub fn start_hub(&mut self, start: u8) -> Vec<HubOutput> {
        let start_id = StartId([start; 16]);
        self.hub.machine =
            HubMachine::new(start_id, self.places.clone(), self.rulebook.clone(), Deadlines::default());
        self.hub.mark = PeerMark { incarnation: self.hub.mark.incarnation + 1, start_id, ..self.hub.mark };
        let filter = hub::unsettled_transfers();
        let unsettled = self
            .hub
            .rows
            .rows()
            .filter(|row| filter.admits::<hub::Row>(row))
            .filter_map(TableRow::of)
            .cloned();
        let unsettled = unsettled.collect();
        self.hub.run(self.now, hub::Input::Start { unsettled, restored: None })
    }

    fn enrol(&mut self, province: ProvinceCode, region: u32, insurance_type: InsuranceType) {
        self.report(province, region, insurance_type, InsuranceStatus::Active, "enrol");
    }

    pub fn report(
        &mut self,
        province: ProvinceCode,
        region: u32,
        insurance_type: InsuranceType,
        insurance_status: InsuranceStatus,
        name: &str,
    ) -> Vec<NodeOutput> {
        let report = MemberReport {
            request: request(name),
            region: RegionCode::new(region).expect("a code"),
            insurance_type,
            insurance_status,
            in_arrears: false,
            public_medical: false,
            account_state: match insurance_type {
                InsuranceType::Employee => AccountState::Normal,
                InsuranceType::Resident => AccountState::Absent,
            },
            person_known: false,
            person: PersonRow { id_hash: id_hash(province), member_ref: member(province), sealed: vec![] },
        };
        let now = self.now;
        self.node(province).run(now, node::Input::Upsert { ticket: Ticket::new(0), report: Box::new(report) })
    }

    /// A transfer of so many fen.
    pub fn create(&mut self, ticket: u64, number: u8, fen: i64) -> Vec<HubOutput> {
        self.hub.run(self.now, create(ticket, number, fen))
    }

    /// Hands a leg to its node and its votes to nobody.
    pub fn prepare(&mut self, leg: &Leg) -> node::Answer {
        let (now, hub, province) = (self.now, self.hub.mark, leg.terms.province);
        let legs = vec![Ok(leg.clone().with_id_hash(|_| id_hash(province)))];
        answer(self.node(province).run(now, node::Input::Prepare { ticket: Ticket::new(0), hub, legs }))
    }

    /// The payee takes a transfer, or declines it.
    pub fn say(&mut self, ticket: u64, number: u8, takes: bool) -> Vec<HubOutput> {
        self.hub.run(self.now, say(ticket, number, takes))
    }

    /// Carries every message at once until nothing is left; gives what callers were told.
    pub fn settle(&mut self, outputs: Vec<HubOutput>) -> Vec<(u64, hub::Answer)> {
        let mut answers = Vec::new();
        let mut open = std::collections::VecDeque::from(outputs);
        while let Some(output) = open.pop_front() {
            match output {
                Output::Answer(ticket, answer) => answers.push((ticket, answer)),
                Output::Effect(hub::Effect::Prepare(province, leg)) => {
                    if let node::Answer::Votes(votes) = self.prepare(&leg) {
                        let node = self.node(province).mark;
                        open.extend(self.hub.run(self.now, hub::Input::Votes { province, node, votes }));
                    }
                }
                Output::Effect(hub::Effect::Decide(province, decision)) => {
                    let acks = self.decide(province, decision);
                    let node = self.node(province).mark;
                    open.extend(
                        self.hub.run(self.now, hub::Input::Acks { province, node, told: vec![], acks }),
                    );
                }
                Output::Effect(hub::Effect::ReadBack(province, page)) => {
                    let page = self.page(province, page);
                    open.extend(self.hub.run(self.now, page));
                }
                Output::Effect(
                    hub::Effect::Alarm(..)
                    | hub::Effect::Flush(_)
                    | hub::Effect::AskWhatWasLost(..)
                    | hub::Effect::Recovered(_),
                ) => {}
            }
        }
        answers
    }

    /// A page of the hub's journal, all that there is.
    pub fn page(&self, province: ProvinceCode, page: hub::Page) -> hub::Input {
        let after = match page {
            hub::Page::After(after) => after,
            hub::Page::Late(upto) => {
                let transfers = self.hub.rows.rows().filter_map(TransferRow::of);
                let late = transfers.flat_map(|it| hub::late_decisions_of(province, upto, it));
                let decisions = late.collect();
                return hub::Input::ReadBack { province, page, upto, end: false, decisions };
            }
        };
        let upto = self.hub.journal.len() as u64;
        let records = self.hub.journal.iter().skip(usize::try_from(after).unwrap_or(usize::MAX));
        let told = records.filter_map(|record| match record {
            hub::Record::TransferDecided(record) => {
                let transfer = self.hub.get(&hub::Key::Transfer(record.transfer_id))?;
                Some(hub::decisions_of(province, record, &transfer))
            }
            _ => None,
        });
        let decisions = told.flatten().collect();
        hub::Input::ReadBack { province, page, upto, end: true, decisions }
    }

    /// Tells a node one decision.
    pub fn decide(
        &mut self,
        province: ProvinceCode,
        decision: crate::domain::protocol::message::Decision,
    ) -> Vec<crate::domain::protocol::message::Ack> {
        let (now, hub) = (self.now, self.hub.mark);
        let outputs = self
            .node(province)
            .run(now, node::Input::Decide { ticket: Ticket::new(0), hub, decisions: vec![decision] });
        match answer(outputs) {
            node::Answer::Acks(acks) => acks,
            other => panic!("no receipts: {other:?}"),
        }
    }
}
