//! A leg that this node is bound to, since it voted yes or decided it by itself: the record that says so, by its kind;
//! the bytes from which it can be brought back; and what it does to rows.

use super::account::{PROVINCE, account, account_of, minus, plus};
use super::daily;
use super::decide::book_leg;
use super::record::{LegBound, LegPrepared, PreparedLeg, Record, ReturnPrepared};
use super::tables::{AccountRow, Key, LegRow, PersonRow, Row};
use crate::domain::kinds::{self, Form, LegEffect};
use crate::domain::machine::WorkingSet;
use crate::domain::machine::record::Record as _;
use crate::domain::protocol::{Decision, Kind, LegState, LostLeg, Outcome};
use crate::domain::value::{AccountKind, Day, Digest, Direction, MemberRef, Money, Side, TransferId};

/// What a `leg_record` holds: a leg, for a store that has lost it, and perhaps its member too.
#[derive(Clone, Debug)]
pub(super) struct LegRecord {
    /// The leg.
    pub(super) bound: LegBound,
    /// What its member is found by: a store that was restored may know him by another reference, or not at all.
    pub(super) id_hash: Option<Digest>,
}

impl LegBound {
    /// The record that says it. A transfer and a compensation have records of their own, from before a leg's record
    /// named its kind.
    pub(super) fn into_record(self) -> Record {
        match (self.kind, self.original) {
            (Kind::TRANSFER, _) => LegPrepared { leg: self.leg }.into(),
            (Kind::COMPENSATION, Some(returns)) => {
                ReturnPrepared { leg: self.leg, returns, account: self.account }.into()
            }
            _ => self.into(),
        }
    }

    /// The leg whose record has this content.
    fn from_bytes(bytes: &[u8]) -> Option<LegBound> {
        let transfer = || borsh::from_slice::<LegPrepared>(bytes).map(LegBound::from);
        let compensation = || borsh::from_slice::<ReturnPrepared>(bytes).map(LegBound::from);
        transfer().or_else(|_| compensation()).or_else(|_| borsh::from_slice(bytes)).ok()
    }

    /// The row of the leg, as it has just voted.
    pub(super) fn into_row(self) -> LegRow {
        let LegBound { leg, kind, original, account, number } = self;
        LegRow {
            transfer_id: leg.transfer_id,
            side: leg.side,
            state: LegState::Prepared,
            terms_digest: leg.terms_digest,
            member_ref: leg.member_ref,
            amount: leg.amount,
            counter_region: Some(leg.counter_region),
            day: Day::of(leg.receipt_time),
            receipt_time: leg.receipt_time,
            refusal: None,
            prepare_time: leg.prepare_time,
            decide_time: None,
            window: None,
            hub_seq: None,
            rulebook: Some(leg.rulebook),
            incarnation: leg.incarnation,
            account,
            returns: original,
            returned: Money::ZERO,
            kind,
            number,
            last_posting: 0,
        }
    }

    /// The leg of a row that voted yes or was posted; nothing of any other.
    fn of_row(row: &LegRow) -> Option<LegBound> {
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
        let LegRow { state, kind, returns: original, account, number, .. } = *row;
        let is_bound = match state {
            LegState::Prepared | LegState::Committed | LegState::Posted | LegState::Parked => true,
            LegState::Refused | LegState::Tombstone | LegState::Aborted | LegState::Awaiting => false,
        };
        is_bound.then_some(LegBound { leg, kind, original, account, number })
    }
}

impl LegRecord {
    /// The lost leg that a decision brings back, if it is the one that it decides: a commit's, or one that was parked.
    pub(super) fn of(decision: &Decision) -> Option<LegRecord> {
        if let (true, Some(lost), Outcome::Commit) =
            (decision.leg_record.is_empty(), &decision.lost, decision.outcome)
        {
            let id_hash = lost.whose.as_ref().map(|whose| whose.id_hash);
            let bound = unrecorded_leg(decision, lost);
            return Some(LegRecord { bound, id_hash }).filter(|_| decision.window.is_some());
        }
        let lost = LegRecord::from_bytes(&decision.leg_record)?;
        let LegBound { leg, number, .. } = &lost.bound;
        let same = (leg.transfer_id, leg.side, leg.terms_digest)
            == (decision.transfer_id, decision.side, decision.terms_digest);
        let decided = match decision.outcome {
            Outcome::Commit => decision.window.is_some() && decision.hub_seq.is_some(),
            Outcome::Abort => number.is_some(),
        };
        (same && decided).then_some(lost)
    }

