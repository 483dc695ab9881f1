//! COMPENSATION: money of a committed transfer goes back where it came from. Its payer is the original's payee. None of
//! the rules of a transfer applies (hours, limits, kinship, insurance, floors): what two operators have agreed on must
//! have been booked, must still be there, and must have an account to go to.

use super::{AskedLeg, BegunBy, Form, JudgedBy, KindRow, LegEffect};
use crate::domain::protocol::Kind;
use crate::domain::value::{AccountKind, BySide, Direction, EntryKind, Side};

pub(super) const ROW: KindRow = KindRow {
    kind: Kind::COMPENSATION,
    name: "compensation",
    since: 1,
    form: Form::Prepared(BySide {
        payer: AskedLeg { wire: 3, judged_by: JudgedBy::Original },
        payee: AskedLeg { wire: 4, judged_by: JudgedBy::Original },
    }),
    legs: BySide {
        payer: LegEffect {
            account: AccountKind::Wallet,
            direction: Direction::Out,
            entry: EntryKind::ReturnOut,
            counts_in_day: false,
        },
        payee: LegEffect {
            account: AccountKind::Personal,
            direction: Direction::In,
            entry: EntryKind::ReturnIn,
            counts_in_day: false,
        },
    },
    debtor: Some(Side::Payer),
    begun_by: BegunBy::TwoOperators,
    corrected_by: None,
};
