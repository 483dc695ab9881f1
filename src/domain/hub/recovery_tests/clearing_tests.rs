//! What happened in clearing since the backup comes back from the nodes that were told, before anything is decided.

use super::{hear, restored};
use crate::domain::hub::clearing::tests::Office;
use crate::domain::hub::clearing::{ObligationRow, PairRow, PaymentSays, PrefundMove, PrefundRow};
use crate::domain::hub::tables::{CarriedRow, ClearingRow, Key, PaymentRow, PeriodRow, Row, WindowRow};
use crate::domain::hub::{self};
use crate::domain::machine::TableRow;
use crate::domain::reason::Reason;
use crate::domain::value::{Money, Period};
use crate::testkit::{MemoryDisk, PAYEE, id};

const NOVEMBER: u32 = 202_611;

/// All rows of clearing that provinces know of.
fn rows(office: &Office) -> Vec<Row> {
    let is_told = |row: &Row| {
        PeriodRow::of(row).is_some()
            || PairRow::of(row).is_some()
            || CarriedRow::of(row).is_some()
            || ObligationRow::of(row).is_some()
            || PaymentRow::of(row).is_some()
            || PrefundRow::of(row).is_some()
            || WindowRow::of(row).is_some()
            || matches!(row, Row::Line(_) | Row::Event(_) | Row::ClearingRequest(_) | Row::Serial(_))
    };
    office.machines.hub.rows().into_iter().filter(is_told).collect()
}

/// One state after another, each with the hub's store as it was then.
fn states() -> (Office, Vec<MemoryDisk<hub::Record>>) {
    let mut office = Office::in_november();
    // Before the commits of which the month's table speaks.
    let mut backups = vec![office.machines.hub.disk.backup()];
    (1..=3).for_each(|number| office.send(number));
    office.pass(10);
    office.close(NOVEMBER);
    backups.push(office.machines.hub.disk.backup());
    let mut save = |office: &Office| backups.push(office.machines.hub.disk.backup());
    office.publish(NOVEMBER).expect("published");
    save(&office);
    office.object(NOVEMBER, 1).expect("carried");
    save(&office);
    office.sign_all(NOVEMBER);
    save(&office);
    office.deposit(PrefundMove::Payment, 15_000).expect("paid in");
    office.cover(20_261_130).expect("covered");
    save(&office);
    office.pay(50, "A1", 20_000, false).expect("paid");
    save(&office);
    office.say(50, PAYEE, PaymentSays::Received(Money::from_fen(20_000))).expect("confirmed");
    (office, backups)
}

#[test]
fn a_hub_that_was_restored_to_before_a_close_a_signature_or_a_payment_has_them_again() {
    let count = states().1.len();
    for at in 0..count {
        let (mut office, backups) = states();
        // The days since, too: their windows were closed.
        office.pass(2);
        let before = rows(&office);
        restored(&mut office.machines, &backups[at]);
        hear(&mut office.machines);
        let after = rows(&office);
        assert_eq!(after, before, "restored to state {at}");
        assert_eq!(office.object(NOVEMBER, 2), Err(Reason::TableFinal));
        assert!(office.machines.rebuilds().into_iter().all(|(_, (same, _))| same));
    }
}

/// A province may tell what never was: of what cannot follow nothing is taken.
#[test]
fn what_cannot_have_been_is_not_taken() {
    let (mut office, backups) = states();
    let before = rows(&office).len();
    restored(&mut office.machines, &backups[4]);
    super::hear_told(&mut office.machines, |notices| {
        // The signatures are there: told twice under other numbers they cannot follow.
        let again: Vec<_> = notices.clone();
        notices.extend(again.into_iter().map(|mut notice| {
            notice.number += 1_000;
            notice
        }));
    });
    let events = rows(&office).iter().filter(|row| matches!(row, Row::Event(_))).count();
    assert!(rows(&office).len() >= before, "what was told once is there");
    let last: ClearingRow = office.row(&Key::CLEARING).expect("a row");
    // A deposit can be made twice; nothing else of it can.
    assert!(events <= 40, "{events} events, the last of them {}", last.events);
    let obligation = office.obligation(NOVEMBER);
    assert_eq!((obligation.paid, obligation.confirmed), (Money::from_fen(20_000), Money::from_fen(20_000)));
}

/// A commit of which the hub did not know when its month was published is cleared in the open month, once.
#[test]
fn what_comes_back_after_its_month_was_published_is_cleared_in_the_open_one() {
    let mut office = Office::in_november();
    office.send(1);
    let before = office.machines.hub.disk.backup();
    office.send(2);
    restored(&mut office.machines, &before);
    // Nobody tells of it.
    super::hear_with(&mut office.machines, |_, legs| legs.clear(), |_| ());
    office.pass(10);
    office.close(NOVEMBER);
    office.publish(NOVEMBER).expect("published");
    assert_eq!(office.table(NOVEMBER).count, 1);
    let published = office.machines.hub.disk.backup();
    // It is January when it is heard of.
    office.pass(32);
    restored(&mut office.machines, &published);
    hear(&mut office.machines);
    let carried: CarriedRow = office.row(&Key::Carried(id(2))).expect("it came late");
    let month = |number| Period::from_number(number);
    assert_eq!((carried.of_period, carried.period, carried.times), (month(NOVEMBER), month(202_701), 0));
    assert_eq!(office.table(NOVEMBER).count, 1, "what is published stays as it is");
    office.ends();
}
