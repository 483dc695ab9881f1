//! Two kinds that nobody has: what a new kind needs is seen by them. A loan is prepared as a transfer is; it is paid
//! back bit by bit, as its payee's node decides.

use super::{AskedLeg, BegunBy, Form, JudgedBy, KindRow, LegEffect};
use crate::domain::protocol::Kind;
use crate::domain::rules;
use crate::domain::value::{AccountKind, BySide, Direction, EntryKind, Side};

pub(super) const LOAN: KindRow = KindRow {
    kind: Kind::LOAN,
    name: "loan",
    since: 2,
    form: Form::Prepared(BySide {
        payer: AskedLeg { wire: 201, judged_by: JudgedBy::Rules(rules::PAYER) },
        payee: AskedLeg { wire: 202, judged_by: JudgedBy::Rules(rules::PAYEE) },
    }),
    legs: BySide {
        payer: LegEffect {
            account: AccountKind::Personal,
            direction: Direction::Out,
            entry: EntryKind::TransferOut,
            counts_in_day: false,
        },
        payee: LegEffect {
            account: AccountKind::Wallet,
            direction: Direction::In,
            entry: EntryKind::TransferIn,
            counts_in_day: false,
        },
    },
    debtor: Some(Side::Payer),
    begun_by: BegunBy::Client,
    corrected_by: None,
};

pub(super) const REPAYMENT: KindRow = KindRow {
    kind: Kind::REPAYMENT,
    name: "repayment",
    since: 2,
    form: Form::Posted { backed_by: Kind::LOAN },
    legs: BySide {
        payer: LegEffect {
            account: AccountKind::Personal,
            direction: Direction::In,
            entry: EntryKind::ReturnIn,
            counts_in_day: false,
        },
        payee: LegEffect {
            account: AccountKind::Wallet,
            direction: Direction::Out,
            entry: EntryKind::ReturnOut,
            counts_in_day: false,
        },
    },
    debtor: Some(Side::Payee),
    begun_by: BegunBy::Owner,
    corrected_by: None,
};
