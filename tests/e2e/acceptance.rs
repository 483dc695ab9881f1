//! Transfers that their payee must take.

use super::kit::cluster::{Cluster, own};
use super::kit::people::{Family, Funds, capital, enrol, open_wallet, resident, somebody};
use super::kit::site::Options;
use super::kit::verdict::{aborted, recorded, refused};
use super::kit::{people, until};
use gongji::proto::hub::{ListTransfersRequest, Transfer, TransferState};
use gongji::proto::types::RefusalSide;
use std::sync::Arc;
use tonic::Code;

/// 51 wants payees to accept, 14 waits for wallets, 13 lets a payer have one open transfer at a time, and has no more
/// to say.
pub(super) fn options() -> Options {
    let rules = vec![
        (
            "sichuan.toml",
            "province = \"51\"\n[[version]]\neffective_from = \"2025-01-01\"\n\
             acceptance = { value = \"required\", grade = \"INF\", source = \"test\" }\n",
        ),
        (
            "shanxi.toml",
            "province = \"14\"\n[[version]]\neffective_from = \"2025-01-01\"\n\
             without_wallet = { value = \"await\", grade = \"INF\", source = \"test\" }\n\
             one_open_transfer = { value = true, grade = \"INF\", source = \"test\" }\n",
        ),
    ];
    Options { daily_count_max: Some(100), rules, ..Options::default() }
}

async fn funds_held(family: &Family, held: &str) {
    let funds = family.funds().await;
    assert_eq!((funds.balance.as_str(), funds.held.as_str()), ("10000.00", held));
    assert_eq!((funds.wallet.as_str(), funds.pending.as_str()), ("0.00", "0.00"));
}

/// A transfer of 400.00 that waits.
async fn waiting(cluster: &Cluster, family: &Family) -> Transfer {
    let transfer = cluster.app().create(family.transfer("400.00")).await.expect("an answer");
    assert_eq!(transfer.state(), TransferState::AwaitingAcceptance, "{:?}", transfer.refusal);
    assert!(transfer.decide_time.is_none() && transfer.refusal.is_none());
    let until = transfer.accept_by_time.expect("until when");
    // 06:00 of the next day in Shanghai.
    assert_eq!((until.seconds, until.nanos), (1_795_298_400, 0));
    transfer
}

#[test]
fn it_is_held_until_it_is_taken_or_declined() {
    own(&options(), async |cluster| {
        let (family, app) = (cluster.family("13", "51").await, cluster.app());
        let transfer = waiting(cluster, &family).await;
        funds_held(&family, "400.00").await;
        let again = app.get(&transfer.transfer_id).await.expect("a transfer");
        assert_eq!(again, transfer);
        let listed = ListTransfersRequest {
            province_code: "13".to_owned(),
            state: TransferState::AwaitingAcceptance.into(),
            ..ListTransfersRequest::default()
        };
        let listed = app.ask_hub(listed).await.expect("a list");
        assert!(listed.transfers.contains(&transfer));
        let taken = app.accept(&transfer.transfer_id, &family.payee).await.expect("an answer");
        recorded(&taken);
        assert_eq!(taken.accept_by_time, transfer.accept_by_time);
        assert_eq!(family.funds().await, Funds::settled("9600.00", "400.00"));
        // Again, and too late to decline: the same transfer.
        assert_eq!(app.accept(&transfer.transfer_id, &family.payee).await.expect("an answer"), taken);
        assert_eq!(app.decline(&transfer.transfer_id, &family.payee).await.expect("an answer"), taken);

        let transfer = app.create(family.transfer("100.00")).await.expect("an answer");
        let declined = app.decline(&transfer.transfer_id, &family.payee).await.expect("an answer");
        aborted(&declined, RefusalSide::Payee, "DECLINED");
        let late = app.accept(&transfer.transfer_id, &family.payee).await.expect("an answer");
        aborted(&late, RefusalSide::Payee, "DECLINED");
        assert_eq!(family.funds().await, Funds::settled("9600.00", "400.00"));
    });
}

