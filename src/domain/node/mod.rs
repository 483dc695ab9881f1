//! A node's side: its people, accounts and wallets, and its part of every transfer.

mod accept;
pub mod apply;
pub mod compensation;
pub mod daily;
mod decide;
mod members;
mod messages;
mod needs;
mod prepare;
pub mod record;
#[cfg(test)]
mod requests_tests;
pub mod suspension;
#[cfg(test)]
mod suspension_tests;
pub mod tables;
#[cfg(test)]
mod tests;
mod vault;
mod wallets;

pub use decide::{Reaction, reaction};
pub use messages::{Answer, Effect, Input, MemberReport, Standing, Upserted};
pub use prepare::{Known, Precedent, leg_record, precedent};
pub use record::Record;
pub use tables::{Key, Row, Table, legs_in_doubt};
pub use vault::Vault;
pub use wallets::WalletChange;

use crate::domain::machine::need::Needs;
use crate::domain::machine::own::{IncidentRaised, PeerRow, PeerSeen, own};
use crate::domain::machine::step::{Caller, Machine};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::record::{NodeJoined, NodeResynced};
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::call::PeerMark;
use crate::domain::protocol::message::Question;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::value::calendar::{Mono, Now};
use crate::domain::value::id::{Digest, StartId, TransferId};
use crate::domain::value::region::{ProvinceCode, RegionDirectory};
use crate::domain::value::side::Side;
use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;

/// A node's side of the protocol. Holds only what a crash may take: when to ask about which leg.
#[derive(Clone, Debug)]
pub struct NodeMachine {
    province: ProvinceCode,
    start_id: StartId,
    life: Life,
    /// Whether its store was restored, and the hub has not said yet that nothing is missing.
    restored: bool,
    /// How far the hub was seen to have come while this store lacks decisions of before: it may not say that it knows
    /// them, nor may a backup of it.
    hub_mark: Option<PeerMark>,
    /// The hub's sequence when this life was admitted: what it asked before was asked of an earlier life.
    admitted_at: u64,
    /// The hub's life that answered the last announcement, and so holds all that was seen of it here. Nothing is taken
    /// from a later one before it has shown that too: its store may have been restored.
    admitted_by: u64,
    places: Arc<RegionDirectory>,
    rulebook: Arc<Rulebook>,
    vault: Arc<dyn Vault>,
    in_doubt: BTreeMap<(TransferId, Side), Doubt>,
}

/// Where this life of a node stands with the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Life {
    /// This life has not been admitted yet.
    Alone,
    /// It was restored from an older state, and the hub tells again what it lost: it neither votes nor serves.
    Behind,
    /// It takes part.
    Joined,
}

/// A leg in doubt: what it voted on, and when to ask.
#[derive(Clone, Copy, Debug, Hash)]
struct Doubt {
    terms_digest: Digest,
    ask_at: Mono,
}

/// After the hub's deadline has passed a node waits so long before it asks: decisions are on their way.
const ASK_MARGIN_MS: u64 = 1_000;
/// How long a question waits for its answer before it is asked again.
pub const ASK_AGAIN_MS: u64 = 5_000;
/// Most questions in one call.
pub const ASK_MAX: usize = 1_000;

impl NodeMachine {
    /// A node of `province` at its start. `in_doubt`: its prepared legs, as stored.
    pub fn new(
        province: ProvinceCode,
        start_id: StartId,
        places: Arc<RegionDirectory>,
        rulebook: Arc<Rulebook>,
        vault: Arc<dyn Vault>,
        in_doubt: impl IntoIterator<Item = LegRow>,
    ) -> NodeMachine {
        let doubt = |leg: LegRow| {
            ((leg.transfer_id, leg.side), Doubt { terms_digest: leg.terms_digest, ask_at: Mono(0) })
        };
        let in_doubt = in_doubt.into_iter().map(doubt).collect();
        NodeMachine {
            province,
            start_id,
            life: Life::Alone,
            restored: false,
            hub_mark: None,
            admitted_at: 0,
            admitted_by: 0,
            places,
            rulebook,
            vault,
            in_doubt,
        }
    }

