//! What must always hold, and what must be reachable: otherwise the first would prove nothing.

use super::clocks::{committed_since_lowered, committed_tomorrow, stamps_are_believed};
use super::letter::{Letter, Message};
use super::restores::{Restore, knows_more};
use super::server::{Server, print};
use super::world::{Fate, Mark, State, World};
use gongji::domain::audit::books::{Books, HubBooks, NodeBooks};
use gongji::domain::audit::invariant::{INVARIANTS, Violation, violations};
use gongji::domain::hub::tables::{TombstoneRow, TransferRow};
use gongji::domain::machine::{IncidentRow, PeerRow};
use gongji::domain::node::NodeMachine;
use gongji::domain::node::tables::LegRow;
use gongji::domain::protocol::{HubReply, HubRequest, LegState, NodeRequest, Outcome, Ruling, TransferState};
use gongji::domain::reason::Reason;
use gongji::domain::value::{ProvinceCode, Side, TransferId};
use gongji::domain::{hub, node};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex};

/// Whether a check is about every state, or about some state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Expect {
    /// It holds in every state.
    Always,
    /// It holds in some state of worlds that have what it needs.
    Sometimes,
}

/// One check of the model's own, beside the invariants.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// What it says.
    pub says: &'static str,
    /// For every state or for some.
    pub expect: Expect,
    /// The worlds that it is for.
    pub within: fn(&World) -> bool,
    /// Whether it holds.
    pub holds: fn(&World, &State) -> bool,
}

const fn always(says: &'static str, within: fn(&World) -> bool, holds: fn(&World, &State) -> bool) -> Check {
    Check { says, expect: Expect::Always, within, holds }
}

const fn sometimes(
    says: &'static str,
    within: fn(&World) -> bool,
    holds: fn(&World, &State) -> bool,
) -> Check {
    Check { says, expect: Expect::Sometimes, within, holds }
}

/// Neither side commits what the other has aborted: what both-or-neither comes to between two provinces.
pub const ENDS_ALIKE: &str = "no side has committed what the other has aborted";
/// Nobody is told to turn round what he has recorded.
pub const NO_CONTRARY: &str = "no contrary order is ever given";
/// From every state in which all letters are lost, everything comes to its end.
pub const ENDS: &str = "once nothing fails any more, everything ends, on both sides or on neither";

/// No wrong clock stamps anything by itself.
pub const STAMPS: &str =
    "no time that is far ahead is stamped, unless two operators have said that the clock is right";

