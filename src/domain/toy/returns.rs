//! Compensations in the toy.

use super::*;
use crate::domain::hub::{CompensationRequest, CompensationWord};
use crate::domain::machine::step::Ticket;

/// An operator of the toy.
pub fn operator(name: &str) -> String {
    format!("urn:gongji:operator:{name}")
}

/// What an operator says; the ids of compensations begin where those of transfers end.
pub fn compensate(ticket: u64, number: u8, name: &str, word: CompensationWord) -> hub::Input {
    let request = CompensationRequest { compensation_id: id(number), operator: operator(name), word };
    hub::Input::Compensate { ticket: Ticket::new(ticket), request }
}

/// So many fen of a transfer are to go back.
pub fn proposal(number: u8, original: u8, fen: i64) -> CompensationWord {
    let mut terms_digest = Digest([0xcc; 32]);
    terms_digest.0[31] = number;
    terms_digest.0[..8].copy_from_slice(&fen.to_be_bytes());
    CompensationWord::Propose {
        original_id: id(original),
        amount: Money::from_fen(fen),
        reason: "sent twice".to_owned(),
        terms_digest,
    }
}

impl Toy {
    /// Operator A proposes; gives the hub's word.
    pub fn propose(&mut self, number: u8, original: u8, fen: i64) -> hub::Answer {
        self.say_of(number, "a", proposal(number, original, fen))
    }

    /// An operator says something about a compensation that is answered at once.
    pub fn say_of(&mut self, number: u8, name: &str, word: CompensationWord) -> hub::Answer {
        let outputs = self.hub.run(self.now, compensate(90, number, name, word));
        let mut answers = self.settle(outputs);
        answers.pop().expect("an answer").1
    }

    /// Operator B approves; nothing is delivered yet.
    pub fn approve(&mut self, number: u8) -> Vec<HubOutput> {
        let word = CompensationWord::Approve { deadline_ms: 10_000 };
        self.hub.run(self.now, compensate(91, number, "b", word))
    }
}
