//! Tells what clearing has not come to by its day: months that are not closed or published, obligations that are late,
//! prefunds that are used up. Nothing waits for any of it.

use super::Shared;
use super::settlement::{overdue_tables, prefunds};
use crate::config::alarms::Alarms;
use crate::domain::hub::Record;
use crate::domain::hub::tables::ObligationRow;
use crate::domain::value::due_dates::{DueDates, PAY_DAYS};
use crate::domain::value::{Day, Period, WorkingDays};
use crate::proto::hub::{Prefund, PrefundAlarm};
use crate::store::{AnyTables, StoreError};
use crate::wire::settlement::payment::due_day;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// What an alarm says; told once a day as long as it is so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Alarm(String);

/// What is read to know what is late.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Months whose tables are not all published.
    pub(super) unpublished: Vec<Period>,
    /// Obligations that are not settled.
    pub(super) unpaid: Vec<ObligationRow>,
    /// All prefunds, with their use rates.
    pub(super) prefunds: Vec<Prefund>,
}

fn alarms(standing: &Standing, today: Day, working: &WorkingDays) -> BTreeSet<Alarm> {
    let mut found = BTreeSet::new();
    for period in &standing.unpublished {
        let due = DueDates::of(*period, working, PAY_DAYS).published;
        if today > due {
            found.insert(Alarm(format!("period {period} was to be published by {due} 清算期逾期未发布")));
        }
    }
    for row in &standing.unpaid {
        let due = due_day(row, working);
        if today > due.day && row.open().is_positive() {
            let (debtor, creditor, open) = (row.debtor, row.creditor, row.open());
            let of = format!("{debtor} owes {creditor} {open} for {}", row.period);
            found.insert(Alarm(format!("{of}, to be paid by {due} 应付款项逾期")));
        }
    }
    for row in &standing.prefunds {
        let of = format!("prefund of {} at {}", row.debtor_province_code, row.creditor_province_code);
        let says = match row.alarm() {
            PrefundAlarm::Unspecified => continue,
            PrefundAlarm::Yellow => "yellow 黄色预警",
            PrefundAlarm::Red => "red: an emergency increase is possible 红色预警，可紧急调增",
        };
        found.insert(Alarm(format!("{of} is used at {} %: {says}", row.use_percent)));
    }
    found
}

/// Looks until it is dropped.
pub(super) async fn run((shared, config): (Arc<Shared>, Alarms)) {
    let Some(every) = config.look_every_ms() else { return };
    let (mut told, mut day) = (BTreeSet::new(), Day::default());
    loop {
        tokio::time::sleep(Duration::from_millis(every)).await;
        let today = Day::of(shared.clock.now().civil);
        let found = match shared.lists.run(standing).await {
            Ok(standing) => alarms(&standing, today, &shared.working_days),
            Err(_) => {
                tracing::warn!("what is due in clearing cannot be looked at; it is tried again");
                continue;
            }
        };
        if day != today {
            (told, day) = (BTreeSet::new(), today);
        }
        for alarm in found.difference(&told) {
            tracing::warn!("ALARM: {}", alarm.0);
        }
        told = found;
    }
}

fn standing(tables: &mut AnyTables<Record>) -> Result<Standing, StoreError> {
    let (unpublished, unpaid) = overdue_tables(tables)?;
    Ok(Standing { unpublished, unpaid, prefunds: prefunds(None, tables)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::{Civil, Money, ProvinceCode};

    fn day(number: u32) -> Day {
        Day::from_number(number)
    }

    fn says(standing: &Standing, today: u32) -> Vec<String> {
        let found = alarms(standing, day(today), &WorkingDays::default());
        found.into_iter().map(|alarm| alarm.0).collect()
    }

    #[test]
    fn a_month_is_late_after_the_28th_of_the_next() {
        let standing = Standing { unpublished: vec![Period::from_number(202_611)], ..Standing::default() };
        assert_eq!(says(&standing, 20_261_228), Vec::<String>::new());
        assert_eq!(says(&standing, 20_261_229).len(), 1);
    }

    #[test]
    fn what_is_not_paid_is_late_after_its_day_and_no_more_once_it_is_covered() {
        let row = ObligationRow {
            period: Period::from_number(202_611),
            debtor: ProvinceCode::new(13),
            creditor: ProvinceCode::new(51),
            amount: Money::from_fen(100),
            paid: Money::ZERO,
            confirmed: Money::ZERO,
            covered: Money::ZERO,
            // 2026-12-01, a Tuesday.
            arise_time: Civil(1_796_097_600_000),
        };
        let due = due_day(&row, &WorkingDays::default()).day;
        let with = |row| Standing { unpaid: vec![row], ..Standing::default() };
        assert_eq!(says(&with(row.clone()), due.number()), Vec::<String>::new());
        let late = says(&with(row.clone()), due.next().number());
        assert!(late[0].starts_with("13 owes 51 1.00 for 202611"), "{late:?}");
        let covered = ObligationRow { covered: row.amount, ..row };
        assert_eq!(says(&with(covered), due.next().number()), Vec::<String>::new());
    }

    #[test]
    fn a_prefund_is_yellow_and_then_red() {
        let used = |alarm: PrefundAlarm, use_percent| {
            let prefund = Prefund { alarm: alarm.into(), use_percent, ..Prefund::default() };
            says(&Standing { prefunds: vec![prefund], ..Standing::default() }, 20_261_201)
        };
        assert_eq!(used(PrefundAlarm::Unspecified, 69), Vec::<String>::new());
        assert!(used(PrefundAlarm::Yellow, 70)[0].contains("70 %: yellow"));
        assert!(used(PrefundAlarm::Red, 90)[0].contains("90 %: red"));
    }
}
