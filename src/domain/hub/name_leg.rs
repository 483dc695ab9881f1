//! Whose a leg is that its node has lost, and the hub with it: the client that repeats its transfer says it again, and
//! the node is told. Persons are stored nowhere here: a crash takes what was not told yet, and the client says it once
//! more.

use super::{HubMachine, Key, Step, TransferRow, decision_for, incident, send};
use crate::domain::hub::record::LegNamed;
use crate::domain::machine::{IncidentClosed, IncidentRow};
use crate::domain::protocol::{Ack, AckResult, LegId, Terms, Whose};
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Digest, Side, TransferId};

/// Why nobody needs to find out any more whose a leg is.
const NAMED_CODE: &str = "NAMED_BY_CLIENT";

impl HubMachine {
    /// The client of a transfer has said again what it was, and so whose the lost leg is: its node is told, once until
    /// it answers.
    pub(super) fn name_leg(&mut self, terms: &Terms, transfer: &TransferRow, step: &mut Step<'_>) {
        if transfer.lost_side.is_some() && is_nameless(transfer.transfer_id, step) {
            Side::BOTH.into_iter().for_each(|side| self.name_side(terms, (transfer, side), step));
        }
    }

    fn name_side(&mut self, terms: &Terms, (transfer, side): (&TransferRow, Side), step: &mut Step<'_>) {
        let Some(mut decision) = decision_for(transfer, side) else { return };
        let Some(lost) = &mut decision.lost else { return };
        let party = BySide { payer: &terms.payer, payee: &terms.payee }[side];
        let id_number = party.person.id_number.clone();
        lost.whose = Some(Whose { id_number, id_hash: Digest::default() });
        let province = transfer.provinces()[side];
        if self.naming.insert(decision.leg())
            && let Some(decision) = self.put_off(province, decision)
        {
            send(province, self.outbox.push(province, decision), step);
        }
    }

    /// A node has answered a decision that named somebody: if it has tied the lost leg to him, nobody needs to look
    /// for him.
    pub(super) fn leg_named(&mut self, ack: &Ack, transfer: &TransferRow, step: &mut Step<'_>) {
        let was_named = self.naming.remove(&ack.leg()) && ack.result != AckResult::Rejected;
        let (transfer_id, side, time) = (ack.transfer_id, ack.side, step.now.civil);
        let is_lost = transfer.lost_side.is_some_and(|lost| lost.has(side)) && !ack.leg_record.is_empty();
        if was_named && is_lost && is_nameless(transfer_id, step) {
            step.record(LegNamed { transfer_id, side, leg_record: ack.leg_record.clone() });
            let (side, code) = (Side::Payer, NAMED_CODE.to_owned());
            step.record(IncidentClosed { transfer_id, side, code, time });
        }
    }
}

/// Whether people are still to find out whose the lost leg of a transfer is.
fn is_nameless(transfer_id: TransferId, step: &Step<'_>) -> bool {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    let reasons = [Reason::AdoptedFromOneSide, Reason::LeftOutUnconfirmed];
    noted.is_some_and(|it| reasons.contains(&it.refusal.reason))
        && incident::is_open(LegId { transfer_id, side: Side::Payer }, step)
}
