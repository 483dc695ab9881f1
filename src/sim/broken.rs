//! Protocols that are broken on purpose: a simulator that does not catch them proves nothing.

use super::world::World;
use crate::domain::hub::Page;
use crate::domain::hub::tables::{ClearingRow, TransferRow, WindowRow};
use crate::domain::machine::table::Row as _;
use crate::domain::machine::{PeerRow, TableRow};
use crate::domain::node::tables::{LegRow, LegTotalRow, PersonRow};
use crate::domain::protocol::{Decision, LegState, NodeRequest, Outcome, PeerMark, TransferState};
use crate::domain::value::ProvinceCode;
use crate::domain::{hub, node};
use crate::store::memory::MemoryDisk;
use crate::testkit::{Disk, Place};

/// A protocol that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Servers answer before their disk has synced: a crash takes the last commit with it.
    AnswersBeforeSync,
    /// A node forgets an abort that came for an id it had never seen.
    NoTombstone,
    /// A node takes a decision that it never got for an abort, and lets go of what it holds.
    PresumesAbort,
    /// The hub forgets transfers that nobody has decided when it starts.
    ForgetsUndecided,
    /// The hub takes a node that knows an earlier incarnation than it was given last for an old copy, and refuses it.
    /// A node that died before the answer to its announcement came is then refused for ever.
    FencesLostAdmissions,
    /// A node that was restored is not told what was decided before its backup and recorded after it, where its leg
    /// awaits the payee again. About such a leg no node asks, so it never ends.
    LeavesLegsAwaiting,
    /// The same where its leg is held again. The node asks about it at the end, when it has been told all transfers,
    /// also those that were made of the money that is held.
    RevivesEndedHolds,
    /// Of each page a node that was restored is told the commits before the aborts, as by calls that overtake each
    /// other: transfers come before the end of the holds of which they were made.
    CommitsOvertakeAborts,
    /// An abort of terms that a node never held, of an id under which it holds others, comes to it as a commit, which
    /// it must refuse with an incident. Once it did so with the abort itself.
    RefusesMootAborts,
    /// A node does not keep the reference of a leg that came back for the member whom it does not know. Reported again
    /// he is another, and what he had paid is set off by nobody.
    ForgetsStrangers,
    /// A server that is started with the key file of another one takes it: it finds nobody of its own.
    TakesAnyKey,
    /// Closing is two records, and the hub dies between them: the window is closed, and commits go on in it.
    ClosesByHalves,
    /// A node keeps what it counts of a window in memory: a crash takes it, and only what comes later is counted.
    CountsInMemory,
}

impl Broken {
    /// Every one, with its name on the command line.
    pub const ALL: &'static [(&'static str, Broken)] = &[
        ("answers-before-sync", Broken::AnswersBeforeSync),
        ("no-tombstone", Broken::NoTombstone),
        ("presumes-abort", Broken::PresumesAbort),
        ("forgets-undecided", Broken::ForgetsUndecided),
        ("fences-lost-admissions", Broken::FencesLostAdmissions),
        ("leaves-legs-awaiting", Broken::LeavesLegsAwaiting),
        ("revives-ended-holds", Broken::RevivesEndedHolds),
        ("commits-overtake-aborts", Broken::CommitsOvertakeAborts),
        ("refuses-moot-aborts", Broken::RefusesMootAborts),
        ("forgets-strangers", Broken::ForgetsStrangers),
        ("takes-any-key", Broken::TakesAnyKey),
        ("closes-by-halves", Broken::ClosesByHalves),
        ("counts-in-memory", Broken::CountsInMemory),
    ];

    /// How a violation begins, and what else it says, when it shows this fault and not one that came of it.
    pub fn symptom(self) -> (&'static str, &'static str) {
        match self {
            Broken::AnswersBeforeSync => ("INV-10", "a caller was told otherwise"),
            Broken::NoTombstone => ("INV-09", "held after its abort was recorded"),
            Broken::PresumesAbort => ("INV-03", "held"),
            Broken::ForgetsUndecided | Broken::LeavesLegsAwaiting => ("INV-12", "in doubt"),
            Broken::FencesLostAdmissions => ("not everything ended in time", "is not admitted"),
            Broken::RevivesEndedHolds | Broken::CommitsOvertakeAborts => {
                ("alarm at", "payer: REPLAYED_TO_SUSPENSE")
            }
            Broken::RefusesMootAborts => ("alarm at", "TERMS_DIFFER"),
            Broken::ForgetsStrangers => ("not set off", "suspense"),
            Broken::TakesAnyKey => ("a member is not found", "NOT_INSURED"),
            Broken::ClosesByHalves => ("INV-17", "closed then"),
            Broken::CountsInMemory => ("INV-18", "total"),
        }
    }
}

impl World {
    /// A node that keeps no tombstones.
    pub(super) fn forget_tombstones(&self, disk: &MemoryDisk<node::Record>) {
        let tombstone = |row: &node::Row| LegRow::of(row).is_some_and(|leg| leg.state == LegState::Tombstone);
        disk.rows().into_iter().filter(tombstone).for_each(|row| disk.remove(&row.key()));
    }

