//! What is on its way between hub and nodes.

use super::server::print;
use gongji::domain::hub::HeardLeg;
use gongji::domain::machine::own::PeerMark;
use gongji::domain::node;
use gongji::domain::protocol::leg::{Ask, Leg};
use gongji::domain::protocol::message::{Ack, Decision, Question, Ruling, Verdict, Vote};
use gongji::domain::value::id::Digest;
use gongji::domain::value::region::ProvinceCode;
use std::fmt;
use std::hash::{Hash, Hasher};

/// What it says. Calls and answers alike are letters of their own: an answer may come late, twice, or to another life.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// Hub: a leg to prepare.
    Prepare(Box<Leg>),
    /// Node: votes.
    Votes(Vec<Vote>),
    /// Hub: a decision.
    Decide(Decision),
    /// Node: receipts.
    Acks(Vec<Ack>),
    /// Node: it has started; where stores are restored, with what it knows of the hub, and proof.
    Announce(Option<Box<Shown>>),
    /// Hub: the incarnation for that start, whether it is told again first what it lost, and since when the hub has
    /// recovered. Only the process that asked takes it.
    Admitted(u64, [u8; 16], (bool, u64)),
    /// Hub: that start has to prove what it has at a sequence.
    Prove(u64, [u8; 16]),
    /// Hub, to that start: it was restored, and hears what it lost.
    Recovering([u8; 16]),
    /// Hub: what does the node have that is later than this number, or in doubt?
    WhatWasLost(u64),
    /// Node: this, to that life of the hub.
    Legs([u8; 16], Vec<HeardLeg>),
    /// Node: questions about legs in doubt.
    Ask(Vec<Question>),
    /// Hub: their answers.
    Rulings(Vec<Ruling>),
}

/// What a node shows of itself where stores are restored.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct Shown {
    /// How far it has seen the hub.
    pub hub: Option<PeerMark>,
    /// Its journal's hash at a sequence that the hub asked for.
    pub proof: Option<(u64, Digest)>,
    /// Whether this start was admitted before.
    pub again: bool,
}

/// A letter to or from a province's node; the other end is the hub.
#[derive(Clone, Debug, PartialEq)]
pub struct Letter {
    /// The province.
    pub province: ProvinceCode,
    /// Its sender, as it was when it was sent.
    pub sender: PeerMark,
    /// What it says.
    pub message: Message,
    /// Stands for all of it.
    pub print: u64,
}

impl Letter {
    /// A letter.
    pub fn new(province: ProvinceCode, sender: PeerMark, message: Message) -> Letter {
        let mut letter = Letter { province, sender, message, print: 0 };
        letter.print = print(&letter);
        letter
    }
}

impl Letter {
    /// Whether the hub sent it.
    pub fn is_from_hub(&self) -> bool {
        matches!(
            self.message,
            Message::Prepare(_)
                | Message::Decide(_)
                | Message::Admitted(..)
                | Message::Prove(..)
                | Message::Recovering(_)
                | Message::WhatWasLost(_)
                | Message::Rulings(_)
        )
    }

    /// Whether it belongs to an announcement: one call after the other, each over with its answer.
    pub fn is_of_announcement(&self) -> bool {
        matches!(
            self.message,
            Message::Announce(_) | Message::Admitted(..) | Message::Prove(..) | Message::Recovering(_)
        )
    }
}

impl Hash for Letter {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.province, self.sender, std::mem::discriminant(&self.message)).hash(state);
        match &self.message {
            // The persons behind a leg are those of its terms.
            Message::Prepare(leg) => {
                let said = (leg.reference, leg.terms.amount, std::mem::discriminant(&leg.ask));
                (said, leg.time_left_ms).hash(state);
            }
            Message::Votes(votes) => votes.hash(state),
            Message::Decide(decision) => decision.hash(state),
            Message::Acks(acks) => acks.hash(state),
            Message::Announce(shown) => shown.hash(state),
            Message::Admitted(incarnation, start_id, how) => (incarnation, start_id, how).hash(state),
            Message::Prove(sequence, start_id) => (sequence, start_id).hash(state),
            Message::Recovering(start_id) => start_id.hash(state),
            Message::WhatWasLost(above) => above.hash(state),
            Message::Legs(start_id, legs) => (start_id, legs).hash(state),
            Message::Ask(questions) => questions.hash(state),
            Message::Rulings(rulings) => rulings.hash(state),
        }
    }
}

/// A node's answer as a letter, if it is one that the hub goes by.
pub fn answered(answer: node::Answer) -> Option<Message> {
    match answer {
        node::Answer::Votes(votes) => Some(Message::Votes(votes)),
        node::Answer::Acks(acks) => Some(Message::Acks(acks)),
        _ => None,
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
        Ruling::Pending { question, .. } => format!("not yet {}", question.transfer_id.0[15]),
    }
}

fn list<T>(items: &[T], say: impl Fn(&T) -> String) -> String {
    items.iter().map(say).collect::<Vec<_>>().join(", ")
}

/// For people who read a path.
impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (province, life) = (self.province, self.sender.start_id.0[15]);
        let text = match &self.message {
            Message::Prepare(leg) => {
                let (number, side) = (leg.reference.id.transfer_id.0[15], leg.reference.id.side.name());
                match leg.ask {
                    Ask::ByPerson { .. } => format!("prepare {number} ({side} {})", leg.terms.amount),
                    Ask::ById => format!("prepare {number}, accepted ({side})"),
                    Ask::ByOriginal { .. } => format!("prepare {number}, going back ({side})"),
                }
            }
            Message::Votes(it) => {
                list(it, |vote| format!("vote {} on {}", verdict(&vote.verdict), vote.transfer_id.0[15]))
            }
            Message::Decide(it) => format!("{} {}", it.outcome.name(), it.transfer_id.0[15]),
            Message::Acks(it) => {
                list(it, |ack| format!("receipt {:?} for {}", ack.result, ack.transfer_id.0[15]))
            }
            Message::Announce(shown) => {
                let proves = shown.as_ref().is_some_and(|shown| shown.proof.is_some());
                format!("announcement{}", if proves { ", with proof" } else { "" })
            }
            Message::Admitted(incarnation, _, (resync, _)) => {
                let behind = if *resync { ", to be told again what it lost" } else { "" };
                format!("admission as {incarnation}{behind}")
            }
            Message::Prove(sequence, _) => format!("prove what you have at {sequence}"),
            Message::Recovering(_) => "I was restored, and hear what I lost".to_owned(),
            Message::WhatWasLost(above) => format!("what do you have after commit {above}?"),
            Message::Legs(_, legs) => format!("{} legs", legs.len()),
            Message::Ask(it) => list(it, |question| format!("question about {}", question.transfer_id.0[15])),
            Message::Rulings(it) => format!("ruling: {}", list(it, ruling)),
        };
        match self.is_from_hub() {
            true => write!(f, "hub (life {life}) → node {province}: {text}"),
            false => write!(f, "node {province} (life {life}) → hub: {text}"),
        }
    }
}