#[test]
fn only_the_payee_and_who_acts_for_his_province_can_say_so() {
    own(&options(), async |cluster| {
        let (family, app) = (cluster.family("13", "51").await, cluster.app());
        let transfer = waiting(cluster, &family).await;
        let id = transfer.transfer_id.as_str();
        // The payer, a stranger, and the payee under another name: no more than of an unknown id.
        let mut renamed = family.payee.clone();
        renamed.person.as_mut().expect("a person").name = "欧阳某".to_owned();
        for person in [&family.payer, &somebody(&capital("51")), &renamed] {
            refused(app.accept(id, person).await, Code::NotFound, "TRANSFER_NOT_FOUND");
            refused(app.decline(id, person).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        }
        let unknown = people::fresh_id();
        refused(app.accept(&unknown, &family.payee).await, Code::NotFound, "TRANSFER_NOT_FOUND");
        // Another province's app and platform are refused before anything is looked at.
        for role in ["platform:13", "platform:14"] {
            let answer = cluster.caller(role).accept(id, &family.payee).await;
            refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        }
        let answer = cluster.caller("app:sichuan").accept(id, &family.payer).await;
        refused(answer, Code::PermissionDenied, "PROVINCE_NOT_ALLOWED");
        for role in ["hub", "node:51", "operator:ops", "app:unlisted"] {
            let answer = cluster.caller(role).decline(id, &family.payee).await;
            refused(answer, Code::PermissionDenied, "ROLE_NOT_ALLOWED");
        }
        let mut malformed = family.payee.clone();
        malformed.person.as_mut().expect("a person").id_number = "11010519491231002Y".to_owned();
        refused(app.accept(id, &malformed).await, Code::InvalidArgument, "ID_NUMBER_MALFORMED");
        funds_held(&family, "400.00").await;
        // The app of his own province, though another has made it.
        recorded(&cluster.caller("app:sichuan").accept(id, &family.payee).await.expect("an answer"));
    });
}

#[test]
fn sixteen_racing_acceptances_and_a_decline_have_one_outcome() {
    own(&options(), async |cluster| {
        let (family, app) = (Arc::new(cluster.family("13", "51").await), cluster.app());
        let transfer = waiting(cluster, &family).await;
        let mut calls = tokio::task::JoinSet::new();
        for number in 0..17 {
            let (app, id, family) = (app.clone(), transfer.transfer_id.clone(), Arc::clone(&family));
            calls.spawn(async move {
                if number == 8 {
                    app.decline(&id, &family.payee).await
                } else {
                    app.accept(&id, &family.payee).await
                }
            });
        }
        let answers: Vec<Transfer> =
            calls.join_all().await.into_iter().map(|answer| answer.expect("an answer")).collect();
        let first = &answers[0];
        assert!(
            answers.iter().all(|answer| answer.state() == first.state() && answer.refusal == first.refusal)
        );
        let expected = match first.state() {
            TransferState::Committed => Funds::settled("9600.00", "400.00"),
            TransferState::Aborted => Funds::untouched(),
            other => panic!("{other:?}"),
        };
        assert_eq!(family.funds().await, expected);
    });
}

#[test]
fn it_survives_a_restart_and_the_hour_gives_it_back() {
    own(&options(), async |cluster| {
        let (family, other) = (cluster.family("13", "51").await, cluster.family("13", "51").await);
        let (left, taken) = (waiting(cluster, &family).await, waiting(cluster, &other).await);
        let restart = async |clock: &str| {
            cluster.stop("hub");
            cluster.site().set_clock("hub", clock);
            cluster.restart("hub");
        };
        restart("2026-11-21T10:05:00+08:00").await;
        let app = cluster.app();
        assert_eq!(app.get(&left.transfer_id).await.expect("a transfer"), left);
        // The hub finds its provinces again before it asks them.
        recorded(&app.accept(&taken.transfer_id, &other.payee).await.expect("an answer"));
        assert_eq!(other.funds().await, Funds::settled("9600.00", "400.00"));
        restart("2026-11-22T06:00:00+08:00").await;
        let returned = until("the sweep", async || {
            let transfer = app.get(&left.transfer_id).await.ok()?;
            (transfer.payer_recorded && transfer.payee_recorded).then_some(transfer)
        })
        .await;
        aborted(&returned, RefusalSide::Hub, "NOT_TAKEN_IN_TIME");
        assert_eq!(family.funds().await, Funds::untouched());
        let late = app.accept(&left.transfer_id, &family.payee).await.expect("an answer");
        aborted(&late, RefusalSide::Hub, "NOT_TAKEN_IN_TIME");
    });
}

#[test]
fn who_opens_his_wallet_and_accepts_receives() {
    own(&options(), async |cluster| {
        let (payer, relative) = (cluster.family("13", "14").await, somebody(&capital("14")));
        enrol(&payer.payee_platform, resident(&relative)).await;
        let app = cluster.app();
        let request = || {
            let mut request = payer.transfer("100.00");
            request.payee = Some(relative.clone());
            request
        };
        let check = app.check(&request()).await.expect("an answer");
        assert!(check.allowed, "{check:?}");
        let first = app.create(request()).await.expect("an answer");
        assert_eq!(first.state(), TransferState::AwaitingAcceptance);
        let refusal = app.accept(&first.transfer_id, &relative).await.expect("an answer");
        aborted(&refusal, RefusalSide::Payee, "PAYEE_WALLET_NOT_OPEN");
        let second = app.create(request()).await.expect("an answer");
        open_wallet(&payer.payee_platform, &relative).await;
        recorded(&app.accept(&second.transfer_id, &relative).await.expect("an answer"));
        // With a wallet nobody is waited for there.
        recorded(&app.create(request()).await.expect("an answer"));
    });
}

#[test]
fn an_open_transfer_blocks_the_payers_next_one() {
    own(&options(), async |cluster| {
        let (family, app) = (cluster.family("14", "51").await, cluster.app());
        let racing: Vec<_> = (0..8).map(|_| family.transfer("10.00")).collect();
        let mut calls = tokio::task::JoinSet::new();
        for request in racing {
            let app = app.clone();
            calls.spawn(async move { app.create(request).await.expect("an answer") });
        }
        let answers = calls.join_all().await;
        let (open, blocked): (Vec<_>, Vec<_>) =
            answers.iter().partition(|it| it.state() == TransferState::AwaitingAcceptance);
        assert_eq!((open.len(), blocked.len()), (1, 7));
        blocked.into_iter().for_each(|it| drop(aborted(it, RefusalSide::Payer, "OPEN_TRANSFER")));
        recorded(&app.accept(&open[0].transfer_id, &family.payee).await.expect("an answer"));
        let next = app.create(family.transfer("10.00")).await.expect("an answer");
        assert_eq!(next.state(), TransferState::AwaitingAcceptance);
    });
}

/// Insurance that ends between the first vote and the acceptance.
#[test]
fn a_payee_who_is_no_longer_insured_cannot_take_it() {
    own(&options(), async |cluster| {
        let (family, app) = (cluster.family("13", "51").await, cluster.app());
        let transfer = waiting(cluster, &family).await;
        let mut suspended = resident(&family.payee);
        suspended.insurance_status = gongji::proto::types::InsuranceStatus::Suspended.into();
        enrol(&family.payee_platform, suspended).await;
        let refusal = app.accept(&transfer.transfer_id, &family.payee).await.expect("an answer");
        aborted(&refusal, RefusalSide::Payee, "PAYEE_SUSPENDED");
        assert_eq!(family.funds().await, Funds::untouched());
    });
}
