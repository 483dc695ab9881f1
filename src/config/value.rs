//! Values that stand in TOML as text, read strictly. A bad one is an error of its own place in the file.

use crate::domain::rules::closed_hours::ClosedHours;
use crate::domain::rules::rulebook::WithoutWallet;
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Civil, Day, InsuranceType, Kinship, Money, Opening, ProvinceCode, RegionCode};
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use std::fmt;
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// Reads a string with `read`; nothing is an error that says what was expected.
struct TextVisitor<T> {
    expected: &'static str,
    read: fn(&str) -> Option<T>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).ok_or_else(|| E::custom(format!("{text:?} is not {}", self.expected)))
    }
}

/// Declares types around a value that is written as text: name, value, what is expected, how it is read.
macro_rules! text_values {
    ($($(#[$doc:meta])* $name:ident($inner:ty) $expected:literal $read:expr;)+) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct $name(pub(super) $inner);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<$name, D::Error> {
                deserializer.deserialize_str(TextVisitor { expected: $expected, read: $read }).map($name)
            }
        }
    )+};
}

text_values! {
    /// A text that says something.
    Words(String) "a text with something in it" |text| (!text.trim().is_empty()).then(|| text.trim().to_owned());
    /// A day.
    DayText(Day) "a day that exists, \"YYYY-MM-DD\"" Day::parse;
    /// A period, "first day..first closed day" or "first day..".
    Period(Opening) "a period, \"YYYY-MM-DD..YYYY-MM-DD\" or \"YYYY-MM-DD..\" without end" period;
    /// An amount.
    Yuan(Money) "an amount in yuan with at most two decimal places, \"400.00\"" |text| Money::parse(text).ok();
    /// A province.
    ProvinceText(ProvinceCode) "a province's two digits, \"13\"" province;
    /// A region.
    RegionText(RegionCode) "a region code of six digits, \"130100\"" RegionCode::parse;
    /// A kind of relative.
    KinshipText(Kinship) "one of \"spouse\", \"parent\", \"child\", \"sibling\", \"paternal_grandparent\", \
        \"maternal_grandparent\", \"sons_child\", \"daughters_child\"" Kinship::from_name;
    /// An insurance type.
    InsuranceText(InsuranceType) "one of \"employee\", \"resident\"" InsuranceType::from_name;
    /// Whether something is demanded.
    Demand(bool) "one of \"none\", \"required\"" demand;
    /// What becomes of a transfer to a payee without a wallet.
    WithoutWalletText(WithoutWallet) "one of \"refuse\", \"await\"" without_wallet;
    /// A moment of civil time.
    Moment(Civil) "a moment in Asia/Shanghai, \"YYYY-MM-DDTHH:MM:SS+08:00\"" moment;
    /// Hours of the day in which a place is closed, if it has any.
    HoursText(Option<ClosedHours>) "closed hours, \"22:00..06:00\", with an end other than their beginning, or \"none\""
        |text| if text == "none" { Some(None) } else { ClosedHours::parse(text).map(Some) };
    /// A proof of the payer.
    VerificationText(Verification) "one of \"face\", \"code_password\"" Verification::from_name;
    /// The trust in a source.
    Grade(String) "a grade: \"A\", \"B\", \"C\", \"INF\", \"BG\" or \"EXAMPLE\""
        |text| ["A", "B", "C", "INF", "BG", "EXAMPLE"].contains(&text).then(|| text.to_owned());
}

fn demand(text: &str) -> Option<bool> {
    match text {
        "none" => Some(false),
        "required" => Some(true),
        _ => None,
    }
}

fn without_wallet(text: &str) -> Option<WithoutWallet> {
    match text {
        "refuse" => Some(WithoutWallet::Refuse),
        "await" => Some(WithoutWallet::Await),
        _ => None,
    }
}

fn province(text: &str) -> Option<ProvinceCode> {
    ProvinceCode::parse(text).filter(|code| *code != ProvinceCode::HUB)
}

fn period(text: &str) -> Option<Opening> {
    let (from, until) = text.split_once("..")?;
    let until = if until.is_empty() { None } else { Some(Day::parse(until)?) };
    Some(Opening { from: Day::parse(from)?, until })
}

fn moment(text: &str) -> Option<Civil> {
    let (day, clock) = text.strip_suffix("+08:00")?.split_once('T')?;
    let day = Day::parse(day)?.number();
    let bytes = clock.as_bytes();
    if bytes.len() != 8 || bytes[2] != b':' || bytes[5] != b':' {
        return None;
    }
    let two = |at: usize| {
        let digits = clock.get(at..at + 2).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?;
        digits.parse::<u8>().ok()
    };
    let time = Time::from_hms(two(0)?, two(3)?, two(6)?).ok()?;
    let month = Month::try_from(u8::try_from(day / 100 % 100).ok()?).ok()?;
    let date =
        Date::from_calendar_date(i32::try_from(day / 10_000).ok()?, month, u8::try_from(day % 100).ok()?)
            .ok()?;
    let shanghai = UtcOffset::from_hms(8, 0, 0).ok()?;
    Some(Civil(OffsetDateTime::new_in_offset(date, time, shanghai).unix_timestamp() * 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_read_in_shanghai_time() {
        assert_eq!(moment("2026-11-21T00:00:00+08:00"), Some(Civil(1_795_190_400_000)));
        assert_eq!(moment("2026-11-21T23:59:59+08:00"), Some(Civil(1_795_276_799_000)));
        for bad in [
            "2026-11-21T00:00:00Z",
            "2026-11-21T24:00:00+08:00",
            "2026-02-30T00:00:00+08:00",
            "2026-11-21",
            "2026-11-21T0:00:00+08:00",
            "2026-11-21 00:00:00+08:00",
            "",
            "2026-11-21T省0:00+08:00",
        ] {
            assert_eq!(moment(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_period_may_have_no_end_but_always_a_beginning() {
        let day = |text| Day::parse(text).unwrap();
        let closed = Opening { from: day("2025-02-07"), until: Some(day("2025-05-08")) };
        assert_eq!(period("2025-02-07..2025-05-08"), Some(closed));
        assert_eq!(period("2025-02-07.."), Some(Opening { until: None, ..closed }));
        for bad in ["2025-02-07", "..2025-02-07", "2025-02-30..", "2025-02-07..x", "2025-02-07...", ""] {
            assert_eq!(period(bad), None, "{bad}");
        }
    }
}
