//! TRANSFER (model T): the payer's personal account pays, the payee's 医保钱包 receives.

use super::{BegunBy, JudgedBy, KindRow, LegEffect};
use crate::domain::protocol::kind::Kind;
use crate::domain::rules;
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::side::{BySide, Side};

pub(super) const ROW: KindRow = KindRow {
    kind: Kind::TRANSFER,
    name: "transfer",
    legs: BySide {
        payer: LegEffect {
            wire: 1,
            account: AccountKind::Personal,
            entry: EntryKind::TransferOut,
            counts_in_day: true,
            judged_by: JudgedBy::Rules(rules::PAYER),
        },
        payee: LegEffect {
            wire: 2,
            account: AccountKind::Wallet,
            entry: EntryKind::TransferIn,
            counts_in_day: false,
            judged_by: JudgedBy::Rules(rules::PAYEE),
        },
    },
    debtor: Some(Side::Payer),
    begun_by: BegunBy::Client,
    corrected_by: Some(Kind::COMPENSATION),
};
