//! Provinces that two operators have left out of a recovery, since their nodes stay dark. The hub serves the others.
//! What only such a province can tell stays undecided, each with an incident; nothing that it may have recorded is
//! called aborted, and nothing new is begun with it. When its node is back it is heard by itself, before it is
//! admitted (`heard_later`): what fits is adopted, what contradicts is left to people.

use super::clearing::{HeardNotice, needs_of_notices};
use super::heard::{note, record_told};
use super::incident::is_undecided_here;
use super::recovery::{Recovery, province_of};
use super::windows::window_at;
use super::{HubMachine, Key, Rows, Step, TransferRow, incident, position, refusal, row, tombstone};
use crate::domain::hub::record::{NumbersSkipped, ProvinceHeard, ProvinceLeftOut};
use crate::domain::kinds::{self, Form};
use crate::domain::machine::own::own;
use crate::domain::machine::{IncidentClosed, IncidentRow, PeerRow, SelfRow};
use crate::domain::protocol::{HeardLeg, LegId};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Now, ProvinceCode, Side, StartId, TransferId};
use std::collections::BTreeSet;

/// Numbers that are kept for commits between provinces that nobody has heard, for each life of the hub that is lost.
pub(super) const KEPT_NUMBERS: u64 = 10_000;
/// More than so many times that is never kept: it stays small against what a recovery takes for possible.
const KEPT_TIMES: u64 = 20;
/// Why an incident is closed without operators: the province that it waited for was heard.
const HEARD_CODE: &str = "PROVINCE_HEARD";
/// Of an incident: the side whose province has told that it holds its leg.
const PROMISED: &str = "promised";

/// A province that is left out. Its row says from where on it must be heard; a crash takes the rest.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct LeftOut {
    /// The start that announced itself, if one has.
    pub(super) start: Option<StartId>,
    /// Whether it was asked what it has recorded.
    pub(super) is_asked: bool,
    /// The highest of this hub's lives that it has seen.
    pub(super) incarnation: u64,
    /// Whether it can be reached.
    pub(super) is_up: bool,
    /// Transfers that stay undecided until it is heard.
    pub(super) waiting: BTreeSet<TransferId>,
}

/// How many numbers are kept. A life that is lost may have left out a province itself, and have given higher numbers
/// than it kept; found by the simulator, with a hub that was restored twice from one backup.
pub(super) fn kept_numbers(own: u64, seen: u64) -> u64 {
    let lost = seen.max(own).saturating_sub(own).saturating_add(1);
    KEPT_NUMBERS.saturating_mul(lost.min(KEPT_TIMES))
}

/// What hearing a province by itself needs: what it tells, what waits for it, and the positions that its commits move.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    (province, legs, notices): (ProvinceCode, &[HeardLeg], &[HeardNotice]),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    let Some(left) = hub.left_out.get(&province) else { return };
    keys.push(Key::Peer(province));
    let ids = legs.iter().map(|leg| leg.transfer_id).chain(left.waiting.iter().copied());
    let (mut provinces, mut windows) =
        (BTreeSet::from([province]), window_at(now.civil, rows).into_iter().collect::<BTreeSet<_>>());
    for id in ids {
        keys.extend([Key::Transfer(id), Key::Tombstone(id)]);
        keys.extend(Side::BOTH.map(|side| Key::Incident(id, side)));
        let known = rows.knows(&Key::Transfer(id)).then(|| rows.get::<TransferRow>(&Key::Transfer(id)));
        provinces.extend(known.flatten().iter().flat_map(|it| it.provinces().into_array()));
    }
    provinces.extend(legs.iter().filter_map(|leg| province_of(leg.counter_region, &hub.places)));
    windows.extend(legs.iter().filter_map(|leg| leg.committed.map(|(window, ..)| window)));
    position::keys_among(&windows, &provinces, (now, rows), keys);
    needs_of_notices(notices.iter(), &provinces, (now, rows), keys);
    keys.sort_unstable();
    keys.dedup();
}