    /// As the content of a `leg_record`: that of the leg's record, and then the hash. No two forms of either have the
    /// same length; those of before have no hash.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.bound.clone().into_record().encode();
        bytes.extend(self.id_hash.iter().flat_map(|hash| hash.0));
        bytes
    }

    /// What these bytes bring back, if they are a leg's.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<LegRecord> {
        if let Some(bound) = LegBound::from_bytes(bytes) {
            return Some(LegRecord { bound, id_hash: None });
        }
        let (leg, hash) = bytes.split_last_chunk()?;
        LegBound::from_bytes(leg).map(|bound| LegRecord { bound, id_hash: Some(Digest(*hash)) })
    }

    /// What says whose it is.
    pub(super) fn needs(&self, keys: &mut Vec<Key>) {
        keys.extend(self.id_hash.map(Key::Person));
        keys.extend(self.original());
    }

    fn original(&self) -> Option<Key> {
        let LegBound { leg, kind, original, .. } = &self.bound;
        original.map(|original| original_key(original, (*kind, leg.side)))
    }

    /// The same as a leg of the member whom this store knows, where it named him otherwise before it was restored: the
    /// one with this hash, or the one whose money it carries back.
    pub(super) fn of_known(mut self, rows: &WorkingSet<Row>) -> LegRecord {
        let person = self.id_hash.and_then(|hash| rows.get::<PersonRow>(&Key::Person(hash)));
        let original = || self.original().and_then(|key| rows.get::<LegRow>(&key));
        let known = person.map(|row| row.member_ref).or_else(|| original().map(|leg| leg.member_ref));
        let leg = &mut self.bound.leg;
        // Of a leg of nobody who is known nothing says whose it is.
        let known = known.filter(|known| ![*known, leg.member_ref].contains(&PROVINCE));
        leg.member_ref = known.unwrap_or(leg.member_ref);
        self
    }
}

/// A leg of which the hub has no record either: it is booked, for whoever it was. Of one that its client names and this
/// store does not know, the id of the transfer becomes his reference: no other leg has it.
fn unrecorded_leg(decision: &Decision, lost: &LostLeg) -> LegBound {
    let (member_ref, account) = match lost.whose {
        Some(_) => (MemberRef(decision.transfer_id.0), account_of(lost.kind, decision.side)),
        None => (PROVINCE, AccountKind::Suspense),
    };
    let leg = PreparedLeg {
        transfer_id: decision.transfer_id,
        side: decision.side,
        member_ref,
        amount: lost.amount,
        counter_region: lost.counter_region,
        receipt_time: lost.receipt_time,
        terms_digest: decision.terms_digest,
        rulebook: Digest::default(),
        prepare_time: decision.decide_time,
        incarnation: 0,
    };
    LegBound { leg, kind: lost.kind, original: lost.original, account, number: None }
}

impl From<LegPrepared> for LegBound {
    fn from(LegPrepared { leg }: LegPrepared) -> LegBound {
        let account = account_of(Kind::TRANSFER, leg.side);
        LegBound { leg, kind: Kind::TRANSFER, original: None, account, number: None }
    }
}

impl From<ReturnPrepared> for LegBound {
    fn from(ReturnPrepared { leg, returns, account }: ReturnPrepared) -> LegBound {
        LegBound { leg, kind: Kind::COMPENSATION, original: Some(returns), account, number: None }
    }
}

/// Kinds of records of which each is about a leg that may be at the hub, sealed, as a `leg_record`.
pub fn bound_kinds() -> Vec<u16> {
    let binds = ["LegPrepared", "ReturnPrepared", "LegBound", "LegReplayed"];
    Record::KINDS.iter().filter(|kind| binds.contains(&kind.name)).map(|kind| kind.number).collect()
}

