//! What a node's records do to its rows.

mod wallet;

pub use wallet::{
    wallet_closed, wallet_frozen, wallet_moved, wallet_opened, wallet_opened_for, wallet_unfrozen,
};

use crate::domain::kinds;
use crate::domain::machine::own::{SelfRow, began, own, put_incident, put_peer};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::daily;
use crate::domain::node::record::{
    AccountCredited, LegAwaited, LegDecided, LegRefused, LegReplayed, LegTombstoned, MemberRecorded,
    NodeResynced, PreparedLeg, Record, RequestMark, RequestNoted,
};
use crate::domain::node::tables::{AccountRow, EntryRow, Key, LegRow, MemberRow, RequestRow, Row};
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::transfer::Outcome;
use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, MemberRef, TransferId};
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::money::Money;
use crate::domain::value::region::RegionCode;
use crate::domain::value::side::Side;

impl Record {
    /// See [`crate::domain::node::record::Record::apply`].
    pub(super) fn apply_to(&self, _sequence: u64, rows: &mut WorkingSet<Row>) {
        match self {
            Record::PeerSeen(record) => put_peer(record.province, record.mark, rows),
            Record::IncidentRaised(record) => put_incident(record, rows),
            Record::ReturnPrepared(record) => super::compensation::prepared(record, rows),
            Record::NodeJoined(record) => began(record.incarnation, record.start_id, record.time, rows),
            Record::MemberRecorded(record) => member(record, rows),
            Record::AccountCredited(record) => credited(record, rows),
            Record::SettlementSuspended(record) => super::suspension::suspended(record, rows),
            Record::WalletOpened(record) => wallet_opened(record, rows),
            Record::WalletOpenedFor(record) => wallet_opened_for(record, rows),
            Record::WalletMoved(record) => wallet_moved(record, rows),
            Record::WalletFrozen(record) => wallet_frozen(record, rows),
            Record::WalletUnfrozen(record) => wallet_unfrozen(record, rows),
            Record::RequestNoted(record) => noted(record, rows),
            Record::WalletClosed(record) => wallet_closed(record, rows),
            Record::LegPrepared(record) => put_prepared(prepared_row(&record.leg, Kind::TRANSFER), rows),
            Record::LegRefused(record) => refused(record, rows),
            Record::LegTombstoned(record) => tombstone(record, rows),
            Record::LegDecided(record) => decided(record, rows),
            Record::LegReplayed(record) => replayed(record, rows),
            Record::NodeResynced(record) => resynced(record, rows),
            Record::LegAwaited(record) => awaited(record, rows),
        }
    }
}

/// Owner of the province's own accounts.
pub const PROVINCE: MemberRef = MemberRef([0; 16]);

/// An account with nothing in it.
pub fn empty_account(member_ref: MemberRef, kind: AccountKind) -> AccountRow {
    AccountRow {
        member_ref,
        kind,
        posted: Money::ZERO,
        held: Money::ZERO,
        pending: Money::ZERO,
        entry_count: 0,
        last_entry: 0,
        day: Day::default(),
        day_count: 0,
        earlier_day: Day::default(),
        earlier_count: 0,
    }
}

/// An account as it stands; an empty one where there is none yet.
pub fn account(rows: &WorkingSet<Row>, member_ref: MemberRef, kind: AccountKind) -> AccountRow {
    let row = rows.get(&Key::Account(member_ref, kind)).cloned();
    row.unwrap_or_else(|| empty_account(member_ref, kind))
}

/// The member's account that a side of a transfer of this kind moves.
pub fn account_of(kind: Kind, side: Side) -> AccountKind {
    kinds::of(kind).legs[side].account
}

impl LegRow {
    /// The account that it moves: of the province when none of the member could take it.
    pub fn account_key(&self) -> Key {
        Key::Account(self.account_owner(), self.account)
    }

    /// Whose account it moves.
    pub fn account_owner(&self) -> MemberRef {
        if self.account == AccountKind::Suspense { PROVINCE } else { self.member_ref }
    }
}

/// Sums that were checked before the record was made.
pub(super) fn plus(money: Money, more: Money) -> Money {
    money.checked_add(more).expect("sums are checked before a record is made")
}

pub(super) fn minus(money: Money, less: Money) -> Money {
    money.checked_sub(less).expect("differences are checked before a record is made")
}

