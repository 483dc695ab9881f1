//! The calls between hub and node, as the machines take them and give them.

use crate::domain::machine::{Caller, Ticket};
use crate::domain::node::tables::{FoundByRow, LegRow};
use crate::domain::protocol::{
    Announced, HeardLeg, HubReply, HubRequest, LegState, NodeReply, NodeRequest, PeerMark,
};
use crate::domain::value::{Digest, IdNumber, ProvinceCode, Side, TransferId};
use crate::domain::{hub, node};

/// What is on its way between the hub and a node.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// The hub asks.
    ToNode(NodeRequest),
    /// The node replies.
    FromNode(NodeReply),
    /// The node asks.
    ToHub(HubRequest),
    /// The hub replies.
    FromHub(HubReply),
}

/// A request as the node's machine takes it; nothing: its server answers by itself.
pub fn asked_of_node(
    request: NodeRequest,
    (hub, caller): (PeerMark, Caller),
    id_hash: impl Fn(&IdNumber) -> Digest,
) -> Option<node::Input> {
    match request {
        NodeRequest::Prepare(legs) => {
            let legs = legs.into_iter().map(|leg| Ok(leg.with_id_hash(&id_hash))).collect();
            Some(node::Input::Prepare { ticket: Ticket::new(caller), hub, legs })
        }
        NodeRequest::Decide(decisions) => {
            let decisions = decisions.into_iter().map(|it| it.with_id_hash(&id_hash)).collect();
            Some(node::Input::Decide { ticket: Ticket::new(caller), hub, decisions })
        }
        NodeRequest::Probe | NodeRequest::WhatWasLost(_) => None,
    }
}

/// What the node's machine says as a reply; nothing: the hub did not ask.
pub fn reply_of_node(answer: node::Answer) -> Option<NodeReply> {
    match answer {
        node::Answer::Votes(votes) => Some(NodeReply::Votes(votes)),
        node::Answer::Acks(acks) => Some(NodeReply::Acks(acks)),
        node::Answer::Refused(refusal) => Some(NodeReply::Refused(refusal.reason)),
        node::Answer::Posted(_)
        | node::Answer::Refusals(_)
        | node::Answer::Operation(_)
        | node::Answer::Incident(_)
        | node::Answer::Standing(_)
        | node::Answer::Kept(_)
        | node::Answer::PersonChanged(_) => None,
    }
}

/// A reply as the hub's machine takes it. `told`: the decisions that it is about, if it is about decisions.
pub fn heard_by_hub(
    reply: NodeReply,
    (province, node): (ProvinceCode, PeerMark),
    told: Vec<(TransferId, Side)>,
) -> Option<hub::Input> {
    match reply {
        NodeReply::Votes(votes) => Some(hub::Input::Votes { province, node, votes }),
        NodeReply::Acks(acks) => Some(hub::Input::Acks { province, node, told, acks }),
        NodeReply::Lost(legs) => Some(hub::Input::Heard { province, legs }),
        NodeReply::Alive(_) | NodeReply::Refused(_) => None,
    }
}

/// A request as the hub's machine takes it. `knows`: whether a mark of the hub is in its journal, which is of this
/// lineage.
pub fn asked_of_hub(
    request: HubRequest,
    (province, node, caller): (ProvinceCode, PeerMark, Caller),
    (knows, lineage): (impl Fn(&PeerMark) -> bool, Option<Digest>),
) -> hub::Input {
    match request {
        HubRequest::Announce(announcement) => {
            let knows_us_to = announcement.hub_seen.filter(knows).map(|seen| seen.sequence);
            let ticket = Ticket::new(caller);
            hub::Input::Announce { ticket, province, node, announcement, knows_us_to, lineage }
        }
        HubRequest::Post(postings) => {
            hub::Input::Post { ticket: Ticket::new(caller), province, node, postings }
        }
        HubRequest::Resolve(questions) => {
            hub::Input::Resolve { ticket: Ticket::new(caller), province, node, questions }
        }
    }
}

/// What the hub's machine says as a reply; nothing: no node asked.
pub fn reply_of_hub(answer: hub::Answer) -> Option<HubReply> {
    match answer {
        hub::Answer::Announced(announced) => Some(HubReply::Announced(announced)),
        hub::Answer::Rulings(rulings) => Some(HubReply::Rulings(rulings)),
        hub::Answer::Refused(refusal) => Some(HubReply::Refused(refusal.reason)),
        hub::Answer::Transfer(_)
        | hub::Answer::Compensation(_)
        | hub::Answer::Operation(_)
        | hub::Answer::Incident(_)
        | hub::Answer::Closed(_)
        | hub::Answer::Cleared(_)
        | hub::Answer::Compared(_)
        | hub::Answer::Break(_)
        | hub::Answer::Kept(_) => None,
    }
}

/// A reply as the node's machine takes it; nothing: its server has to do something, or to ask again.
pub fn heard_by_node(reply: HubReply, hub: PeerMark) -> Option<node::Input> {
    match reply {
        HubReply::Announced(Announced::Admitted { incarnation, resync, hub_recovered, lineage }) => {
            Some(node::Input::Joined { incarnation, hub, lineage, resync, hub_recovered })
        }
        HubReply::Rulings(rulings) => Some(node::Input::Rulings { hub, rulings }),
        HubReply::Announced(Announced::Prove { .. }) | HubReply::Refused(_) => None,
    }
}

/// A leg as its node tells it to a hub that was restored: committed with a later number, or in doubt. `found_by`: what
/// its member is found by there.
pub fn heard(leg: &LegRow, found_by: Option<FoundByRow>, above: u64) -> Option<HeardLeg> {
    let committed = match leg.state {
        // What was posted may have been booked, and the ruling not have come.
        LegState::Prepared | LegState::Posted | LegState::Parked => None,
        LegState::Committed if leg.hub_seq > Some(above) => {
            Some((leg.window?, leg.hub_seq?, leg.decide_time?))
        }
        LegState::Committed
        | LegState::Refused
        | LegState::Tombstone
        | LegState::Aborted
        | LegState::Awaiting => return None,
    };
    Some(HeardLeg {
        transfer_id: leg.transfer_id,
        side: leg.side,
        terms_digest: leg.terms_digest,
        amount: leg.amount,
        counter_region: leg.counter_region?,
        receipt_time: leg.receipt_time,
        committed,
        leg_record: node::leg_record(leg, found_by.map(|row| row.id_hash))?,
        rulebook: leg.rulebook,
        returns: leg.returns,
        kind: leg.kind,
        number: leg.number,
        parked: leg.state == LegState::Parked,
    })
}
