//! The caller's deadline bounds the wait; what is not decided in time is aborted and its hold returned.

use super::kit::cluster::{own, shared};
use super::kit::foreign_node::{Node, Refuses};
use super::kit::people::{Family, Funds, somebody};
use super::kit::site::Options;
use super::kit::until;
use super::kit::verdict::{aborted, recorded, refused};
use gongji::proto::hub::{CreateTransferRequest, TransferState, WaitMode};
use gongji::proto::types::RefusalSide;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};
use tonic::{Code, Request};

#[test]
fn without_a_deadline_the_default_applies() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let request = Request::new(family.transfer("1.00"));
        let answer = cluster.app().transfers().create_transfer(request).await.expect("an answer");
        recorded(&answer.into_inner().transfer.expect("a transfer"));
    });
}

#[test]
fn a_deadline_that_is_too_short_is_refused_and_the_id_stays_free() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        // The connection is made before, so that only the call itself has to be quick.
        let mut client = app.transfers();
        let content = family.transfer("1.00");
        let _ = client.get_transfer(gongji::proto::hub::GetTransferRequest::default()).await;
        let mut request = Request::new(content.clone());
        request.set_timeout(Duration::from_millis(499));
        let said =
            refused(client.create_transfer(request).await, Code::InvalidArgument, "DEADLINE_TOO_SHORT");
        assert_eq!(said.fact("needed_ms"), Some("500"));
        refused(app.get(&content.transfer_id).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        assert_eq!(family.funds().await, Funds::untouched());
        recorded(&app.create(content).await.expect("an answer"));
    });
}

/// 13 answers; 35 is a node that takes calls and never answers. Without a deadline of the caller's own a transfer has
/// one second.
fn with_a_deaf_province() -> Options {
    Options {
        provinces: vec!["13", "51"],
        strangers: vec!["35"],
        hub_limits: "deadline_default_ms = 1000",
        ..Options::default()
    }
}

#[test]
fn a_province_that_hangs_costs_the_deadline_and_no_money() {
    own(&with_a_deaf_province(), async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let to_35 = || CreateTransferRequest { payee: Some(somebody("350100")), ..family.transfer("100.00") };
        let deaf = Node::Deaf.serve(cluster.site(), "35");
        // Until the hub has found it, a transfer there is refused at once; each of these takes a new id.
        let transfer = until("a transfer that runs out of time", async || {
            let mut client = app.transfers();
            let answer = client.create_transfer(Request::new(to_35())).await.expect("an answer in time");
            let transfer = answer.into_inner().transfer.expect("a transfer");
            let reason = transfer.refusal.as_ref().map(|it| it.reason.clone());
            (reason.as_deref() != Some("PROVINCE_UNREACHABLE")).then_some(transfer)
        })
        .await;
        aborted(&transfer, RefusalSide::Hub, "DEADLINE_EXPIRED");
        assert_eq!(family.funds().await.held, "0.00", "the hold is returned before the answer");
        assert_eq!(family.funds().await, Funds::untouched());
        // It slows nobody else.
        recorded(&app.create(family.transfer("1.00")).await.expect("an answer"));
        deaf.abort();
    });
}

#[test]
fn a_call_that_is_late_fails_its_own_transfers_only() {
    own(&with_a_deaf_province(), async |cluster| {
        let (family, other) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let app = cluster.app();
        let deaf = Node::Deaf.serve(cluster.site(), "35");
        let to_35 = |family: &Family| CreateTransferRequest {
            payee: Some(somebody("350100")),
            ..family.transfer("100.00")
        };
        let patient = until("a transfer that is under way and has long", async || {
            let content = to_35(&family);
            let transfer_id = content.transfer_id.clone();
            let (mut client, mut request) = (app.transfers(), Request::new(content));
            request.set_timeout(Duration::from_secs(5));
            tokio::spawn(async move { client.create_transfer(request).await });
            let state = until("any state", async || Some(app.get(&transfer_id).await.ok()?.state())).await;
            (state == TransferState::Pending).then_some(transfer_id)
        })
        .await;
        // This one has a second, and its call to 35 ends soon after.
        let hasty = app.transfers().create_transfer(Request::new(to_35(&other))).await.expect("an answer");
        aborted(&hasty.into_inner().transfer.expect("a transfer"), RefusalSide::Hub, "DEADLINE_EXPIRED");
        let ended = until("the end of the patient one", async || {
            app.get(&patient).await.ok().filter(|it| it.state() == TransferState::Aborted)
        });
        aborted(&ended.await, RefusalSide::Hub, "DEADLINE_EXPIRED");
        deaf.abort();
    });
}

