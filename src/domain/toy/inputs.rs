//! Inputs of the toy, as messages would bring them.

use super::*;
use crate::domain::machine::step::Ticket;
use crate::domain::protocol::call::Announcement;
use crate::domain::protocol::kind::Kind;

/// A node's announcement, as a first one of its life.
pub fn announcement(
    ticket: u64,
    province: ProvinceCode,
    mark: PeerMark,
    proof: Option<(u64, Digest)>,
) -> hub::Input {
    let announcement = Box::new(Announcement { proof, ..Announcement::default() });
    let ticket = Ticket::new(ticket);
    hub::Input::Announce { ticket, province, node: mark, announcement, knows_us_to: Some(0) }
}

/// The one answer among a node's outputs.
pub fn answer(outputs: Vec<NodeOutput>) -> node::Answer {
    let mut answers = outputs.into_iter().filter_map(|output| match output {
        Output::Answer(_, answer) => Some(answer),
        Output::Effect(_) => None,
    });
    answers.next_back().expect("an answer")
}

pub fn request(name: &str) -> RequestMark {
    RequestMark { request_id: name.to_owned(), digest: Digest([7; 32]) }
}

/// What the payee says to a transfer.
pub fn say(ticket: u64, number: u8, takes: bool) -> hub::Input {
    let request = AcceptRequest {
        transfer_id: id(number),
        payee: Digest([1; 32]),
        takes,
        wait: WaitMode::Recorded,
        deadline_ms: 10_000,
    };
    hub::Input::Accept { ticket: Ticket::new(ticket), request }
}

/// A transfer's request; its digests stand for its amount.
pub fn create(ticket: u64, number: u8, fen: i64) -> hub::Input {
    let party = |province: ProvinceCode, region: u32| Party {
        person: person(u16::from(province.number())),
        region: RegionCode::new(region).expect("a code"),
        province,
    };
    let terms = Terms {
        kind: Kind::TRANSFER,
        payer: party(PAYER, 130_100),
        payee: party(PAYEE, 510_100),
        kinship: Kinship::Parent,
        amount: Money::from_fen(fen),
    };
    let same = Digest([1; 32]);
    let mut whole = Digest([number; 32]);
    whole.0[..8].copy_from_slice(&fen.to_be_bytes());
    let request = CreateRequest {
        transfer_id: id(number),
        owner: "urn:gongji:app:test".to_owned(),
        terms,
        verification: None,
        digests: TermsDigests { payer: same, payee: same, remark: same, whole },
        parties: PartiesRow { transfer_id: id(number), sealed: vec![], receipt_time: Civil(NOON) },
        wait: WaitMode::Recorded,
        deadline_ms: 10_000,
    };
    hub::Input::Create { ticket: Ticket::new(ticket), request: Box::new(request) }
}