/// The model's own checks.
pub const CHECKS: &[Check] = &[
    always(ENDS_ALIKE, |world| !unmarked(world), ends_alike),
    // Orders about other terms are contrary: people must look.
    always(NO_CONTRARY, |world| !world.bounds.strays && !unmarked(world), |_, state| !state.alarm),
    always(
        "a node that has seen more of the hub than is in its store takes nothing from it",
        unmarked,
        |_, state| {
            let taken = |node: &usize| {
                let seen: Option<&PeerRow> = state.nodes[*node].get(&node::Key::Peer(ProvinceCode::HUB));
                seen.is_some_and(|seen| seen.incarnation >= state.hub.mark.incarnation)
            };
            ![0, 1].iter().any(|node| state.restored.is_ahead(*node) && taken(node))
        },
    ),
    always(
        "what a hub splits that does not know that it is old is seen by the node that knows more",
        unmarked,
        |world, state| {
            let knows_more = |node: &Arc<Server<NodeMachine>>| knows_more(node, &state.hub);
            ends_alike(world, state) || state.nodes.iter().any(knows_more)
        },
    ),
    always(STAMPS, clocks, stamps_are_believed),
    always(ENDS, |world| !world.bounds.strays && !unmarked(world), ends),
    sometimes("committed on all three", begins_anew, committed_on_all),
    sometimes("a client was told that it is committed", begins_anew, |_, state| {
        state.told.iter().any(|(_, told)| *told == TransferState::Committed)
    }),
    sometimes("aborted by the deadline, and so recorded by both nodes", plain, |world, state| {
        has_ended(world, state) && aborted_for(state, Reason::DeadlineExpired) && hold_nothing(state)
    }),
    sometimes("aborted by a restart of the hub", hub_crashes, |_, state| {
        aborted_for(state, Reason::HubRestarted)
    }),
    sometimes("a tombstone answered CONFLICT", plain, |world, _| world.has_seen(Mark::TombstoneAnswers)),
    sometimes("a question was answered by a hub that had restarted", hub_crashes, |_, state| {
        letter(state, |letter| {
            let ruled = |ruling: &Ruling| matches!(ruling, Ruling::Decided(_));
            letter.sender.incarnation > 1
                && matches!(&letter.message, Message::FromHub(HubReply::Rulings(rulings)) if rulings.iter().any(ruled))
        })
    }),
    sometimes("a hub that had restarted told a commit of its earlier life", hub_crashes, |_, state| {
        letter(state, |letter| {
            letter.sender.incarnation > 1
                && matches!(&letter.message, Message::ToNode(NodeRequest::Decide(it))
                    if it.iter().any(|it| it.outcome == Outcome::Commit))
        })
    }),
    sometimes("a node died between its yes and the commit", node_crashes, |_, state| {
        let later = |node: &Arc<Server<NodeMachine>>| {
            node.all::<LegRow>()
                .any(|leg| leg.state == LegState::Committed && leg.incarnation < node.mark.incarnation)
        };
        state.nodes.iter().any(later)
    }),
    sometimes("the same id with another amount was refused", reuses, |_, state| state.refused != 0),
    sometimes("a node refused by its rules", two, |_, state| {
        let refused = |leg: &LegRow| leg.state == LegState::Refused;
        state.nodes.iter().any(|node| node.all::<LegRow>().any(refused))
    }),
    sometimes("two transfers committed", several, |_, state| {
        state.hub.all::<TransferRow>().filter(|row| row.state == TransferState::Committed).count() == 2
    }),
    sometimes("another prepare of the same id answered CONFLICT", strays, |world, _| {
        world.has_seen(Mark::OtherTerms)
    }),
    sometimes("an id that the hub did not know was written as aborted", strays, |_, state| {
        state.hub.all::<TombstoneRow>().next().is_some()
    }),
    sometimes("an order of other terms was parked", strays, |_, state| state.alarm),
    sometimes("taken by the payee, and committed on all three", accepts, |world, state| {
        state.said == 1 && committed_on_all(world, state)
    }),
    sometimes("declined by the payee", accepts, |_, state| aborted_for(state, Reason::Declined)),
    sometimes("not taken by the hour", accepts, |_, state| aborted_for(state, Reason::NotTakenInTime)),
    sometimes("taken, and without votes until its time was up", accepts, |_, state| {
        state.said & 1 != 0 && aborted_for(state, Reason::DeadlineExpired)
    }),
    sometimes("a leg that was lost came back with its commit", hears_all, |_, state| {
        let committed = |leg: &LegRow| leg.state == LegState::Committed;
        let back = |node: &usize| state.restored.nodes[*node].is_some();
        let back = [0, 1].into_iter().find(back).map(|node| &state.nodes[node]);
        state.restored.lost_leg && back.is_some_and(|node| node.all::<LegRow>().any(committed))
    }),
    sometimes("a node that was restored has everything again, and takes part", hears_all, |world, state| {
        let back = |node: &usize| state.restored.nodes[*node].is_some() && world.is_known(state, *node);
        [0, 1].iter().any(back) && committed_on_all(world, state)
    }),
    sometimes("a node had to prove what its journal holds", has_to_prove, |_, state| {
        let proves = |letter: &Letter| match &letter.message {
            Message::ToHub(HubRequest::Announce(it)) => it.proof.is_some(),
            _ => false,
        };
        letter(state, proves)
    }),
    sometimes("a hub that was restored adopted a commit that a side had recorded", recovers, |_, state| {
        state.hub.all::<TransferRow>().any(|row| row.is_adopted()) && decided_at_recovery(state).is_none()
    }),
    sometimes("it committed what both sides held in doubt", recovers, |_, state| {
        decided_at_recovery(state).is_some()
    }),
    sometimes("a hub that does not know that it is old was refused", unmarked, |world, _| {
        world.has_seen(Mark::HubBehind)
    }),
    sometimes("a caller was refused, since the clock was not believed", clocks, |world, _| {
        world.has_seen(Mark::ClockNotBelieved)
    }),
    sometimes("committed in the window of a clock that operators took for right", clocks, committed_tomorrow),
    sometimes(
        "what a wrong clock had stamped was lowered, and a transfer committed after that",
        clocks,
        committed_since_lowered,
    ),
];

/// Worlds that begin with nothing, and come far enough.
fn begins_anew(world: &World) -> bool {
    !world.restores() && (!world.bounds.accepts || accepts(world))
}

fn plain(world: &World) -> bool {
    !world.restores() && !world.bounds.accepts
}

/// Worlds in which a payee has his say, and come far enough.
fn accepts(world: &World) -> bool {
    world.bounds.accepts && world.bounds.steps.is_none()
}

/// The worlds that go on until a node that was restored has heard what it lost.
fn hears_all(world: &World) -> bool {
    world.bounds.restore == Restore::Node && world.bounds.begun.contains(&6)
}

/// Once nodes and hub know all of each other there is nothing left to prove.
fn has_to_prove(world: &World) -> bool {
    world.bounds.restore == Restore::Node && world.bounds.begun.contains(&2)
}

