//! The bytes of events of clearing: they stand in journals, and in what provinces are told and tell back.

use super::holds;
use super::samples::{AMOUNT, ID, digest, window};
use gongji::domain::hub::clearing::{self, ClearingEvent};
use gongji::domain::machine::describe::{Describe, Detail};
use gongji::domain::protocol::Kind;
use gongji::domain::value::{Day, Money, Period, ProvinceCode, TransferId, Window, hex};

/// One event of clearing of each kind, in the order in which journals number them.
pub fn events() -> Vec<ClearingEvent> {
    let [first, second] = [13, 51].map(ProvinceCode::new);
    let pair = clearing::Pair { first, second };
    let (period, next) = (Period::from_number(202_611), Period::from_number(202_612));
    let person = || "urn:gongji:finance:51:li".to_owned();
    let line = clearing::Line {
        payer: first,
        payee: second,
        kind: Kind::TRANSFER,
        count: 3,
        amount: AMOUNT,
        payer_digest: digest(0x67),
        payee_digest: digest(0x68),
    };
    let mut events = vec![
        ClearingEvent::WindowEnded(clearing::WindowEnded {
            window: window(),
            next: Window::parse("20261121-2").expect("a window"),
        }),
        ClearingEvent::PeriodClosed(clearing::PeriodClosed {
            period,
            scheme: clearing::Scheme::Net,
            provinces: vec![first, second],
            operator: "urn:gongji:operator:a".to_owned(),
        }),
        ClearingEvent::TablePublished(clearing::TablePublished {
            period,
            pair,
            version: 2,
            lines: vec![line],
            first_owes: AMOUNT,
            second_owes: Money::from_fen(7),
            digest: digest(0x69),
        }),
        ClearingEvent::TableSigned(clearing::TableSigned {
            period,
            pair,
            version: 2,
            digest: digest(0x69),
            province: second,
            person: person(),
            checks: true,
        }),
        ClearingEvent::ItemCarried(clearing::ItemCarried {
            transfer_id: ID,
            line,
            from: period,
            to: next,
            times: 1,
            province: second,
            person: person(),
            code: "AMOUNT".to_owned(),
            note: "金额不符".to_owned(),
        }),
    ];
    events.extend(payments(first, second));
    events
}

fn payments(debtor: ProvinceCode, creditor: ProvinceCode) -> Vec<ClearingEvent> {
    let person = || "urn:gongji:finance:51:li".to_owned();
    let period = Period::from_number(202_611);
    let (payment_id, code, note) = (TransferId([0x15; 16]), "BOUNCED".to_owned(), "退汇".to_owned());
    vec![
        ClearingEvent::PaymentRecorded(clearing::PaymentRecorded {
            payment_id,
            period,
            debtor,
            creditor,
            bank: "工商银行".to_owned(),
            serial: "A1".to_owned(),
            amount: AMOUNT,
            pay_day: Day::from_number(20_261_228),
            person: person(),
        }),
        ClearingEvent::PaymentConfirmed(clearing::PaymentConfirmed {
            payment_id,
            debtor,
            creditor,
            person: person(),
        }),
        ClearingEvent::PaymentVoided(clearing::PaymentVoided {
            payment_id,
            debtor,
            creditor,
            code,
            note,
            person: person(),
        }),
        ClearingEvent::ObligationCovered(clearing::ObligationCovered {
            period,
            debtor,
            creditor,
            amount: AMOUNT,
            due: Day::from_number(20_270_115),
            person: person(),
        }),
        ClearingEvent::PrefundMoved(clearing::PrefundMoved {
            debtor,
            creditor,
            what: clearing::PrefundMove::Carried,
            amount: AMOUNT,
            year: 2026,
            reference: "医保财 2026-3".to_owned(),
            person: person(),
        }),
    ]
}

#[test]
fn the_bytes_of_every_event_are_as_they_were() {
    let line = |(number, event): (usize, &ClearingEvent)| {
        let mut details = Vec::new();
        event.describe("event", &mut details);
        let bytes = borsh::to_vec(event).expect("bytes");
        assert_eq!(usize::from(bytes[0]), number, "one of each, in order");
        assert_eq!(borsh::from_slice(&bytes).ok().as_ref(), Some(event));
        let Some((_, Detail::Text(name))) = details.first() else { panic!("an event has a name") };
        format!("{number} {name} {}", hex(&bytes))
    };
    let lines: Vec<String> = events().iter().enumerate().map(line).collect();
    let next = [u8::try_from(lines.len()).expect("few"); 1];
    let beyond = borsh::from_slice::<ClearingEvent>(&next).expect_err("no event has this number");
    assert!(beyond.to_string().contains("Unexpected"), "a sample of each: {beyond}");
    holds("clearing_events.txt", "# number name bytes", &lines);
}
