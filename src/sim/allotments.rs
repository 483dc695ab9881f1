//! Allotments (划入) in worlds where members begin with little and are credited what they send. A store that was restored
//! has lost the later ones while the hub tells it again what was paid with them; provinces' own systems repeat what is
//! not booked. Nobody may spend the same money twice.

use super::joint::goes_joint;
use super::world::World;
use crate::domain::kinds;
use crate::domain::machine::TableRow;
use crate::domain::node::account::PROVINCE;
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::node::{Key, Row};
use crate::domain::protocol::LegState;
use crate::domain::value::{AccountKind, MemberRef, ProvinceCode};
use crate::testkit::{OPENING, credit, member_ref};
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

/// An allotment that a province's own system sends until it is booked.
#[derive(Clone, Debug)]
pub struct Allotment {
    province: ProvinceCode,
    name: String,
    member_ref: MemberRef,
    fen: i64,
}

impl World {
    /// Before a client first asks for a transfer, its payer is credited the amount.
    pub(super) fn allot(&mut self, number: usize) {
        let Some(client) = self.clients.get(number).filter(|it| it.asked_at.is_none()) else { return };
        if allots(self.plan.seed) {
            let (province, member) = client.wish.payer;
            let (name, fen) = (format!("allotment {number}"), client.wish.fen);
            self.allotments.push(Allotment { province, name, member_ref: member_ref(province, member), fen });
            self.send_allotments();
        }
    }

    fn open_allotments(&self) -> impl Iterator<Item = &Allotment> {
        let is_booked = |it: &Allotment| {
            let node = self.cluster.nodes.get(&it.province);
            node.is_some_and(|node| node.disk.row(&Key::Request(it.name.clone())).is_some())
        };
        self.allotments.iter().filter(move |it| !is_booked(it))
    }

    /// Every province's own system sends what is not booked, again where it was.
    pub(super) fn send_allotments(&mut self) {
        let mut open: BTreeMap<ProvinceCode, Vec<_>> = BTreeMap::new();
        for it in self.open_allotments() {
            open.entry(it.province).or_default().push(credit(&it.name, it.member_ref, it.fen));
        }
        for (province, inputs) in open {
            // A node that is told again what it lost serves nobody.
            if self.cluster.life(province).is_some() && self.cluster.joined.get(&province) == Some(&false) {
                self.cluster
                    .nodes
                    .get_mut(&province)
                    .into_iter()
                    .for_each(|node| node.inbox.extend(inputs.clone()));
                self.run_node(province);
            }
        }
    }

    /// What is still to be credited, in words.
    pub(super) fn allotments_wait(&self) -> Option<String> {
        let open = self.open_allotments().count();
        (open > 0).then(|| format!("{open} allotments are not booked"))
    }

    /// With every allotment booked, each member has what he began with and was credited, less what his transfers moved;
    /// nothing is left that he owes or is owed.
    pub(super) fn check_allotted(&mut self) {
        let members = 0..self.cluster.country.members;
        let mut found = Vec::new();
        for (province, node) in &self.cluster.nodes {
            let mut sums: BTreeMap<MemberRef, i64> =
                members.clone().map(|it| (member_ref(*province, it), opening(self.plan.seed))).collect();
            for it in self.allotments.iter().filter(|it| it.province == *province) {
                *sums.entry(it.member_ref).or_default() += it.fen;
            }
            let rows: Vec<Row> = node.disk.rows();
            let mut has: BTreeMap<MemberRef, i64> = BTreeMap::new();
            for row in rows.iter().filter_map(AccountRow::of).filter(|row| row.member_ref != PROVINCE) {
                match row.kind {
                    AccountKind::Personal => *has.entry(row.member_ref).or_default() += row.posted.fen(),
                    kind if kind.is_suspense() && row.posted.fen() != 0 => {
                        found.push(format!("{province}: {} {} left", row.kind.name(), row.posted));
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