    /// What a crash takes: with its rows, all that its next step goes by. A model checker tells its states apart by it.
    pub fn volatile(&self) -> impl Hash + '_ {
        (self.life, self.restored, self.hub_mark, self.admitted_at, self.admitted_by, &self.in_doubt)
    }

    /// Whether the hub has admitted this life, be it to be told again what it lost.
    pub fn is_admitted(&self) -> bool {
        self.life > Life::Alone
    }

    /// Takes note of the hub as it spoke; refuses an older hub and a copy of it. `whole`: this store has all that the
    /// hub has decided, or will be told it.
    fn meet_hub(&mut self, hub: PeerMark, whole: bool, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
        let stored: Option<&PeerRow> = step.rows().get(&Key::Peer(ProvinceCode::HUB));
        let stored = stored.map(PeerRow::mark);
        let seen = self.hub_mark.or(stored);
        let new_life = seen.as_ref().is_none_or(|seen| hub.incarnation > seen.incarnation);
        if let Some(seen) = &seen {
            let older = hub.incarnation < seen.incarnation || (new_life && hub.sequence < seen.sequence);
            let copy = hub.incarnation == seen.incarnation && hub.start_id != seen.start_id;
            let diverged = hub.sequence == seen.sequence && hub.head_hash != seen.head_hash;
            if older || copy || diverged {
                return Err(RefusalRecord::new(
                    Reason::SenderRefused,
                    crate::domain::reason::RefusalSide::Hub,
                ));
            }
        }
        let newer = |known: PeerMark| hub.incarnation > known.incarnation || hub.sequence > known.sequence;
        if !whole {
            self.hub_mark = seen.filter(|seen| !newer(*seen)).or(Some(hub));
        } else if stored.is_none_or(newer) {
            self.note_hub(hub, step);
        }
        if new_life {
            // The hub has restarted: it aborted what was undecided, so whatever is in doubt can be asked at once.
            self.in_doubt.values_mut().for_each(|doubt| doubt.ask_at = step.now.mono);
        }
        Ok(())
    }

    fn note_hub(&mut self, hub: PeerMark, step: &mut Step<'_>) {
        self.hub_mark = None;
        step.record(PeerSeen { province: ProvinceCode::HUB, mark: hub });
    }

    /// Whether nothing that the hub has decided can be missing here.
    fn is_whole(&self) -> bool {
        self.life != Life::Behind && !self.restored
    }

    fn joined(
        &mut self,
        incarnation: u64,
        hub: PeerMark,
        (resync, hub_recovered): (bool, u64),
        step: &mut Step<'_>,
    ) {
        let stored: Option<&PeerRow> = step.rows().get(&Key::Peer(ProvinceCode::HUB));
        let seen = self.hub_mark.or(stored.map(PeerRow::mark));
        // A hub that has recovered has a journal of its own from then on; what this node knew, it has heard.
        let recovered =
            seen.is_some_and(|seen| seen.incarnation < hub_recovered) && hub.incarnation >= hub_recovered;
        if recovered {
            if resync {
                self.hub_mark = Some(hub);
            } else {
                self.note_hub(hub, step);
            }
            self.in_doubt.values_mut().for_each(|doubt| doubt.ask_at = step.now.mono);
        } else if self.meet_hub(hub, !resync, step).is_err() {
            // An answer of an earlier hub that comes late changes nothing for a life that is admitted.
            if self.life == Life::Alone {
                step.effect(Effect::HubRefused);
            }
            return;
        }
        self.admitted_by = self.admitted_by.max(hub.incarnation);
        let known = own(step.rows());
        if known.incarnation != incarnation || known.start_id != self.start_id {
            step.record(NodeJoined { incarnation, start_id: self.start_id, time: step.now.civil });
        }
        if self.life == Life::Alone {
            self.admitted_at = hub.sequence;
        }
        if (self.life == Life::Behind || self.restored) && !resync {
            self.restored = false;
            step.record(NodeResynced { time: step.now.civil });
        }
        self.life = if resync { Life::Behind } else { Life::Joined };
    }

    /// Whether this life stands so well with the hub, at least. Before it is admitted, what the hub says may be meant
    /// for an earlier life whose store was restored since; it is said again.
    fn admitted(&self, least: Life) -> Result<(), RefusalRecord> {
        if self.life >= least {
            return Ok(());
        }
        Err(RefusalRecord::new(Reason::NotAnnounced, crate::domain::reason::RefusalSide::Hub))
    }

    /// Takes note of the hub as it spoke; refuses what it said before it admitted this life, and what was on its way
    /// for long.
    fn meet_admitting_hub(&mut self, hub: PeerMark, step: &mut Step<'_>) -> Result<(), RefusalRecord> {
        if hub.incarnation > self.admitted_by {
            step.effect(Effect::Announce);
            return Err(RefusalRecord::new(Reason::NotAnnounced, crate::domain::reason::RefusalSide::Hub));
        }
        self.meet_hub(hub, self.is_whole(), step)?;
        if hub.sequence >= self.admitted_at {
            return Ok(());
        }
        Err(RefusalRecord::new(Reason::SenderRefused, crate::domain::reason::RefusalSide::Hub))
    }

    /// Whether local requests are served. A node that knows that it is behind would show and change old balances.
    fn serves(&self, caller: Caller, step: &mut Step<'_>) -> bool {
        if !self.is_whole() {
            let refusal = RefusalRecord::new(Reason::Resyncing, crate::domain::reason::RefusalSide::Hub);
            step.refuse_caller(caller, refusal);
        }
        self.is_whole()
    }

    fn ask(&mut self, step: &mut Step<'_>) {
        let (now, joined) = (step.now.mono, self.life == Life::Joined);
        let due = self.in_doubt.iter_mut().filter(|(_, doubt)| joined && doubt.ask_at <= now).take(ASK_MAX);
        let questions: Vec<Question> = due
            .map(|((transfer_id, side), doubt)| {
                doubt.ask_at = now.after(ASK_AGAIN_MS);
                Question { transfer_id: *transfer_id, side: *side, terms_digest: doubt.terms_digest }
            })
            .collect();
        if !questions.is_empty() {
            step.effect(Effect::Ask(questions));
        }
    }

    fn raise(&self, transfer_id: TransferId, side: Side, refusal: RefusalRecord, step: &mut Step<'_>) {
        step.record(IncidentRaised { transfer_id, side, refusal, time: step.now.civil });
        step.effect(Effect::Alarm(transfer_id, side));
    }
}

