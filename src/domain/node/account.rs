//! The accounts of a node: what stands in them, what can move, and how a movement is booked.

use crate::domain::kinds;
use crate::domain::machine::own::own;
use crate::domain::machine::{SelfRow, WorkingSet};
use crate::domain::node::tables::{AccountRow, EntryRow, Key, LegRow, MemberRow, Row, WalletRow};
use crate::domain::protocol::Kind;
use crate::domain::reason::Reason;
use crate::domain::value::{
    AccountKind, AccountState, Civil, Day, Direction, EntryKind, MemberRef, Money, RegionCode, Side,
    TransferId, WalletState,
};

/// Owner of the province's own accounts.
pub const PROVINCE: MemberRef = MemberRef([0; 16]);

/// What every booking of a leg moves beside a member's account.
pub(super) const CLEARING: Key = Key::Account(PROVINCE, AccountKind::Clearing);
/// Where legs are booked whose member nobody knows.
pub(super) const SUSPENSE: Key = Key::Account(PROVINCE, AccountKind::Suspense);

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

/// The rows that say how a member stands, and what his accounts can give and take.
pub(super) fn needs_of_member(member_ref: MemberRef, keys: &mut Vec<Key>) {
    keys.extend([
        Key::Member(member_ref),
        Key::Account(member_ref, AccountKind::Personal),
        Key::Wallet(member_ref),
        Key::Account(member_ref, AccountKind::Wallet),
    ]);
}

/// Whether a member's account can give or take an amount, whatever rules say. A frozen one can do both: freezing it is
/// how people keep what is to go back. Check order: whether it is there, then sums.
pub(super) fn can_move(
    rows: &WorkingSet<Row>,
    (member_ref, kind): (MemberRef, AccountKind),
    direction: Direction,
    amount: Money,
) -> Result<(), Reason> {
    match (kind, direction) {
        (AccountKind::Wallet, Direction::Out | Direction::In) => {
            let wallet: Option<&WalletRow> = rows.get(&Key::Wallet(member_ref));
            if wallet.is_none_or(|wallet| wallet.state == WalletState::Closed) {
                return Err(Reason::WalletClosed);
            }
        }
        (AccountKind::Personal, Direction::In) => {
            let member: Option<&MemberRow> = rows.get(&Key::Member(member_ref));
            if member.is_none_or(|member| member.account_state == AccountState::Absent) {
                return Err(Reason::AccountAbsent);
            }
        }
        (AccountKind::Personal, Direction::Out)
        | (
            AccountKind::Allotment
            | AccountKind::Clearing
            | AccountKind::Suspense
            | AccountKind::PersonalSuspense
            | AccountKind::WalletSuspense,
            _,
        ) => {}
    }
    let row = account(rows, member_ref, kind);
    match direction {
        Direction::Out if free(&row) < amount => Err(Reason::ReturnNotCovered),
        Direction::In if !can_grow(&row, amount) => Err(Reason::Overflow),
        Direction::Out | Direction::In => Ok(()),
    }
}

/// What of an account can be spent.
pub(super) fn free(row: &AccountRow) -> Money {
    row.posted.checked_sub(row.held).unwrap_or(Money::ZERO)
}

/// Whether a balance can hold so much more, with all that is on its way to it.
pub(super) fn can_grow(row: &AccountRow, amount: Money) -> bool {
    row.posted.checked_add(row.pending).and_then(|sum| sum.checked_add(amount)).is_some()
}

/// Sums that were checked before the record was made.
pub(super) fn plus(money: Money, more: Money) -> Money {
    money.checked_add(more).expect("sums are checked before a record is made")
}

pub(super) fn minus(money: Money, less: Money) -> Money {
    money.checked_sub(less).expect("differences are checked before a record is made")
}

/// What stands behind one line of a statement.
pub(super) struct Line {
    /// What it is.
    pub kind: EntryKind,
    /// The transfer that makes it.
    pub transfer_id: Option<TransferId>,
    /// The other place.
    pub counter_region: Option<RegionCode>,
    /// The month of an allotment.
    pub period: Option<u64>,
    /// When it is booked.
    pub time: Civil,
}

/// Posts to a member's account with an entry, and the opposite to one of the province's own: double entry. Gives the
/// entry's id.
pub(super) fn post(
    rows: &mut WorkingSet<Row>,
    row: AccountRow,
    amount: Money,
    against: AccountKind,
    line: Line,
) -> u64 {
    let entry_id = enter(rows, row, amount, &line);
    let province = account(rows, PROVINCE, against);
    rows.put(AccountRow { posted: minus(province.posted, amount), ..province });
    entry_id
}

/// One side of a booking: an account moves, with an entry. Gives the entry's id.
pub(super) fn enter(rows: &mut WorkingSet<Row>, row: AccountRow, amount: Money, line: &Line) -> u64 {
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
    entry_id
}
