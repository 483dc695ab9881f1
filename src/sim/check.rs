//! What must hold, looked at while the world runs: what has changed, at every half second; all of it now and then,
//! after a store was restored, and at the end.

use super::allotments::allots;
use super::world::{Client, World};
use crate::domain::audit::books::{Books, HubBooks, NodeBooks};
use crate::domain::audit::invariant::{INVARIANTS, Violation, violations};
use crate::domain::audit::totals::{Counted, Group, differences, side_of};
use crate::domain::hub::tables::{TotalRow, TransferRow};
use crate::domain::machine::{IncidentRow, TableRow};
use crate::domain::node::account::PROVINCE;
use crate::domain::node::tables::{LegRow, LegTotalRow};
use crate::domain::protocol::TransferState;
use crate::domain::reason::Reason;
use crate::domain::value::{AccountKind, MemberRef, ProvinceCode, Side, TransferId, Window};
use crate::domain::{hub, node};
use crate::engine::Core;
use crate::store::memory::MemoryDisk;
use crate::testkit::Disk;
use std::collections::{BTreeMap, BTreeSet};

/// How often everything is looked at, in simulated milliseconds.
const WHOLE_EVERY: u64 = 10_000;
/// Invariants that speak of one transfer: they hold of any transfers alone.
const OF_TRANSFERS: &[&str] = &["INV-01", "INV-02", "INV-09", "INV-10", "INV-13"];
/// Those that speak of one member: they hold of any members with all their legs.
const OF_MEMBERS: &[&str] = &["INV-03", "INV-04", "INV-11", "INV-14", "INV-15", "INV-16"];

type Legs = BTreeSet<(TransferId, Side)>;
/// Looks whether one kind of thing goes on, but for transfers that are left to people.
type Look = fn(&World, &BTreeSet<TransferId>) -> Option<String>;

/// What was looked at so far.
#[derive(Debug, Default)]
pub struct Looked {
    /// Every leg that a member of a province ever had.
    legs: BTreeMap<(ProvinceCode, MemberRef), Legs>,
    /// Terminal answers since the last look.
    pub told: Vec<TransferId>,
    whole_at: u64,
}

/// What has changed since the last look.
#[derive(Default)]
struct Changed {
    transfers: BTreeSet<TransferId>,
    members: BTreeSet<(ProvinceCode, MemberRef)>,
}

impl Looked {
    fn leg(&mut self, province: ProvinceCode, row: &node::Row, changed: &mut Changed) {
        if let Some(leg) = LegRow::of(row) {
            let member = (province, leg.member_ref);
            self.legs.entry(member).or_default().insert((leg.transfer_id, leg.side));
            changed.members.insert(member);
            changed.transfers.insert(leg.transfer_id);
        }
    }

    /// What has changed at a node; false when that cannot be said.
    fn node(
        &mut self,
        province: ProvinceCode,
        disk: &MemoryDisk<node::Record>,
        changed: &mut Changed,
    ) -> bool {
        let Some(keys) = disk.take_touched() else {
            disk.rows().iter().for_each(|row| self.leg(province, row, changed));
            return false;
        };
        for key in keys {
            match &key {
                node::Key::Leg(..) => {
                    disk.row(&key).iter().for_each(|row| self.leg(province, row, changed));
                }
                node::Key::Account(member_ref, _) if *member_ref != PROVINCE => {
                    changed.members.insert((province, *member_ref));
                }
                _ => {}
            }
        }
        true
    }
}

impl World {
    pub(super) fn has_ended(&self) -> bool {
        self.not_ended().next().is_none()
    }

