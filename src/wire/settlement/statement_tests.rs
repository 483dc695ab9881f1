use super::*;
use crate::wire::test_kit::{found, one, reader, regions};

const WINDOW: &str = "20261121-2";

fn request(edit: impl FnOnce(&mut hub::GetStatementRequest)) -> hub::GetStatementRequest {
    let mut request = hub::GetStatementRequest {
        span: Some(WireSpan::WindowId(WINDOW.to_owned())),
        ..hub::GetStatementRequest::default()
    };
    edit(&mut request);
    request
}

fn read(
    edit: impl FnOnce(&mut hub::GetStatementRequest),
    own: Option<u8>,
) -> Result<StatementQuery, Problem> {
    let regions = regions();
    reader(&regions).statement(&request(edit), own.map(ProvinceCode::new))
}

fn window() -> Window {
    Window::parse(WINDOW).expect("a window")
}

#[test]
fn all_that_is_asked_for_is_read() {
    let all = read(|_| {}, None).expect("all of a window");
    assert_eq!(
        all,
        StatementQuery { span: Span::Window(window()), selection: Selection::default(), after: None }
    );
    let asked = read(
        |it| {
            it.span = Some(WireSpan::PeriodId("202611".to_owned()));
            it.province_code = "13".to_owned();
            it.counter_province_code = "51".to_owned();
            it.region_code = "130100".to_owned();
            it.after = Some(hub::StatementPosition { window_id: WINDOW.to_owned(), hub_seq: 7 });
        },
        None,
    );
    let selection = Selection {
        province: Some(ProvinceCode::new(13)),
        counter: Some(ProvinceCode::new(51)),
        area: RegionCode::parse("130100"),
    };
    let span = Span::Period(Period::parse("202611").expect("a month"));
    assert_eq!(asked, Ok(StatementQuery { span, selection, after: Some((window(), 7)) }));
}

#[test]
fn a_province_is_given_its_own_side_and_no_other_s() {
    let selected = |asked: &str, own| {
        let query = read(|it| it.province_code = asked.to_owned(), own);
        query.map(|it| it.selection.province.map(ProvinceCode::number)).map_err(|problem| problem.reason)
    };
    assert_eq!(selected("", Some(13)), Ok(Some(13)));
    assert_eq!(selected("13", Some(13)), Ok(Some(13)));
    assert_eq!(selected("51", Some(13)), Err(Reason::ProvinceNotAllowed));
    assert_eq!(selected("51", None), Ok(Some(51)));
    let counter = |own| read(|it| it.counter_province_code = "51".to_owned(), own);
    assert_eq!(counter(Some(13)).map(|it| it.selection.counter), Ok(Some(ProvinceCode::new(51))));
    assert_eq!(found(counter(None)), one("province_code", Reason::FieldRequired));
}

#[test]
fn what_cannot_be_read_is_named() {
    let span = |span| found(read(|it| it.span = span, None));
    assert_eq!(span(None), one("window_id", Reason::FieldRequired));
    assert_eq!(span(Some(WireSpan::WindowId(String::new()))), one("window_id", Reason::FieldRequired));
    assert_eq!(span(Some(WireSpan::WindowId("2026".to_owned()))), one("window_id", Reason::RequestMalformed));
    assert_eq!(
        span(Some(WireSpan::PeriodId("202613".to_owned()))),
        one("period_id", Reason::RequestMalformed)
    );
    let area = found(read(|it| it.region_code = "1301".to_owned(), None));
    assert_eq!(area, one("region_code", Reason::RegionMalformed));
    let province = found(read(|it| it.province_code = "99".to_owned(), None));
    assert_eq!(province, one("province_code", Reason::UnknownRegion));
    let after = found(read(|it| it.after = Some(hub::StatementPosition::default()), None));
    assert_eq!(after, one("after.window_id", Reason::FieldRequired));
}

#[test]
fn sums_are_read_back_as_they_were_written() {
    for (amount, text) in
        [(0, "0.00"), (5, "0.05"), (-40_005, "-400.05"), (1 << 70, "11805916207174113034.24")]
    {
        assert_eq!(fen(&yuan(amount)), Some(amount));
        assert_eq!(yuan(amount), text);
    }
    for bad in ["", "1", "1.0", "1.000", "a.00", "."] {
        assert_eq!(fen(bad), None, "{bad}");
    }
}
