//! Prepare: judge a leg, and bind the node to it or refuse it, durably either way.

use super::accept::{Judged, await_acceptance, unsupported};
use super::apply::{PROVINCE, account, kind_of};
use super::{ASK_MARGIN_MS, Answer, Doubt, Life, NodeMachine, Step};
use crate::domain::machine::own::{PeerMark, own};
use crate::domain::machine::step::Ticket;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::daily;
use crate::domain::node::record::{LegPrepared, LegRefused, PreparedLeg, ReturnPrepared};
use crate::domain::node::tables::{AccountRow, Key, LegRow, MemberRow, PersonRow, Row, WalletRow};
use crate::domain::protocol::acceptance::LegTerms;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::message::{Verdict, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::identity::{Identity, identify};
use crate::domain::rules::rulebook::PlaceRules;
use crate::domain::rules::{Presented, PresentedLeg, RefusedLeg, RestOfFacts, against};
use crate::domain::value::calendar::{Day, next_six};
use crate::domain::value::id::Digest;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::side::Side;

/// Beyond this sum of fen, either way, the province's clearing account takes no new transfers.
const CLEARING_MAX: u64 = i64::MAX.unsigned_abs() / 2;

impl NodeMachine {
    /// A vote for each leg, in order.
    pub(super) fn prepare(&mut self, ticket: Ticket, hub: PeerMark, legs: &[Presented], step: &mut Step<'_>) {
        let admitted = self.admitted(Life::Joined).and_then(|()| self.meet_admitting_hub(hub, step));
        if let Err(refusal) = admitted {
            return step.answer(ticket, Answer::Refused(refusal));
        }
        let votes = legs.iter().map(|leg| self.vote(leg, step)).collect();
        step.answer(ticket, Answer::Votes(votes));
    }

    /// What stands against each leg; writes nothing.
    pub(super) fn check(&self, ticket: Ticket, legs: &[Presented], step: &mut Step<'_>) {
        let refusals = legs.iter().map(|leg| match leg {
            Presented::Leg(presented) => {
                self.judge(&LegTerms::from(&presented.leg), self.identify(presented, step), step).0
            }
            Presented::Accepted(leg) => vec![unsupported(leg.terms.side, "accepted")],
            Presented::Return(leg) => vec![unsupported(leg.side, "kind")],
            Presented::Refused(leg) => vec![leg.refusal.clone()],
        });
        let refusals = refusals.collect();
        step.answer(ticket, Answer::Refusals(refusals));
    }

    fn vote(&mut self, presented: &Presented, step: &mut Step<'_>) -> Vote {
        let (transfer_id, side, terms_digest) = match presented {
            Presented::Leg(PresentedLeg { leg, .. }) => (leg.transfer_id, leg.side, leg.terms_digest),
            Presented::Accepted(leg) => (leg.transfer_id, leg.terms.side, leg.terms_digest),
            Presented::Return(leg) => (leg.transfer_id, leg.side, leg.terms_digest),
            Presented::Refused(leg) => (leg.transfer_id, leg.side, leg.terms_digest),
        };
        let row = step.rows().get::<LegRow>(&Key::Leg(transfer_id, side)).cloned();
        let same_terms = row.as_ref().is_some_and(|row| row.terms_digest == terms_digest);
        let conflict = |reason| Verdict::Conflict { refusal: RefusalRecord::new(reason, side) };
        let known = Known { same_terms, accepted: matches!(presented, Presented::Accepted(_)) };
        let verdict = match (precedent(row.as_ref().map(|row| row.state), known), &row) {
            (Precedent::AbortedBefore, _) => conflict(Reason::AbortedBefore),
            (Precedent::OtherTerms, _) => conflict(Reason::TermsDiffer),
            (Precedent::SameAgain, Some(row)) => same_again(row),
            (Precedent::Judge | Precedent::SameAgain, _) => match presented {
                Presented::Leg(leg) => self.first_vote(leg, step),
                Presented::Accepted(leg) => self.accepted_vote(leg, row.as_ref(), step),
                Presented::Return(leg) => self.return_vote(leg, step),
                Presented::Refused(leg) => refuse(leg.clone(), None, step),
            },
        };
        Vote { transfer_id, side, terms_digest, verdict }
    }

    fn first_vote(&mut self, presented: &PresentedLeg, step: &mut Step<'_>) -> Verdict {
        let (leg, identity) = (&presented.leg, self.identify(presented, step));
        self.judged_vote(&Judged::from(leg), identity, step)
    }

    /// Judges a leg and makes its vote durable.
    pub(super) fn judged_vote(&mut self, leg: &Judged, identity: Identity, step: &mut Step<'_>) -> Verdict {
        let terms = &leg.terms;
        let rulebook = self.rules(terms).hash;
        let (refusals, awaited) = self.judge(terms, identity, step);
        let refusal = refusals.into_iter().next().or_else(|| overflow(terms, identity, step));
        let (Identity::Known(member_ref), None) = (identity, &refusal) else {
            let refused = RefusedLeg {
                transfer_id: leg.transfer_id,
                side: terms.side,
                terms_digest: leg.terms_digest,
                amount: terms.amount,
                counter_region: Some(terms.counter_region),
                receipt_time: terms.receipt_time,
                // Identity is judged first, so a refusal is there whenever the person is not known.
                refusal: refusal.unwrap_or_else(|| RefusalRecord::new(Reason::Internal, terms.side)),
            };
            return refuse(refused, Some(rulebook), step);
        };
        // From here on nothing may fail.
        if awaited {
            return await_acceptance(leg, member_ref, rulebook, step);
        }
        let prepared = PreparedLeg {
            transfer_id: leg.transfer_id,
            side: terms.side,
            member_ref,
            amount: terms.amount,
            counter_region: terms.counter_region,
            receipt_time: terms.receipt_time,
            terms_digest: leg.terms_digest,
            rulebook,
            prepare_time: step.now.civil,
            incarnation: own(step.rows()).incarnation,
        };
        let ask_at = step.now.mono.after(leg.time_left_ms).after(ASK_MARGIN_MS);
        self.in_doubt.insert((leg.transfer_id, terms.side), Doubt { terms_digest: leg.terms_digest, ask_at });
        let leg_record = encode(&prepared);
        step.record(LegPrepared { leg: prepared });
        Verdict::Yes { leg_record, rulebook }
    }

    fn rules(&self, leg: &LegTerms) -> &PlaceRules {
        self.rulebook.rules(leg.province, leg.region, Day::of(leg.receipt_time))
    }

    /// Who the leg's person is here.
    fn identify(&self, presented: &PresentedLeg, step: &Step<'_>) -> Identity {
        let row = step.rows().get::<PersonRow>(&Key::Person(presented.id_hash));
        identify(self.vault.as_ref(), row, &presented.leg.party.person)
    }

    /// Every rule that stands against the leg, in the fixed order, and whether it has still to be accepted.
    fn judge(&self, leg: &LegTerms, identity: Identity, step: &Step<'_>) -> (Vec<RefusalRecord>, bool) {
        let served = self.places.locate(leg.region).is_some_and(|area| area.province == self.province);
        if !served {
            return (vec![RefusalRecord::new(Reason::RegionElsewhere, leg.side)], false);
        }
        let Identity::Known(member_ref) = identity else {
            return against(leg, identity, None, |_| self.no_facts(leg));
        };
        let rows = step.rows();
        let account_row = rows.get::<AccountRow>(&Key::Account(member_ref, kind_of(leg.side)));
        let is_payer = leg.side == Side::Payer;
        against(leg, identity, rows.get::<MemberRow>(&Key::Member(member_ref)), |leg| RestOfFacts {
            account: account_row.filter(|row| row.kind == AccountKind::Personal),
            wallet: if is_payer { None } else { rows.get::<WalletRow>(&Key::Wallet(member_ref)) },
            day_count: account_row.map_or(0, |row| daily::count(row, Day::of(leg.receipt_time))),
            rules: self.rules(leg),
        })
    }

    fn no_facts(&self, leg: &LegTerms) -> RestOfFacts<'_> {
        RestOfFacts { account: None, wallet: None, day_count: 0, rules: self.rules(leg) }
    }
}

