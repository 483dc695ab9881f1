use super::*;
use crate::domain::protocol::Kind;
use crate::domain::value::{Civil, Side};

const ID: &str = "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a";

fn close() -> hub::CloseBreakRequest {
    hub::CloseBreakRequest {
        window_id: "20261121".to_owned(),
        province_code: "51".to_owned(),
        transfer_id: ID.to_owned(),
        correction_id: String::new(),
        proof: " both journals compared ".to_owned(),
    }
}

fn problem<T>(read: Result<T, Problem>) -> (String, Reason) {
    read.err().expect("refused").first_field()
}

#[test]
fn what_an_operator_says_of_a_break_is_read_and_checked_field_by_field() {
    let read = |request: &hub::CloseBreakRequest| close_break_from_proto(request, "o".to_owned());
    let it = read(&close()).expect("read");
    assert_eq!((it.proof.as_str(), it.correction), ("both journals compared", None));
    assert_eq!(it.id.1, ProvinceCode::new(51));
    let named = |transfer_id: &str| hub::CloseBreakRequest { transfer_id: transfer_id.to_owned(), ..close() };
    assert_eq!(read(&named("")).expect("a contradiction names none").id.2, TransferId::default());
    let field = |change: fn(&mut hub::CloseBreakRequest)| {
        let mut request = close();
        change(&mut request);
        problem(read(&request))
    };
    assert_eq!(field(|it| it.window_id.clear()), ("window_id".to_owned(), Reason::FieldRequired));
    assert_eq!(field(|it| it.window_id.push('x')), ("window_id".to_owned(), Reason::RequestMalformed));
    assert_eq!(field(|it| it.province_code.clear()), ("province_code".to_owned(), Reason::FieldRequired));
    assert_eq!(
        field(|it| it.correction_id.push('x')),
        ("correction_id".to_owned(), Reason::TransferIdMalformed)
    );
    assert_eq!(field(|it| it.proof.clear()), ("proof".to_owned(), Reason::FieldRequired));
}

#[test]
fn an_owner_is_an_operator_and_a_request_has_an_id() {
    let request = |owner: &str, request_id: &str| hub::AssignBreakRequest {
        window_id: "20261121".to_owned(),
        province_code: "51".to_owned(),
        transfer_id: ID.to_owned(),
        owner: owner.to_owned(),
        note: String::new(),
        request_id: request_id.to_owned(),
    };
    let read = |owner: &str, id: &str| {
        assign_break_from_proto(&request(owner, id), "o".to_owned(), |owner| owner == "wang")
    };
    assert_eq!(read("wang", "r1").expect("read").owner, "wang");
    assert_eq!(problem(read("", "r1")), ("owner".to_owned(), Reason::FieldRequired));
    assert_eq!(problem(read("li", "r1")), ("owner".to_owned(), Reason::ValueUnsupported));
    assert_eq!(problem(read("wang", "")).0, "request_id");
}

#[test]
fn a_list_is_narrowed_by_what_is_asked_and_by_who_asks() {
    let row = |province: u8, close_time| BreakRow {
        window: Window::parse("20261121").expect("a window"),
        province: ProvinceCode::new(province),
        transfer_id: TransferId([1; 16]),
        bucket: Bucket::Amount,
        counterpart: ProvinceCode::new(13),
        side: Side::Payee,
        kind: Kind::TRANSFER,
        hub_seq: 41,
        hub_amount: Some(Money::from_fen(105)),
        node_amount: None,
        find_time: Civil(1),
        due_time: Civil(2),
        equal_time: None,
        owner: None,
        note: None,
        request_id: None,
        correction: None,
        proof: None,
        proposer: Some("a".to_owned()),
        propose_time: None,
        closer: None,
        close_time,
    };
    let shown = break_to_proto(&row(51, None));
    let commit = shown.commit.clone().expect("what differs");
    assert_eq!((commit.hub_amount.as_str(), commit.node_amount.as_str()), ("1.05", ""));
    assert_eq!((commit.bucket(), shown.close_time), (hub::BreakBucket::Amount, None));
    let admits = |request: hub::ListBreaksRequest, own: Option<u8>, row: BreakRow| {
        let filter = breaks_of_request(&request, own.map(ProvinceCode::new)).expect("a filter");
        filter.admits(&crate::domain::hub::Row::from(row))
    };
    let all = hub::ListBreaksRequest::default;
    assert!(admits(all(), None, row(51, None)) && admits(all(), Some(51), row(51, None)));
    assert!(!admits(all(), Some(13), row(51, None)), "another province's");
    let of = |province: &str| hub::ListBreaksRequest { province_code: province.to_owned(), ..all() };
    assert!(admits(of("51"), None, row(51, None)) && !admits(of("13"), None, row(51, None)));
    assert!(!admits(of("51"), Some(13), row(51, None)), "asking for another one gives nothing");
    let open = || hub::ListBreaksRequest { open_only: true, ..all() };
    assert!(admits(open(), None, row(51, None)) && !admits(open(), None, row(51, Some(Civil(3)))));
    let window = |text: &str| hub::ListBreaksRequest { window_id: text.to_owned(), ..all() };
    assert!(!admits(window("20261122"), None, row(51, None)));
    assert_eq!(problem(breaks_of_request(&window("x"), None)).0, "window_id");
}