/// What stands behind one line of a statement.
struct Line {
    kind: EntryKind,
    transfer_id: Option<TransferId>,
    counter_region: Option<RegionCode>,
    period: Option<u64>,
    time: Civil,
}

/// Posts to a member's account with an entry, and the opposite to one of the province's own: double entry. Gives the
/// entry's id.
fn post(rows: &mut WorkingSet<Row>, row: AccountRow, amount: Money, against: AccountKind, line: Line) -> u64 {
    let balance = plus(row.posted, amount);
    let own = own(rows);
    let (entry_id, entry_no) = (own.entry_id + 1, row.entry_count + 1);
    rows.put(SelfRow { entry_id, ..own });
    rows.put(EntryRow {
        entry_id,
        member_ref: row.member_ref,
        kind: row.kind,
        entry_no,
        previous: row.last_entry,
        amount,
        balance,
        entry_kind: line.kind,
        transfer_id: line.transfer_id,
        counter_region: line.counter_region,
        period: line.period,
        entry_time: line.time,
    });
    rows.put(AccountRow { posted: balance, entry_count: entry_no, last_entry: entry_id, ..row });
    let province = account(rows, PROVINCE, against);
    rows.put(AccountRow { posted: minus(province.posted, amount), ..province });
    entry_id
}

/// The province's system reported a member.
pub fn member(record: &MemberRecorded, rows: &mut WorkingSet<Row>) {
    let old: Option<&MemberRow> = rows.get(&Key::Member(record.member_ref));
    let settlement_suspended_until = old.and_then(|old| old.settlement_suspended_until);
    rows.put(MemberRow {
        member_ref: record.member_ref,
        region: record.region,
        insurance_type: record.insurance_type,
        insurance_status: record.insurance_status,
        in_arrears: record.in_arrears,
        public_medical: record.public_medical,
        account_state: record.account_state,
        update_time: record.time,
        settlement_suspended_until,
    });
    done(&record.request, None, record.time, rows);
}

/// An allotment to a personal account.
pub fn credited(record: &AccountCredited, rows: &mut WorkingSet<Row>) {
    let row = account(rows, record.member_ref, AccountKind::Personal);
    let line = Line {
        kind: EntryKind::Allotment,
        transfer_id: None,
        counter_region: None,
        period: Some(u64::from(record.period)),
        time: record.time,
    };
    let entry_id = post(rows, row, record.amount, AccountKind::Allotment, line);
    done(&record.request, Some(entry_id), record.time, rows);
}

/// A request asked for what was so already.
pub fn noted(record: &RequestNoted, rows: &mut WorkingSet<Row>) {
    done(&record.request, None, record.time, rows);
}

pub(super) fn done(request: &RequestMark, entry_id: Option<u64>, time: Civil, rows: &mut WorkingSet<Row>) {
    let request_id = request.request_id.clone();
    rows.put(RequestRow { request_id, digest: request.digest, entry_id, done_time: time });
}

/// A leg voted yes: a hold on the payer's side, a pending credit on the payee's, as its kind has it.
pub(super) fn put_prepared(leg: LegRow, rows: &mut WorkingSet<Row>) {
    let row = account(rows, leg.account_owner(), leg.account);
    let row = match leg.side {
        Side::Payer => AccountRow { held: plus(row.held, leg.amount), ..row },
        Side::Payee => AccountRow { pending: plus(row.pending, leg.amount), ..row },
    };
    rows.put(if counts_in_day(&leg) { daily::reserve(row, leg.day) } else { row });
    rows.put(leg);
}

fn counts_in_day(leg: &LegRow) -> bool {
    kinds::of(leg.kind()).legs[leg.side].counts_in_day
}

/// A leg that has voted yes.
pub(super) fn prepared_row(leg: &PreparedLeg, kind: Kind) -> LegRow {
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
        account: account_of(kind, leg.side),
        returns: None,
        returned: Money::ZERO,
    }
}

