//! Civil clocks that jump, in worlds that have them. Whether one is believed says the timekeeper of production, by the
//! journal's last stamp alone, as at a start: nobody's peers are heard here. Until it is believed, a server takes
//! nothing that stamps a time, as the engine does; two operators accept it, or lower what it has stamped.

use super::broken::Broken;
use super::server::{Server, Told, print};
use super::world::{Action, Fate, State, World};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::operation::{Operation, OperationRequest, OperationState, OperationWord};
use gongji::domain::machine::{Caller, OperationRow, TableRow, Ticket};
use gongji::domain::value::{Civil, Day, Mono, Now, TransferId, Window};
use gongji::domain::{hub, node};
use gongji::engine::{LIMIT_MS, Timekeeper};
use gongji::testkit::NOON;
use std::sync::Arc;

/// How far a clock jumps ahead: what is decided by it has tomorrow's window.
const AHEAD: Civil = Civil(NOON + 86_400_000);

/// Names the operators, beside clients and the payee.
const OPERATORS: Caller = 29;

/// How a server takes its civil clock.
#[derive(Clone, Copy, Debug, PartialEq, Hash)]
pub enum Clock {
    /// Nothing moves it in this world.
    Right,
    /// The timekeeper judges it.
    Judged {
        /// Two operators have said that it is right.
        accepted: bool,
    },
    /// Broken on purpose: whatever it shows is believed.
    Believed,
}

/// What happens to the clock of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Turn {
    /// It jumps ahead.
    Jumps,
    /// It is set right.
    Right,
    /// Two operators say that it is right as it is.
    Accepted,
    /// Two operators lower what it has stamped.
    Lowered,
}

/// Whose clock: the hub's, or that of a node.
pub type Place = Option<usize>;

/// Every server.
pub const PLACES: [Place; 3] = [None, Some(0), Some(1)];

impl<M: Told> Server<M> {
    /// The time of a step that begins then, and whether the civil clock is believed. What is stamped is never later
    /// than that.
    pub fn reading(&self, mono: Mono) -> (Now, bool) {
        let wall = Now { mono, civil: self.civil };
        let Clock::Judged { accepted } = self.clock else { return (wall, true) };
        let stamped = self.stamped();
        let mut keeper = Timekeeper::new(LIMIT_MS, stamped);
        if accepted {
            keeper.accept(wall);
        }
        let reading = keeper.read(wall);
        let civil = reading.now.civil.max(stamped.unwrap_or_default());
        (Now { mono, civil }, reading.doubt.is_none())
    }

    fn stamped(&self) -> Option<Civil> {
        self.own().map(|own| own.civil).filter(|civil| civil.0 > 0)
    }

    fn is_stamped_ahead(&self) -> bool {
        self.stamped().is_some_and(|stamped| stamped.0 - NOON > LIMIT_MS)
    }

    /// The same server, whose clock has been turned.
    fn turned(&self, civil: Civil, accepted: bool) -> Arc<Server<M>> {
        let clock = match self.clock {
            Clock::Judged { .. } => Clock::Judged { accepted },
            Clock::Right | Clock::Believed => self.clock,
        };
        let mut server = self.clone();
        server.civil = civil;
        Arc::new(server.with_clock(clock))
    }

    /// Two operators have said that the clock is right.
    pub fn accepts_clock(self) -> Server<M> {
        self.with_clock(Clock::Judged { accepted: true })
    }

    fn has_done(&self, is: fn(&Operation) -> bool) -> bool
    where
        OperationRow: TableRow<M::Row>,
    {
        self.all::<OperationRow>().any(|it| it.state == OperationState::Done && is(&it.operation))
    }
}

/// A clock as it stands.
struct Standing {
    is_ahead: bool,
    is_believed: bool,
    is_stamped_ahead: bool,
}

fn standing<M: Told>(server: &Server<M>) -> Standing {
    let (is_ahead, (_, is_believed)) = (server.civil == AHEAD, server.reading(Mono(0)));
    Standing { is_ahead, is_believed, is_stamped_ahead: server.is_stamped_ahead() }
}

fn standing_at(state: &State, place: Place) -> Standing {
    place.map_or_else(|| standing(&state.hub), |node| standing(&state.nodes[node]))
}

/// Whether every server believes its clock.
pub fn all_believe(state: &State) -> bool {
    PLACES.iter().all(|place| standing_at(state, *place).is_believed)
}