/// A step of this machine.
type Step<'a> = crate::domain::machine::step::Step<'a, Record, Answer, Effect>;

impl Machine for NodeMachine {
    type Record = Record;
    type Row = Row;
    type Input = Input;
    type Answer = Answer;
    type Effect = Effect;

    fn needs(&self, _now: Now, input: &Input, rows: &WorkingSet<Row>) -> Needs<Key> {
        needs::needs(input, rows).into()
    }

    fn step(&mut self, input: Input, step: &mut Step<'_>) {
        let local = matches!(
            input,
            Input::Check { .. }
                | Input::Upsert { .. }
                | Input::Credit { .. }
                | Input::OpenWallet { .. }
                | Input::ChangeWallet { .. }
                | Input::Suspend { .. }
                | Input::Look { .. }
        );
        if local && NodeMachine::caller(&input).is_some_and(|caller| !self.serves(caller, step)) {
            return;
        }
        match input {
            Input::Joined { incarnation, hub, resync, hub_recovered } => {
                self.joined(incarnation, hub, (resync, hub_recovered), step);
            }
            Input::HubRecovers => {
                self.restored |= self.life == Life::Behind;
                self.life = Life::Alone;
                // It comes back as another life, which may have come less far.
                self.hub_mark = None;
            }
            Input::Restored => self.restored = true,
            Input::Prepare { ticket, hub, legs } => self.prepare(ticket, hub, &legs, step),
            Input::Decide { ticket, hub, decisions } => self.decide(ticket, hub, &decisions, step),
            Input::Rulings { hub, rulings } => self.rulings(hub, rulings, step),
            Input::Check { ticket, legs } => self.check(ticket, &legs, step),
            Input::Upsert { ticket, report } => self.upsert(ticket, *report, step),
            Input::Credit { ticket, request, member_ref, amount, period } => {
                self.credit(ticket, request, member_ref, (amount, period), step);
            }
            Input::OpenWallet { ticket, request, member_ref, use_region, opened_by, holder } => {
                self.open_wallet(ticket, request, member_ref, (use_region, opened_by, holder), step);
            }
            Input::ChangeWallet { ticket, request, member_ref, change } => {
                self.change_wallet(ticket, request, member_ref, change, step);
            }
            Input::Look { ticket, member_ref } => members::stand(ticket, member_ref, None, false, step),
            Input::AskFailed { questions } => self.ask_later(&questions, ASK_MARGIN_MS, step),
            Input::Suspend { ticket, request, member_ref, suspension } => {
                self.suspend(ticket, request, member_ref, suspension, step);
            }
            Input::Rules(rulebook) => self.rulebook = rulebook,
            Input::Tick => self.ask(step),
        }
    }

    fn wake_at(&self) -> Option<Mono> {
        // Before it has joined, nobody can be asked.
        if self.life != Life::Joined {
            return None;
        }
        self.in_doubt.values().map(|doubt| doubt.ask_at).min()
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn caller(input: &Input) -> Option<Caller> {
        match input {
            Input::Prepare { ticket, .. } => Some(ticket.caller()),
            Input::Decide { ticket, .. } => Some(ticket.caller()),
            Input::Check { ticket, .. } => Some(ticket.caller()),
            Input::Upsert { ticket, .. } => Some(ticket.caller()),
            Input::Credit { ticket, .. }
            | Input::OpenWallet { ticket, .. }
            | Input::Suspend { ticket, .. }
            | Input::ChangeWallet { ticket, .. }
            | Input::Look { ticket, .. } => Some(ticket.caller()),
            Input::Joined { .. }
            | Input::Restored
            | Input::HubRecovers
            | Input::Rulings { .. }
            | Input::AskFailed { .. }
            | Input::Rules(_)
            | Input::Tick => None,
        }
    }
}
