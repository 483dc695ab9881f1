//! Prepare: judge a leg, and bind the node to it or refuse it, durably either way.

use super::account::{CLEARING, PROVINCE, account, account_of, can_grow};
use super::check::needs_of_rules;
use super::decide::blank;
use super::prepared::{LegRecord, leg_record};
use super::record::{LegBound, LegRefused, PreparedLeg};
use super::tables::{FoundByRow, Key, LegRow, PersonRow, Row};
use super::{ASK_MARGIN_MS, Doubt, Life, NodeMachine, Step, accept, compensation, needs_of_hub};
use crate::domain::kinds;
use crate::domain::machine::own::own;
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::protocol::leg::named;
use crate::domain::protocol::{
    Ask, Leg, LegId, LegRead, LegRef, LegRefusal, LegState, PeerMark, Verdict, Vote,
};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::identity::Identity;
use crate::domain::value::calendar::next_six;
use crate::domain::value::{AccountKind, Day, Digest, Direction, MemberRef, TransferId};

/// Beyond this sum of fen, either way, the province's clearing account takes no new transfers.
const CLEARING_MAX: u64 = i64::MAX.unsigned_abs() / 2;

pub(super) fn needs(legs: &[LegRead], rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    needs_of_hub(keys);
    keys.push(CLEARING);
    legs.iter().for_each(|leg| needs_of_one(leg, rows, keys));
}

/// First the leg, and by what it is asked for; once its member is known, what is judged of him.
fn needs_of_one(read: &LegRead, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let id = named(read).id;
    let row = Key::Leg(id.transfer_id, id.side);
    let Ok(leg) = read else { return keys.push(row) };
    match &leg.ask {
        Ask::ByPerson { id_hash, .. } => {
            let person = Key::Person(*id_hash);
            if !rows.knows(&person) {
                return keys.extend([row, person]);
            }
            keys.push(row);
            let member_ref = rows.get::<PersonRow>(&person).map(|row| row.member_ref);
            keys.extend(member_ref.into_iter().flat_map(|member_ref| needs_of_rules(leg, member_ref)));
        }
        Ask::ById if !rows.knows(&row) => keys.push(row),
        Ask::ById => {
            let row = rows.get::<LegRow>(&row);
            keys.extend(row.map(|row| Key::FoundBy(row.member_ref)));
            let awaits = row.filter(|row| row.state == LegState::Awaiting);
            keys.extend(awaits.into_iter().flat_map(|row| needs_of_rules(leg, row.member_ref)));
        }
        Ask::ByOriginal { transfer_id, .. } => {
            keys.push(row);
            compensation::needs(*transfer_id, (leg.terms.kind, id.side), rows, keys);
        }
    }
}

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
            (Precedent::SameAgain, Some(row)) => {
                let found_by = |leg: &Leg| found_by(&leg.ask, row.member_ref, step);
                same_again(row, read.as_ref().ok().and_then(found_by))
            }
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
                self.vote_by_original(leg, (*transfer_id, *terms_digest), step)
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
            return accept::await_acceptance(leg, member_ref, rulebook, step);
        }
        let account = account_of(leg.terms.kind, leg.reference.id.side);
        self.bind(leg, (member_ref, account), None, rulebook, step)
    }

    /// Votes yes: from now on this node is bound to the leg, which moves this account, and in doubt until its decision
    /// comes. Nothing may fail any more.
    pub(super) fn bind(
        &mut self,
        leg: &Leg,
        (member_ref, account): (MemberRef, AccountKind),
        original: Option<TransferId>,
        rulebook: Digest,
        step: &mut Step<'_>,
    ) -> Verdict {
        let LegRef { id: LegId { transfer_id, side }, terms_digest } = leg.reference;
        let ask_at = step.now.mono.after(leg.time_left_ms).after(ASK_MARGIN_MS);
        self.in_doubt.insert((transfer_id, side), Doubt { terms_digest, posting: None }, ask_at);
        let prepared = PreparedLeg {
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
        };
        let bound = LegBound { leg: prepared, kind: leg.terms.kind, original, account, number: None };
        let id_hash = found_by(&leg.ask, member_ref, step);
        let leg_record = LegRecord { bound: bound.clone(), id_hash }.to_bytes();
        step.record(bound.into_record());
        Verdict::Yes { leg_record, rulebook }
    }
}

/// What the member of a leg is found by that is asked for. Of one that carries money back that one knows whose money it
/// carries.
fn found_by(ask: &Ask, member_ref: MemberRef, step: &Step<'_>) -> Option<Digest> {
    match ask {
        Ask::ByPerson { id_hash, .. } => Some(*id_hash),
        Ask::ById => step.rows().get(&Key::FoundBy(member_ref)).map(|row: &FoundByRow| row.id_hash),
        Ask::ByOriginal { .. } => None,
    }
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

/// A leg voted no.
pub fn refused(record: &LegRefused, rows: &mut WorkingSet<Row>) {
    rows.put(LegRow {
        amount: record.amount,
        counter_region: record.counter_region,
        day: Day::of(record.receipt_time),
        receipt_time: record.receipt_time,
        refusal: Some(record.refusal.clone()),
        rulebook: record.rulebook,
        ..blank(record.transfer_id, record.side, LegState::Refused, record.terms_digest, record.time)
    });
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
    let (side, kind) = (leg.reference.id.side, leg.terms.kind);
    let row = account(step.rows(), member_ref, account_of(kind, side));
    let fits = match kinds::of(kind).legs[side].direction {
        Direction::Out => row.held.checked_add(leg.terms.amount).is_some(),
        Direction::In => can_grow(&row, leg.terms.amount),
    };
    let fits = fits && clearing_takes_more(step.rows());
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
    use LegState::{Aborted, Awaiting, Committed, Parked, Posted, Prepared, Refused, Tombstone};
    match (state, known.same_terms, known.accepted) {
        (None, true | false, true | false) | (Some(Awaiting), true, true) => Precedent::Judge,
        (Some(Tombstone | Aborted), true | false, true | false) => Precedent::AbortedBefore,
        (Some(Prepared | Committed | Refused), true, true | false) | (Some(Awaiting), true, false) => {
            Precedent::SameAgain
        }
        // What is posted is never asked for.
        (Some(Posted | Parked), true | false, true | false)
        | (Some(Prepared | Committed | Refused | Awaiting), false, true | false) => Precedent::OtherTerms,
    }
}

/// The vote that a leg was given before, whose member is found by this.
fn same_again(row: &LegRow, id_hash: Option<Digest>) -> Verdict {
    if row.state == LegState::Awaiting {
        return Verdict::Awaiting { until: next_six(row.receipt_time), rulebook: row.rulebook };
    }
    match leg_record(row, id_hash).zip(row.rulebook) {
        Some((leg_record, rulebook)) => Verdict::Yes { leg_record, rulebook },
        None => {
            let refusal =
                row.refusal.clone().unwrap_or_else(|| RefusalRecord::new(Reason::Internal, row.side));
            Verdict::No { refusal, rulebook: row.rulebook }
        }
    }
}
