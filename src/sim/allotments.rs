//! Allotments (划入) in worlds where members begin with little and are credited what they send, and some are first
//! reported when they first pay or are paid. A store that was restored has lost the later ones while the hub tells it
//! again what was paid with them; provinces' own systems repeat what is not booked. Nobody may spend the same money
//! twice.

use super::joint::goes_joint;
use super::world::World;
use crate::domain::kinds;
use crate::domain::machine::TableRow;
use crate::domain::node::account::PROVINCE;
use crate::domain::node::tables::{AccountRow, LegRow, PersonRow};
use crate::domain::node::{Input, Key, Row};
use crate::domain::protocol::LegState;
use crate::domain::value::{AccountKind, MemberRef, ProvinceCode};
use crate::testkit::{OPENING, credit, id_hash, known_as, member_ref, person};
use std::collections::BTreeMap;

/// What a member begins with in such a world, in fen.
const LITTLE: i64 = 20_000;

/// Whether members are credited what they send in a seed's world.
pub fn allots(seed: u64) -> bool {
    seed % 9 == 4 || goes_joint(seed)
}

/// What a member of a seed's world begins with.
pub fn opening(seed: u64) -> i64 {
    if allots(seed) { LITTLE } else { OPENING }
}

/// Whether a member of such a world is reported when he first pays or is paid, and not at its beginning.
pub fn comes_later(seed: u64, number: u64) -> bool {
    allots(seed) && number % 4 == 3
}

/// What a province's own system says of a member until it is booked.
#[derive(Clone, Debug)]
pub struct Saying {
    province: ProvinceCode,
    member: u64,
    name: String,
    input: Input,
}

impl Saying {
    fn new(province: ProvinceCode, member: u64, input: Input) -> Saying {
        let request = match &input {
            Input::Upsert { report, .. } => &report.request,
            Input::Credit { request, .. } | Input::OpenWallet { request, .. } => request,
            _ => unreachable!("a province's own system says nothing else here"),
        };
        Saying { province, member, name: request.request_id.clone(), input }
    }

    /// Whether it says who the member is.
    fn reports(&self) -> bool {
        matches!(self.input, Input::Upsert { .. })
    }

    /// How much it credits, in fen.
    fn fen(&self) -> i64 {
        if let Input::Credit { amount, .. } = &self.input { amount.fen() } else { 0 }
    }
}

impl World {
    /// Before a client first asks for a transfer, both its members are reported, and its payer is credited the amount.
    pub(super) fn allot(&mut self, number: usize) {
        let Some(client) = self.clients.get(number).filter(|it| it.asked_at.is_none()) else { return };
        if !allots(self.plan.seed) {
            return;
        }
        let wish = client.wish;
        for (province, member) in [wish.payer, wish.payee] {
            let is_said = |it: &Saying| (it.province, it.member) == (province, member);
            if comes_later(self.plan.seed, member) && !self.said.iter().any(is_said) {
                let inputs = self.cluster.country.enrolment_of(province, member);
                self.said.extend(inputs.map(|input| Saying::new(province, member, input)));
            }
        }
        let (province, member) = wish.payer;
        let credit = credit(&format!("allotment {number}"), member_ref(province, member), wish.fen);
        self.said.push(Saying::new(province, member, credit));
        self.say_again();
    }

    fn not_booked(&self) -> impl Iterator<Item = &Saying> {
        let is_booked = |it: &Saying| {
            let node = self.cluster.nodes.get(&it.province);
            node.is_some_and(|node| node.disk.row(&Key::Request(it.name.clone())).is_some())
        };
        self.said.iter().filter(move |it| !is_booked(it))
    }

    /// What a member is found by in his node's vault.
    fn in_vault(&self, province: ProvinceCode, member: u64) -> Option<PersonRow> {
        let number = person(province, member).id_number;
        let id_hash = self.key(province).map_or_else(|| id_hash(&number), |key| key.id_hash(&number));
        self.cluster.nodes.get(&province)?.get(&Key::Person(id_hash))
    }

    /// Every province's own system says what is not booked, again where it was: first who a member is, then the rest. A
    /// server makes a reference up for whom the vault does not know, and takes the one that it keeps for him.
    pub(super) fn say_again(&mut self) {
        for reports in [true, false] {
            let mut open: BTreeMap<ProvinceCode, Vec<Input>> = BTreeMap::new();
            let said: Vec<Saying> = self.not_booked().filter(|it| it.reports() == reports).cloned().collect();
            for Saying { province, member, input, .. } in said {
                let known = self.in_vault(province, member);
                let known = known.filter(|row| reports || !row.is_awaited()).map(|row| row.member_ref);
                let known = known.or_else(|| reports.then(|| MemberRef(self.chance.bytes())));
                open.entry(province).or_default().extend(known.map(|known| known_as(input, known)));
            }
            for (province, inputs) in open {
                // A node that is told again what it lost serves nobody.
                let serves = self.cluster.joined.get(&province) == Some(&false);
                if self.cluster.life(province).is_some() && serves && !inputs.is_empty() {
                    self.cluster
                        .nodes
                        .get_mut(&province)
                        .into_iter()
                        .for_each(|node| node.inbox.extend(inputs.clone()));
                    self.run_node(province);
                }
            }
        }
    }

    /// What is still to be said, in words.
    pub(super) fn allotments_wait(&self) -> Option<String> {
        let open = self.not_booked().count();
        (open > 0).then(|| format!("{open} reports and allotments are not booked"))
    }

    /// With every allotment booked, each member has what he began with and was credited, less what his transfers moved;
    /// nothing is left that he owes or is owed.
    pub(super) fn check_allotted(&mut self) {
        let (seed, members) = (self.plan.seed, 0..self.cluster.country.members);
        let mut found = Vec::new();
        for (province, node) in &self.cluster.nodes {
            let known = |member| self.in_vault(*province, member).map(|row| row.member_ref);
            let began = members.clone().filter(|member| !comes_later(seed, *member));
            let mut sums: BTreeMap<MemberRef, i64> =
                began.filter_map(|member| Some((known(member)?, opening(seed)))).collect();
            for it in self.said.iter().filter(|it| it.province == *province) {
                let Some(member_ref) = known(it.member) else { continue };
                *sums.entry(member_ref).or_default() += it.fen();
            }
            let rows: Vec<Row> = node.disk.rows();
            let mut has: BTreeMap<MemberRef, i64> = BTreeMap::new();
            for row in rows.iter().filter_map(AccountRow::of).filter(|row| row.member_ref != PROVINCE) {
                match row.kind {
                    AccountKind::Personal => *has.entry(row.member_ref).or_default() += row.posted.fen(),
                    kind if kind.is_suspense() && row.posted.fen() != 0 => {
                        found.push(format!("not set off: {province}, {} {}", row.kind.name(), row.posted));
                    }
                    _ => {}
                }
            }
            let counts = |leg: &&LegRow| {
                let account = kinds::of(leg.kind).legs[leg.side].account;
                leg.state == LegState::Committed && account == AccountKind::Personal
            };
            for leg in rows.iter().filter_map(LegRow::of).filter(counts) {
                let moved = kinds::of(leg.kind).legs[leg.side].direction.signed(leg.amount);
                *sums.entry(leg.member_ref).or_default() += moved.fen();
            }
            sums.remove(&PROVINCE);
            found.extend(sums.iter().filter(|(member, sum)| has.get(member) != Some(*sum)).map(
                |(member, sum)| {
                    format!("{province}: a member has {:?} fen, and was left {sum}", has.get(member))
                },
            ));
        }
        found.into_iter().for_each(|it| self.complain(it));
    }
}
