//! How many transfers of an account count against a day's limit. Kept beside the balance, for the two latest days:
//! a transfer that was received before midnight may still be prepared, or aborted, after it.

use crate::domain::node::tables::AccountRow;
use crate::domain::value::Day;

/// Transfers that count against a day. Of a day older than the two that are kept nothing can be live any more, since
/// a transfer is decided within a minute, or goes back at 06:00 of the next day.
pub fn count(row: &AccountRow, day: Day) -> u64 {
    if day == row.day {
        row.day_count
    } else if day == row.earlier_day {
        row.earlier_count
    } else {
        0
    }
}

/// One more transfer of a day.
pub fn reserve(row: AccountRow, day: Day) -> AccountRow {
    if day > row.day {
        let (earlier_day, earlier_count) = (row.day, row.day_count);
        return AccountRow { day, day_count: 1, earlier_day, earlier_count, ..row };
    }
    change(row, day, |count| count + 1)
}

/// One transfer of a day that was aborted counts no more.
pub fn release(row: AccountRow, day: Day) -> AccountRow {
    change(row, day, |count| count.saturating_sub(1))
}

fn change(row: AccountRow, day: Day, to: impl Fn(u64) -> u64) -> AccountRow {
    if day == row.day {
        AccountRow { day_count: to(row.day_count), ..row }
    } else if day == row.earlier_day {
        AccountRow { earlier_count: to(row.earlier_count), ..row }
    } else if day > row.earlier_day {
        AccountRow { earlier_day: day, earlier_count: to(0), ..row }
    } else {
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::node::account::empty_account;
    use crate::domain::value::ledger::AccountKind;

    fn day(number: u32) -> Day {
        Day::from_number(number)
    }

    #[test]
    fn a_day_counts_what_was_reserved_and_not_released() {
        let row = empty_account(Default::default(), AccountKind::Personal);
        let row = reserve(reserve(row, day(20_261_121)), day(20_261_121));
        assert_eq!(count(&row, day(20_261_121)), 2);
        let row = release(row, day(20_261_121));
        assert_eq!((count(&row, day(20_261_121)), count(&row, day(20_261_120))), (1, 0));
    }

    #[test]
    fn midnight_keeps_both_days_apart_in_either_order() {
        let row = empty_account(Default::default(), AccountKind::Personal);
        let row = reserve(row, day(20_261_121));
        let row = reserve(row, day(20_261_122));
        let row = reserve(row, day(20_261_121));
        assert_eq!((count(&row, day(20_261_121)), count(&row, day(20_261_122))), (2, 1));
        let row = release(row, day(20_261_121));
        assert_eq!((count(&row, day(20_261_121)), count(&row, day(20_261_122))), (1, 1));
        // Received before midnight, prepared after the first of the new day: its day was not kept yet.
        let row = reserve(empty_account(Default::default(), AccountKind::Personal), day(20_261_122));
        let row = reserve(row, day(20_261_121));
        assert_eq!((count(&row, day(20_261_121)), count(&row, day(20_261_122))), (1, 1));
    }
}
