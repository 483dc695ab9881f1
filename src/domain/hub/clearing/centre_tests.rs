use super::super::tests::{Office, fen, pair, period, person};
use super::*;
use crate::domain::hub::clearing::{Command, Payment, Signature};
use crate::domain::hub::tables::ObligationRow;
use crate::domain::value::{Day, Money};
use crate::testkit::{PAYEE, PAYER, id};

const NOVEMBER: u32 = 202_611;

fn net_table(office: &Office, province: ProvinceCode) -> PairRow {
    office.row(&pair_key(period(NOVEMBER), Pair::with_centre(province))).expect("a table")
}

fn publish(office: &mut Office, province: ProvinceCode) -> Result<u64, Reason> {
    let publish = Command::Publish(period(NOVEMBER), Pair::with_centre(province));
    office.ask("urn:gongji:operator:a", publish)
}

fn sign(office: &mut Office, of: ProvinceCode, as_of: ProvinceCode, caller: &str) -> Result<u64, Reason> {
    let digest = net_table(office, of).digest;
    let pair = Pair::with_centre(of);
    let signature = Signature { period: period(NOVEMBER), pair, digest, province: as_of };
    office.ask(caller, Command::Sign(signature))
}

fn sign_all(office: &mut Office) {
    for province in [PAYER, PAYEE] {
        for name in ["maker", "checker"] {
            sign(office, province, province, &person(province, name)).expect("signed");
        }
        for name in ["a", "b"] {
            let operator = format!("urn:gongji:operator:{name}");
            sign(office, province, ProvinceCode::HUB, &operator).expect("signed for the centre");
        }
    }
}

fn published() -> Office {
    let mut office = Office::after_november_by(Scheme::Net, 2);
    assert_eq!(publish(&mut office, PAYER), Err(Reason::TableNotPublished), "that of the two comes first");
    office.publish(NOVEMBER).expect("published");
    for province in [PAYER, PAYEE] {
        publish(&mut office, province).expect("published");
    }
    office
}

#[test]
fn each_province_pays_or_is_paid_by_the_centre_what_is_left() {
    let mut office = published();
    let owed = |office: &Office, province| {
        let row = net_table(office, province);
        (row.first_owes, row.second_owes)
    };
    assert_eq!(owed(&office, PAYER), (Money::ZERO, fen(20_000)));
    assert_eq!(owed(&office, PAYEE), (fen(20_000), Money::ZERO));
    assert_eq!(office.sign(NOVEMBER, PAYER, "maker"), Err(Reason::OtherScheme));
    let once = "urn:gongji:operator:a";
    sign(&mut office, PAYER, ProvinceCode::HUB, once).expect("signed for the centre");
    assert_eq!(sign(&mut office, PAYER, ProvinceCode::HUB, once), Err(Reason::SecondPersonNeeded));
    let mut office = published();
    sign_all(&mut office);
    let obligation = |office: &Office, debtor, creditor| {
        let key = Key::Obligation(period(NOVEMBER), debtor, creditor);
        office.row::<ObligationRow>(&key).map(|row| row.amount)
    };
    assert_eq!(obligation(&office, PAYER, ProvinceCode::HUB), Some(fen(20_000)));
    assert_eq!(obligation(&office, ProvinceCode::HUB, PAYEE), Some(fen(20_000)));
    assert_eq!(obligation(&office, PAYER, PAYEE), None, "nobody pays twice");
    let payment = Payment {
        period: period(NOVEMBER),
        debtor: ProvinceCode::HUB,
        creditor: PAYEE,
        bank: "工商银行".to_owned(),
        serial: "C1".to_owned(),
        amount: fen(20_000),
        pay_day: Day::from_number(20_261_228),
        is_part: false,
    };
    office.ask(once, Command::Pay(id(70), payment)).expect("the centre has paid");
    office.ends();
}

/// What each is left with sums to nothing: one item less changes all.
#[test]
fn an_objection_publishes_all_again() {
    let mut office = published();
    sign(&mut office, PAYER, PAYER, &person(PAYER, "maker")).expect("signed");
    office.object(NOVEMBER, 1).expect("carried");
    for province in [PAYER, PAYEE] {
        let row = net_table(&office, province);
        assert_eq!((row.version, row.count, row.second_maker), (2, 1, None), "{province}");
        assert_eq!(row.first_owes.max(row.second_owes), fen(10_000));
    }
    assert_eq!(office.table(NOVEMBER).version, 2);
    sign_all(&mut office);
    assert_eq!(office.object(NOVEMBER, 2), Err(Reason::TableFinal));
    office.ends();
}

#[test]
fn a_gross_period_has_no_table_with_the_centre() {
    let mut office = Office::after_november(1);
    office.publish(NOVEMBER).expect("published");
    assert_eq!(publish(&mut office, PAYER), Err(Reason::OtherScheme));
    assert!(office.table(NOVEMBER).final_time.is_none() && !pair().is_net());
    office.ends();
}
