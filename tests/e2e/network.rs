//! Networks that fall silent, work one way only, or break in the middle of a prepare or a decision.

use super::kit::cluster::{Cluster, own};
use super::kit::people::{Family, Funds};
use super::kit::proxy::Wire;
use super::kit::site::Options;
use super::kit::until;
use super::kit::verdict::{aborted, recorded};
use gongji::devkit::client::Caller;
use gongji::proto::hub::{CreateTransferRequest, Transfer, TransferState, WaitMode};
use gongji::proto::types::RefusalSide;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tonic::Request;

/// Two provinces, of which the hub reaches 51 over a wire that can be cut.
fn wired(deadline: &'static str) -> Options {
    Options {
        provinces: vec!["13", "51"],
        proxied: vec!["51", "hub"],
        hub_limits: deadline,
        ..Options::default()
    }
}

/// Over before the hub can know that a node does not answer.
const SHORT: &str = "deadline_default_ms = 600";

/// Far longer than a transfer's deadline, far shorter than anybody's patience with a dead connection.
const IN_TIME: Duration = Duration::from_secs(15);

/// CreateTransfer without a deadline of the caller's own, beside the test.
fn begin(app: &Caller, content: CreateTransferRequest) -> JoinHandle<Transfer> {
    let mut client = app.transfers();
    tokio::spawn(async move {
        let answer = client.create_transfer(Request::new(content)).await.expect("an answer in time");
        answer.into_inner().transfer.expect("a transfer")
    })
}

/// Money gets through to 51 again.
async fn heals(cluster: &Cluster, family: &Family) {
    let app = cluster.app();
    let transfer = until("money that gets through", async || {
        let transfer = app.create(family.transfer("1.00")).await.ok()?;
        (transfer.state() == TransferState::Committed).then_some(transfer)
    });
    recorded(&transfer.await);
}

async fn both_recorded(app: &Caller, transfer_id: &str) -> Transfer {
    until("both records", async || {
        app.get(transfer_id).await.ok().filter(|it| it.payer_recorded && it.payee_recorded)
    })
    .await
}

#[test]
fn a_connection_that_falls_silent_costs_the_deadline_and_no_money() {
    own(&wired(SHORT), async |cluster| {
        let (family, other) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let (app, wire) = (cluster.app(), cluster.site().proxy("51"));
        // Nobody closes anything: to the hub the connection looks as good as before.
        wire.set(Wire::Silent);
        let content = family.transfer("100.00");
        let begun = Instant::now();
        let transfer = begin(&app, content.clone()).await.expect("no panic");
        aborted(&transfer, RefusalSide::Hub, "DEADLINE_EXPIRED");
        assert!(begun.elapsed() < IN_TIME, "answered after {:?}", begun.elapsed());
        assert_eq!(family.funds().await, Funds::untouched());
        wire.set(Wire::Whole);
        both_recorded(&app, &content.transfer_id).await;
        heals(cluster, &other).await;
        assert_eq!(family.funds().await, Funds::untouched());
    });
}

#[test]
fn a_wire_that_breaks_while_a_vote_is_on_its_way_leaves_nothing_held() {
    own(&wired(SHORT), async |cluster| {
        let (family, other) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let (app, wire) = (cluster.app(), cluster.site().proxy("51"));
        wire.set(Wire::MuteFrom);
        let content = family.transfer("100.00");
        let answer = begin(&app, content.clone());
        // It was asked and has bound itself; the hub will never hear of it on this connection.
        until("a pending credit", async || (family.funds().await.pending == "100.00").then_some(())).await;
        wire.cut().await;
        let transfer = answer.await.expect("no panic");
        assert_eq!(transfer.state(), TransferState::Aborted);
        assert_eq!(family.funds().await.pending, "100.00", "a YES binds until the hub is heard");
        wire.set(Wire::Whole);
        both_recorded(&app, &content.transfer_id).await;
        assert_eq!(family.funds().await, Funds::untouched());
        heals(cluster, &other).await;
    });
}

#[test]
fn a_wire_that_breaks_around_a_decision_delays_it_and_never_doubles_it() {
    own(&wired(""), async |cluster| {
        let (family, other) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let (app, wire) = (cluster.app(), cluster.site().proxy("51"));
        for (round, wallet) in [(Wire::DeafTo, "100.00"), (Wire::MuteFrom, "200.00")] {
            let balance = family.funds().await.balance;
            wire.set(Wire::MuteFrom);
            let mut content = family.transfer("100.00");
            content.wait = WaitMode::Decided.into();
            let answer = begin(&app, content.clone());
            until("a pending credit", async || (family.funds().await.pending == "100.00").then_some(()))
                .await;
            // The vote comes through, and with it the decision is made; the order to 51 does not.
            wire.set(Wire::DeafTo);
            let transfer = answer.await.expect("no panic");
            assert_eq!(transfer.state(), TransferState::Committed, "{:?}", transfer.refusal);
            until("the payer's record", async || {
                app.get(&content.transfer_id).await.ok().filter(|it| it.payer_recorded)
            })
            .await;
            assert_eq!(family.funds().await.pending, "100.00", "a promise, not yet money to spend");
            assert_ne!(family.funds().await.balance, balance);
            if round == Wire::MuteFrom {
                // This time the order arrives, and its receipt is lost.
                wire.set(Wire::MuteFrom);
                until("the credit", async || (family.funds().await.wallet == wallet).then_some(())).await;
            }
            let transfer = app.get(&content.transfer_id).await.expect("known");
            assert!(!transfer.payee_recorded, "nobody has told the hub");
            wire.cut().await;
            wire.set(Wire::Whole);
            recorded(&both_recorded(&app, &content.transfer_id).await);
            assert_eq!(family.funds().await.wallet, wallet, "once");
            assert_eq!(family.funds().await.pending, "0.00");
            heals(cluster, &other).await;
        }
    });
}

#[test]
fn a_node_that_cannot_reach_the_hub_is_still_reached_by_it() {
    own(&wired(""), async |cluster| {
        let family = cluster.family("13", "51").await;
        cluster.site().proxy("hub").cut().await;
        recorded(&cluster.app().create(family.transfer("100.00")).await.expect("an answer"));
        cluster.site().proxy("hub").set(Wire::Whole);
        assert_eq!(family.funds().await, Funds::settled("9900.00", "100.00"));
    });
}

/// The nodes have heard nothing of its new start, and cannot reach it: at first.
#[test]
fn the_first_payment_after_a_hub_restart_waits_until_the_nodes_have_announced_themselves() {
    own(&wired(""), async |cluster| {
        let family = cluster.family("13", "51").await;
        let (app, wire) = (cluster.app(), cluster.site().proxy("hub"));
        cluster.stop("hub");
        wire.cut().await;
        cluster.restart("hub");
        let content = family.transfer("100.00");
        let answer = begin(&app, content.clone());
        until("a transfer that is asked about", async || app.get(&content.transfer_id).await.ok()).await;
        wire.set(Wire::Whole);
        recorded(&answer.await.expect("no panic"));
    });
}
