//! Operators, in every fourth world: one proposes to carry money of committed transfers back, another one approves, and
//! both ask until they know, whatever dies meanwhile.

use super::network::{Event, Letter, Message, Said};
use super::world::World;
use crate::domain::hub::{CompensationRequest, CompensationWord};
use crate::domain::protocol::TransferState;
use crate::domain::value::{Digest, Money, TransferId};
use crate::testkit::HUB;

/// Callers from this number on are operators, each with one compensation.
const OPERATORS: usize = 1 << 32;

/// Whether a seed's world has operators.
pub fn operates(seed: u64) -> bool {
    seed % 4 == 2
}

/// Money that is to go back.
#[derive(Clone, Debug)]
pub struct Returning {
    /// The compensation, and its transfer.
    pub id: TransferId,
    original: TransferId,
    fen: i64,
    /// Whether the proposal was taken.
    noted: bool,
    /// What its operators were told, once that is terminal.
    pub told: Option<TransferState>,
    /// That answer as it was said.
    first: Option<Said>,
    /// Whether they need no more answers.
    pub done: bool,
}

impl World {
    /// An operator speaks, again if need be; the number after the last one begins another compensation.
    pub(super) fn operate(&mut self, number: usize) {
        if number == self.returning.len() {
            return self.begin_return();
        }
        let Some(it) = self.returning.get(number).filter(|it| !it.done) else { return };
        let (id, deadline_ms) = (it.id, 3_000);
        let mut terms_digest = Digest([0xcc; 32]);
        terms_digest.0[..16].copy_from_slice(&id.0);
        terms_digest.0[24..].copy_from_slice(&it.fen.to_be_bytes());
        let (name, word) = if it.noted {
            ("b", CompensationWord::Approve { deadline_ms })
        } else {
            let (original_id, amount) = (it.original, Money::from_fen(it.fen));
            let reason = "simulated".to_owned();
            ("a", CompensationWord::Propose { original_id, amount, reason, terms_digest })
        };
        let operator = format!("urn:gongji:operator:{name}");
        let message = Message::Compensate(CompensationRequest { compensation_id: id, operator, word });
        let call = (OPERATORS + number) as u64;
        self.send(Letter { from: HUB, to: HUB, call, message });
        let again = self.at + deadline_ms + self.chance.between(200, 1_000);
        self.cluster.network.at(again, Event::Operate(number));
    }

    /// All of a transfer is to go back, or half of it: then the rest may go back, too.
    fn begin_return(&mut self) {
        if self.healing {
            return;
        }
        let next = self.at + self.chance.between(100, 600);
        let committed = self.clients.iter().filter(|client| client.told == Some(TransferState::Committed));
        let wishes: Vec<_> = committed.map(|client| client.wish).collect();
        if wishes.is_empty() {
            return self.cluster.network.at(next, Event::Operate(self.returning.len()));
        }
        let wish = wishes[self.chance.next() as usize % wishes.len()];
        let fen = if self.chance.permille(500) { wish.fen } else { wish.fen / 2 + 1 };
        let id = TransferId(self.chance.bytes());
        let original = wish.transfer_id;
        self.returning.push(Returning {
            id,
            original,
            fen,
            noted: false,
            told: None,
            first: None,
            done: false,
        });
        self.cluster.network.at(next, Event::Operate(self.returning.len()));
        self.operate(self.returning.len() - 1);
    }

    /// What an operator hears; false: the caller is none.
    pub(super) fn operator_hears(&mut self, caller: usize, message: &Message) -> bool {
        let Some(number) = caller.checked_sub(OPERATORS) else { return false };
        let Some(it) = self.returning.get_mut(number) else { return true };
        match message {
            Message::Noted if !it.noted => {
                it.noted = true;
                self.operate(number);
            }
            Message::Stands(said) if said.state.is_decided() => {
                it.done = true;
                let (id, told) = (it.id, *it.told.get_or_insert(said.state));
                let first = *it.first.get_or_insert(*said);
                self.looked.told.push(id);
                if self.is_told_otherwise(id, first, *said) {
                    return true;
                }
                let back = told == TransferState::Committed;
                self.report.count(if back { "carried back" } else { "not carried back" });
            }
            Message::NotTaken(reason) => {
                it.done = true;
                let name = format!("not carried back: {}", reason.code());
                self.report.count(&name);
            }
            _ => {}
        }
        true
    }
}