/// A leg waits for the payee's acceptance: it is only remembered whose it is.
pub fn awaited(record: &LegAwaited, rows: &mut WorkingSet<Row>) {
    rows.put(LegRow {
        member_ref: record.member_ref,
        amount: record.amount,
        counter_region: Some(record.counter_region),
        day: Day::of(record.receipt_time),
        receipt_time: record.receipt_time,
        rulebook: Some(record.rulebook),
        ..blank(record.transfer_id, record.side, LegState::Awaiting, record.terms_digest, record.time)
    });
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

/// An abort came for an id never seen.
pub fn tombstone(record: &LegTombstoned, rows: &mut WorkingSet<Row>) {
    rows.put(blank(record.transfer_id, record.side, LegState::Tombstone, record.terms_digest, record.time));
}

fn blank(transfer_id: TransferId, side: Side, state: LegState, terms_digest: Digest, time: Civil) -> LegRow {
    LegRow {
        transfer_id,
        side,
        state,
        terms_digest,
        member_ref: PROVINCE,
        amount: Money::ZERO,
        counter_region: None,
        day: Day::of(time),
        receipt_time: time,
        refusal: None,
        prepare_time: time,
        decide_time: None,
        window: None,
        hub_seq: None,
        rulebook: None,
        incarnation: 0,
        account: account_of(Kind::TRANSFER, side),
        returns: None,
        returned: Money::ZERO,
    }
}

/// The decision on a leg that had voted yes: settle, or return.
pub fn decided(record: &LegDecided, rows: &mut WorkingSet<Row>) {
    let leg: &LegRow =
        rows.get(&Key::Leg(record.transfer_id, record.side)).expect("only a prepared leg is decided");
    let leg = leg.clone();
    let row = account(rows, leg.account_owner(), leg.account);
    let freed = match leg.side {
        Side::Payer => AccountRow { held: minus(row.held, leg.amount), ..row },
        Side::Payee => AccountRow { pending: minus(row.pending, leg.amount), ..row },
    };
    let state = match record.outcome {
        Outcome::Commit => {
            settle(rows, freed, &leg, record.time);
            LegState::Committed
        }
        Outcome::Abort => {
            rows.put(if counts_in_day(&leg) { daily::release(freed, leg.day) } else { freed });
            super::compensation::released(&leg, rows);
            LegState::Aborted
        }
    };
    rows.put(LegRow {
        state,
        decide_time: Some(record.time),
        window: record.window,
        hub_seq: record.hub_seq,
        ..leg
    });
    reached(rows, record.hub_seq);
}

/// Books a committed leg: the member's account (or the suspense account) against the clearing.
fn settle(rows: &mut WorkingSet<Row>, row: AccountRow, leg: &LegRow, time: Civil) {
    let amount = match leg.side {
        Side::Payer => minus(Money::ZERO, leg.amount),
        Side::Payee => leg.amount,
    };
    let line = Line {
        kind: kinds::of(leg.kind()).legs[leg.side].entry,
        transfer_id: Some(leg.transfer_id),
        counter_region: leg.counter_region,
        period: None,
        time,
    };
    post(rows, row, amount, AccountKind::Clearing, line);
}

/// The highest number of a commit that is applied here.
fn reached(rows: &mut WorkingSet<Row>, hub_seq: Option<u64>) {
    let own = own(rows);
    if let Some(hub_seq) = hub_seq.filter(|hub_seq| *hub_seq > own.hub_seq) {
        rows.put(SelfRow { hub_seq, ..own });
    }
}

/// A committed leg that was lost with the store came back.
pub fn replayed(record: &LegReplayed, rows: &mut WorkingSet<Row>) {
    let mut leg = prepared_row(&record.leg, Kind::TRANSFER);
    if counts_in_day(&leg) {
        // Wherever the money is booked, the transfer counts against the member's day.
        let row = account(rows, leg.member_ref, leg.account);
        rows.put(daily::reserve(row, leg.day));
    }
    if record.suspense {
        leg.account = AccountKind::Suspense;
    }
    let row = account(rows, leg.account_owner(), leg.account);
    settle(rows, row, &leg, record.time);
    rows.put(LegRow {
        state: LegState::Committed,
        decide_time: Some(record.time),
        window: Some(record.window),
        hub_seq: Some(record.hub_seq),
        ..leg
    });
    reached(rows, Some(record.hub_seq));
}

/// The node has all again that it had lost.
pub fn resynced(record: &NodeResynced, rows: &mut WorkingSet<Row>) {
    let own = own(rows);
    rows.put(SelfRow { civil: own.civil.max(record.time), ..own });
}
