//! Whose a leg is that its node has lost, and the hub with it: the client that repeats its transfer says it again, and
//! the node is told. Persons are stored nowhere here: a crash takes what was not told yet, and the client says it once
//! more.

use super::{HubMachine, Key, Step, TransferRow, decision_for, incident, send};
use crate::domain::hub::record::LegNamed;
use crate::domain::machine::{IncidentClosed, IncidentRow};
use crate::domain::protocol::{Ack, LegId, Terms, Whose};
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Digest, Side, TransferId};

/// Why nobody needs to find out any more whose a leg is.
const NAMED_CODE: &str = "NAMED_BY_CLIENT";

impl HubMachine {
    /// The client of a transfer has said again what it was, and so whose the lost leg is: its node is told, once until
    /// it answers.
    pub(super) fn name_leg(&mut self, terms: &Terms, transfer: &TransferRow, step: &mut Step<'_>) {
        let is_open = |_: &Side| is_nameless(transfer.transfer_id, step);
        let Some(side) = transfer.lost_side.filter(is_open) else { return };
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

    /// A node has answered a decision: if it has tied a lost leg to whom it named, nobody needs to look for him.
    pub(super) fn leg_named(&mut self, ack: &Ack, transfer: &TransferRow, step: &mut Step<'_>) {
        self.naming.remove(&ack.leg());
        let (transfer_id, side, time) = (ack.transfer_id, ack.side, step.now.civil);
        let is_lost = transfer.lost_side == Some(side) && !ack.leg_record.is_empty();
        if is_lost && is_nameless(transfer_id, step) {
            step.record(LegNamed { transfer_id, side, leg_record: ack.leg_record.clone() });
            let (side, code) = (Side::Payer, NAMED_CODE.to_owned());
            step.record(IncidentClosed { transfer_id, side, code, time });
        }
    }
}

/// Whether people are still to find out whose the lost leg of a transfer is.
fn is_nameless(transfer_id: TransferId, step: &Step<'_>) -> bool {
    let noted: Option<&IncidentRow> = step.rows().get(&Key::Incident(transfer_id, Side::Payer));
    noted.is_some_and(|it| it.refusal.reason == Reason::AdoptedFromOneSide)
        && incident::is_open(LegId { transfer_id, side: Side::Payer }, step)
}
