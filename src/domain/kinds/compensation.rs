//! COMPENSATION: money of a committed transfer goes back where it came from. Its payer is the original's payee. None of
//! the rules of a transfer applies (hours, limits, kinship, insurance, floors): what two operators have agreed on must
//! have been booked, must still be there, and must have an account to go to.

use super::{BegunBy, JudgedBy, KindRow, LegEffect};
use crate::domain::protocol::kind::Kind;
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::side::{BySide, Side};

pub(super) const ROW: KindRow = KindRow {
    kind: Kind::COMPENSATION,
    name: "compensation",
    legs: BySide {
        payer: LegEffect {
            wire: 3,
            account: AccountKind::Wallet,
            entry: EntryKind::ReturnOut,
            counts_in_day: false,
            judged_by: JudgedBy::Original,
        },
        payee: LegEffect {
            wire: 4,
            account: AccountKind::Personal,
            entry: EntryKind::ReturnIn,
            counts_in_day: false,
            judged_by: JudgedBy::Original,
        },
    },
    debtor: Some(Side::Payer),
    begun_by: BegunBy::TwoOperators,
    corrected_by: None,
};
