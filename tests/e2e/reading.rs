//! Lists and streams of transfers.

use super::kit::cluster::shared;
use super::kit::people::somebody;
use super::kit::verdict::{malformed, recorded};
use gongji::devkit::client::Caller;
use gongji::proto::hub::{
    ListTransfersRequest, ListTransfersResponse, Transfer, TransferState, WatchTransfersRequest,
    WatchTransfersResponse,
};
use tonic::Streaming;

async fn pages(app: &Caller, request: ListTransfersRequest) -> Vec<Transfer> {
    let most = if request.page_size == 0 { 50 } else { usize::try_from(request.page_size).expect("a size") };
    let rows = |page: ListTransfersResponse| {
        assert!(page.transfers.len() <= most);
        (page.transfers, page.next_page_token)
    };
    let page = |page_token| ListTransfersRequest { page_token, ..request.clone() };
    app.pages(page, rows).await.expect("all pages")
}

#[test]
fn lists_are_complete_newest_first_and_filtered() {
    shared(async |cluster| {
        let family = cluster.family("14", "51").await;
        let app = cluster.app();
        let mut made = Vec::new();
        for amount in ["1.00", "2.00", "3.00", "2000.01"] {
            made.push(app.create(family.transfer(amount)).await.expect("an answer"));
        }
        let mine = |found: Vec<Transfer>| -> Vec<Transfer> {
            found.into_iter().filter(|it| made.iter().any(|one| one.transfer_id == it.transfer_id)).collect()
        };
        let newest_first: Vec<Transfer> = made.iter().rev().cloned().collect();
        let all = ListTransfersRequest { page_size: 2, ..ListTransfersRequest::default() };
        assert_eq!(mine(pages(&app, all.clone()).await), newest_first);
        let of = |province: &str| ListTransfersRequest { province_code: province.to_owned(), ..all.clone() };
        assert_eq!(mine(pages(&app, of("51")).await), newest_first);
        assert_eq!(mine(pages(&app, of("13")).await), []);
        let aborted = ListTransfersRequest { state: TransferState::Aborted.into(), ..all.clone() };
        assert_eq!(mine(pages(&app, aborted).await), newest_first[..1]);
        let window = ListTransfersRequest { window_id: "20261121".to_owned(), ..all.clone() };
        assert_eq!(mine(pages(&app, window).await), newest_first[1..]);
        let since = ListTransfersRequest { start_time: made[2].create_time, ..all.clone() };
        let since = mine(pages(&app, since).await);
        assert!(since.starts_with(&newest_first[..2]) && !since.contains(&made[0]));
        // A platform sees what its own province has part in.
        let platform = cluster.caller("platform:14");
        assert_eq!(mine(pages(&platform, all.clone()).await), newest_first);
        assert_eq!(mine(pages(&cluster.caller("platform:13"), all).await), []);
    });
}

#[test]
fn a_list_takes_only_its_own_tokens_and_sizes() {
    shared(async |cluster| {
        let app = cluster.app();
        let list = async |request| app.ask_hub(request).await;
        let request = ListTransfersRequest { page_size: -1, ..Default::default() };
        malformed(list(request).await, "page_size", "PAGE_SIZE_INVALID");
        for token in ["x", "00", "0000000000000000"] {
            let request = ListTransfersRequest { page_token: token.to_owned(), ..Default::default() };
            malformed(list(request).await, "page_token", "PAGE_TOKEN_INVALID");
        }
        let request = ListTransfersRequest { state: 77, ..Default::default() };
        malformed(list(request).await, "state", "VALUE_UNSUPPORTED");
        let watch = WatchTransfersRequest { resume_token: "00".to_owned(), ..Default::default() };
        let answer = app.transfers().watch_transfers(watch).await;
        malformed(answer.map(drop), "resume_token", "PAGE_TOKEN_INVALID");
    });
}

type Changes = Streaming<WatchTransfersResponse>;

async fn watch(app: &Caller, resume_token: &str) -> Changes {
    // No deadline: a stream stays open for as long as its reader wants.
    let request =
        WatchTransfersRequest { resume_token: resume_token.to_owned(), province_code: "14".to_owned() };
    app.transfers().watch_transfers(request).await.expect("a stream").into_inner()
}

/// The changes up to the one with this token, or up to where `last` is recorded by both.
async fn read(
    changes: &mut Changes,
    is_last: impl Fn(&WatchTransfersResponse) -> bool,
) -> Vec<WatchTransfersResponse> {
    let mut seen = Vec::new();
    loop {
        let change = changes.message().await.expect("a change").expect("the stream goes on");
        seen.push(change);
        if is_last(&seen[seen.len() - 1]) {
            return seen;
        }
    }
}

#[test]
fn after_a_token_come_exactly_the_later_changes() {
    shared(async |cluster| {
        let family = cluster.family("14", "51").await;
        let app = cluster.app();
        let mut changes = watch(&app, "").await;
        let first = app.create(family.transfer("1.00")).await.expect("an answer");
        let mut refused = family.transfer("1.00");
        refused.payee = Some(somebody("510100"));
        let refused = app.create(refused).await.expect("an answer");
        let last = app.create(family.transfer("2.00")).await.expect("an answer");
        recorded(&last);
        let is_last = |change: &WatchTransfersResponse| {
            let transfer = change.transfer.as_ref().expect("a transfer");
            transfer.transfer_id == last.transfer_id && transfer.payer_recorded && transfer.payee_recorded
        };
        let all = read(&mut changes, is_last).await;

        // The states of one transfer are told in order, and nothing is told of what came later.
        let states = |id: &str| -> Vec<(TransferState, u8)> {
            let of_it = all.iter().filter_map(|it| it.transfer.as_ref()).filter(|it| it.transfer_id == id);
            of_it.map(|it| (it.state(), u8::from(it.payer_recorded) + u8::from(it.payee_recorded))).collect()
        };
        use TransferState::{Aborted, Committed, Pending};
        let expected = [(Pending, 0), (Committed, 0), (Committed, 1), (Committed, 2)];
        assert_eq!(states(&first.transfer_id), expected);
        assert_eq!(states(&last.transfer_id), expected);
        assert_eq!(states(&refused.transfer_id)[..2], [(Pending, 0), (Aborted, 1)]);

        // From every token on: exactly the rest.
        for at in 0..all.len() - 1 {
            let mut rest = watch(&app, &all[at].resume_token).await;
            assert_eq!(read(&mut rest, is_last).await, all[at + 1..], "after change {at}");
        }
    });
}
