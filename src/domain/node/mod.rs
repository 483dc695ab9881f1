//! A node's side: its people, accounts and wallets, and its part of every transfer.

mod accept;
pub mod account;
mod ask;
pub mod change_wallet;
mod check;
pub mod compensation;
pub mod credit;
pub mod daily;
pub mod decide;
pub mod join;
#[cfg(test)]
mod join_tests;
#[cfg(test)]
mod lost_tests;
mod messages;
pub mod name_leg;
pub mod open_wallet;
mod operate;
pub mod posting;
mod prepare;
pub mod prepared;
pub mod record;
pub mod request;
#[cfg(test)]
mod requests_tests;
#[cfg(test)]
mod strangers_tests;
pub mod suspend;
#[cfg(test)]
mod suspend_tests;
pub mod suspense;
pub mod tables;
#[cfg(test)]
mod tests;
mod total;
pub mod upsert;
mod vault;

pub use ask::{ASK_AGAIN_MS, ASK_MAX};
pub use change_wallet::WalletChange;
pub use decide::{Brings, Reaction, reaction};
pub use messages::{Answer, Effect, Input, MemberReport, Standing, Upserted};
pub use posting::PostRequest;
pub use prepare::{Known, Precedent, precedent};
pub use prepared::{bound_kinds, leg_record};
pub use record::Record;
pub use suspend::Suspension;
pub use suspense::in_suspense;
pub use tables::{Key, Row, Table, legs_in, legs_in_doubt, open_legs};
pub use vault::Vault;

use crate::domain::machine::own::{began, close_incident, lower_time, note_time, put_incident, put_peer};
use crate::domain::machine::{Caller, IncidentRaised, Machine, Needs, WorkingSet, vault as vault_rows};
use crate::domain::machine::{assign, lineage, operation};
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::protocol::PeerMark;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::value::{MemberRef, Mono, Now, ProvinceCode, RegionDirectory, Side, StartId, TransferId};
use ask::{ASK_MARGIN_MS, Doubt, Doubts};
use join::needs_of_hub;
use std::collections::BTreeSet;
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
    in_doubt: Doubts,
    /// Members of whom something stands in suspense.
    in_suspense: BTreeSet<MemberRef>,
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

impl NodeMachine {
    /// A node of `province` at its start. `in_doubt`: its prepared and its posted legs, as stored.
    pub fn new(
        province: ProvinceCode,
        start_id: StartId,
        places: Arc<RegionDirectory>,
        rulebook: Arc<Rulebook>,
        vault: Arc<dyn Vault>,
        in_doubt: impl IntoIterator<Item = LegRow>,
    ) -> NodeMachine {
        // The hub is asked about them at once.
        let mut doubts = Doubts::default();
        for leg in in_doubt {
            doubts.insert((leg.transfer_id, leg.side), Doubt::of(&leg), Mono(0));
        }
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
            in_doubt: doubts,
            in_suspense: BTreeSet::new(),
        }
    }

    /// With the members of whom something stands in suspense, as stored.
    pub fn with_suspense(self, accounts: impl IntoIterator<Item = AccountRow>) -> NodeMachine {
        let members = accounts.into_iter().filter(|row| row.kind.beside().is_some());
        let in_suspense = members.map(|row| row.member_ref).collect();
        NodeMachine { in_suspense, ..self }
    }

    /// What a crash takes: with its rows, all that its next step goes by. A model checker tells its states apart by it.
    pub fn volatile(&self) -> impl Hash + '_ {
        let standing = (self.life, self.restored, self.hub_mark, self.admitted_at, self.admitted_by);
        (standing, &self.in_doubt, &self.in_suspense)
    }

    /// Whether the hub has admitted this life, be it to be told again what it lost.
    pub fn is_admitted(&self) -> bool {
        self.life > Life::Alone
    }

    /// Whether its store was restored, and the hub has not said since that nothing is missing.
    pub fn is_restored(&self) -> bool {
        self.restored
    }

    /// Whether local requests are served. A node that knows that it is behind would show and change old balances.
    fn serves(&self, caller: Caller, step: &mut Step<'_>) -> bool {
        if !self.is_whole() {
            step.refuse_caller(caller, request::refusal(Reason::Resyncing));
        }
        self.is_whole()
    }

    fn raise(&self, transfer_id: TransferId, side: Side, refusal: RefusalRecord, step: &mut Step<'_>) {
        step.record(IncidentRaised { transfer_id, side, refusal, time: step.now.civil });
        step.effect(Effect::Alarm(transfer_id, side));
    }
}

