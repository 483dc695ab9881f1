//! What two provinces have to clear in a period: its lines, who owes what by them, and the digest that is signed.

use crate::domain::hub::Rows;
use crate::domain::hub::tables::{Key, LineRow, TotalRow};
use crate::domain::kinds;
use crate::domain::machine::describe::{Describe, Details};
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, subtract_digest};
use crate::domain::value::{BySide, Digest, Money, Period, ProvinceCode, hex};
use borsh::{BorshDeserialize, BorshSerialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Two provinces between which something is cleared, the lower code first; under the net scheme the national centre
/// (00) and a province.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Pair {
    /// The one with the lower code.
    pub first: ProvinceCode,
    /// The other one.
    pub second: ProvinceCode,
}

impl Pair {
    /// The pair of two; none of one with itself.
    pub fn of(one: ProvinceCode, other: ProvinceCode) -> Option<Pair> {
        (one != other).then(|| Pair { first: one.min(other), second: one.max(other) })
    }

    /// A province and the national centre.
    pub fn with_centre(province: ProvinceCode) -> Pair {
        Pair { first: ProvinceCode::HUB, second: province }
    }

    /// Whether a province is one of them.
    pub fn has(self, province: ProvinceCode) -> bool {
        self.first == province || self.second == province
    }

    /// Whether it is a province and the national centre, so that its table has the lines with all others.
    pub fn is_net(self) -> bool {
        self.first == ProvinceCode::HUB
    }

    /// What a person signs of a table: SHA-256 of its text. That is a line `gongji table 1`, one with the period, one
    /// with both provinces, one with the version; then, ordered by payer, payee and number of the kind, a line for each
    /// of its lines: payer, payee, number of the kind, count, amount in yuan, and the digest sums of the payer's and of
    /// the payee's legs in lower hexadecimal digits. A space between two parts, a line feed after each line.
    pub fn digest(self, period: Period, version: u64, lines: &[Line]) -> Digest {
        let mut text = format!("gongji table 1\n{period}\n{} {}\n{version}\n", self.first, self.second);
        for line in lines {
            text.push_str(&line.to_string());
            text.push('\n');
        }
        Digest(Sha256::digest(text.as_bytes()).into())
    }

    /// The lines that there can be, in order.
    pub(super) fn lines(self) -> impl Iterator<Item = (ProvinceCode, ProvinceCode, Kind)> {
        let directions = [(self.first, self.second), (self.second, self.first)];
        directions
            .into_iter()
            .flat_map(|(payer, payee)| Kind::ALL.iter().map(move |kind| (payer, payee, *kind)))
    }
}

/// "13-51".
impl fmt::Display for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.second)
    }
}

impl Describe for Pair {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.to_string().describe(name, to);
    }
}

/// What commits of a kind in one direction between two provinces add up to in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct Line {
    /// The payer's province.
    pub payer: ProvinceCode,
    /// The payee's province.
    pub payee: ProvinceCode,
    /// What they do.
    pub kind: Kind,
    /// How many.
    pub count: u64,
    /// Their sum.
    pub amount: Money,
    /// The sum of the digests of the payer's legs.
    pub payer_digest: Digest,
    /// The same of the payee's legs.
    pub payee_digest: Digest,
}

impl Line {
    /// Without a commit so far.
    pub(super) fn empty((payer, payee, kind): (ProvinceCode, ProvinceCode, Kind)) -> Line {
        let (payer_digest, payee_digest) = (Digest::default(), Digest::default());
        Line { payer, payee, kind, count: 0, amount: Money::ZERO, payer_digest, payee_digest }
    }

    /// The line as it is kept; empty where there is none yet.
    pub(super) fn kept(period: Period, of: (ProvinceCode, ProvinceCode, Kind), rows: &Rows) -> Line {
        let key = Key::Line(period, of.0, of.1, of.2);
        rows.get::<LineRow>(&key).map_or_else(|| Line::empty(of), Line::from)
    }

