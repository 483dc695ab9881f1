//! A transfer's row: what must be known of an id, how it begins, and what its provinces are asked and told by it.

use super::{Key, Rows, Step, TransferRow, incident, refusal};
use crate::domain::hub::tables::TombstoneRow;
use crate::domain::protocol::message::{LostLeg, PostingTerms};
use crate::domain::protocol::{Ask, Decision, Demands, Kind, Leg, LegRef, LegTerms, Outcome, TransferState};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Civil, Digest, Money, ProvinceCode, RegionCode, Side, TransferId};
use std::sync::Arc;

/// What says whether an id has begun, is a tombstone, or is left to people.
pub(super) fn needs(id: TransferId, rows: &Rows, keys: &mut Vec<Key>) {
    keys.extend([Key::Transfer(id), Key::Tombstone(id)]);
    incident::needs(id, rows, keys);
}

/// A transfer's own row; a live transfer is always received.
pub(super) fn row(transfer_id: TransferId, step: &Step<'_>) -> Option<Arc<TransferRow>> {
    step.rows().share::<TransferRow>(&Key::Transfer(transfer_id))
}

/// The refusal of an id that a province had asked for before it began here: it is aborted, whatever comes later.
pub(super) fn tombstone(transfer_id: TransferId, step: &Step<'_>) -> Option<RefusalRecord> {
    let tombstone: Option<&TombstoneRow> = step.rows().get(&Key::Tombstone(transfer_id));
    tombstone.map(|_| refusal(Reason::ResolvedUnknown))
}

/// The transfer that a record changes: it was looked at before the record was made.
pub(super) fn stored(transfer_id: TransferId, rows: &Rows) -> TransferRow {
    rows.get(&Key::Transfer(transfer_id)).cloned().expect("a record changes a transfer that is there")
}

/// The leg of a transfer's side, as its node is asked for it.
pub(super) fn leg(transfer: &TransferRow, side: Side, demands: Demands, ask: Ask, time_left_ms: u64) -> Leg {
    let regions = transfer.regions();
    let terms = LegTerms {
        kind: transfer.kind,
        region: regions[side],
        province: transfer.provinces()[side],
        counter_region: regions[side.other()],
        kinship: transfer.kinship,
        amount: transfer.amount,
        receipt_time: transfer.receipt_time,
        demands,
    };
    let reference = LegRef::new(transfer.transfer_id, side, transfer.terms_digest);
    Leg { reference, terms, ask, time_left_ms }
}

/// The decision of a decided transfer for one side.
pub(super) fn decision_for(transfer: &TransferRow, side: Side) -> Option<Decision> {
    let outcome = match transfer.state {
        TransferState::Committed => Outcome::Commit,
        TransferState::Aborted => Outcome::Abort,
        TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Accepted => {
            return None;
        }
    };
    Some(Decision {
        transfer_id: transfer.transfer_id,
        side,
        terms_digest: transfer.terms_digest,
        outcome,
        window: transfer.window,
        hub_seq: transfer.hub_seq,
        decide_time: transfer.decide_time.unwrap_or_default(),
        leg_record: Vec::new(),
        posting: posting_of(transfer).filter(|_| side == Side::Payer),
        lost: lost_leg_of(transfer, side).map(Box::new),
    })
}

/// What is known of a side's leg, if its node may have lost it.
fn lost_leg_of(transfer: &TransferRow, side: Side) -> Option<LostLeg> {
    transfer.lost_side.filter(|lost| lost.has(side))?;
    Some(LostLeg {
        kind: transfer.kind,
        original: transfer.returns,
        amount: transfer.amount,
        counter_region: transfer.regions()[side.other()],
        receipt_time: transfer.receipt_time,
        whose: None,
    })
}

/// What a posted transfer does; nothing of one that was prepared.
pub(super) fn posting_of(transfer: &TransferRow) -> Option<PostingTerms> {
    Some(PostingTerms {
        kind: transfer.kind,
        original: transfer.returns?,
        number: transfer.number?,
        after: transfer.booked_after?,
        amount: transfer.amount,
        post_time: transfer.receipt_time,
    })
}

/// A transfer as it begins, between these places, of which nothing else is known yet.
pub(super) fn begun(
    kind: Kind,
    (transfer_id, amount): (TransferId, Money),
    places: BySide<(RegionCode, ProvinceCode)>,
    (receipt_time, sequence): (Civil, u64),
) -> TransferRow {
    TransferRow {
        transfer_id,
        owner: String::new(),
        received_seq: sequence,
        payer_region: places.payer.0,
        payee_region: places.payee.0,
        payer_province: places.payer.1,
        payee_province: places.payee.1,
        kinship: None,
        amount,
        payer_digest: Digest::default(),
        payee_digest: Digest::default(),
        remark_digest: Digest::default(),
        terms_digest: Digest::default(),
        receipt_time,
        state: TransferState::Pending,
        refusal: None,
        decide_time: None,
        window: None,
        hub_seq: None,
        decided_seq: None,
        payer_recorded_seq: None,
        payee_recorded_seq: None,
        payer_rulebook: None,
        payee_rulebook: None,
        await_until: None,
        awaiting_seq: None,
        accept_time: None,
        returns: None,
        compensation: None,
        kind,
        number: None,
        booked_after: None,
        lost_side: None,
        last_posting: 0,
        last_booked: 0,
        used: Money::ZERO,
    }
}