    /// What still goes on, in words, each found when it is asked for; the cheapest to find comes first.
    pub(super) fn not_ended(&self) -> impl Iterator<Item = String> {
        const LOOKS: &[Look] = &[
            World::clients_wait,
            |world, _| world.returning.iter().any(|it| !it.done).then(|| "operators wait".to_owned()),
            |world, _| world.not_whole(),
            |world, _| world.allotments_wait(),
            |world, _| world.hub_restored.then(|| "the hub has not recovered".to_owned()),
            |world, _| world.lacks_somebody().then(|| "a province is left out".to_owned()),
            |world, _| {
                let may_end = world.stale.may_end(world.at, world.plan.safety_ms);
                (!may_end).then(|| "an old hub may still be found".to_owned())
            },
            World::unfinished,
        ];
        let left = self.left_to_people();
        LOOKS.iter().filter_map(move |look| look(self, &left))
    }

    fn clients_wait(&self, left: &BTreeSet<TransferId>) -> Option<String> {
        let waits = |client: &&Client| !client.done && !left.contains(&client.wish.transfer_id);
        let waiting = self.clients.iter().filter(waits).count();
        (waiting > 0).then(|| format!("{waiting} clients wait"))
    }

    /// A node that was restored has nothing in doubt of what it lost: it has ended once it was told all of it.
    fn not_whole(&self) -> Option<String> {
        let lacks = |province: &&ProvinceCode| self.cluster.joined.get(province) != Some(&false);
        let province = self.cluster.country.provinces.iter().find(lacks)?;
        let standing =
            if self.cluster.joined.contains_key(province) { "is not whole" } else { "is not admitted" };
        Some(format!("{province} {standing}"))
    }

    fn unfinished(&self, left: &BTreeSet<TransferId>) -> Option<String> {
        let unfinished = |row: &hub::Row| {
            let is_left = TransferRow::of(row).is_some_and(|it| left.contains(&it.transfer_id));
            hub::unfinished_transfers().admits(row) && !is_left
        };
        let in_doubt = |row: &node::Row| {
            let is_left = LegRow::of(row).is_some_and(|leg| left.contains(&leg.transfer_id));
            node::legs_in_doubt().admits(row) && !is_left
        };
        let open = self.cluster.hub.disk.any(unfinished)
            || self.cluster.nodes.values().any(|node| node.disk.any(in_doubt));
        open.then(|| "transfers are not settled".to_owned())
    }

    /// Looks at what has changed; at everything where that cannot be said, and now and then.
    pub(super) fn check(&mut self) {
        let mut changed = Changed::default();
        changed.transfers.extend(std::mem::take(&mut self.looked.told));
        let keys = self.cluster.hub.disk.take_touched();
        let mut known = keys.is_some() && self.at < self.looked.whole_at + WHOLE_EVERY;
        for key in keys.unwrap_or_default() {
            if let hub::Key::Transfer(id) | hub::Key::Tombstone(id) = key {
                changed.transfers.insert(id);
            }
        }
        for (province, node) in &self.cluster.nodes {
            known &= self.looked.node(*province, &node.disk, &mut changed);
        }
        self.no_panics();
        // Until it has heard what it lost, the hub's books are old, and it serves nobody.
        if self.hub_restored || self.stale.hub_is_old() || self.lacks_somebody() {
            self.looked.whole_at = 0;
            return;
        }
        self.report.checks += 1;
        if !known {
            return self.check_whole(false);
        }
        let transfers = self.books_of(&changed.transfers);
        let members = self.accounts_of(&changed.members);
        for (books, ids) in [(transfers, OF_TRANSFERS), (members, OF_MEMBERS)] {
            for invariant in INVARIANTS.iter().filter(|it| ids.contains(&it.id)) {
                invariant.check(&books).iter().for_each(|it| self.found(it));
            }
        }
    }

    /// Looks at everything, with the journals, once nothing goes on any more.
    pub(super) fn check_at_rest(&mut self) {
        self.no_panics();
        self.report.checks += 1;
        self.check_whole(true);
        self.nobody_knows_more();
        self.check_allotted();
        if self.windows_agree() {
            self.clear_months();
            self.check_whole(true);
        }
        self.replayed();
    }

