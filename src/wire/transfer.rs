//! Transfers as the hub shows them.

use crate::domain::hub::tables::TransferRow;
use crate::domain::protocol::TransferState;
use crate::domain::value::{Digest, RegionCode, hex};
use crate::privacy::people::MaskedParties;
use crate::proto::{hub, types};
use crate::wire::status::refusal_to_proto;
use crate::wire::terms::kinship_to_proto;
use crate::wire::time::timestamp;

/// A transfer in the words of the wire. Without the vault's part, names, numbers and remark are empty.
pub fn transfer_to_proto(row: &TransferRow, parties: Option<&MaskedParties>) -> hub::Transfer {
    let erased = MaskedParties::default();
    let parties = parties.unwrap_or(&erased);
    hub::Transfer {
        transfer_id: row.transfer_id.to_string(),
        payer: Some(masked(&parties.payer_name, &parties.payer_id, row.payer_region)),
        payee: Some(masked(&parties.payee_name, &parties.payee_id, row.payee_region)),
        kinship: row.kinship.map_or(0, kinship_to_proto),
        amount: row.amount.to_string(),
        state: state_to_proto(row.state).into(),
        refusal: row.refusal.as_ref().map(refusal_to_proto),
        window_id: row.window.map_or_else(String::new, |it| it.to_string()),
        hub_seq: row.hub_seq.unwrap_or(0),
        create_time: Some(timestamp(row.receipt_time)),
        decide_time: row.decide_time.map(timestamp),
        payer_recorded: row.payer_recorded_seq.is_some(),
        payee_recorded: row.payee_recorded_seq.is_some(),
        rulebook_hashes: rulebook_hashes(row.payer_rulebook, row.payee_rulebook),
        remark: parties.remark.clone(),
        accept_by_time: row.await_until.map(timestamp),
        original_transfer_id: row.returns.map_or_else(String::new, |id| id.to_string()),
        compensation_id: row.compensation.map_or_else(String::new, |id| id.to_string()),
    }
}

/// The transfer as it stood after the journal's record `sequence`: what a stream of changes shows, so that a change
/// told late does not speak of later ones. Nothing when it had not been received.
pub fn transfer_as_of(row: &TransferRow, sequence: u64) -> Option<TransferRow> {
    if row.received_seq > sequence {
        return None;
    }
    let by_then = |at: Option<u64>| at.filter(|at| *at <= sequence);
    let mut then = row.clone();
    then.payer_recorded_seq = by_then(row.payer_recorded_seq);
    then.payee_recorded_seq = by_then(row.payee_recorded_seq);
    then.decided_seq = by_then(row.decided_seq);
    if row.state.is_decided() && then.decided_seq.is_none() {
        then.state = TransferState::AwaitingAcceptance;
        then.refusal = None;
        then.decide_time = None;
        then.window = None;
        then.hub_seq = None;
    }
    then.awaiting_seq = by_then(row.awaiting_seq);
    if then.decided_seq.is_none() && then.awaiting_seq.is_none() {
        then.state = TransferState::Pending;
        then.await_until = None;
        then.payer_rulebook = None;
        then.payee_rulebook = None;
    }
    Some(then)
}

/// Where a transfer stands, in the words of the wire.
pub fn state_to_proto(state: TransferState) -> hub::TransferState {
    match state {
        TransferState::Pending => hub::TransferState::Pending,
        // That the payee has accepted is a step on the hub's way to its decision.
        TransferState::AwaitingAcceptance | TransferState::Accepted => hub::TransferState::AwaitingAcceptance,
        TransferState::Committed => hub::TransferState::Committed,
        TransferState::Aborted => hub::TransferState::Aborted,
    }
}

fn masked(name: &str, id_number: &str, region: RegionCode) -> types::MaskedParty {
    types::MaskedParty {
        name: name.to_owned(),
        id_number: id_number.to_owned(),
        region_code: region.to_string(),
    }
}

/// Payer's, then payee's; none at all while no side has judged. A digest of zeros stands for a node without rulebooks.
fn rulebook_hashes(payer: Option<Digest>, payee: Option<Digest>) -> Vec<String> {
    let text = |hash: Option<Digest>| {
        hash.filter(|hash| *hash != Digest::default()).map_or_else(String::new, |hash| hex(&hash.0))
    };
    if payer.is_none() && payee.is_none() { Vec::new() } else { vec![text(payer), text(payee)] }
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