/// Refuses a leg, durably.
pub(super) fn refuse(leg: RefusedLeg, rulebook: Option<Digest>, step: &mut Step<'_>) -> Verdict {
    let refusal = leg.refusal.clone();
    step.record(LegRefused {
        transfer_id: leg.transfer_id,
        side: leg.side,
        terms_digest: leg.terms_digest,
        amount: leg.amount,
        counter_region: leg.counter_region,
        receipt_time: leg.receipt_time,
        refusal: leg.refusal,
        rulebook,
        time: step.now.civil,
    });
    Verdict::No { refusal, rulebook }
}

/// Whether the province's clearing account can take more. What is under way is not booked there yet: half of what it
/// can hold is left for that.
pub(super) fn clearing_takes_more(rows: &WorkingSet<Row>) -> bool {
    account(rows, PROVINCE, AccountKind::Clearing).posted.fen().unsigned_abs() <= CLEARING_MAX
}

/// Amounts that could not be booked without passing what a balance can hold are refused before any record.
fn overflow(leg: &LegTerms, identity: Identity, step: &Step<'_>) -> Option<RefusalRecord> {
    let Identity::Known(member_ref) = identity else {
        return None;
    };
    let row = account(step.rows(), member_ref, kind_of(leg.side));
    let used = match leg.side {
        Side::Payer => Some(row.held),
        Side::Payee => row.posted.checked_add(row.pending),
    };
    let fits =
        used.and_then(|used| used.checked_add(leg.amount)).is_some() && clearing_takes_more(step.rows());
    (!fits).then(|| RefusalRecord::new(Reason::Overflow, leg.side))
}