    /// With what a total, or an item, adds; nothing where no sum can hold it.
    pub(super) fn plus(self, more: &Line) -> Option<Line> {
        Some(Line {
            count: self.count.checked_add(more.count)?,
            amount: self.amount.checked_add(more.amount)?,
            payer_digest: add_digest(self.payer_digest, more.payer_digest),
            payee_digest: add_digest(self.payee_digest, more.payee_digest),
            ..self
        })
    }

    /// Without an item that it holds.
    pub(super) fn minus(self, item: &Line) -> Option<Line> {
        Some(Line {
            count: self.count.checked_sub(item.count)?,
            amount: self.amount.checked_sub(item.amount)?,
            payer_digest: subtract_digest(self.payer_digest, item.payer_digest),
            payee_digest: subtract_digest(self.payee_digest, item.payee_digest),
            ..self
        })
    }

    /// As it is kept.
    pub(super) fn row(self, period: Period) -> LineRow {
        let Line { payer, payee, kind, count, amount, payer_digest, payee_digest } = self;
        let (payer_province, payee_province) = (payer, payee);
        LineRow { period, payer_province, payee_province, kind, count, amount, payer_digest, payee_digest }
    }

    /// The province that owes by it, the one that is owed, and how much.
    pub fn owed(&self) -> Option<(ProvinceCode, ProvinceCode, Money)> {
        let sides = BySide { payer: self.payer, payee: self.payee };
        kinds::of(self.kind).debtor.map(|side| (sides[side], sides[side.other()], self.amount))
    }
}

impl From<&LineRow> for Line {
    fn from(row: &LineRow) -> Line {
        let LineRow { payer_province, payee_province, kind, count, amount, .. } = *row;
        let (payer_digest, payee_digest) = (row.payer_digest, row.payee_digest);
        let (payer, payee) = (payer_province, payee_province);
        Line { payer, payee, kind, count, amount, payer_digest, payee_digest }
    }
}

impl From<&TotalRow> for Line {
    fn from(row: &TotalRow) -> Line {
        let TotalRow { payer_province, payee_province, kind, count, amount, .. } = *row;
        let (payer_digest, payee_digest) = (row.payer_digest, row.payee_digest);
        let (payer, payee) = (payer_province, payee_province);
        Line { payer, payee, kind, count, amount, payer_digest, payee_digest }
    }
}

/// See [`Pair::digest`].
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Line { payer, payee, kind, count, amount, payer_digest, payee_digest } = self;
        let (paid, received) = (hex(&payer_digest.0), hex(&payee_digest.0));
        write!(f, "{payer} {payee} {} {count} {amount} {paid} {received}", kind.number())
    }
}

impl Describe for Line {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.to_string().describe(name, to);
    }
}

impl Describe for Vec<Line> {
    fn describe(&self, name: &'static str, to: &mut Details) {
        let lines: Vec<String> = self.iter().map(Line::to_string).collect();
        lines.join("; ").describe(name, to);
    }
}

/// What the two of a pair owe each other by lines: the first, and the second. Nothing where no sum can hold it.
pub(super) fn owed_gross(pair: Pair, lines: &[Line]) -> Option<(Money, Money)> {
    let owed = lines.iter().filter_map(Line::owed);
    let sum = |of: ProvinceCode| {
        let mut own = owed.clone().filter(|(debtor, ..)| *debtor == of);
        own.try_fold(Money::ZERO, |sum, (.., amount)| sum.checked_add(amount))
    };
    Some((sum(pair.first)?, sum(pair.second)?))
}

/// What is left of all that a province owes and is owed: what the centre owes it, and what it owes the centre.
pub(super) fn owed_net(province: ProvinceCode, lines: &[Line]) -> Option<(Money, Money)> {
    let left = lines.iter().filter_map(Line::owed).try_fold(Money::ZERO, |left, (debtor, _, amount)| {
        if debtor == province { left.checked_add(amount) } else { left.checked_sub(amount) }
    })?;
    let owed_to_it = Money::ZERO.checked_sub(left)?;
    Some(if left < Money::ZERO { (owed_to_it, Money::ZERO) } else { (Money::ZERO, left) })
}
