//! Protocols that are broken on purpose. Only the harness breaks them: the machines are those of production.

use super::letter::{Letter, Message};
use super::server::Server;
use gongji::domain::hub::HubMachine;
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::TableRow;
use gongji::domain::node::tables::LegRow;
use gongji::domain::protocol::{
    Ack, AckResult, HubReply, HubRequest, LegId, LegState, NodeReply, NodeRequest, PeerMark, Ruling,
};
use gongji::domain::value::Digest;
use gongji::domain::{hub, node};

/// A protocol that is broken on purpose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Broken {
    /// A node forgets an abort that came for an id it had never seen.
    NoTombstone,
    /// What a batch says goes out before it is durable, and the batch may be lost then.
    AnswersBeforeSync,
    /// A hub whose store has lost its decisions takes ids that it does not know for aborted, as a restored one would
    /// that serves before it has recovered.
    HubPresumesAbort,
    /// Nobody compares terms: all digests look the same.
    NoDigest,
    /// The hub takes a node's word for its journal instead of a proof: one that was restored votes and serves before it
    /// was told again what it lost.
    NoProof,
    /// A hub that was restored, and knows it, decides before it has heard the nodes.
    HearsNobody,
    /// The hub takes the end of a call for a receipt of the decisions that were told in it, also where no answer came.
    FailureIsReceipt,
    /// A server believes its civil clock, whatever it shows.
    BelievesAnyClock,
    /// Operators accept a clock that is wrong, and never lower what it has stamped.
    NobodyLowersTime,
}

/// What all digests look like where nobody compares them.
const SAME: Digest = Digest([1; 32]);

impl Broken {
    /// Whether a row is a tombstone.
    pub fn is_tombstone(row: &node::Row) -> bool {
        LegRow::of(row).is_some_and(|leg| leg.state == LegState::Tombstone)
    }

    /// Whether a row is a decided transfer.
    pub fn is_decided(row: &hub::Row) -> bool {
        TransferRow::of(row).is_some_and(|transfer| transfer.state.is_decided())
    }

    /// A decision's call that failed at a node, as the hub takes it.
    pub fn read_failure(
        broken: Option<Broken>,
        failed: hub::Input,
        (hub, node): (&Server<HubMachine>, PeerMark),
    ) -> hub::Input {
        let hub::Input::DecideFailed { province, legs } = failed else { return failed };
        if broken != Some(Broken::FailureIsReceipt) {
            return hub::Input::DecideFailed { province, legs };
        }
        let receipt = |leg: &LegId| {
            let LegId { transfer_id, side } = *leg;
            let transfer: &TransferRow = hub.get(&hub::Key::Transfer(transfer_id))?;
            let (terms_digest, result, refusal) = (transfer.terms_digest, AckResult::Recorded, None);
            Some(Ack { transfer_id, side, terms_digest, result, refusal, leg_record: Vec::new() })
        };
        let told = legs.iter().map(|leg| (leg.transfer_id, leg.side)).collect();
        hub::Input::Acks { province, node, told, acks: legs.iter().filter_map(receipt).collect() }
    }

    /// Makes a digest look like every other one.
    pub fn blur(broken: Option<Broken>, digest: &mut Digest) {
        if broken == Some(Broken::NoDigest) {
            *digest = SAME;
        }
    }

    /// Makes all digests of a letter look the same.
    pub fn blur_letter(letter: &mut Letter) {
        let mut message = letter.message.clone();
        match &mut message {
            Message::ToNode(NodeRequest::Prepare(legs)) => {
                legs.iter_mut().for_each(|leg| leg.reference.terms_digest = SAME);
            }
            Message::ToNode(NodeRequest::Decide(it)) => it.iter_mut().for_each(|it| it.terms_digest = SAME),
            Message::FromNode(NodeReply::Votes(it)) => it.iter_mut().for_each(|it| it.terms_digest = SAME),
            Message::FromNode(NodeReply::Acks(it)) => it.iter_mut().for_each(|it| it.terms_digest = SAME),
            Message::FromNode(NodeReply::Lost(it, _)) => it.iter_mut().for_each(|it| it.terms_digest = SAME),
            Message::ToHub(HubRequest::Resolve(it)) => it.iter_mut().for_each(|it| it.terms_digest = SAME),
            Message::FromHub(HubReply::Rulings(it)) => it.iter_mut().for_each(|ruling| match ruling {
                Ruling::Decided(decision) => decision.terms_digest = SAME,
                Ruling::Pending { question, .. } | Ruling::Refused { question, .. } => {
                    question.terms_digest = SAME
                }
            }),
            Message::ToNode(_) | Message::FromNode(_) | Message::ToHub(_) | Message::FromHub(_) => {}
        }
        *letter = Letter::new(letter.province, letter.sender, letter.to, message);
    }
}
