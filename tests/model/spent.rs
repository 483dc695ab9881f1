//! Letters that can change nothing any more, and are taken out of the network so that states do not differ in them.
//!
//! What is written never goes back: a decided transfer, a leg that has ended, a receipt that is recorded, a newer life.
//! Letters about such things have nothing left to do. That they do nothing now is not assumed but tried, with the
//! machine that would get them; if it does take notice, the letter stays.

use super::clocks::all_believe;
use super::letter::{Letter, Message};
use super::server::Server;
use super::world::{Fate, State, World};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::PeerRow;
use gongji::domain::node::NodeMachine;
use gongji::domain::node::tables::LegRow;
use gongji::domain::protocol::{
    AckResult, Announced, HubReply, HubRequest, LegId, LegState, NodeReply, NodeRequest, Ruling,
};
use gongji::domain::value::{ProvinceCode, Side, TransferId};
use gongji::domain::{hub, node};
use std::sync::Arc;

/// How a leg stands for a letter about it.
#[derive(PartialEq)]
enum Leg {
    Unknown,
    Live,
    Ended,
}

/// A letter, the answer to it, and the answer to that: nothing of ours goes on for longer.
const ANSWERS: u8 = 3;

impl World {
    /// Takes out the letters that can change nothing any more.
    pub fn tidy(&self, state: &mut State) {
        // A broken protocol does go back, and so does a store that is restored.
        let goes_back = self.restores() && !state.restored.any();
        // What a server does not take that does not believe its clock would show nothing.
        if self.broken.is_some() || self.keeps || goes_back || !all_believe(state) {
            return;
        }
        let spent = |letter: &Arc<Letter>| self.is_spent(state, letter, ANSWERS);
        let kept: Vec<Arc<Letter>> = state.letters.iter().filter(|it| !spent(it)).cloned().collect();
        state.letters = kept;
    }

    fn is_spent(&self, state: &State, letter: &Letter, answers: u8) -> bool {
        if answers == 0 {
            return false;
        }
        let ended = if letter.is_from_hub() {
            self.is_past_at_node(state, letter)
        } else {
            self.is_past_at_hub(state, letter)
        };
        ended && self.changes_nothing(state, letter, answers - 1)
    }

    fn is_past_at_hub(&self, state: &State, letter: &Letter) -> bool {
        let peer: Option<&PeerRow> = state.hub.get(&hub::Key::Peer(letter.province));
        let sender = letter.sender;
        let gone = peer.is_some_and(|peer| {
            let same = (peer.incarnation, peer.start_id) == (sender.incarnation, sender.start_id);
            !same && sender.incarnation <= peer.incarnation
        });
        let node = &state.nodes[self.place(letter.province)];
        match &letter.message {
            Message::FromNode(NodeReply::Votes(votes)) => {
                let decided = |id| transfer(state, id).is_some_and(|row| row.state.is_decided());
                votes.iter().all(|vote| decided(vote.transfer_id))
            }
            Message::FromNode(NodeReply::Acks(acks)) => {
                let recorded = |id, side| transfer(state, id).is_some_and(|row| is_recorded(row, side));
                gone || acks
                    .iter()
                    .all(|ack| ack.result != AckResult::Rejected && recorded(ack.transfer_id, ack.side))
            }
            Message::ToHub(HubRequest::Resolve(questions)) => {
                gone || questions.iter().all(|it| {
                    transfer(state, it.transfer_id).is_some()
                        && leg(node, it.transfer_id, it.side) == Leg::Ended
                })
            }
            _ => false,
        }
    }

    fn is_past_at_node(&self, state: &State, letter: &Letter) -> bool {
        let node = &state.nodes[self.place(letter.province)];
        let seen: Option<&PeerRow> = node.get(&node::Key::Peer(ProvinceCode::HUB));
        let seen = seen.map_or(0, |peer| peer.incarnation);
        let (older, newer) = (letter.sender.incarnation < seen, letter.sender.incarnation > seen);
        let ended = |id, side| leg(node, id, side) == Leg::Ended;
        let told = |id, side| {
            transfer(state, id).is_some_and(|row| row.state.is_decided() && is_recorded(row, side))
        };
        let nothing_left = match &letter.message {
            Message::ToNode(NodeRequest::Prepare(legs)) => legs.iter().all(|leg| {
                let LegId { transfer_id, side } = leg.reference.id;
                let is_decided = || transfer(state, transfer_id).is_some_and(|row| row.state.is_decided());
                ended(transfer_id, side) && (leg.is_accepted() || is_decided())
            }),
            Message::ToNode(NodeRequest::Decide(it)) => {
                it.iter().all(|it| ended(it.transfer_id, it.side) && told(it.transfer_id, it.side))
            }
            Message::FromHub(HubReply::Rulings(rulings)) => rulings.iter().all(|ruling| match ruling {
                Ruling::Decided(it) => ended(it.transfer_id, it.side),
                Ruling::Pending { .. } | Ruling::Refused { .. } => true,
            }),
            // Calls of announcements are over with their answers.
            Message::FromHub(HubReply::Announced(Announced::Admitted { .. })) if !self.restores() => {
                return Some(node.mark.start_id) != letter.to || (node.has_joined() && !newer);
            }
            Message::FromHub(HubReply::Announced(_) | HubReply::Refused(_)) => {
                return Some(node.mark.start_id) != letter.to;
            }
            _ => false,
        };
        older || (nothing_left && !newer)
    }

    /// Whether its arrival leaves everybody as he is, now.
    fn changes_nothing(&self, state: &State, letter: &Letter, answers: u8) -> bool {
        let mut after = State { letters: Vec::new(), ..state.clone() };
        self.deliver(&mut after, letter, Fate::Survives);
        after.is_like(state) && after.letters.iter().all(|answer| self.is_spent(state, answer, answers))
    }
}

fn transfer(state: &State, id: TransferId) -> Option<&TransferRow> {
    state.hub.get(&hub::Key::Transfer(id))
}

fn is_recorded(row: &TransferRow, side: Side) -> bool {
    match side {
        Side::Payer => row.payer_recorded_seq.is_some(),
        Side::Payee => row.payee_recorded_seq.is_some(),
    }
}

fn leg(node: &Server<NodeMachine>, id: TransferId, side: Side) -> Leg {
    let row: Option<&LegRow> = node.get(&node::Key::Leg(id, side));
    match row.map(|row| row.state) {
        None => Leg::Unknown,
        Some(LegState::Prepared | LegState::Awaiting | LegState::Posted) => Leg::Live,
        Some(
            LegState::Committed
            | LegState::Aborted
            | LegState::Tombstone
            | LegState::Refused
            | LegState::Parked,
        ) => Leg::Ended,
    }
}
