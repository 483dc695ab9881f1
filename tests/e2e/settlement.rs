//! Windows and positions, over real servers.

use super::kit::audit::demand_clean;
use super::kit::cluster::own;
use super::kit::people::province_of;
use super::kit::site::Options;
use super::kit::until;
use super::kit::verdict::refused;
use gongji::devkit::client::Caller;
use gongji::proto::hub::{
    CloseWindowRequest, GetOpenWindowRequest, GetPositionsRequest, GetPositionsResponse, ListWindowsRequest,
    ReconcileWindowRequest, ReconciliationState, Window, WindowState,
};
use gongji::proto::node::{EntryAccount, GetStatementRequest, ListEntriesRequest};
use gongji::proto::types::Party;
use gongji::transport::identity::Role;
use tonic::{Code, Status};

async fn close(caller: &Caller, window: &str) -> Result<Window, Status> {
    let answer = caller.ask_hub(CloseWindowRequest { window_id: window.to_owned() }).await?;
    Ok(answer.window.expect("an answer carries it"))
}

async fn positions(caller: &Caller, window: &str) -> Result<GetPositionsResponse, Status> {
    caller.ask_hub(GetPositionsRequest { window_id: window.to_owned(), ..Default::default() }).await
}

async fn reconcile(caller: &Caller, window: &str) -> Result<Vec<(String, ReconciliationState)>, Status> {
    let answer = caller.ask_hub(ReconcileWindowRequest { window_id: window.to_owned() }).await?;
    Ok(answer.provinces.iter().map(|it| (it.province_code.clone(), it.state())).collect())
}

/// The windows that an account's lines name, newest first; those of a statement are the same.
async fn windows_of_lines((platform, party): (&Caller, &Party), account: EntryAccount) -> Vec<String> {
    let party_of = || Some(party.clone());
    let request = ListEntriesRequest { party: party_of(), account: account.into(), ..Default::default() };
    let lines = platform.ask_node(province_of(party), request).await.expect("lines").entries;
    let request = GetStatementRequest {
        party: party_of(),
        account: account.into(),
        from_date: "2026-01-01".to_owned(),
        to_date: "2026-12-31".to_owned(),
        ..Default::default()
    };
    let statement = platform.ask_node(province_of(party), request).await.expect("a statement");
    assert_eq!(statement.entries, lines);
    lines.into_iter().map(|it| it.window_id).collect()
}

fn pairs(it: &GetPositionsResponse) -> Vec<String> {
    let pair = |it: &gongji::proto::hub::PairPosition| {
        format!("{} {} {} {}", it.debtor_province_code, it.creditor_province_code, it.amount, it.count)
    };
    it.pairs.iter().map(pair).collect()
}

fn nets(it: &GetPositionsResponse) -> Vec<String> {
    it.positions.iter().map(|it| format!("{} {}", it.province_code, it.net)).collect()
}

#[test]
fn a_window_is_closed_early_and_each_province_reads_its_own_side() {
    own(&Options::default(), async |cluster| {
        let (operator, app) = (cluster.caller("operator:ops"), cluster.app());
        let open = operator.ask_hub(GetOpenWindowRequest {}).await.expect("an answer").window.expect("open");
        assert_eq!(open.state(), WindowState::Open);
        // What the servers were tried with stands in the day's first window.
        let first = open.window_id.as_str();
        close(&operator, first).await.expect("closed");
        let window = format!("{first}-2");
        let window = window.as_str();
        let (there, back) = (cluster.family("13", "51").await, cluster.family("51", "13").await);
        for request in [there.transfer("400.00"), there.transfer("1.05"), back.transfer("0.05")] {
            assert_eq!(app.create(request).await.expect("an answer").window_id, window);
        }
        let found = positions(&operator, window).await.expect("an answer");
        assert_eq!(pairs(&found), ["13 51 401.05 2", "51 13 0.05 1"]);
        assert_eq!(nets(&found), ["13 401.00", "51 -401.00"]);

        let closed = close(&operator, window).await.expect("closed");
        assert_eq!(
            (closed.state(), closed.closer.as_str()),
            (WindowState::Closed, "urn:gongji:operator:ops")
        );
        assert_eq!(close(&cluster.caller("operator:second"), window).await.expect("as it stands"), closed);
        let next = format!("{first}-3");
        let later = app.create(there.transfer("2.00")).await.expect("an answer");
        assert_eq!(later.window_id, next, "nothing is refused, and nothing moves");
        assert_eq!(pairs(&positions(&operator, window).await.expect("an answer")), pairs(&found));
        // Lines and statements of both provinces name it, whatever their own clocks say.
        let (payer, payee) = ((&there.payer_platform, &there.payer), (&there.payee_platform, &there.payee));
        let named = [next.as_str(), window, window, ""];
        assert_eq!(windows_of_lines(payer, EntryAccount::Personal).await, named);
        assert_eq!(windows_of_lines(payee, EntryAccount::Wallet).await, named[..3]);
        let request = |page_token| ListWindowsRequest { page_size: 1, page_token };
        let listed = operator.pages(request, |it| (it.windows, it.next_page_token)).await.expect("all pages");
        let listed: Vec<(&str, WindowState)> =
            listed.iter().map(|it| (it.window_id.as_str(), it.state())).collect();
        let closed = WindowState::Closed;
        assert_eq!(listed, [(first, closed), (window, closed), (next.as_str(), WindowState::Open)]);

        let person: Role = "urn:gongji:finance:51:li-na".parse().expect("a role");
        cluster.site().layout().issue([person]).expect("a certificate");
        let finance = cluster.caller("finance:51:li-na");
        let own = positions(&finance, window).await.expect("an answer");
        assert_eq!((nets(&own), pairs(&own)), (vec!["51 -401.00".to_owned()], pairs(&found)));
        refused(close(&finance, &next).await, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        let other = positions(&cluster.caller("platform:13"), &next).await.expect("an answer");
        assert_eq!(pairs(&other), ["13 51 2.00 1"]);
        refused(positions(&app, window).await, Code::PermissionDenied, "ROLE_NOT_ALLOWED");

        // Every node has counted the same, and 51 may ask for its own side.
        let agrees = until("both have recorded it", async || {
            let found = reconcile(&operator, window).await.expect("an answer");
            let agrees = found.iter().all(|(_, state)| *state == ReconciliationState::Agrees);
            agrees.then_some(found)
        })
        .await;
        assert!(agrees.len() > 2, "{agrees:?}");
        let own = reconcile(&finance, window).await.expect("an answer");
        assert_eq!(own, [("51".to_owned(), ReconciliationState::Agrees)]);
        refused(reconcile(&operator, &next).await, Code::FailedPrecondition, "WINDOW_OPEN");
        refused(reconcile(&operator, "19990101").await, Code::NotFound, "WINDOW_NOT_FOUND");

        refused(positions(&operator, "19990101").await, Code::NotFound, "WINDOW_NOT_FOUND");
        refused(close(&operator, &format!("{first}-4")).await, Code::NotFound, "WINDOW_NOT_FOUND");
        refused(positions(&operator, "2026-11-21").await, Code::InvalidArgument, "REQUEST_MALFORMED");
        refused(close(&operator, "").await, Code::InvalidArgument, "FIELD_REQUIRED");
        demand_clean(cluster.site(), &[]).await;
    });
}