/// A decision that a node could not read, or whose call it ended, was never told again while the link stayed up, or at
/// once and for ever.
#[test]
fn a_node_that_refuses_every_call_is_told_again_and_ever_less_often() {
    own(&with_a_deaf_province(), async |cluster| {
        let family = cluster.family("13", "51").await;
        static REFUSES: Mutex<Refuses> = Mutex::new(Refuses { code: Code::Ok, decides: BTreeMap::new() });
        let refuses = || REFUSES.lock().expect("sound");
        let rounds = || refuses().decides.values().max().copied().unwrap_or(0);
        let busy = Node::Refusing(&REFUSES).serve(cluster.site(), "35");
        // Rests of a second each, in which two calls may tell it, with others and alone; or five waits, each at least
        // half of 100, 200, 400, 800 and 1,600 ms, but for the first, which may be over.
        for (code, least_ms) in
            [(Code::InvalidArgument, 900), (Code::Cancelled, 900), (Code::Unavailable, 1_400)]
        {
            *refuses() = Refuses { code, decides: BTreeMap::new() };
            until("a decision that it is told", async || {
                let to_35 = CreateTransferRequest {
                    payee: Some(somebody("350100")),
                    wait: WaitMode::Decided.into(),
                    ..family.transfer("100.00")
                };
                let answer = cluster.app().create(to_35).await.expect("an answer");
                aborted(&answer, RefusalSide::Hub, "PROVINCE_UNREACHABLE");
                // Once it was asked for a vote it is told the decision, for ever.
                (rounds() > 0).then_some(())
            })
            .await;
            let (begun, first) = (Instant::now(), rounds());
            until("five more rounds", async || (rounds() >= first + 5).then_some(())).await;
            let least = Duration::from_millis(least_ms);
            assert!(begun.elapsed() > least, "{code}: after {:?}", begun.elapsed());
            recorded(&cluster.app().create(family.transfer("1.00")).await.expect("an answer"));
        }
        busy.abort();
    });
}

#[test]
fn a_transfer_ends_though_its_caller_is_gone() {
    own(&with_a_deaf_province(), async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let deaf = Node::Deaf.serve(cluster.site(), "35");
        // Wait until one is under way, seen by another caller, and let its own caller go. Until the hub has found the
        // province, a transfer there is refused at once; each of these takes a new id.
        let ended = until("a transfer that is under way and runs out of time", async || {
            let content =
                CreateTransferRequest { payee: Some(somebody("350100")), ..family.transfer("100.00") };
            let transfer_id = content.transfer_id.clone();
            let mut client = app.transfers();
            let call = tokio::spawn(async move { client.create_transfer(Request::new(content)).await });
            let state = until("any state", async || Some(app.get(&transfer_id).await.ok()?.state())).await;
            call.abort();
            let ended = until("its end", async || {
                let transfer = app.get(&transfer_id).await.ok()?;
                (transfer.state() == TransferState::Aborted && transfer.payer_recorded).then_some(transfer)
            });
            let ended = ended.await;
            let unreachable = ended.refusal.as_ref().is_some_and(|it| it.reason == "PROVINCE_UNREACHABLE");
            (state == TransferState::Pending && !unreachable).then_some(ended)
        })
        .await;
        aborted(&ended, RefusalSide::Hub, "DEADLINE_EXPIRED");
        assert_eq!(family.funds().await, Funds::untouched());
        deaf.abort();
    });
}

#[test]
fn callers_that_leave_at_any_moment_cancel_nothing() {
    shared(async |cluster| {
        let app = cluster.app();
        let mut client = app.transfers();
        let _ = client.get_transfer(gongji::proto::hub::GetTransferRequest::default()).await;
        for moments in 0..12 {
            let family = cluster.family("13", "51").await;
            let content = family.transfer("100.00");
            let transfer_id = content.transfer_id.clone();
            let mut client = client.clone();
            let call = tokio::spawn(async move { client.create_transfer(Request::new(content)).await });
            // The runtime has one thread: each of these lets the call go one step further.
            for _ in 0..moments * 3 {
                tokio::task::yield_now().await;
            }
            call.abort();
            // It was sent, and ends well on both sides; or it never reached the hub, and nothing happened.
            let known = until("an answer about the id", async || match app.get(&transfer_id).await {
                Ok(transfer) => (transfer.payer_recorded && transfer.payee_recorded).then_some(true),
                Err(status) => (status.code() == Code::NotFound).then_some(false),
            })
            .await;
            let after = family.funds().await;
            let expected = if known { Funds::settled("9900.00", "100.00") } else { Funds::untouched() };
            // A call that was still on its way when it was asked for may have arrived since.
            if after != expected {
                let late = until("its end", async || {
                    app.get(&transfer_id).await.ok().filter(|it| it.payer_recorded && it.payee_recorded)
                });
                recorded(&late.await);
                assert_eq!(family.funds().await, Funds::settled("9900.00", "100.00"));
            }
        }
    });
}
