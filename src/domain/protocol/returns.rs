//! Compensations: two operators have money of a committed transfer carried back by a transfer of its own. No decision
//! is ever changed, and no side is moved alone. The hub keeps no persons, so a return leg names none: it names the
//! original transfer, and the node that recorded it knows whose leg that was.

use crate::domain::value::calendar::Civil;
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::domain::value::side::Side;

/// One province's part of a compensating transfer, as it is asked to prepare it. The payer's side of it is the payee's
/// side of the original: money leaves where it had arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReturnLeg {
    /// The compensating transfer.
    pub transfer_id: TransferId,
    /// Whose part of it.
    pub side: Side,
    /// The committed transfer whose money it carries back.
    pub original: TransferId,
    /// Digest of the original's whole terms.
    pub original_digest: Digest,
    /// This side's pooling area, as the original stated it.
    pub region: RegionCode,
    /// The province that serves it.
    pub province: ProvinceCode,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// Amount.
    pub amount: Money,
    /// Digest of the compensation's whole terms.
    pub terms_digest: Digest,
    /// When the hub began it.
    pub receipt_time: Civil,
    /// What is left until the hub gives up, in milliseconds.
    pub time_left_ms: u64,
}

/// The member's account that a leg moves: a return takes from the wallet and gives to the personal account.
pub fn account_kind(side: Side, is_return: bool) -> AccountKind {
    match (side, is_return) {
        (Side::Payer, false) | (Side::Payee, true) => AccountKind::Personal,
        (Side::Payee, false) | (Side::Payer, true) => AccountKind::Wallet,
    }
}

/// What a leg's line of a statement is.
pub fn entry_kind(side: Side, is_return: bool) -> EntryKind {
    match (side, is_return) {
        (Side::Payer, false) => EntryKind::TransferOut,
        (Side::Payee, false) => EntryKind::TransferIn,
        (Side::Payer, true) => EntryKind::ReturnOut,
        (Side::Payee, true) => EntryKind::ReturnIn,
    }
}

/// Most characters of a compensation's reason.
const REASON_CHARS_MAX: usize = 200;
/// So many digits in a row may be a phone or an identity number.
const DIGITS_MAX: usize = 10;

/// A compensation's reason as it is journaled: trimmed. Nothing when it is empty, too long, has control characters, or
/// holds a number that may be a person's: a journal cannot forget.
pub fn reason_of(text: &str) -> Option<String> {
    let text = text.trim();
    let short = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    let plain = !text.chars().any(char::is_control);
    let numbers = text.split(|c: char| !c.is_numeric());
    let longest = numbers.map(|digits| digits.chars().count()).max().unwrap_or(0);
    (short && plain && longest <= DIGITS_MAX).then(|| text.to_owned())
}
