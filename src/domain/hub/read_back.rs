//! A page of this hub's journal came back, for a node that is told again what it lost: its decisions are told in
//! turns, and then the next page is asked for.

use super::resync::Turn;
use super::{HubMachine, Key, Page, Step, TransferRow, send};
use crate::domain::hub::record::ResyncMoved;
use crate::domain::kinds;
use crate::domain::protocol::{Decision, LegId, Outcome};
use crate::domain::value::ProvinceCode;

/// The node, and the transfers of the page.
pub(super) fn needs(province: ProvinceCode, decisions: &[Decision], keys: &mut Vec<Key>) {
    keys.push(Key::Peer(province));
    keys.extend(decisions.iter().map(|decision| Key::Transfer(decision.transfer_id)));
}

impl HubMachine {
    /// A page of the journal came: its decisions are told.
    pub(super) fn read_back(
        &mut self,
        province: ProvinceCode,
        (page, upto, end): (Page, u64, bool),
        decisions: Vec<Decision>,
        step: &mut Step<'_>,
    ) {
        let Some(resync) = self.resyncs.get_mut(&province) else { return };
        if resync.asked != Some(page) || resync.page.is_some() {
            return;
        }
        resync.page = Some((upto, end));
        for decision in decisions {
            resync.put_off.remove(&decision.leg());
            let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(decision.transfer_id));
            let turn = match decision.outcome {
                // What is parked took money all the same.
                Outcome::Abort if decision.leg_record.is_empty() => Turn::Release,
                _ if transfer.is_some_and(|it| kinds::of(it.kind).corrects()) => Turn::Return,
                Outcome::Commit | Outcome::Abort => Turn::Transfer,
            };
            resync.later.push_back((decision, turn));
        }
        resync.later.make_contiguous().sort_by_key(|(_, turn)| *turn != Turn::Release);
        self.tell_next(province, step);
        self.end_page(province, step);
    }

    /// Tells what comes next of a page, once the node has all that was told before: calls overtake each other.
    fn tell_next(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(resync) = self.resyncs.get_mut(&province).filter(|resync| resync.waiting.is_empty()) else {
            return;
        };
        let Some((_, first)) = resync.later.front() else { return };
        let first = *first;
        let alike = resync.later.iter().take_while(|(_, turn)| *turn == first).count();
        for (decision, _) in resync.later.drain(..alike).collect::<Vec<_>>() {
            resync.waiting.insert(decision.leg());
            send(province, self.outbox.push(province, decision), step);
        }
    }

    /// The node answered a decision of the page.
    pub(super) fn told_again(&mut self, leg: LegId, province: ProvinceCode, step: &mut Step<'_>) {
        if self.resyncs.get_mut(&province).is_some_and(|resync| resync.waiting.remove(&leg)) {
            self.tell_next(province, step);
            self.end_page(province, step);
        }
    }

    /// Once all of a page are answered: the next one, or the end.
    fn end_page(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let Some(resync) = self.resyncs.get_mut(&province) else { return };
        let Some((upto, end)) = resync.page.filter(|_| resync.waiting.is_empty()) else { return };
        resync.page = None;
        if !std::mem::replace(&mut resync.has_late, true) {
            return self.go_on_telling(province, step);
        }
        // How far the node has come goes with it: as far as that, its store may be restored once more.
        self.note_seen(step);
        step.record(ResyncMoved { province, told: (!end).then_some(upto) });
        if !end {
            return self.go_on_telling(province, step);
        }
        let put_off = self.resyncs.remove(&province).map(|resync| resync.put_off).unwrap_or_default();
        for decision in put_off.into_values() {
            send(province, self.outbox.push(province, decision), step);
        }
    }
}
