use crate::domain::audit::books::Books;
use crate::domain::audit::invariant::violations;
use crate::domain::hub::clearing::tests::Office;
use crate::domain::hub::clearing::{PaymentSays, PrefundMove};
use crate::domain::value::Money;
use crate::testkit::{PAYEE, id};

const NOVEMBER: u32 = 202_611;

/// A month that is signed, of which one item was carried, with a payment and a prefund that covers the rest.
fn books() -> Books {
    let mut office = Office::after_november(3);
    office.publish(NOVEMBER).expect("published");
    office.object(NOVEMBER, 1).expect("carried");
    office.sign_all(NOVEMBER);
    office.pay(50, "A1", 5_000, true).expect("a part");
    office.say(50, PAYEE, PaymentSays::Received(Money::from_fen(5_000))).expect("confirmed");
    office.deposit(PrefundMove::Payment, 50_000).expect("paid in");
    office.cover(20_261_130).expect("covered");
    office.machines.books()
}

fn breaks(expected: &[&str], change: impl FnOnce(&mut Books)) {
    let mut books = books();
    assert_eq!(violations(&books), []);
    change(&mut books);
    let mut found: Vec<&str> = violations(&books).iter().map(|it| it.invariant).collect();
    found.dedup();
    assert_eq!(found, expected);
}

#[test]
fn what_is_wrong_in_a_month_is_seen() {
    breaks(&["INV-19", "INV-20"], |books| books.hub.lines[0].count += 1);
    breaks(&["INV-19"], |books| drop(books.hub.carried.remove(&id(1))));
    breaks(&["INV-19", "INV-20"], |books| books.hub.lines.clear());
    breaks(&["INV-20"], |books| books.hub.tables[0].version += 1);
    breaks(&["INV-20"], |books| {
        books.hub.obligations.values_mut().for_each(|row| row.amount = Money::from_fen(1));
    });
    breaks(&["INV-21"], |books| books.hub.payments.clear());
    breaks(&["INV-21"], |books| books.hub.payments[0].confirm_time = None);
    breaks(&["INV-21"], |books| books.hub.prefunds[0].used = Money::ZERO);
    breaks(&["INV-21"], |books| books.hub.prefunds.clear());
}
