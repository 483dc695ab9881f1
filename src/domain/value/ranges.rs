//! Numbers that are kept apart: few ranges, whatever their length.

use crate::domain::value::column::{Column, Value};
use borsh::{BorshDeserialize, BorshSerialize};
use std::borrow::Cow;

/// A set of numbers, as ranges from the first to the last number of each, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct NumberRanges(Vec<(u64, u64)>);

impl NumberRanges {
    /// Adds a number that is higher than all that are there.
    pub fn push(&mut self, number: u64) {
        match self.0.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(number) => *last = number,
            _ => self.0.push((number, number)),
        }
    }

    /// Adds a range of which every number is higher than all that are there.
    pub fn push_range(&mut self, first: u64, last: u64) {
        if first <= last {
            self.push(first);
            if let Some((_, end)) = self.0.last_mut() {
                *end = last;
            }
        }
    }

    /// Whether a number is there.
    pub fn contains(&self, number: u64) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Takes a number out. False: it was not there.
    pub fn take(&mut self, number: u64) -> bool {
        let Some(at) = self.0.iter().position(|(first, last)| (*first..=*last).contains(&number)) else {
            return false;
        };
        let (first, last) = self.0.remove(at);
        let left = [(first, number.saturating_sub(1)), (number.saturating_add(1), last)];
        let parts = left.into_iter().filter(|(from, to)| from <= to && !(*from..=*to).contains(&number));
        self.0.splice(at..at, parts.collect::<Vec<_>>());
        true
    }

    /// How many stand together at most.
    pub fn longest(&self) -> u64 {
        self.0.iter().map(|(first, last)| (last - first).saturating_add(1)).max().unwrap_or(0)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.iter().map(|(first, last)| (last - first).saturating_add(1)).fold(0, u64::saturating_add)
    }
}

impl std::fmt::Display for NumberRanges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ranges: Vec<String> = self.0.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        f.write_str(&ranges.join(" "))
    }
}

impl Column for NumberRanges {
    fn to_value(&self) -> Value<'_> {
        if self.0.is_empty() {
            return Value::Null;
        }
        Value::Blob(Cow::Owned(borsh::to_vec(self).unwrap_or_default()))
    }
    fn from_value(value: Value<'_>) -> Option<NumberRanges> {
        match value {
            Value::Null => Some(NumberRanges::default()),
            Value::Blob(bytes) => borsh::from_slice(&bytes).ok(),
            Value::Int(_) | Value::Text(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_out_is_not_there_any_more() {
        let mut kept = NumberRanges::default();
        kept.push_range(3, 2);
        assert_eq!((kept.count(), kept.take(3)), (0, false));
        kept.push(4);
        kept.push_range(5, 9);
        kept.push(12);
        assert_eq!(kept.longest(), 6);
        assert_eq!((kept.to_string().as_str(), kept.count()), ("4-9 12-12", 7));
        for number in [6, 4, 9, 12] {
            assert!(kept.contains(number) && kept.take(number) && !kept.contains(number), "{number}");
        }
        assert_eq!((kept.to_string().as_str(), kept.take(6)), ("5-5 7-8", false));
        assert_eq!(NumberRanges::from_value(kept.to_value()), Some(kept));
        assert_eq!(NumberRanges::from_value(Value::Null), Some(NumberRanges::default()));
    }
}
