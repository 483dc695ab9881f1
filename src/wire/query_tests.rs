use super::*;
use crate::domain::reason::Reason::*;
use crate::wire::page::{number_token, token};
use crate::wire::test_kit::*;
use prost_types::Timestamp;

#[test]
fn an_empty_request_asks_for_the_first_page_of_everything() {
    let regions = regions();
    let query = reader(&regions).list_transfers(&hub::ListTransfersRequest::default());
    assert_eq!(query, Ok(TransferQuery { filter: TransferFilter::default(), limit: 50, after: None }));
}

#[test]
fn all_filters_are_read_and_bind_the_token() {
    let regions = regions();
    let mut request = hub::ListTransfersRequest {
        page_size: 5000,
        page_token: String::new(),
        province_code: "13".to_owned(),
        state: hub::TransferState::Committed.into(),
        window_id: "20261121".to_owned(),
        start_time: Some(Timestamp { seconds: 1, nanos: 0 }),
        end_time: Some(Timestamp { seconds: 2, nanos: 0 }),
    };
    let query = reader(&regions).list_transfers(&request).expect("all is well");
    let filter = TransferFilter {
        province: Some(ProvinceCode::new(13)),
        state: Some(TransferState::Committed),
        window: Some(day("2026-11-21").into()),
        start_time: Some(Civil(1000)),
        end_time: Some(Civil(2000)),
    };
    assert_eq!(query, TransferQuery { filter, limit: 1000, after: None });
    let last = TransferId([9; 16]);
    request.page_token = token(&filter.scope(), &last.0);
    assert_eq!(reader(&regions).list_transfers(&request).map(|query| query.after), Ok(Some(last)));
    request.state = hub::TransferState::Aborted.into();
    assert_eq!(found(reader(&regions).list_transfers(&request)), one("page_token", PageTokenInvalid));
}

#[test]
fn every_bad_filter_is_named() {
    let regions = regions();
    let with = |change: fn(&mut hub::ListTransfersRequest)| {
        let mut request = hub::ListTransfersRequest::default();
        change(&mut request);
        found(reader(&regions).list_transfers(&request))
    };
    assert_eq!(with(|one| one.page_size = -1), one("page_size", PageSizeInvalid));
    assert_eq!(with(|one| one.page_token = "7".to_owned()), one("page_token", PageTokenInvalid));
    assert_eq!(with(|one| one.province_code = "99".to_owned()), one("province_code", UnknownRegion));
    // A province by the standard, though it is not listed (any more), is asked for as the listed are.
    assert!(regions.province(ProvinceCode::new(71)).is_none());
    let request = hub::ListTransfersRequest { province_code: "71".to_owned(), ..Default::default() };
    let read = reader(&regions).list_transfers(&request).expect("read");
    assert_eq!(read.filter.province, Some(ProvinceCode::new(71)));
    assert_eq!(with(|one| one.province_code = "1300".to_owned()), one("province_code", UnknownRegion));
    assert_eq!(with(|one| one.state = 5), one("state", ValueUnsupported));
    assert_eq!(with(|one| one.window_id = "today".to_owned()), one("window_id", RequestMalformed));
    assert_eq!(
        with(|one| one.end_time = Some(Timestamp { seconds: 0, nanos: -1 })),
        one("end_time", RequestMalformed)
    );
}

#[test]
fn a_stream_is_resumed_only_as_the_same_stream() {
    let regions = regions();
    let watch = |province: &str, token: String| {
        let request = hub::WatchTransfersRequest { resume_token: token, province_code: province.to_owned() };
        reader(&regions).watch_transfers(&request, 0)
    };
    let here = ProvinceCode::new(13);
    let token = number_token(&watch_scope(Some(here), 0), 41);
    assert_eq!(watch("13", String::new()), Ok((Some(here), None)));
    assert_eq!(watch("13", token.clone()), Ok((Some(here), Some(41))));
    assert_eq!(found(watch("14", token.clone())), one("resume_token", PageTokenInvalid));
    assert_eq!(found(watch("", token)), one("resume_token", PageTokenInvalid));
    assert_eq!(found(watch("77", String::new())), one("province_code", UnknownRegion));
}
