//! Decisions: carried out once, confirmed again, and never turned round.

use super::apply::{PROVINCE, account, account_of};
use super::compensation::{account_of_lost, lost_return};
use super::{Life, NodeMachine, Step};
use crate::domain::machine::own::IncidentRow;
use crate::domain::machine::step::Ticket;
use crate::domain::node::record::{LegDecided, LegReplayed, LegTombstoned, PreparedLeg, ReturnPrepared};
use crate::domain::node::tables::{Key, LegRow, WalletRow};
use crate::domain::protocol::call::PeerMark;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::message::{Ack, AckResult, Decision, Question, Ruling};
use crate::domain::protocol::transfer::Outcome;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::id::TransferId;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::WalletState;
use crate::domain::value::side::Side;

/// What a node does about a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// Settle or return the prepared leg.
    CarryOut,
    /// Bring the leg back from its own record, and settle it: it was lost with the store.
    Replay,
    /// Write a tombstone: the id may never be prepared.
    Bury,
    /// Nothing to do: it is so already.
    Confirm,
    /// It contradicts what is recorded: park it for people.
    Reject,
}

/// The table leg state × outcome, total. `None` is an id never seen. `with_leg`: the decision brings the leg's own
/// record.
pub fn reaction(state: Option<LegState>, outcome: Outcome, with_leg: bool) -> Reaction {
    match (state, outcome) {
        (None | Some(LegState::Awaiting), Outcome::Commit) if with_leg => Reaction::Replay,
        (Some(LegState::Prepared), Outcome::Commit | Outcome::Abort) => Reaction::CarryOut,
        // A leg that waits for acceptance has reserved nothing: there is nothing to return.
        (None | Some(LegState::Awaiting), Outcome::Abort) => Reaction::Bury,
        (Some(LegState::Committed), Outcome::Commit) => Reaction::Confirm,
        (Some(LegState::Refused | LegState::Tombstone | LegState::Aborted), Outcome::Abort) => {
            Reaction::Confirm
        }
        (
            None | Some(LegState::Awaiting | LegState::Refused | LegState::Tombstone | LegState::Aborted),
            Outcome::Commit,
        ) => Reaction::Reject,
        (Some(LegState::Committed), Outcome::Abort) => Reaction::Reject,
    }
}

/// The leg that a replayed commit brings, if it is the one that it decides.
pub(super) fn replayed_leg(decision: &Decision) -> Option<PreparedLeg> {
    let leg: PreparedLeg = borsh::from_slice(&decision.leg_record).ok()?;
    let same = (leg.transfer_id, leg.side, leg.terms_digest)
        == (decision.transfer_id, decision.side, decision.terms_digest);
    let decided = decision.window.is_some() && decision.hub_seq.is_some();
    (same && decided).then_some(leg)
}

impl NodeMachine {
    /// A receipt for each decision, in order.
    pub(super) fn decide(
        &mut self,
        ticket: Ticket<Vec<Ack>>,
        hub: PeerMark,
        decisions: &[Decision],
        step: &mut Step<'_>,
    ) {
        let admitted = self.admitted(Life::Behind).and_then(|()| self.meet_admitting_hub(hub, step));
        if let Err(refusal) = admitted {
            return step.refuse(ticket, refusal);
        }
        let acks = decisions.iter().map(|decision| self.take(decision, step)).collect();
        step.answer(ticket, acks);
    }

    /// The hub's answers to our questions.
    pub(super) fn rulings(&mut self, hub: PeerMark, rulings: Vec<Ruling>, step: &mut Step<'_>) {
        if self.admitted(Life::Joined).and_then(|()| self.meet_admitting_hub(hub, step)).is_err() {
            return;
        }
        for ruling in rulings {
            match ruling {
                Ruling::Decided(decision) => {
                    self.take(&decision, step);
                }
                Ruling::Pending { question, ask_after_ms } => self.ask_later(&[question], ask_after_ms, step),
            }
        }
    }

    /// Puts questions off.
    pub(super) fn ask_later(&mut self, questions: &[Question], after_ms: u64, step: &Step<'_>) {
        let ask_at = step.now.mono.after(after_ms);
        for question in questions {
            if let Some(doubt) = self.in_doubt.get_mut(&(question.transfer_id, question.side)) {
                doubt.ask_at = ask_at;
            }
        }
    }

    fn ask_at_once(&mut self, leg: (TransferId, Side), step: &Step<'_>) {
        if let Some(doubt) = self.in_doubt.get_mut(&leg) {
            doubt.ask_at = step.now.mono;
        }
    }