/// The worlds that go on until a hub that was restored has recovered.
fn recovers(world: &World) -> bool {
    world.bounds.restore == Restore::Hub && world.bounds.asked
}

fn unmarked(world: &World) -> bool {
    world.bounds.restore == Restore::HubUnmarked
}

fn decided_at_recovery(state: &State) -> Option<&IncidentRow> {
    state.hub.all::<IncidentRow>().find(|it| it.refusal.reason == Reason::DecidedAtRecovery)
}

fn hub_crashes(world: &World) -> bool {
    world.bounds.hub_crashes > 0 && plain(world)
}

fn node_crashes(world: &World) -> bool {
    world.bounds.node_crashes > 0 && plain(world)
}

fn clocks(world: &World) -> bool {
    world.bounds.clocks
}

fn strays(world: &World) -> bool {
    world.bounds.strays
}

fn reuses(world: &World) -> bool {
    let requests = world.bounds.requests;
    requests.iter().any(|(id, fen)| requests.iter().any(|(other, it)| id == other && fen != it))
}

fn transfers(world: &World) -> bool {
    world.bounds.requests.iter().any(|(id, _)| *id != world.bounds.requests[0].0)
}

fn two(world: &World) -> bool {
    transfers(world) && world.bounds.daily == 1
}

fn several(world: &World) -> bool {
    transfers(world) && world.bounds.daily > 1
}

fn letter(state: &State, is: impl Fn(&Letter) -> bool) -> bool {
    state.letters.iter().any(|letter| is(letter))
}

fn aborted_for(state: &State, reason: Reason) -> bool {
    let for_it = |row: &TransferRow| row.refusal.as_ref().is_some_and(|it| it.reason == reason);
    state.hub.all::<TransferRow>().any(for_it)
}

fn hold_nothing(state: &State) -> bool {
    let ended = |leg: &LegRow| matches!(leg.state, LegState::Aborted | LegState::Tombstone);
    state.nodes.iter().all(|node| node.all::<LegRow>().any(ended))
}

fn committed_on_all(_: &World, state: &State) -> bool {
    let committed = |leg: &LegRow| leg.state == LegState::Committed;
    let recorded = |row: &TransferRow| {
        row.state == TransferState::Committed
            && row.payer_recorded_seq.is_some()
            && row.payee_recorded_seq.is_some()
    };
    state.hub.all::<TransferRow>().any(recorded)
        && state.nodes.iter().all(|node| node.all::<LegRow>().any(committed))
}

fn ends_alike(_: &World, state: &State) -> bool {
    let leg = |node: usize, side: Side| state.nodes[node].all::<LegRow>().filter(move |leg| leg.side == side);
    leg(0, Side::Payer).all(|payer| {
        let same = |payee: &&LegRow| payee.transfer_id == payer.transfer_id;
        leg(1, Side::Payee).find(same).is_none_or(|payee| {
            let ended = |leg: &LegRow| {
                matches!(leg.state, LegState::Aborted | LegState::Tombstone | LegState::Refused)
            };
            let committed = |leg: &LegRow| leg.state == LegState::Committed;
            !(committed(payer) && ended(payee) || ended(payer) && committed(payee))
        })
    })
}

/// Everybody has joined, and nobody waits for anything. Old letters may still arrive: they must not change it.
pub fn has_ended(world: &World, state: &State) -> bool {
    !is_unfinished(state)
        && !state.hub.is_marked()
        && [0, 1].iter().all(|node| world.is_known(state, *node))
        && state.nodes.iter().all(|node| node.in_doubt().next().is_none())
}

/// What the table of invariants says of a state.
pub fn found<'a>(world: &World, state: &'a State) -> &'a [Violation] {
    state.found.get_or_init(|| {
        // Until it has heard what it lost the hub's books are old, and it serves nobody. One that does not know that it
        // is old keeps books of its own, and nodes take nothing from it.
        if state.hub.is_marked() || state.restored.hub == Some(false) {
            return Arc::default();
        }
        let books = print(&(servers(state), &state.told));
        if world.sound.has(books) {
            return Arc::default();
        }
        let node = |at: usize| NodeBooks::of(world.country.provinces[at], state.nodes[at].rows().cloned());
        let found = violations(&Books {
            hub: HubBooks::of(state.hub.rows().cloned()).with_journal(state.hub.decisions()),
            nodes: vec![node(0), node(1)],
            told: state.told.iter().copied().collect(),
            restored: state.restored.incarnations(&world.country.provinces),
            closed_numbers: 0,
            hub_lost: state.restored.hub.is_some(),
            at_rest: has_ended(world, state),
        });
        if found.is_empty() {
            world.sound.add(books);
        }
        Arc::new(found)
    })
}

