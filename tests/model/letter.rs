//! What is on its way between hub and nodes.

use super::server::print;
use gongji::domain::protocol::{
    Announced, Ask, HubReply, HubRequest, Leg, NodeReply, NodeRequest, PeerMark, Ruling, Verdict,
};
use gongji::domain::value::{ProvinceCode, StartId};
pub use gongji::testkit::Message;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A letter to or from a province's node; the other end is the hub.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The province.
    pub province: ProvinceCode,
    /// Its sender, as it was when it was sent.
    pub sender: PeerMark,
    /// The start whose call it answers, where only that may take the answer.
    pub to: Option<StartId>,
    /// What it says. Calls and answers alike are letters of their own: an answer may come late, twice, or to another
    /// life.
    pub message: Message,
    /// Stands for all of it.
    pub print: u64,
}

impl Letter {
    /// A letter.
    pub fn new(province: ProvinceCode, sender: PeerMark, to: Option<StartId>, message: Message) -> Letter {
        let mut letter = Letter { province, sender, to, message, print: 0 };
        letter.print = print(&letter);
        letter
    }
}

impl Letter {
    /// Whether the hub sent it.
    pub fn is_from_hub(&self) -> bool {
        matches!(self.message, Message::ToNode(_) | Message::FromHub(_))
    }

    /// Whether it belongs to an announcement: one call after the other, each over with its answer.
    pub fn is_of_announcement(&self) -> bool {
        match &self.message {
            Message::ToHub(request) => matches!(request, HubRequest::Announce(_)),
            Message::FromHub(reply) => !matches!(reply, HubReply::Rulings(_)),
            Message::ToNode(_) | Message::FromNode(_) => false,
        }
    }
}

impl Hash for Letter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.province, self.sender, self.to, std::mem::discriminant(&self.message)).hash(state);
        match &self.message {
            Message::ToNode(request) => {
                std::mem::discriminant(request).hash(state);
                match request {
                    // The persons behind a leg are those of its terms.
                    NodeRequest::Prepare(legs) => legs.iter().for_each(|leg| {
                        let said = (leg.reference, leg.terms.amount, std::mem::discriminant(&leg.ask));
                        (said, leg.time_left_ms).hash(state);
                    }),
                    NodeRequest::Decide(decisions) => decisions.hash(state),
                    NodeRequest::WhatWasLost(above) => above.hash(state),
                    NodeRequest::Notices(notices) => notices.hash(state),
                    NodeRequest::Probe => {}
                }
            }
            Message::FromNode(reply) => reply.hash(state),
            Message::ToHub(request) => request.hash(state),
            Message::FromHub(reply) => reply.hash(state),
        }
    }
}

fn verdict(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Yes { .. } => "YES".to_owned(),
        Verdict::No { refusal, .. } => format!("NO ({})", refusal.reason.code()),
        Verdict::Awaiting { .. } => "AWAITING".to_owned(),
        Verdict::Conflict { refusal } => format!("CONFLICT ({})", refusal.reason.code()),
    }
}

fn ruling(ruling: &Ruling) -> String {
    match ruling {
        Ruling::Decided(it) => format!("{} {}", it.outcome.name(), it.transfer_id.0[15]),
        Ruling::Pending { question, .. } | Ruling::Refused { question, .. } => {
            format!("not yet {}", question.transfer_id.0[15])
        }
    }
}

fn list<T>(items: &[T], say: impl Fn(&T) -> String) -> String {
    items.iter().map(say).collect::<Vec<_>>().join(", ")
}

fn prepare(leg: &Leg) -> String {
    let (number, side) = (leg.reference.id.transfer_id.0[15], leg.reference.id.side.name());
    match leg.ask {
        Ask::ByPerson { .. } => format!("prepare {number} ({side} {})", leg.terms.amount),
        Ask::ById => format!("prepare {number}, accepted ({side})"),
        Ask::ByOriginal { .. } => format!("prepare {number}, going back ({side})"),
    }
}

/// For people who read a path.
impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (province, life) = (self.province, self.sender.start_id.0[15]);
        let text = match &self.message {
            Message::ToNode(NodeRequest::Prepare(legs)) => list(legs, prepare),
            Message::FromNode(NodeReply::Votes(it)) => {
                list(it, |vote| format!("vote {} on {}", verdict(&vote.verdict), vote.transfer_id.0[15]))
            }
            Message::ToNode(NodeRequest::Decide(it)) => {
                list(it, |it| format!("{} {}", it.outcome.name(), it.transfer_id.0[15]))
            }
            Message::FromNode(NodeReply::Acks(it)) => {
                list(it, |ack| format!("receipt {:?} for {}", ack.result, ack.transfer_id.0[15]))
            }
            Message::ToHub(HubRequest::Announce(it)) => {
                format!("announcement{}", if it.proof.is_some() { ", with proof" } else { "" })
            }
            Message::FromHub(HubReply::Announced(Announced::Admitted { incarnation, resync, .. })) => {
                let behind = if *resync { ", to be told again what it lost" } else { "" };
                format!("admission as {incarnation}{behind}")
            }
            Message::FromHub(HubReply::Announced(Announced::Prove { sequence })) => {
                format!("prove what you have at {sequence}")
            }
            Message::FromHub(HubReply::Refused(_)) => "I was restored, and hear what I lost".to_owned(),
            Message::ToNode(NodeRequest::WhatWasLost(above)) => {
                format!("what do you have after commit {}?", above.0)
            }
            Message::FromNode(NodeReply::Lost(legs, _)) => format!("{} legs", legs.len()),
            Message::ToHub(HubRequest::Resolve(it)) => {
                list(it, |question| format!("question about {}", question.transfer_id.0[15]))
            }
            Message::FromHub(HubReply::Rulings(it)) => format!("ruling: {}", list(it, ruling)),
            other => format!("{other:?}"),
        };
        match self.is_from_hub() {
            true => write!(f, "hub (life {life}) → node {province}: {text}"),
            false => write!(f, "node {province} (life {life}) → hub: {text}"),
        }
    }
}