impl Record {
    /// See [`crate::domain::node::record::Record::apply`].
    fn apply_to(&self, _sequence: u64, rows: &mut WorkingSet<Row>) {
        match self {
            Record::PeerSeen(record) => put_peer(record.province, record.mark, rows),
            Record::IncidentRaised(record) => put_incident(record, rows),
            Record::TimeNoted(record) => note_time(record.time, rows),
            Record::TimeLowered(record) => lower_time(record, rows),
            Record::OperationProposed(record) => operation::proposed(record, rows),
            Record::OperationAnswered(record) => operation::answered(record, rows),
            Record::IncidentAssigned(record) => assign::assigned(record, rows),
            Record::IncidentClosed(record) => close_incident(record, rows),
            Record::PeerLineage(record) => lineage::told(record, rows),
            Record::NodeJoined(record) => began(record.incarnation, record.start_id, record.time, rows),
            Record::NodeResynced(record) => join::resynced(record, rows),
            Record::StoreRecovered(record) => join::recovered(record, rows),
            Record::MemberRecorded(record) => upsert::recorded(record, rows),
            Record::AccountCredited(record) => credit::credited(record, rows),
            Record::SettlementSuspended(record) => suspend::suspended(record, rows),
            Record::WalletOpened(record) => open_wallet::opened_by_member(record, rows),
            Record::WalletOpenedFor(record) => open_wallet::opened_for(record, rows),
            Record::WalletMoved(record) => change_wallet::moved(record, rows),
            Record::WalletFrozen(record) => change_wallet::frozen(record, rows),
            Record::WalletUnfrozen(record) => change_wallet::unfrozen(record, rows),
            Record::WalletClosed(record) => change_wallet::closed(record, rows),
            Record::RequestNoted(record) => request::noted(record, rows),
            Record::LegPrepared(record) => prepared::bound(record.clone().into(), rows),
            Record::ReturnPrepared(record) => prepared::bound(record.clone().into(), rows),
            Record::LegBound(record) => prepared::bound(record.clone(), rows),
            Record::LegRefused(record) => prepare::refused(record, rows),
            Record::LegAwaited(record) => accept::awaited(record, rows),
            Record::LegTombstoned(record) => decide::tombstone(record, rows),
            Record::LegDecided(record) => decide::decided(record, rows),
            Record::LegReplayed(record) => decide::replayed(record, rows),
            Record::SuspenseSetOff(record) => suspense::was_set_off(record, rows),
            Record::LegNamed(record) => name_leg::named(record, rows),
        }
    }
}