    /// Once nothing goes on any more, each node has counted in each window what the hub has. What operators have
    /// finished, and what is left to them, may differ: that is what breaks are for. False: nothing can be said.
    fn windows_agree(&mut self) -> bool {
        if !self.has_ended() || !self.finished.is_empty() || !self.left_to_people().is_empty() {
            return false;
        }
        let mut totals: BTreeMap<Window, Vec<TotalRow>> = BTreeMap::new();
        for row in self.cluster.hub.disk.rows().iter().filter_map(TotalRow::of) {
            totals.entry(row.window).or_default().push(row.clone());
        }
        let mut differing = Vec::new();
        for (province, node) in &self.cluster.nodes {
            let mut counted: BTreeMap<Window, BTreeMap<Group, Counted>> = BTreeMap::new();
            for row in node.disk.rows().iter().filter_map(LegTotalRow::of) {
                let counterpart = self.cluster.country.places.province_of(row.counter_region);
                let group = (counterpart.unwrap_or(ProvinceCode::HUB), row.side, row.kind);
                let (count, amount, digest) = row.counted();
                let one = Counted { count, amount, digest: Some(digest) };
                let of_window = counted.entry(row.window).or_default();
                let sum = of_window.remove(&group).map_or(one, |sum| sum.and(one));
                of_window.insert(group, sum);
            }
            let windows: BTreeSet<Window> = totals.keys().chain(counted.keys()).copied().collect();
            for window in windows {
                let of_hub = side_of(*province, totals.get(&window).map_or(&[], Vec::as_slice));
                let of_node = counted.remove(&window).unwrap_or_default();
                let groups = differences(&of_hub, &of_node);
                differing.extend(groups.iter().map(|(group, ..)| format!("{province}: {window} {group:?}")));
            }
        }
        differing.iter().for_each(|it| self.complain(format!("a window differs: {it}")));
        differing.is_empty()
    }

    fn found(&mut self, violation: &Violation) {
        if self.is_noted(violation) {
            self.report.count("broken by a split that people were told of");
        } else {
            self.complain(violation.to_string());
        }
    }

    /// People are called about a leg: nothing that happens here should need them.
    pub(super) fn alarm(&mut self, place: ProvinceCode, transfer_id: TransferId, side: Side) {
        let reason = |incident: Option<&IncidentRow>| incident.map(|it| it.refusal.reason.code());
        let reason = match self.cluster.disk(place) {
            Some(Disk::Hub(disk)) => {
                reason(disk.row(&hub::Key::Incident(transfer_id, side)).as_ref().and_then(TableRow::of))
            }
            Some(Disk::Node(disk)) => {
                reason(disk.row(&node::Key::Incident(transfer_id, side)).as_ref().and_then(TableRow::of))
            }
            None => None,
        };
        // What was paid with an allotment that is lost waits for that to be sent again.
        if allots(self.plan.seed) && reason == Some(Reason::ReplayedToSuspense.code()) {
            return self.report.count("told again into suspense");
        }
        if self.finished.contains(&transfer_id) && reason == Some(Reason::ContraryOrder.code()) {
            return self.report.count("finished otherwise than it was recorded");
        }
        let (side, reason) = (side.name(), reason.unwrap_or("no reason is noted"));
        self.complain(format!("alarm at {place}: {transfer_id} {side}: {reason}"));
    }

    fn no_panics(&mut self) {
        let nodes = self.cluster.nodes.values().filter_map(|node| node.core.as_ref());
        let panics =
            self.cluster.hub.core.as_ref().map_or(0, Core::failures) + nodes.map(Core::failures).sum::<u64>();
        if panics > 0 {
            self.complain(format!("{panics} inputs panicked"));
        }
    }

    fn books(&self, hub: HubBooks, nodes: Vec<NodeBooks>) -> Books {
        let (restored, hub_lost) = (self.restored.clone(), self.hub_lost);
        let mut books =
            Books { hub, nodes, told: Vec::new(), restored, hub_lost, closed_numbers: 0, at_rest: false };
        // Those of what operators have finished otherwise are left to people.
        let contrary = |id| self.finished.contains(&id) && self.is_contrary(Some(id));
        books.closed_numbers = books.numbers_of_nodes_alone(contrary);
        books
    }

