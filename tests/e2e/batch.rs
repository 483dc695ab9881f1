//! SubmitTransfers and BatchGetTransfers: an answer for each item, and no item's failure touches another.

use super::kit::cluster::shared;
use super::kit::people::{Funds, fresh_id, person, somebody};
use super::kit::verdict::{aborted, item_refused, malformed, recorded, refused};
use gongji::proto::hub::{
    BatchGetTransfersRequest, CreateTransferRequest, SubmitTransfersRequest, WaitMode,
    batch_get_transfers_result, submit_transfers_result,
};
use gongji::proto::types::{Party, RefusalSide};
use tonic::Code;

fn submit(requests: Vec<CreateTransferRequest>) -> SubmitTransfersRequest {
    SubmitTransfersRequest { requests, wait: WaitMode::Recorded.into() }
}

#[test]
fn mixed_items_are_answered_in_order() {
    use submit_transfers_result::Outcome::{Error, Transfer};
    shared(async |cluster| {
        let (one, two) = (cluster.family("13", "51").await, cluster.family("14", "13").await);
        let good = one.transfer("5.00");
        let mut changed = one.transfer("6.00");
        changed.transfer_id.clone_from(&good.transfer_id);
        let malformed_item = CreateTransferRequest { amount: "1e3".to_owned(), ..one.transfer("") };
        let refused_item = CreateTransferRequest { payee: Some(somebody("510100")), ..one.transfer("7.00") };
        let empty = CreateTransferRequest::default();
        let items =
            vec![good.clone(), changed, malformed_item, refused_item, empty, two.transfer("8.00"), good];
        let answer = cluster.app().ask_hub(submit(items)).await.expect("an answer");
        let results: Vec<_> = answer.results.into_iter().map(|it| it.outcome.expect("set")).collect();
        let [
            Transfer(first),
            Error(differs),
            Error(bad),
            Transfer(no),
            Error(nothing),
            Transfer(last),
            Transfer(again),
        ] = &results[..]
        else {
            panic!("{results:?}");
        };
        [first, last, again].into_iter().for_each(recorded);
        assert_eq!(first, again, "the same item twice is one transfer");
        let said = item_refused(differs, Code::AlreadyExists, "CONTENT_DIFFERS");
        assert_eq!(said.fact("field"), Some("amount"));
        item_refused(bad, Code::InvalidArgument, "AMOUNT_MALFORMED");
        aborted(no, RefusalSide::Payee, "PAYEE_NOT_INSURED");
        item_refused(nothing, Code::InvalidArgument, "FIELD_REQUIRED");
        assert_eq!(one.funds().await, Funds::settled("9995.00", "5.00"));
        assert_eq!(two.funds().await, Funds::settled("9992.00", "8.00"));
    });
}

#[test]
fn an_item_of_a_province_that_the_app_does_not_serve_fails_alone() {
    use submit_transfers_result::Outcome::{Error, Transfer};
    shared(async |cluster| {
        let (theirs, others) = (cluster.family("51", "13").await, cluster.family("13", "51").await);
        let app = cluster.caller("app:sichuan");
        let items = submit(vec![others.transfer("1.00"), theirs.transfer("1.00")]);
        let answer = app.ask_hub(items).await.expect("an answer");
        let results: Vec<_> = answer.results.into_iter().map(|it| it.outcome.expect("set")).collect();
        let [Error(refused), Transfer(done)] = &results[..] else { panic!("{results:?}") };
        item_refused(refused, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        recorded(done);
        assert_eq!(others.funds().await, Funds::untouched());
    });
}

#[test]
fn none_and_a_thousand_and_one_are_too_few_and_too_many() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        malformed(app.ask_hub(submit(vec![])).await, "requests", "BATCH_SIZE_INVALID");
        let many = (0..1001).map(|_| family.transfer("0.01")).collect();
        let answer = app.ask_hub(submit(many)).await;
        let said = refused(answer, Code::InvalidArgument, "BATCH_SIZE_INVALID");
        assert_eq!((said.fact("limit"), said.fact("value")), (Some("1000"), Some("1001")));
        for count in [0, 1001] {
            let transfer_ids = (0..count).map(|_| fresh_id()).collect();
            let answer = app.ask_hub(BatchGetTransfersRequest { transfer_ids }).await;
            malformed(answer, "transfer_ids", "BATCH_SIZE_INVALID");
        }
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

#[test]
fn a_thousand_items_are_answered() {
    use submit_transfers_result::Outcome;
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let many = (0..1000).map(|_| family.transfer("0.01")).collect();
        let answer = cluster.app().ask_hub(submit(many)).await.expect("an answer");
        let results = answer.results;
        assert_eq!(results.len(), 1000);
        let transfer = |outcome: Option<Outcome>| match outcome {
            Some(Outcome::Transfer(transfer)) => transfer,
            other => panic!("not a transfer: {other:?}"),
        };
        let (done, refused): (Vec<_>, Vec<_>) =
            results.into_iter().map(|it| transfer(it.outcome)).partition(|it| it.refusal.is_none());
        assert_eq!(done.len(), 3, "three a day");
        done.iter().for_each(recorded);
        refused.iter().for_each(|it| drop(aborted(it, RefusalSide::Payer, "DAILY_COUNT_REACHED")));
        assert_eq!(family.funds().await, Funds::settled("9999.97", "0.03"));
    });
}