/// Whether it is asked by the province's own systems, whom a node that knows that it is behind refuses.
fn is_local(input: &Input) -> bool {
    match input {
        Input::Check { .. }
        | Input::Upsert { .. }
        | Input::Credit { .. }
        | Input::OpenWallet { .. }
        | Input::ChangeWallet { .. }
        | Input::Suspend { .. }
        | Input::Post { .. }
        | Input::Look { .. } => true,
        Input::Joined { .. }
        | Input::HubRecovers
        | Input::Restored
        | Input::Prepare { .. }
        | Input::Decide { .. }
        | Input::Rulings { .. }
        | Input::AskFailed { .. }
        | Input::Operate { .. }
        | Input::Assign { .. }
        | Input::Keep { .. }
        | Input::Rules(_)
        | Input::Tick => false,
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
        let mut keys = Vec::new();
        match input {
            Input::Joined { .. } => needs_of_hub(&mut keys),
            Input::Prepare { legs, .. } | Input::Check { legs, .. } => prepare::needs(legs, rows, &mut keys),
            Input::Decide { decisions, .. } => decide::needs(decisions.iter(), rows, &mut keys),
            Input::Rulings { rulings, .. } => ask::needs(rulings, rows, &mut keys),
            Input::Upsert { report, .. } => upsert::needs(report, &mut keys),
            Input::Credit { request, member_ref, .. } => credit::needs(request, *member_ref, &mut keys),
            Input::OpenWallet { request, member_ref, .. }
            | Input::Suspend { request, member_ref, .. }
            | Input::ChangeWallet { request, member_ref, .. } => {
                request::needs(request, *member_ref, &mut keys);
            }
            Input::Post { request, .. } => posting::needs_of_request(request, rows, &mut keys),
            Input::Look { member_ref, .. } => account::needs_of_member(*member_ref, &mut keys),
            Input::Assign { request, .. } => keys.push(assign::needs::<Row>(request)),
            Input::Operate { request, .. } => operate::needs(request, rows, &mut keys),
            Input::Keep { changes, .. } => vault_rows::needs(changes, &mut keys),
            Input::Restored
            | Input::HubRecovers
            | Input::AskFailed { .. }
            | Input::Rules(_)
            | Input::Tick => {}
        }
        if !self.in_suspense.is_empty() {
            self.needs_of_suspense(input, rows, &mut keys);
        }
        keys.retain(|key| !rows.knows(key));
        keys.into()
    }

    fn step(&mut self, input: Input, step: &mut Step<'_>) {
        if is_local(&input) && NodeMachine::caller(&input).is_some_and(|caller| !self.serves(caller, step)) {
            return;
        }
        match input {
            Input::Joined { incarnation, hub, lineage, resync, hub_recovered } => {
                self.joined(incarnation, (hub, lineage), (resync, hub_recovered), step);
            }
            Input::HubRecovers => self.leave_hub(),
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
            Input::Look { ticket, member_ref } => {
                request::answer_member(ticket, member_ref, None, false, step)
            }
            Input::Post { ticket, request } => self.post(ticket, &request, step),
            Input::Assign { ticket, request } => assign::assign(ticket, request, step),
            Input::Operate { ticket, request } => operation::operate(self, ticket, &request, step),
            Input::AskFailed { questions } => self.ask_later(&questions, ASK_MARGIN_MS, step),
            Input::Suspend { ticket, request, member_ref, suspension } => {
                self.suspend(ticket, request, member_ref, suspension, step);
            }
            Input::Keep { ticket, changes } => {
                let kept = vault_rows::keep(changes, step);
                step.answer(ticket, kept);
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
        self.in_doubt.first()
    }

    fn tick() -> Input {
        Input::Tick
    }

    fn stamps(input: &Input) -> bool {
        !matches!(
            input,
            Input::Restored
                | Input::Look { .. }
                | Input::Check { .. }
                | Input::Operate { .. }
                | Input::Assign { .. }
                | Input::Keep { .. }
        )
    }

    fn supersedes(later: &Input, earlier: &Input) -> bool {
        matches!((later, earlier), (Input::Rules(_), Input::Rules(_)) | (Input::Tick, Input::Tick))
    }

    fn caller(input: &Input) -> Option<Caller> {
        match input {
            Input::Prepare { ticket, .. } => Some(ticket.caller()),
            Input::Decide { ticket, .. } => Some(ticket.caller()),
            Input::Check { ticket, .. } => Some(ticket.caller()),
            Input::Upsert { ticket, .. } => Some(ticket.caller()),
            Input::Post { ticket, .. } => Some(ticket.caller()),
            Input::Operate { ticket, .. } => Some(ticket.caller()),
            Input::Assign { ticket, .. } => Some(ticket.caller()),
            Input::Keep { ticket, .. } => Some(ticket.caller()),
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
