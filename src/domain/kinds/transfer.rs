//! TRANSFER (model T): the payer's personal account pays, the payee's 医保钱包 receives.

use super::{AskedLeg, BegunBy, Form, JudgedBy, KindRow, LegEffect};
use crate::domain::protocol::Kind;
use crate::domain::rules;
use crate::domain::value::{AccountKind, BySide, Direction, EntryKind, Side};

pub(super) const ROW: KindRow = KindRow {
    kind: Kind::TRANSFER,
    name: "transfer",
    since: 1,
    form: Form::Prepared(BySide {
        payer: AskedLeg { wire: 1, judged_by: JudgedBy::Rules(rules::PAYER) },
        payee: AskedLeg { wire: 2, judged_by: JudgedBy::Rules(rules::PAYEE) },
    }),
    legs: BySide {
        payer: LegEffect {
            account: AccountKind::Personal,
            direction: Direction::Out,
            entry: EntryKind::TransferOut,
            counts_in_day: true,
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
    corrected_by: Some(Kind::COMPENSATION),
};
