//! Inputs of a pair of provinces, as messages would bring them: transfers and compensations are named by small numbers.

use super::at_once::{HubOutput, NodeOutput};
use super::country::{Country, PAYEE, PAYER, Wish, member_ref};
use crate::domain::hub::{
    self, AcceptRequest, CompensationRequest, CompensationWord, CreateRequest, WaitMode,
};
use crate::domain::machine::step::{Caller, Output, Ticket};
use crate::domain::node;
use crate::domain::protocol::call::{Announcement, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::money::Money;
use crate::domain::value::region::ProvinceCode;

/// The id with a number.
pub fn id(number: u8) -> TransferId {
    TransferId([number; 16])
}

/// What the one member of a province is known by at its node.
pub fn member(province: ProvinceCode) -> MemberRef {
    member_ref(province, 0)
}

/// A request for a transfer of so many fen.
pub fn transfer(transfer_id: TransferId, fen: i64) -> CreateRequest {
    let (payer, payee, wait) = ((PAYER, 0), (PAYEE, 0), WaitMode::Recorded);
    Country::request(&Wish { transfer_id, payer, payee, fen, wait, deadline_ms: 10_000 })
}

/// The same, handed in.
pub fn create(ticket: Caller, number: u8, fen: i64) -> hub::Input {
    hub::Input::Create { ticket: Ticket::new(ticket), request: Box::new(transfer(id(number), fen)) }
}

/// The payee takes a transfer, or declines it.
pub fn accept(ticket: Caller, transfer_id: TransferId, takes: bool, wait: WaitMode) -> hub::Input {
    let payee = transfer(transfer_id, 1).digests.payee;
    let request = AcceptRequest { transfer_id, payee, takes, wait, deadline_ms: 10_000 };
    hub::Input::Accept { ticket: Ticket::new(ticket), request }
}

/// The same, by the number of the transfer.
pub fn say(ticket: Caller, number: u8, takes: bool) -> hub::Input {
    accept(ticket, id(number), takes, WaitMode::Recorded)
}

/// A node's announcement, as a first one of its life.
pub fn announcement(
    ticket: Caller,
    province: ProvinceCode,
    node: PeerMark,
    proof: Option<(u64, Digest)>,
) -> hub::Input {
    let announcement = Box::new(Announcement { proof, ..Announcement::default() });
    let ticket = Ticket::new(ticket);
    hub::Input::Announce { ticket, province, node, announcement, knows_us_to: Some(0) }
}

/// The one answer among a node's outputs.
pub fn answer(outputs: Vec<NodeOutput>) -> node::Answer {
    let mut answers = outputs.into_iter().filter_map(|output| match output {
        Output::Answer(_, answer) => Some(answer),
        Output::Effect(_) => None,
    });
    answers.next_back().expect("an answer")
}

/// Why the hub refused its one caller.
pub fn refusal(outputs: &[HubOutput]) -> Reason {
    match outputs.first() {
        Some(Output::Answer(_, hub::Answer::Refused(refusal))) => refusal.reason,
        _ => panic!("not refused: {outputs:?}"),
    }
}

/// The name of an operator.
pub fn operator(name: &str) -> String {
    format!("urn:gongji:operator:{name}")
}

/// What an operator says; the ids of compensations begin where those of transfers end.
pub fn compensate(ticket: Caller, number: u8, name: &str, word: CompensationWord) -> hub::Input {
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
