use super::*;

fn issue() -> Issue {
    Issue { span: "202611".to_owned(), issued: "2026-12-28".to_owned(), ..Issue::default() }
}

fn bytes(form: &Form) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(form, &mut bytes).expect("written");
    bytes
}

#[test]
fn a_table_sums_up_what_provinces_owe_and_are_owed() {
    let row =
        |code: &str, payable, receivable| ClearingRow { province_code: code.to_owned(), payable, receivable };
    let form = clearing_table(&issue(), &[row("13", 40_105, 5), row("51", 5, 40_105)]);
    let first = vec![
        Cell::Count(1),
        Cell::Text("13".to_owned()),
        Cell::Text("河北省".to_owned()),
        Cell::Fen(40_105),
        Cell::Fen(5),
    ];
    assert_eq!(form.rows[0], first);
    assert_eq!(form.total[3..], [Cell::Fen(40_110), Cell::Fen(40_110)]);
    assert!(form.rows.iter().chain([&form.total]).all(|cells| cells.len() == form.columns.len()));
}

#[test]
fn a_notice_says_who_pays_whom() {
    let rows = [NoticeRow { province_code: "51".to_owned(), count: 2, amount: 40_105 }];
    let (pays, receives) = (payment_notice(&issue(), "13", &rows), collection_notice(&issue(), "13", &rows));
    let fact = |form: &Form| form.facts[1].clone();
    assert_eq!(fact(&pays), ("付款省".to_owned(), "河北省".to_owned()));
    assert_eq!(fact(&receives), ("收款省".to_owned(), "河北省".to_owned()));
    assert_eq!([&pays.columns[2].heading, &receives.columns[2].heading], ["收款省", "付款省"]);
    assert_eq!(pays.total[3..], [Cell::Count(2), Cell::Fen(40_105)]);
}

#[test]
fn prefunds_are_told_in_ten_thousands() {
    let row = PrefundRow {
        payer_code: "13".to_owned(),
        payee_code: "51".to_owned(),
        yearly: 500_000_000,
        carried: 20_000_000,
        added: 0,
        used: 7_000,
    };
    let form = prefund_table(&issue(), &[row]);
    assert_eq!(form.rows[0][6], Cell::Fen(520_000_000));
    assert_eq!(amount(520_000_000, form.unit), Ok(520.0));
    assert_eq!(form.total.len(), form.columns.len());
}

#[test]
fn the_same_form_is_the_same_bytes_whenever_it_is_written() {
    let form = clearing_table(&issue(), &[]);
    let first = bytes(&form);
    assert!(first.starts_with(b"PK"));
    // Nothing of the clock or of chance goes in: what is written a second later is the same.
    assert_eq!(bytes(&form), first);
    let other = clearing_table(&Issue { issued: "2026-12-29".to_owned(), ..issue() }, &[]);
    assert_ne!(bytes(&other), first);
}

#[test]
fn an_amount_that_a_cell_cannot_hold_is_a_text() {
    assert_eq!(amount(40_005, Unit::Yuan), Ok(400.05));
    assert_eq!(amount(-5, Unit::Yuan), Ok(-0.05));
    assert_eq!(amount(999_999_999_999_999, Unit::Yuan), Ok(9_999_999_999_999.99));
    assert_eq!(amount(1_000_000_000_000_000, Unit::Yuan), Err("10000000000000.00".to_owned()));
    assert_eq!(amount(i128::from(i64::MAX), Unit::TenThousandYuan), Err("92233720368547758.07".to_owned()));
}
