//! Money: integer fen with checked arithmetic; yuan text only at the edges.

use borsh::{BorshDeserialize, BorshSerialize};
use rust_decimal::Decimal;
use std::fmt;

/// An amount in fen (分, a hundredth of a yuan). Parsed amounts are never negative; a position may be.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize)]
pub struct Money(i64);

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not ASCII digits with at most two decimal places.
    #[error("an amount is written in yuan with ASCII digits and at most two decimal places, such as 400.00")]
    Malformed,
}

/// More integer digits than any amount here can have. Sums of nine million such amounts still fit `i64` fen.
const INTEGER_DIGITS_MAX: usize = 10;

impl Money {
    /// No money.
    pub const ZERO: Money = Money(0);

    /// An amount of `fen` hundredths of a yuan.
    pub const fn from_fen(fen: i64) -> Money {
        Money(fen)
    }

    /// The amount in hundredths of a yuan.
    pub const fn fen(self) -> i64 {
        self.0
    }

    /// Reads "400.00", "400" or "400.5". Refuses signs, exponents, spaces, separators and other digits than ASCII.
    pub fn parse(text: &str) -> Result<Money, MoneyError> {
        let (whole, places) =
            text.split_once('.').map_or((text, None), |(whole, places)| (whole, Some(places)));
        let digits = |part: &str, most: usize| {
            !part.is_empty() && part.len() <= most && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, INTEGER_DIGITS_MAX) || !places.is_none_or(|places| digits(places, 2)) {
            return Err(MoneyError::Malformed);
        }
        let yuan = Decimal::from_str_exact(text).map_err(|_| MoneyError::Malformed)?;
        let fen = yuan.checked_mul(Decimal::ONE_HUNDRED).ok_or(MoneyError::Malformed)?;
        i64::try_from(fen).map(Money).map_err(|_| MoneyError::Malformed)
    }

    /// The sum, or nothing when it does not fit.
    pub fn checked_add(self, other: Money) -> Option<Money> {
        self.0.checked_add(other.0).map(Money)
    }

    /// The difference (which may be negative), or nothing when it does not fit.
    pub fn checked_sub(self, other: Money) -> Option<Money> {
        self.0.checked_sub(other.0).map(Money)
    }

    /// Whether this is more than nothing.
    pub fn is_positive(self) -> bool {
        self.0 > 0
    }
}

/// Yuan with two places: "400.00", "-0.05".
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let fen = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:02}", fen / 100, fen % 100)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_yuan_strictly() {
        assert_eq!(Money::parse("400.00"), Ok(Money(40_000)));
        assert_eq!(Money::parse("0.5"), Ok(Money(50)));
        assert_eq!(Money::parse("7"), Ok(Money(700)));
        for bad in [
            "",
            ".",
            "1.",
            ".5",
            "1.005",
            "-1",
            "+1",
            "1e3",
            "٣",
            " 1",
            "1 ",
            "1,000.00",
            "１",
            "1.0.0",
            "0x1",
            "123456789012345678",
            "1_000",
            "NaN",
            "1.٣",
        ] {
            assert_eq!(Money::parse(bad), Err(MoneyError::Malformed), "{bad}");
        }
    }

    #[test]
    fn writes_two_places() {
        assert_eq!(Money(40_000).to_string(), "400.00");
        assert_eq!(Money(-5).to_string(), "-0.05");
        assert_eq!(Money(i64::MIN).to_string(), "-92233720368547758.08");
    }
}