    fn take(&mut self, decision: &Decision, step: &mut Step<'_>) -> Ack {
        let key = Key::Leg(decision.transfer_id, decision.side);
        let leg = step.rows().share::<LegRow>(&key);
        let (replayed, lost) = (replayed_leg(decision), lost_return(decision));
        let with_leg = replayed.is_some() || lost.is_some();
        let reaction = reaction(leg.as_ref().map(|leg| leg.state), decision.outcome, with_leg);
        // A tombstone may have been made for a question's terms; every other state binds the digest too.
        let differs = leg.as_ref().is_some_and(|leg| leg.terms_digest != decision.terms_digest);
        let (result, refusal) = match reaction {
            // Nothing of those terms is held here. What is held, the hub is asked about by its own.
            Reaction::CarryOut if differs && decision.outcome == Outcome::Abort => {
                self.ask_at_once((decision.transfer_id, decision.side), step);
                (AckResult::Rejected, Some(RefusalRecord::new(Reason::TermsDiffer, decision.side)))
            }
            Reaction::CarryOut | Reaction::Replay if differs => {
                self.reject(decision, Reason::TermsDiffer, step)
            }
            Reaction::Confirm if differs && decision.outcome == Outcome::Commit => {
                self.reject(decision, Reason::TermsDiffer, step)
            }
            Reaction::CarryOut => {
                self.carry_out(decision, step);
                (AckResult::Recorded, None)
            }
            Reaction::Replay if !books_take(replayed.as_ref().or(lost.as_ref().map(|it| &it.leg)), step) => {
                self.reject(decision, Reason::Overflow, step)
            }
            Reaction::Replay => {
                self.replay(decision, replayed, step);
                self.replay_return(decision, lost, step);
                (AckResult::Recorded, None)
            }
            Reaction::Bury => {
                step.record(LegTombstoned {
                    transfer_id: decision.transfer_id,
                    side: decision.side,
                    terms_digest: decision.terms_digest,
                    time: step.now.civil,
                });
                (AckResult::Recorded, None)
            }
            Reaction::Confirm => (AckResult::Already, None),
            Reaction::Reject => self.reject(decision, Reason::ContraryOrder, step),
        };
        Ack {
            transfer_id: decision.transfer_id,
            side: decision.side,
            terms_digest: decision.terms_digest,
            result,
            refusal,
        }
    }

    fn carry_out(&mut self, decision: &Decision, step: &mut Step<'_>) {
        self.in_doubt.remove(&(decision.transfer_id, decision.side));
        step.record(LegDecided {
            transfer_id: decision.transfer_id,
            side: decision.side,
            outcome: decision.outcome,
            window: decision.window,
            hub_seq: decision.hub_seq,
            time: step.now.civil,
        });
    }

    /// Settles a leg that was lost. What the member's account cannot take, or no account of his is there to take, goes
    /// to the province's suspense account, for people.
    fn replay(&mut self, decision: &Decision, leg: Option<PreparedLeg>, step: &mut Step<'_>) {
        let Some(((leg, window), hub_seq)) = leg.zip(decision.window).zip(decision.hub_seq) else { return };
        let own = account(step.rows(), leg.member_ref, account_of(Kind::TRANSFER, leg.side));
        let takes = match leg.side {
            Side::Payer => own.posted.checked_sub(own.held).is_some_and(|free| free >= leg.amount),
            Side::Payee => {
                let wallet: Option<&WalletRow> = step.rows().get(&Key::Wallet(leg.member_ref));
                let sum = own.posted.checked_add(own.pending).and_then(|sum| sum.checked_add(leg.amount));
                wallet.is_some_and(|wallet| wallet.state != WalletState::Closed) && sum.is_some()
            }
        };
        let side = leg.side;
        step.record(LegReplayed { leg, window, hub_seq, time: step.now.civil, suspense: !takes });
        if !takes {
            let refusal = RefusalRecord::new(Reason::ReplayedToSuspense, side);
            self.raise(decision.transfer_id, side, refusal, step);
        }
    }

    /// The same for a leg that carries money back: it is prepared once more, and decided.
    fn replay_return(&mut self, decision: &Decision, lost: Option<ReturnPrepared>, step: &mut Step<'_>) {
        let Some(lost) = lost else { return };
        let account = account_of_lost(&lost, step.rows());
        let takes = account == lost.account;
        step.record(ReturnPrepared { account, ..lost });
        self.carry_out(decision, step);
        if !takes {
            let refusal = RefusalRecord::new(Reason::ReplayedToSuspense, decision.side);
            self.raise(decision.transfer_id, decision.side, refusal, step);
        }
    }

    /// Parks a contrary order. It is told again and again by the hub, but raised once.
    fn reject(
        &mut self,
        decision: &Decision,
        reason: Reason,
        step: &mut Step<'_>,
    ) -> (AckResult, Option<RefusalRecord>) {
        let refusal = RefusalRecord::new(reason, decision.side).with("outcome", decision.outcome.name());
        let noted = step.rows().get::<IncidentRow>(&Key::Incident(decision.transfer_id, decision.side));
        // What a replay noted about the leg hides no contrary order.
        if noted.is_none_or(|noted| noted.refusal.reason != reason) {
            self.raise(decision.transfer_id, decision.side, refusal.clone(), step);
        }
        (AckResult::Rejected, Some(refusal))
    }
}

/// Whether the province's own accounts can take a leg that was lost, wherever it is booked.
fn books_take(leg: Option<&PreparedLeg>, step: &Step<'_>) -> bool {
    let Some(leg) = leg else { return false };
    [AccountKind::Clearing, AccountKind::Suspense].into_iter().all(|kind| {
        let posted = account(step.rows(), PROVINCE, kind).posted;
        posted.checked_add(leg.amount).is_some() && posted.checked_sub(leg.amount).is_some()
    })
}