fn servers(state: &State) -> u64 {
    print(&(state.hub.print, state.nodes[0].print, state.nodes[1].print, state.restored))
}

/// What need not be looked at again.
#[derive(Debug, Default)]
pub struct Known {
    prints: Mutex<HashSet<u64>>,
}

impl Known {
    fn has(&self, print: u64) -> bool {
        self.prints.lock().expect("no holder panics").contains(&print)
    }

    /// All of it.
    pub fn all(&self) -> BTreeSet<u64> {
        self.prints.lock().expect("no holder panics").iter().copied().collect()
    }

    fn add(&self, print: u64) {
        self.prints.lock().expect("no holder panics").insert(print);
    }
}

/// Whether everything ends from here. It depends on the servers only.
fn ends(world: &World, state: &State) -> bool {
    let servers = print(&(servers(state), &state.told));
    let ends = world.healed.has(servers) || heal(world, state);
    if ends {
        world.healed.add(servers);
    }
    ends
}

/// Rounds in which everything must have ended.
const ROUNDS: usize = 8;

fn heal(world: &World, state: &State) -> bool {
    let (ended, wrong) = healed(world, state);
    ended && wrong.is_empty()
}

/// From here on nothing is lost any more, links come back and time passes. What was on its way is lost. Whether
/// everything ends, and what is wrong then.
pub fn healed(world: &World, state: &State) -> (bool, Vec<Violation>) {
    let (letters, told) = (Vec::new(), BTreeSet::new());
    let committed = |state: &State| -> BTreeSet<TransferId> {
        let legs = state.nodes.iter().flat_map(|node| node.all::<LegRow>());
        let recorded = legs.filter(|leg| leg.state == LegState::Committed).map(|leg| leg.transfer_id);
        let told = state.told.iter().filter(|(_, told)| *told == TransferState::Committed);
        recorded.chain(told.map(|(id, _)| *id)).collect()
    };
    let before = committed(state);
    let mut state = State { letters, told, found: Default::default(), ..state.clone() };
    if world.bounds.accepts {
        world.hour(&mut state, Fate::Survives);
    }
    for _ in 0..ROUNDS {
        world.mend_clocks(&mut state);
        for node in [0, 1] {
            if !world.is_known(&state, node) || state.hub.is_marked() {
                world.announce(&mut state, node);
                world.deliver_all(&mut state);
            }
            if state.nodes[node].in_doubt().next().is_some() {
                world.node_tick(&mut state, node);
            }
        }
        if is_unfinished(&state) {
            world.hub_tick(&mut state, true, Fate::Survives);
            world.deliver_all(&mut state);
        }
        for node in [0, 1] {
            if is_unfinished(&state) || state.restored.is_away(node) {
                world.link(&mut state, node, false);
                world.link(&mut state, node, true);
            }
        }
        world.deliver_all(&mut state);
        world.hub_tick(&mut state, true, Fate::Survives);
        if has_ended(world, &state) {
            let mut wrong = found(world, &state).to_vec();
            // What a side has recorded, or a client was told, is still so.
            let after = committed(&state);
            let lost = before.difference(&after).map(|id| (Some(*id), "its commit is lost"));
            let lost: Vec<_> =
                lost.chain(state.alarm.then_some((None, "a contrary order was given"))).collect();
            wrong.extend(lost.into_iter().map(|(transfer_id, found)| Violation {
                invariant: "once everything has ended",
                transfer_id,
                found: found.to_owned(),
            }));
            return (true, wrong);
        }
    }
    (false, Vec::new())
}

fn is_unfinished(state: &State) -> bool {
    state.hub.rows().any(|row| hub::unfinished_transfers().admits(row))
}

/// How many checks there are, the invariants first.
pub const COUNT: usize = INVARIANTS.len() + CHECKS.len();

/// What a check says, and whether it is for every state. The invariants come first.
pub fn named(number: usize) -> (&'static str, String, Expect) {
    match INVARIANTS.get(number) {
        Some(invariant) => (invariant.id, format!("{}: {}", invariant.id, invariant.says), Expect::Always),
        None => {
            let check = &CHECKS[number - INVARIANTS.len()];
            (check.says, check.says.to_owned(), check.expect)
        }
    }
}

/// Whether a check is for this world.
pub fn is_for(number: usize, world: &World) -> bool {
    number < INVARIANTS.len() || (CHECKS[number - INVARIANTS.len()].within)(world)
}

/// Whether a check holds in a state.
pub fn holds(number: usize, world: &World, state: &State) -> bool {
    match INVARIANTS.get(number) {
        Some(invariant) => found(world, state).iter().all(|it| it.invariant != invariant.id),
        None => (CHECKS[number - INVARIANTS.len()].holds)(world, state),
    }
}