impl HubMachine {
    /// After a start: who was left out, and what waits for them.
    pub(super) fn resume_left_out(&mut self, unfinished: &[TransferRow], step: &Step<'_>) {
        let provinces: Vec<ProvinceCode> = self.places.provinces().map(|province| province.code).collect();
        for province in provinces {
            let peer: Option<&PeerRow> = step.rows().get(&Key::Peer(province));
            if peer.is_some_and(|peer| peer.left_out.is_some()) {
                self.set_left_out(province);
            }
        }
        let waiting = unfinished.iter().filter(|it| is_undecided_here(it.transfer_id, step));
        waiting.for_each(|it| self.wait_for(it.transfer_id, it.provinces()));
    }

    fn set_left_out(&mut self, province: ProvinceCode) {
        self.left_out.entry(province).or_default();
        self.outbox.set_unreachable(province);
    }

    pub(super) fn wait_for(&mut self, transfer_id: TransferId, provinces: BySide<ProvinceCode>) {
        for province in provinces.into_array() {
            if let Some(left) = self.left_out.get_mut(&province) {
                left.waiting.insert(transfer_id);
            }
        }
    }

    /// The refusal of what may not begin, since one side's province has not told yet what became of the same id.
    pub(super) fn not_heard(&self, provinces: BySide<ProvinceCode>) -> Option<RefusalRecord> {
        let left = provinces.into_array().into_iter().find(|it| self.left_out.contains_key(it))?;
        Some(refusal(Reason::ProvinceLeftOut).with("province", left))
    }

    /// Whether a province may be left out: the hub recovers, and waits for it.
    pub(super) fn may_leave_out(&self, province: ProvinceCode) -> Result<(), RefusalRecord> {
        let with = |reason| refusal(reason).with("province", province);
        match &self.recovery {
            None => Err(refusal(Reason::NotRecovering)),
            Some(recovery) if recovery.unheard.contains_key(&province) => Ok(()),
            Some(recovery) if recovery.asked.contains(&province) || self.left_out.contains_key(&province) => {
                Err(with(Reason::AlreadyHeard))
            }
            Some(_) => Err(with(Reason::NotAsked)),
        }
    }

    /// The recovery waits for this province no longer.
    pub(super) fn leave_out(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let above = own(step.rows()).hub_seq;
        step.record(ProvinceLeftOut { province, above, time: step.now.civil });
        let was_up = !self.outbox.is_dark(province);
        self.set_left_out(province);
        if let Some(left) = self.left_out.get_mut(&province) {
            left.is_up = was_up;
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.unheard.remove(&province);
            recovery.left.insert(province);
        }
        self.recover_if_heard(step);
    }

    /// Those that are left out of this recovery.
    pub(super) fn left_out_of(&self, recovery: &Recovery) -> BTreeSet<ProvinceCode> {
        let is_left = |it: &&ProvinceCode| recovery.left.contains(it) || !recovery.asked.contains(it);
        self.left_out.keys().filter(is_left).copied().collect()
    }

    /// At the end of a recovery: what may have been committed, for all that anybody can say who was heard, stays
    /// undecided. A commit is recorded nowhere without both promises; so it is only where each side has promised, is
    /// left out, or may have lost it.
    pub(super) fn leave_undecided(
        &mut self,
        recovery: &Recovery,
        left: &BTreeSet<ProvinceCode>,
        step: &mut Step<'_>,
    ) {
        if left.is_empty() {
            return;
        }
        for (LegId { transfer_id, .. }, told) in &recovery.legs {
            for (teller, leg) in told.iter().filter(|(_, leg)| leg.committed.is_none()) {
                let other = province_of(leg.counter_region, &self.places).filter(|it| left.contains(it));
                let Some(other) = other.filter(|_| is_open(*transfer_id, step)) else { continue };
                match recovery.told_once(*transfer_id).is_some() && is_prepared(leg) {
                    true => self.adopt_undecided((*teller, other), leg, step),
                    // Whose it is nobody can say.
                    false => note(*transfer_id, Reason::ContraryOrder, step),
                }
            }
        }
        for stored in &recovery.unfinished {
            let transfer_id = stored.transfer_id;
            let Some(transfer) = row(transfer_id, step).filter(|it| !it.state.is_decided()) else { continue };
            let provinces = transfer.provinces();
            let has_promised = |side: &Side| {
                let told = recovery.told_by(provinces[*side], LegId { transfer_id, side: *side });
                told.is_some_and(|leg| {
                    (leg.terms_digest, leg.amount) == (transfer.terms_digest, transfer.amount)
                })
            };
            let may_have_promised =
                |side: Side| recovery.restored.contains(&provinces[side]) || has_promised(&side);
            let is_left = provinces.into_array().iter().any(|it| left.contains(it));
            if is_left && Side::BOTH.into_iter().all(may_have_promised) && !is_noted(transfer_id, step) {
                let promised = Side::BOTH.into_iter().find(has_promised);
                self.hold_undecided(&transfer, promised, step);
            }
        }
    }

