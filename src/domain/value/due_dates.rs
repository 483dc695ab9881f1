//! When each step of clearing a period is due (docs/reference/policy_facts_2.md §5). Alarms go by these days; none of
//! them blocks anything.

use super::calendar::Day;
use super::period::Period;
use super::working_days::{DueDay, WorkingDays};

/// Working days that an insurance office has to hand a notice to its finance office.
pub const HAND_ON_DAYS: u32 = 5;

/// Working days that a finance office then has to pay. Sources give 5 (江苏: what a city pays to its province, art. 48)
/// and 10 (河北, which applies the national flow; policy_facts.md §5.2). What provinces owe each other follows the
/// national flow, and the longer time calls nobody late who is not.
pub const PAY_DAYS: u32 = 10;

/// Months by which a row may slip to a later period (art. 49).
pub const SLIP_MONTHS: u32 = 2;

/// By when a period's steps are to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueDates {
    /// All its windows are reconciled: the 3rd of the next month (art. 43).
    pub reconciled: Day,
    /// The detail of reconciled rows is there: the 20th (art. 47, 48).
    pub detail: Day,
    /// The table and the notices are published: the 28th (art. 48).
    pub published: Day,
    /// Payment, when the notices are issued on the last day for it.
    pub payment: PaymentDates,
    /// The last period in which a row that is objected to may be cleared (art. 49).
    pub last_slip: Period,
    /// All of its year is cleared: 31 March of the next year (art. 49).
    pub year_closed: Day,
}

/// By when what a notice says is to be paid, counted from the day on which it was issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaymentDates {
    /// The finance office has the notice.
    pub handed_on: DueDay,
    /// The payee's province has the money.
    pub paid: DueDay,
}

impl DueDates {
    /// The days of a period, when `pay_days` working days are given to pay ([`PAY_DAYS`] unless agreed otherwise).
    pub fn of(period: Period, working: &WorkingDays, pay_days: u32) -> DueDates {
        let next = period.next();
        let day = |number: u32| Day::from_number(next.number() * 100 + number);
        let published = day(28);
        DueDates {
            reconciled: day(3),
            detail: day(20),
            published,
            payment: PaymentDates::of(published, working, pay_days),
            last_slip: (0..SLIP_MONTHS).fold(period, |it, _| it.next()),
            year_closed: DueDates::year_closed(period.first_day().year()),
        }
    }

    /// The last day of the first quarter after a year.
    pub fn year_closed(year: u32) -> Day {
        Day::from_number((year + 1) * 10_000 + 331)
    }
}

impl PaymentDates {
    /// The days of a notice that was issued on this day.
    pub fn of(issued: Day, working: &WorkingDays, pay_days: u32) -> PaymentDates {
        let handed_on = working.after(issued, HAND_ON_DAYS);
        let paid = working.after(handed_on.day, pay_days);
        PaymentDates {
            handed_on,
            paid: DueDay { provisional: handed_on.provisional || paid.provisional, ..paid },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(period: &str, working: &WorkingDays, pay_days: u32) -> [String; 7] {
        let due = DueDates::of(Period::parse(period).expect("a month"), working, pay_days);
        let PaymentDates { handed_on, paid } = due.payment;
        let days = [due.reconciled, due.detail, due.published].map(|day| day.to_string());
        let [a, b, c] = days;
        [
            a,
            b,
            c,
            handed_on.to_string(),
            paid.to_string(),
            due.last_slip.to_string(),
            due.year_closed.to_string(),
        ]
    }

    #[test]
    fn a_month_is_due_by_the_table() {
        let mut working = WorkingDays::default();
        let off: Vec<Day> = (1..=7).map(|day| Day::from_number(20_261_000 + day)).collect();
        working.add(2026, &off, &[Day::from_number(20_261_010)]).expect("a year");
        // 28 September is a Monday: 29, 30, then 8, 9 and Saturday the 10th, which is worked.
        assert_eq!(
            dates("202608", &working, PAY_DAYS),
            ["2026-09-03", "2026-09-20", "2026-09-28", "2026-10-10", "2026-10-23", "202610", "2027-03-31"]
        );
        assert_eq!(dates("202608", &working, 5)[4], "2026-10-16");
    }

    #[test]
    fn december_is_due_in_a_year_that_may_not_be_known_yet() {
        let mut working = WorkingDays::default();
        working.add(2026, &[], &[]).expect("a year");
        assert_eq!(
            dates("202612", &working, PAY_DAYS),
            [
                "2027-01-03",
                "2027-01-20",
                "2027-01-28",
                "2027-02-04 (provisional)",
                "2027-02-18 (provisional)",
                "202702",
                "2027-03-31"
            ]
        );
    }

    #[test]
    fn what_is_issued_early_is_due_early() {
        let issued = Day::parse("2026-11-21").expect("a Saturday");
        let due = PaymentDates::of(issued, &WorkingDays::default(), 5);
        assert_eq!(due.handed_on.day.to_string(), "2026-11-27");
        assert_eq!(due.paid.day.to_string(), "2026-12-04");
    }
}