/// The content of the `leg_record` of a leg that voted yes or was posted, from which it can be brought back; nothing of
/// any other. `id_hash`: what its member is found by, where that is known.
pub fn leg_record(row: &LegRow, id_hash: Option<Digest>) -> Option<Vec<u8>> {
    LegBound::of_row(row).map(|bound| LegRecord { bound, id_hash }.to_bytes())
}

/// What the leg's kind does on its side.
pub(super) fn effect_of(leg: &LegRow) -> &'static LegEffect {
    &kinds::of(leg.kind).legs[leg.side]
}

/// Where the original of a leg stands: what is carried back comes from the other side; what backs a posting stands on
/// the same.
pub(super) fn original_key(original: TransferId, (kind, side): (Kind, Side)) -> Key {
    match kinds::of(kind).form {
        Form::Prepared(_) => Key::Leg(original, side.other()),
        Form::Posted { .. } => Key::Leg(original, side),
    }
}

/// The leg whose money this one carries back, or that backs it, where it is known here.
fn original_of(leg: &LegRow, rows: &WorkingSet<Row>) -> Option<LegRow> {
    rows.get(&original_key(leg.returns?, (leg.kind, leg.side))).cloned()
}

/// A leg is bound. One that voted yes: a hold where money is to leave, a pending credit where it is to come, as its
/// kind has it; one that was posted is booked at once. Both count against what their original moved.
pub fn bound(bound: LegBound, rows: &mut WorkingSet<Row>) {
    let leg = bound.into_row();
    if let Some(original) = original_of(&leg, rows) {
        let returned = plus(original.returned, leg.amount);
        let last_posting = original.last_posting.max(leg.number.unwrap_or(0));
        rows.put(LegRow { returned, last_posting, ..original });
    }
    if leg.number.is_some() {
        let row = account(rows, leg.account_owner(), leg.account);
        book_leg(rows, row, &leg, leg.prepare_time);
        return rows.put(LegRow { state: LegState::Posted, ..leg });
    }
    let effect = effect_of(&leg);
    let row = account(rows, leg.account_owner(), leg.account);
    let row = match effect.direction {
        Direction::Out => AccountRow { held: plus(row.held, leg.amount), ..row },
        Direction::In => AccountRow { pending: plus(row.pending, leg.amount), ..row },
    };
    rows.put(row);
    count_in_day(&leg, rows);
    rows.put(leg);
}

/// A leg counts in its member's day, if its kind does.
pub(super) fn count_in_day(leg: &LegRow, rows: &mut WorkingSet<Row>) {
    if let Some(counted) = counted_in(leg) {
        rows.put(daily::reserve(account(rows, leg.member_ref, counted), leg.day));
    }
}

/// The member's account whose day a leg counts in, if it does. It counts wherever its money is booked, but for a leg of
/// a member whom nobody knows.
fn counted_in(leg: &LegRow) -> Option<AccountKind> {
    let counts = effect_of(leg).counts_in_day && leg.account != AccountKind::Suspense;
    counts.then(|| leg.account.beside().unwrap_or(leg.account))
}

/// The leg's account without its hold or pending credit.
pub(super) fn freed(leg: &LegRow, rows: &WorkingSet<Row>) -> AccountRow {
    let row = account(rows, leg.account_owner(), leg.account);
    match effect_of(leg).direction {
        Direction::Out => AccountRow { held: minus(row.held, leg.amount), ..row },
        Direction::In => AccountRow { pending: minus(row.pending, leg.amount), ..row },
    }
}

/// A leg that voted yes was aborted: nothing is set aside for it, and another one may carry back what it was to.
pub(super) fn released(leg: &LegRow, rows: &mut WorkingSet<Row>) {
    rows.put(freed(leg, rows));
    if let Some(counted) = counted_in(leg) {
        rows.put(daily::release(account(rows, leg.member_ref, counted), leg.day));
    }
    if let Some(original) = original_of(leg, rows) {
        rows.put(LegRow { returned: minus(original.returned, leg.amount), ..original });
    }
}
