use super::*;
use crate::domain::hub::clearing::{Pair, PaymentConfirmed, TableSigned};
use crate::domain::value::{Digest, Period, TransferId, Window};

const A: ProvinceCode = ProvinceCode::new(13);
const B: ProvinceCode = ProvinceCode::new(51);
const C: ProvinceCode = ProvinceCode::new(52);

fn notice(event: ClearingEvent) -> HeardNotice {
    HeardNotice { number: 7, logged: Logged { event, request: None }, time: Civil(1) }
}

fn signed(province: ProvinceCode, person: &str) -> HeardNotice {
    notice(ClearingEvent::TableSigned(TableSigned {
        period: Period::from_number(202_611),
        pair: Pair { first: A, second: B },
        version: 1,
        digest: Digest::default(),
        province,
        person: person.to_owned(),
        checks: false,
    }))
}

fn confirmed(debtor: ProvinceCode, creditor: ProvinceCode) -> HeardNotice {
    let person = format!("urn:gongji:finance:{creditor}:li");
    let payment_id = TransferId([1; 16]);
    notice(ClearingEvent::PaymentConfirmed(PaymentConfirmed { payment_id, debtor, creditor, person }))
}

#[test]
fn nobody_speaks_for_another_province() {
    let by_b = signed(B, "urn:gongji:finance:51:li");
    assert_eq!(agreed(&[(A, by_b.clone())]), None, "what B signed B tells");
    assert_eq!(agreed(&[(B, by_b.clone())]), Some(&by_b));
    assert_eq!(agreed(&[(A, by_b.clone()), (B, by_b.clone())]), Some(&by_b));
    let stranger = signed(B, "urn:gongji:finance:13:li");
    assert_eq!(agreed(&[(B, stranger)]), None, "a person of A does not sign for B");
    let operator = signed(B, "urn:gongji:operator:li");
    assert_eq!(agreed(&[(B, operator)]), None);
}

#[test]
fn a_third_province_keeps_nothing_from_being_taken() {
    let (true_one, false_one) = (confirmed(A, B), confirmed(B, C));
    let told = [(A, true_one.clone()), (B, true_one.clone()), (C, false_one)];
    assert_eq!(agreed(&told), Some(&true_one));
    let of_strangers = [(A, true_one.clone()), (C, true_one)];
    assert_eq!(agreed(&of_strangers), None, "C is no party, and A not the creditor");
    let window = |text| Window::parse(text).expect("a window");
    let ended = |next| {
        let event = WindowEnded { window: window("20261121"), next: window(next), closer: String::new() };
        notice(ClearingEvent::WindowEnded(event))
    };
    let (right, wrong) = (ended("20261122"), ended("20261121-2"));
    let told = [(A, right.clone()), (B, right.clone()), (C, wrong.clone())];
    assert_eq!(agreed(&told), Some(&right));
    assert_eq!(agreed(&[(A, right), (C, wrong)]), None, "one word against another");
}