impl World {
    /// How servers take their clocks in this world.
    pub fn clock(&self) -> Clock {
        match (self.bounds.clocks, self.broken) {
            (false, _) => Clock::Right,
            (true, Some(Broken::BelievesAnyClock)) => Clock::Believed,
            (true, _) => Clock::Judged { accepted: false },
        }
    }

    /// What may happen to clocks, as actions. One jumps, once.
    pub fn at_the_clocks(&self, state: &State, actions: &mut Vec<Action>) {
        if !self.bounds.clocks {
            return;
        }
        for place in PLACES {
            let Standing { is_ahead, is_believed, is_stamped_ahead } = standing_at(state, place);
            let mut turn = |may: bool, turn| actions.extend(may.then_some(Action::Clock(place, turn)));
            turn(!state.jumped, Turn::Jumps);
            turn(is_ahead, Turn::Right);
            turn(is_ahead && !is_believed, Turn::Accepted);
            turn(!is_ahead && is_stamped_ahead, Turn::Lowered);
        }
    }

    /// It happens.
    pub fn turn_clock(&self, state: &mut State, place: Place, turn: Turn) {
        match turn {
            Turn::Jumps => {
                state.jumped = true;
                set_clock(state, place, AHEAD);
            }
            Turn::Right => set_clock(state, place, Civil(NOON)),
            Turn::Accepted => self.two_operators(state, place, Operation::AcceptClock),
            Turn::Lowered => self.two_operators(state, place, Operation::LowerTime(Civil(NOON))),
        }
    }

    /// Every clock is set right, and operators lower what a wrong one has stamped.
    pub fn mend_clocks(&self, state: &mut State) {
        for place in PLACES.into_iter().filter(|_| self.bounds.clocks) {
            let Standing { is_ahead, is_stamped_ahead, .. } = standing_at(state, place);
            if is_ahead {
                self.turn_clock(state, place, Turn::Right);
            }
            if is_stamped_ahead && self.broken != Some(Broken::NobodyLowersTime) {
                self.turn_clock(state, place, Turn::Lowered);
            }
        }
    }

    fn two_operators(&self, state: &mut State, place: Place, operation: Operation) {
        let done = match place {
            None => state.hub.all::<OperationRow>().count(),
            Some(node) => state.nodes[node].all::<OperationRow>().count(),
        };
        let mut operation_id = TransferId([0xee; 16]);
        operation_id.0[15] = u8::try_from(done).expect("a few operations");
        let reason_code = "WRONG_CLOCK".to_owned();
        let propose = OperationWord::Propose { operation, reason_code, note: String::new() };
        for (name, word) in [("a", propose), ("b", OperationWord::Approve)] {
            let operator = format!("urn:gongji:operator:{name}");
            let request = OperationRequest { operation_id, operator, word, is_clock_believed: true };
            let key = print(&(operation, operation_id, name));
            match place {
                None => self.run_hub(state, key, None, Fate::Survives, || {
                    (
                        Mono(0),
                        hub::Input::Operate { ticket: Ticket::new(OPERATORS), request, reads_cuts: true },
                    )
                }),
                Some(node) => self.run_node(state, node, key, Fate::Survives, || {
                    (Mono(0), node::Input::Operate { ticket: Ticket::new(OPERATORS), request })
                }),
            }
        }
    }
}

fn set_clock(state: &mut State, place: Place, civil: Civil) {
    match place {
        None => state.hub = state.hub.turned(civil, false),
        Some(node) => state.nodes[node] = state.nodes[node].turned(civil, false),
    }
}

/// A time that is far ahead is stamped only where two operators have said that a clock is right.
pub fn stamps_are_believed(_: &World, state: &State) -> bool {
    let accepted = |it: &Operation| *it == Operation::AcceptClock;
    let erred = state.hub.has_done(accepted) || state.nodes.iter().any(|node| node.has_done(accepted));
    erred || PLACES.iter().all(|place| !standing_at(state, *place).is_stamped_ahead)
}

/// In any window of that day: the first one may have been closed by a clock that was ahead.
fn committed_on(state: &State, civil: Civil) -> bool {
    state.hub.all::<TransferRow>().any(|row| row.window.map(Window::day) == Some(Day::of(civil)))
}

/// A commit has the window of a clock that operators had taken for right.
pub fn committed_tomorrow(_: &World, state: &State) -> bool {
    committed_on(state, AHEAD)
}

/// What the hub's wrong clock had stamped was lowered, and it has committed since.
pub fn committed_since_lowered(_: &World, state: &State) -> bool {
    state.hub.has_done(|it| matches!(it, Operation::LowerTime(_))) && committed_on(state, Civil(NOON))
}