    fn told_to_operators(&self) -> impl Iterator<Item = (TransferId, TransferState)> {
        self.returning.iter().filter_map(|it| it.told.map(|state| (it.id, state)))
    }

    /// The books of some transfers alone.
    fn books_of(&self, ids: &BTreeSet<TransferId>) -> Books {
        let keys = ids.iter().flat_map(|id| [hub::Key::Transfer(*id), hub::Key::Tombstone(*id)]);
        let hub = HubBooks::of(keys.filter_map(|key| self.cluster.hub.disk.row(&key)));
        let legs = |disk: &MemoryDisk<node::Record>| -> Vec<node::Row> {
            let keys = ids.iter().flat_map(|id| Side::ALL.iter().map(|side| node::Key::Leg(*id, *side)));
            keys.filter_map(|key| disk.row(&key)).collect()
        };
        let nodes =
            self.cluster.nodes.iter().map(|(province, node)| NodeBooks::of(*province, legs(&node.disk)));
        let client = |id: &TransferId| self.wishes.get(id).and_then(|number| self.clients.get(*number));
        let told = ids.iter().filter_map(|id| Some((*id, client(id)?.told?)));
        let operators = self.told_to_operators().filter(|(id, _)| ids.contains(id));
        Books { told: told.chain(operators).collect(), ..self.books(hub, nodes.collect()) }
    }

    /// The books of some members alone, with all their legs.
    fn accounts_of(&self, members: &BTreeSet<(ProvinceCode, MemberRef)>) -> Books {
        let mut rows: BTreeMap<ProvinceCode, Vec<node::Row>> = BTreeMap::new();
        for (province, member_ref) in members {
            let Some(node) = self.cluster.nodes.get(province) else { continue };
            let kinds = AccountKind::OF_MEMBERS.into_iter().flat_map(|kind| [kind, kind.suspense()]);
            let accounts = kinds.map(|kind| node::Key::Account(*member_ref, kind));
            let legs = self.looked.legs.get(&(*province, *member_ref)).into_iter().flatten();
            let legs = legs.map(|(transfer_id, side)| node::Key::Leg(*transfer_id, *side));
            let found = accounts.chain(legs).filter_map(|key| node.disk.row(&key));
            // A store that was restored may have given the leg of an id to another member.
            let own = |row: &node::Row| LegRow::of(row).is_none_or(|leg| leg.member_ref == *member_ref);
            rows.entry(*province).or_default().extend(found.filter(own));
        }
        let nodes = rows.into_iter().map(|(province, rows)| NodeBooks::of(province, rows));
        self.books(HubBooks::default(), nodes.collect())
    }

    fn check_whole(&mut self, at_rest: bool) {
        self.looked.whole_at = self.at;
        let mut hub = HubBooks::of(self.cluster.hub.disk.rows());
        if at_rest {
            hub = hub.with_journal(&self.cluster.hub.disk.records());
        }
        let nodes =
            self.cluster.nodes.iter().map(|(province, node)| NodeBooks::of(*province, node.disk.rows()));
        let told = self.clients.iter().filter_map(|it| it.told.map(|state| (it.wish.transfer_id, state)));
        let books = Books {
            told: told.chain(self.told_to_operators()).collect(),
            at_rest: at_rest && self.has_ended(),
            ..self.books(hub, nodes.collect())
        };
        self.report.whole_checks += 1;
        for violation in violations(&books) {
            self.found(&violation);
        }
    }

    /// Replaying a journal rebuilds its tables.
    fn replayed(&mut self) {
        for (place, (same, records)) in self.cluster.rebuilds() {
            if !same {
                self.complain(format!("{place}: replaying its journal makes other tables"));
            }
            self.report.records += records;
        }
    }
}