/// What a node says to a prepare, by what it knows of the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precedent {
    /// Nothing yet, or the payee has accepted: its rules judge.
    Judge,
    /// The vote that it gave before, again.
    SameAgain,
    /// The id was aborted: never a yes.
    AbortedBefore,
    /// The id stands for other terms: never a yes.
    OtherTerms,
}

/// What a prepare says of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// The terms are those that were voted on.
    pub same_terms: bool,
    /// The payee has accepted, and the leg is asked for by its id.
    pub accepted: bool,
}

/// The table leg state × terms × acceptance, total. `None` is an id never seen.
pub fn precedent(state: Option<LegState>, known: Known) -> Precedent {
    use LegState::{Aborted, Awaiting, Committed, Prepared, Refused, Tombstone};
    match (state, known.same_terms, known.accepted) {
        (None, true | false, true | false) | (Some(Awaiting), true, true) => Precedent::Judge,
        (Some(Tombstone | Aborted), true | false, true | false) => Precedent::AbortedBefore,
        (Some(Prepared | Committed | Refused), true, true | false) | (Some(Awaiting), true, false) => {
            Precedent::SameAgain
        }
        (Some(Prepared | Committed | Refused | Awaiting), false, true | false) => Precedent::OtherTerms,
    }
}

/// The vote that a leg was given before.
fn same_again(row: &LegRow) -> Verdict {
    if row.state == LegState::Awaiting {
        return Verdict::Awaiting { until: next_six(row.receipt_time), rulebook: row.rulebook };
    }
    match leg_record(row).zip(row.rulebook) {
        Some((leg_record, rulebook)) => Verdict::Yes { leg_record, rulebook },
        None => {
            let refusal =
                row.refusal.clone().unwrap_or_else(|| RefusalRecord::new(Reason::Internal, row.side));
            Verdict::No { refusal, rulebook: row.rulebook }
        }
    }
}

/// The record of a leg that voted yes, from which it can be brought back; nothing of any other.
pub fn leg_record(row: &LegRow) -> Option<Vec<u8>> {
    if !matches!(row.state, LegState::Prepared | LegState::Committed) {
        return None;
    }
    let leg = PreparedLeg {
        transfer_id: row.transfer_id,
        side: row.side,
        member_ref: row.member_ref,
        amount: row.amount,
        counter_region: row.counter_region?,
        receipt_time: row.receipt_time,
        terms_digest: row.terms_digest,
        rulebook: row.rulebook?,
        prepare_time: row.prepare_time,
        incarnation: row.incarnation,
    };
    Some(match row.returns {
        None => encode(&leg),
        Some(returns) => encode(&ReturnPrepared { leg, returns, account: row.account }),
    })
}

/// What a leg is brought back from. A return's is longer than any other's, so they are told apart.
pub(super) fn encode(leg: &impl borsh::BorshSerialize) -> Vec<u8> {
    // Writing to memory cannot fail.
    borsh::to_vec(leg).unwrap_or_default()
}