    /// A transfer that this store has lost, of which one side has promised and the other one is not heard.
    pub(super) fn adopt_undecided(
        &mut self,
        (teller, other): (ProvinceCode, ProvinceCode),
        leg: &HeardLeg,
        step: &mut Step<'_>,
    ) {
        let provinces = BySide::new(|side| if side == leg.side { teller } else { other });
        if provinces.payer == provinces.payee || record_told(leg, provinces, step).is_none() {
            return note(leg.transfer_id, Reason::ContraryOrder, step);
        }
        if let Some(transfer) = row(leg.transfer_id, step) {
            self.hold_undecided(&transfer, Some(leg.side), step);
        }
    }

    /// `promised`: the side whose province has told that it holds its leg.
    pub(super) fn hold_undecided(
        &mut self,
        transfer: &TransferRow,
        promised: Option<Side>,
        step: &mut Step<'_>,
    ) {
        let undecided = refusal(Reason::LeftOutUndecided);
        let undecided = match promised {
            Some(side) => undecided.with(PROMISED, side.name()),
            None => undecided,
        };
        incident::raise_again(transfer.transfer_id, undecided, step);
        self.wait_for(transfer.transfer_id, transfer.provinces());
    }
}

pub(super) fn is_prepared(leg: &HeardLeg) -> bool {
    matches!(kinds::of(leg.kind).form, Form::Prepared(_))
}

/// Whether nothing is said of an id here.
pub(super) fn is_open(transfer_id: TransferId, step: &Step<'_>) -> bool {
    row(transfer_id, step).is_none() && tombstone(transfer_id, step).is_none() && !is_noted(transfer_id, step)
}

/// Whether the province of a side has told that it holds its leg of what stays undecided.
pub(super) fn has_promised(transfer_id: TransferId, side: Side, step: &Step<'_>) -> bool {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    let told = noted.into_iter().flat_map(|it| &it.refusal.metadata);
    told.into_iter().any(|(key, value)| key == PROMISED && value == side.name())
}

pub(super) fn is_noted_as(transfer_id: TransferId, reason: Reason, step: &Step<'_>) -> bool {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    noted.is_some_and(|it| it.refusal.reason == reason && it.close_time.is_none())
}

fn is_noted(transfer_id: TransferId, step: &Step<'_>) -> bool {
    [Reason::ContraryOrder, Reason::LeftOutUndecided].into_iter().any(|it| is_noted_as(transfer_id, it, step))
}

/// What an incident waited for has come.
pub(super) fn close(transfer_id: TransferId, step: &mut Step<'_>) {
    let (side, code) = (Side::Payer, HEARD_CODE.to_owned());
    if incident::is_open(LegId { transfer_id, side }, step) {
        step.record(IncidentClosed { transfer_id, side, code, time: step.now.civil });
    }
}

/// A province is left out. What an earlier recovery has lost of it is not forgotten.
pub(super) fn left_out(record: &ProvinceLeftOut, rows: &mut Rows) {
    let known = rows.get::<PeerRow>(&Key::Peer(record.province)).cloned();
    let peer = known.unwrap_or_else(|| PeerRow::unseen(record.province));
    let above = peer.left_out.map_or(record.above, |before| before.min(record.above));
    rows.put(PeerRow { left_out: Some(above), ..peer });
}

/// It was heard.
pub(super) fn heard(record: &ProvinceHeard, rows: &mut Rows) {
    if let Some(peer) = rows.get::<PeerRow>(&Key::Peer(record.province)).cloned() {
        rows.put(PeerRow { left_out: None, ..peer });
    }
}

/// Numbers are kept apart.
pub(super) fn skipped(record: &NumbersSkipped, rows: &mut Rows) {
    let own = own(rows);
    let hub_seq = own.hub_seq.max(record.hub_seq);
    rows.put(SelfRow { skipped: record.numbers.clone(), hub_seq, ..own });
}

#[cfg(test)]
#[path = "left_out_tests.rs"]
mod tests;
