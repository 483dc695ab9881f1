//! Prepare: judge a leg, and bind the node to it or refuse it, durably either way.

use super::accept::await_acceptance;
use super::apply::{PROVINCE, account, account_of};
use super::record::{LegPrepared, LegRefused, PreparedLeg, ReturnPrepared};
use super::tables::{AccountRow, Key, LegRow, MemberRow, PersonRow, Row, WalletRow};
use super::{ASK_MARGIN_MS, Doubt, Life, NodeMachine, Step, daily};
use crate::domain::kinds::{self, JudgedBy};
use crate::domain::machine::own::own;
use crate::domain::machine::step::Ticket;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::call::PeerMark;
use crate::domain::protocol::leg::{Ask, Leg, LegId, LegRead, LegRef, LegRefusal, LegState, LegTerms, named};
use crate::domain::protocol::message::{Verdict, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::identity::{Identity, known};
use crate::domain::rules::rulebook::PlaceRules;
use crate::domain::rules::{AccountFacts, Facts, against};
use crate::domain::value::calendar::{Day, next_six};
use crate::domain::value::id::{Digest, MemberRef};
use crate::domain::value::id_number::Person;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::money::Money;
use crate::domain::value::side::Side;

/// Beyond this sum of fen, either way, the province's clearing account takes no new transfers.
const CLEARING_MAX: u64 = i64::MAX.unsigned_abs() / 2;

impl NodeMachine {
    /// A vote for each leg, in order.
    pub(super) fn prepare(
        &mut self,
        ticket: Ticket<Vec<Vote>>,
        hub: PeerMark,
        legs: &[LegRead],
        step: &mut Step<'_>,
    ) {
        let admitted = self.admitted(Life::Joined).and_then(|()| self.meet_admitting_hub(hub, step));
        if let Err(refusal) = admitted {
            return step.refuse(ticket, refusal);
        }
        let votes: Vec<Vote> = legs.iter().map(|leg| self.vote(leg, step)).collect();
        step.answer(ticket, votes);
    }

    /// What stands against each leg; writes nothing. A leg without its person can be prepared, never checked.
    pub(super) fn check(
        &self,
        ticket: Ticket<Vec<Vec<RefusalRecord>>>,
        legs: &[LegRead],
        step: &mut Step<'_>,
    ) {
        let refusals = legs.iter().map(|read| match read {
            Ok(leg) => match &leg.ask {
                Ask::ByPerson { person, id_hash } => {
                    self.judge(leg, self.identify(person, *id_hash, step), step).0
                }
                Ask::ById => vec![unsupported(leg, "accepted")],
                Ask::ByOriginal { .. } => vec![unsupported(leg, "kind")],
            },
            Err(refused) => vec![refused.refusal.clone()],
        });
        let refusals: Vec<Vec<RefusalRecord>> = refusals.collect();
        step.answer(ticket, refusals);
    }

    fn vote(&mut self, read: &LegRead, step: &mut Step<'_>) -> Vote {
        let leg = named(read);
        let LegId { transfer_id, side } = leg.id;
        let row = step.rows().get::<LegRow>(&Key::Leg(transfer_id, side)).cloned();
        let same_terms = row.as_ref().is_some_and(|row| row.terms_digest == leg.terms_digest);
        let conflict = |reason| Verdict::Conflict { refusal: RefusalRecord::new(reason, side) };
        let known = Known { same_terms, accepted: read.as_ref().is_ok_and(Leg::is_accepted) };
        let verdict = match (precedent(row.as_ref().map(|row| row.state), known), &row) {
            (Precedent::AbortedBefore, _) => conflict(Reason::AbortedBefore),
            (Precedent::OtherTerms, _) => conflict(Reason::TermsDiffer),
            (Precedent::SameAgain, Some(row)) => same_again(row),
            (Precedent::Judge | Precedent::SameAgain, _) => match read {
                Ok(leg) => self.first_vote(leg, row.as_ref(), step),
                Err(refused) => refuse(refused.clone(), None, step),
            },
        };
        Vote { transfer_id, side, terms_digest: leg.terms_digest, verdict }
    }

    /// The vote on a leg that can be judged, by what it is asked for.
    fn first_vote(&mut self, leg: &Leg, row: Option<&LegRow>, step: &mut Step<'_>) -> Verdict {
        match &leg.ask {
            Ask::ByPerson { person, id_hash } => {
                let identity = self.identify(person, *id_hash, step);
                self.judged_vote(leg, identity, step)
            }
            Ask::ById => self.accepted_vote(leg, row, step),
            Ask::ByOriginal { transfer_id, terms_digest } => {
                self.return_vote(leg, (*transfer_id, *terms_digest), step)
            }
        }
    }

    /// Judges a leg and makes its vote durable.
    pub(super) fn judged_vote(&mut self, leg: &Leg, identity: Identity, step: &mut Step<'_>) -> Verdict {
        let rulebook = self.rules(&leg.terms).hash;
        let (refusals, awaited) = self.judge(leg, identity, step);
        let refusal = refusals.into_iter().next().or_else(|| overflow(leg, identity, step));
        let (Identity::Known(member_ref), None) = (identity, &refusal) else {
            // Identity is judged first, so a refusal is there whenever the person is not known.
            let refusal =
                refusal.unwrap_or_else(|| RefusalRecord::new(Reason::Internal, leg.reference.id.side));
            return refuse(leg.refused(refusal), Some(rulebook), step);
        };
        // From here on nothing may fail.
        if awaited {
            return await_acceptance(leg, member_ref, rulebook, step);
        }
        let prepared = self.bind(leg, member_ref, rulebook, step);
        let leg_record = encode(&prepared);
        step.record(LegPrepared { leg: prepared });
        Verdict::Yes { leg_record, rulebook }
    }

    /// A leg as this node is bound to it from now on, in doubt until its decision comes.
    pub(super) fn bind(
        &mut self,
        leg: &Leg,
        member_ref: MemberRef,
        rulebook: Digest,
        step: &Step<'_>,
    ) -> PreparedLeg {
        let LegRef { id: LegId { transfer_id, side }, terms_digest } = leg.reference;
        let ask_at = step.now.mono.after(leg.time_left_ms).after(ASK_MARGIN_MS);
        self.in_doubt.insert((transfer_id, side), Doubt { terms_digest, ask_at });
        PreparedLeg {
            transfer_id,
            side,
            member_ref,
            amount: leg.terms.amount,
            counter_region: leg.terms.counter_region,
            receipt_time: leg.terms.receipt_time,
            terms_digest,
            rulebook,
            prepare_time: step.now.civil,
            incarnation: own(step.rows()).incarnation,
        }
    }

    fn rules(&self, terms: &LegTerms) -> &PlaceRules {
        self.rulebook.rules(terms.province, terms.region, Day::of(terms.receipt_time))
    }

    /// Who a leg's person is here.
    fn identify(&self, person: &Person, id_hash: Digest, step: &Step<'_>) -> Identity {
        let row = step.rows().get::<PersonRow>(&Key::Person(id_hash));
        match row.map(|row| (row.member_ref, self.vault.holds(row, person))) {
            None => Identity::Unknown,
            Some((member_ref, Some(true))) => Identity::Known(member_ref),
            Some((_, Some(false))) => Identity::NameDiffers,
            // One damaged row must not take the other legs of the call down with it.
            Some((_, None)) => Identity::Damaged,
        }
    }

    /// Every rule that stands against the leg, in the fixed order, and whether it has still to be accepted. Identity
    /// comes first and hides the rest.
    fn judge(&self, leg: &Leg, identity: Identity, step: &Step<'_>) -> (Vec<RefusalRecord>, bool) {
        let (side, terms) = (leg.reference.id.side, &leg.terms);
        let served = self.places.locate(terms.region).is_some_and(|area| area.province == self.province);
        if !served {
            return (vec![RefusalRecord::new(Reason::RegionElsewhere, side)], false);
        }
        let effect = &kinds::of(terms.kind).legs[side];
        let JudgedBy::Rules(rules) = effect.judged_by else {
            return (vec![unsupported(leg, "kind")], false);
        };
        let rows = step.rows();
        let member_ref = if let Identity::Known(member_ref) = identity { Some(member_ref) } else { None };
        let member = member_ref.and_then(|it| rows.get::<MemberRow>(&Key::Member(it)).map(|row| (it, row)));
        if let Some(refusal) = known(identity, side, member.is_some()) {
            return (vec![refusal], false);
        }
        let Some((member_ref, member)) = member else {
            // `known` has refused whoever is no member; nobody is let through for want of a row.
            return (vec![RefusalRecord::new(Reason::Internal, side)], false);
        };
        let account = rows.get::<AccountRow>(&Key::Account(member_ref, effect.account));
        let account = account.filter(|row| row.kind == AccountKind::Personal);
        let wallet = if side == Side::Payee { rows.get(&Key::Wallet(member_ref)) } else { None };
        let facts = Facts {
            side,
            terms,
            accepted: leg.is_accepted(),
            insurance: &member.insurance(),
            suspended_until: member.settlement_suspended_until,
            account: account.map_or_else(AccountFacts::default, |row| AccountFacts {
                free: row.posted.checked_sub(row.held).unwrap_or(Money::ZERO),
                held: row.held,
                day_count: daily::count(row, Day::of(terms.receipt_time)),
            }),
            wallet: wallet.map(|wallet: &WalletRow| wallet.state),
            rules: self.rules(terms),
        };
        against(rules, &facts)
    }
}

/// What this node cannot carry out or look at of a leg, by the field that says so.
fn unsupported(leg: &Leg, field: &str) -> RefusalRecord {
    RefusalRecord::new(Reason::Unsupported, leg.reference.id.side).with("field", field)
}

/// Refuses a leg, durably.
pub(super) fn refuse(refused: LegRefusal, rulebook: Option<Digest>, step: &mut Step<'_>) -> Verdict {
    let LegRef { id: LegId { transfer_id, side }, terms_digest } = refused.reference;
    let refusal = refused.refusal.clone();
    step.record(LegRefused {
        transfer_id,
        side,
        terms_digest,
        amount: refused.amount,
        counter_region: refused.counter_region,
        receipt_time: refused.receipt_time,
        refusal: refused.refusal,
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
fn overflow(leg: &Leg, identity: Identity, step: &Step<'_>) -> Option<RefusalRecord> {
    let Identity::Known(member_ref) = identity else {
        return None;
    };
    let side = leg.reference.id.side;
    let row = account(step.rows(), member_ref, account_of(leg.terms.kind, side));
    let used = match side {
        Side::Payer => Some(row.held),
        Side::Payee => row.posted.checked_add(row.pending),
    };
    let fits = used.and_then(|used| used.checked_add(leg.terms.amount)).is_some()
        && clearing_takes_more(step.rows());
    (!fits).then(|| RefusalRecord::new(Reason::Overflow, side))
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