    /// A node that keeps no reference for whom it does not know.
    pub(super) fn forget_strangers(&mut self, province: ProvinceCode) {
        let Some(node) = self.cluster.nodes.get_mut(&province) else { return };
        let awaited = |row: &node::Row| PersonRow::of(row).is_some_and(PersonRow::is_awaited);
        let awaited: Vec<node::Row> = node.disk.rows().into_iter().filter(awaited).collect();
        awaited.iter().for_each(|row| node.disk.remove(&row.key()));
        node.core.iter_mut().for_each(|core| core.forget_rows());
    }

    /// What a broken protocol does when a server dies.
    pub(super) fn break_at_crash(&self, place: Place) {
        let Some((broken, disk)) = self.plan.broken.zip(self.cluster.disk(place)) else { return };
        match (broken, disk) {
            (Broken::AnswersBeforeSync, disk) => disk.lose_last(),
            (Broken::NoTombstone, Disk::Node(disk)) => self.forget_tombstones(&disk),
            (Broken::PresumesAbort, Disk::Node(disk)) => {
                let in_doubt = |row: &node::Row| node::legs_in_doubt().admits(row);
                disk.rows().into_iter().filter(in_doubt).for_each(|row| disk.remove(&row.key()));
            }
            (Broken::CountsInMemory, Disk::Node(disk)) => {
                let counted = |row: &node::Row| LegTotalRow::of(row).is_some();
                disk.rows().into_iter().filter(counted).for_each(|row| disk.remove(&row.key()));
            }
            (Broken::ForgetsUndecided, Disk::Hub(disk)) => {
                let open = |row: &hub::Row| {
                    TransferRow::of(row).is_some_and(|row| row.state == TransferState::Pending)
                };
                disk.rows().into_iter().filter(open).for_each(|row| disk.remove(&row.key()));
            }
            (Broken::ClosesByHalves, Disk::Hub(disk)) => {
                let clearing = disk.row(&hub::Key::CLEARING);
                let open = clearing.as_ref().and_then(ClearingRow::of).map(|row| row.open);
                let close_time = self.cluster.hub.now(self.at).civil;
                let half = |window| WindowRow { window, close_time, closer: String::new() };
                open.into_iter().for_each(|window| disk.put(half(window)));
            }
            _ => {}
        }
    }

    fn leg(&self, province: ProvinceCode, decision: &Decision) -> Option<LegRow> {
        let key = node::Key::Leg(decision.transfer_id, decision.side);
        let row = self.cluster.nodes.get(&province)?.disk.row(&key);
        row.as_ref().and_then(LegRow::of).cloned()
    }

    /// Decisions as they reach a node of a broken protocol.
    pub(super) fn break_decisions(&self, province: ProvinceCode, request: &mut NodeRequest) {
        let NodeRequest::Decide(decisions) = request else { return };
        if self.plan.broken == Some(Broken::RefusesMootAborts) {
            for decision in decisions.iter_mut().filter(|it| it.outcome == Outcome::Abort) {
                let leg = self.leg(province, decision).filter(|leg| leg.state == LegState::Prepared);
                if leg.is_some_and(|leg| leg.terms_digest != decision.terms_digest) {
                    decision.outcome = Outcome::Commit;
                }
            }
        }
    }

    /// Whether a broken hub refuses a start of a node: it knows an earlier incarnation than it was given last, though
    /// its store was not restored since it was admitted.
    pub(super) fn is_fenced(&self, province: ProvinceCode, mark: &PeerMark) -> bool {
        let given = self.cluster.hub.disk.row(&hub::Key::Peer(province));
        let is_earlier = given
            .as_ref()
            .and_then(PeerRow::of)
            .is_some_and(|given| given.start_id != mark.start_id && mark.incarnation < given.incarnation);
        let fences = self.plan.broken == Some(Broken::FencesLostAdmissions);
        fences && is_earlier && self.restored.get(&province) != Some(&u64::MAX)
    }

    /// A page of what a node is told again, as a broken hub reads it.
    pub(super) fn break_page(&self, found: hub::Input) -> hub::Input {
        let hub::Input::ReadBack { province, page, mut upto, mut end, mut decisions } = found else {
            return found;
        };
        let stands = |it: &Decision, state| self.leg(province, it).is_some_and(|leg| leg.state == state);
        let is_new = |it: &Decision| it.outcome == Outcome::Commit && !stands(it, LegState::Committed);
        match (self.plan.broken, page) {
            (Some(Broken::LeavesLegsAwaiting), Page::Late(_)) => {
                decisions.retain(|it| !stands(it, LegState::Awaiting));
            }
            (Some(Broken::RevivesEndedHolds), Page::Late(_)) => {
                decisions.retain(|it| !stands(it, LegState::Prepared));
            }
            // The page comes once more, with all of it, when the node has its commits.
            (Some(Broken::CommitsOvertakeAborts), Page::After(after)) if decisions.iter().any(is_new) => {
                decisions.retain(|it| it.outcome == Outcome::Commit);
                (upto, end) = (after, false);
            }
            _ => {}
        }
        hub::Input::ReadBack { province, page, upto, end, decisions }
    }
}