/// All items were handed in before the first refusal was counted: one call tried a thousand names.
#[test]
fn a_batch_tries_no_more_than_calls_one_after_the_other() {
    use submit_transfers_result::Outcome::{Error, Transfer};
    shared(async |cluster| {
        let (family, others) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let misnamed = |_| {
            let mut request = family.transfer("10.00");
            person(&mut request.payer).name = "别人".to_owned();
            request
        };
        let mut items: Vec<_> = (0..30).map(misnamed).collect();
        items.push(others.transfer("1.00"));
        let answer = cluster.app().ask_hub(submit(items)).await.expect("an answer");
        let mut results: Vec<_> = answer.results.into_iter().map(|it| it.outcome.expect("set")).collect();
        let Some(Transfer(last)) = results.pop() else { panic!("nobody stops the others") };
        recorded(&last);
        let mut told = 0;
        for result in results {
            match result {
                // What no node has answered in time says nothing, and counts for nothing.
                Transfer(it) => {
                    let refusal = it.refusal.expect("refused");
                    told += usize::from(refusal.reason == "PAYER_IDENTITY_MISMATCH");
                }
                Error(error) => drop(item_refused(&error, Code::ResourceExhausted, "TOO_MANY_TRIES")),
            }
        }
        assert_eq!(told, 10);
    });
}

#[test]
fn an_oversized_message_is_refused() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let mut request = family.transfer("1.00");
        request.remark = "x".repeat(9 << 20);
        let id = request.transfer_id.clone();
        let said = refused(cluster.app().create(request).await, Code::InvalidArgument, "REQUEST_MALFORMED");
        assert_eq!(said.fact("limit_bytes"), Some("8388608"));
        refused(cluster.app().get(&id).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

#[test]
fn many_transfers_are_read_at_once() {
    use batch_get_transfers_result::Outcome::{Error, Transfer};
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let mut made = Vec::new();
        for amount in ["1.00", "2.00"] {
            made.push(app.create(family.transfer(amount)).await.expect("an answer"));
        }
        let ids =
            [made[1].transfer_id.clone(), fresh_id(), "nonsense".to_owned(), made[0].transfer_id.clone()];
        let request = BatchGetTransfersRequest { transfer_ids: ids.into() };
        let answer = app.ask_hub(request).await.expect("an answer");
        let results: Vec<_> = answer.results.into_iter().map(|it| it.outcome.expect("set")).collect();
        let [Transfer(second), Error(missing), Error(bad), Transfer(first)] = &results[..] else {
            panic!("{results:?}");
        };
        assert_eq!((first, second), (&made[0], &made[1]));
        item_refused(missing, Code::NotFound, "TRANSFER_NOT_FOUND");
        item_refused(bad, Code::InvalidArgument, "TRANSFER_ID_MALFORMED");
        let payee: &Party = &family.payee;
        assert_eq!(first.payee.as_ref().map(|it| &it.region_code), Some(&payee.region_code));
    });
}
