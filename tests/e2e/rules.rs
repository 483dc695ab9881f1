//! Rules that stand against a transfer: it is aborted, recorded with its refusal, and nobody's money moves.

use super::kit::cluster::{Cluster, shared};
use super::kit::people::{
    Family, Funds, credit, employee, enrol, person, place, province_of, resident, somebody,
};
use super::kit::site::SICHUAN;
use super::kit::verdict::{aborted, recorded, refused};
use gongji::proto::hub::CreateTransferRequest;
use gongji::proto::node::{AccountState, Member};
use gongji::proto::types::RefusalSide::{Hub, Payee, Payer};
use gongji::proto::types::{InsuranceStatus, Party, Refusal, RefusalSide};
use tonic::Code;

/// The request is aborted for this reason, by this side; Check had said so; the same id says so again; no money moved.
async fn refuses(
    cluster: &Cluster,
    family: &Family,
    request: CreateTransferRequest,
    (side, reason): (RefusalSide, &str),
) -> Refusal {
    let app = cluster.app();
    let check = app.check(&request).await.expect("an answer");
    assert!(!check.allowed);
    let listed = check.refusals.iter().any(|it| (it.side(), it.reason.as_str()) == (side, reason));
    assert!(listed, "{reason} is among {:?}", check.refusals);
    let before = family.funds().await;
    let transfer = app.create(request.clone()).await.expect("an answer");
    let refusal = aborted(&transfer, side, reason);
    let again = app.create(request).await.expect("an answer");
    assert_eq!(aborted(&again, side, reason), refusal);
    assert_eq!(family.funds().await, before);
    refusal
}

fn from(family: &Family, payer: &Party) -> CreateTransferRequest {
    CreateTransferRequest { payer: Some(payer.clone()), ..family.transfer("10.00") }
}

/// Reports of the payer and of the payee about whom they are, changed as `change` says.
async fn payer_becomes(family: &Family, change: impl FnOnce(&mut Member)) {
    let mut member = employee(&family.payer);
    change(&mut member);
    enrol(&family.payer_platform, member).await;
}

async fn payee_becomes(family: &Family, change: impl FnOnce(&mut Member)) {
    let mut member = resident(&family.payee);
    change(&mut member);
    enrol(&family.payee_platform, member).await;
}

type Stated = fn(&mut CreateTransferRequest);

/// What a caller states of the two, and who refuses it why.
const STATED: &[(Stated, RefusalSide, &str)] = &[
    // 汕尾: opened once, closed again since.
    (|it| place(&mut it.payee, "441500"), Hub, "PAYEE_PLACE_NOT_OPEN"),
    (|it| place(&mut it.payer, "440100"), Hub, "PAYER_PLACE_NOT_OPEN"),
    (|it| place(&mut it.payee, "510300"), Payee, "PAYEE_INSURED_ELSEWHERE"),
    (|it| place(&mut it.payee, "140100"), Payee, "PAYEE_NOT_INSURED"),
    (|it| place(&mut it.payer, "130600"), Payer, "PAYER_INSURED_ELSEWHERE"),
    (|it| place(&mut it.payer, "140100"), Payer, "PAYER_NOT_INSURED"),
    (|it| person(&mut it.payee).name = "别人".to_owned(), Payee, "PAYEE_IDENTITY_MISMATCH"),
    (|it| person(&mut it.payer).name = "别人".to_owned(), Payer, "PAYER_IDENTITY_MISMATCH"),
    (|it| it.payee = Some(somebody("510100")), Payee, "PAYEE_NOT_INSURED"),
];

#[test]
fn who_is_not_whom_or_where_the_caller_says() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        for (state, side, reason) in STATED {
            let mut request = family.transfer("10.00");
            state(&mut request);
            let place = request.payee.clone().expect("a payee").region_code;
            let refusal = refuses(cluster, &family, request, (*side, reason)).await;
            if *reason == "PAYEE_PLACE_NOT_OPEN" {
                assert_eq!(refusal.metadata["region"], place);
            }
        }
    });
}

type Said = fn(&mut Member);

#[test]
fn a_relative_who_is_not_insured_or_not_in_good_standing() {
    let said: [(Said, &str); 5] = [
        (|it| it.insurance_status = InsuranceStatus::Suspended.into(), "PAYEE_SUSPENDED"),
        (|it| it.insurance_status = InsuranceStatus::Ended.into(), "PAYEE_ENDED"),
        (|it| it.insurance_status = InsuranceStatus::None.into(), "PAYEE_NOT_INSURED"),
        (|it| it.in_arrears = true, "PAYEE_IN_ARREARS"),
        (|it| it.public_medical = true, "PAYEE_PUBLIC_MEDICAL"),
    ];
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        for (change, reason) in said {
            payee_becomes(&family, change).await;
            refuses(cluster, &family, family.transfer("10.00"), (Payee, reason)).await;
        }
        let insured = somebody("510100");
        enrol(&family.payee_platform, resident(&insured)).await;
        let request = CreateTransferRequest { payee: Some(insured), ..family.transfer("10.00") };
        refuses(cluster, &family, request, (Payee, "PAYEE_WALLET_NOT_OPEN")).await;
        // In good standing again, the money arrives.
        payee_becomes(&family, |_| ()).await;
        recorded(&cluster.app().create(family.transfer("10.00")).await.expect("an answer"));
    });
}

#[test]
fn a_payer_who_may_not_give() {
    let said: [(Said, &str); 6] = [
        (|it| it.insurance_status = InsuranceStatus::Suspended.into(), "PAYER_SUSPENDED"),
        (|it| it.insurance_status = InsuranceStatus::Ended.into(), "PAYER_ENDED"),
        (|it| it.insurance_status = InsuranceStatus::None.into(), "PAYER_NOT_INSURED"),
        (|it| it.in_arrears = true, "PAYER_IN_ARREARS"),
        (|it| it.public_medical = true, "PAYER_PUBLIC_MEDICAL"),
        (|it| it.account_state = AccountState::Frozen.into(), "PAYER_ACCOUNT_FROZEN"),
    ];
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        for (change, reason) in said {
            payer_becomes(&family, change).await;
            refuses(cluster, &family, family.transfer("10.00"), (Payer, reason)).await;
        }
        let not_employee = somebody("130100");
        enrol(&family.payer_platform, resident(&not_employee)).await;
        refuses(cluster, &family, from(&family, &not_employee), (Payer, "PAYER_NOT_EMPLOYEE")).await;
    });
}

#[test]
fn more_than_there_is_and_more_than_is_allowed() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let refusal =
            refuses(cluster, &family, family.transfer("2000.01"), (Payer, "AMOUNT_OVER_LIMIT")).await;
        assert_eq!(
            (refusal.metadata["limit"].as_str(), refusal.metadata["value"].as_str()),
            ("2000.00", "2000.01")
        );
        let poor = somebody("130100");
        enrol(&family.payer_platform, employee(&poor)).await;
        credit(&family.payer_platform, &poor, "9.99").await;
        let refusal = refuses(cluster, &family, from(&family, &poor), (Payer, "INSUFFICIENT_BALANCE")).await;
        assert!(!refusal.metadata.values().any(|value| value == "9.99"), "no balance is told");
        // 山西 keeps 1,000.00 in the account.
        let shanxi = cluster.family("14", "51").await;
        for _ in 0..3 {
            recorded(&cluster.app().create(shanxi.transfer("2000.00")).await.expect("an answer"));
        }
        assert_eq!(shanxi.funds().await, Funds::settled("4000.00", "6000.00"));
        let fourth = shanxi.transfer("10.00");
        refuses(cluster, &shanxi, fourth, (Payer, "DAILY_COUNT_REACHED")).await;
        let little = somebody("140100");
        enrol(&shanxi.payer_platform, employee(&little)).await;
        credit(&shanxi.payer_platform, &little, "1009.99").await;
        refuses(cluster, &shanxi, from(&shanxi, &little), (Payer, "INSUFFICIENT_BALANCE")).await;
    });
}

#[test]
fn check_lists_all_that_it_may_tell_at_once_and_changes_nothing() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        assert!(app.check(&family.transfer("2000.00")).await.expect("an answer").allowed);
        payer_becomes(&family, |member| {
            member.in_arrears = true;
            member.insurance_status = InsuranceStatus::Suspended.into();
        })
        .await;
        payee_becomes(&family, |member| member.insurance_status = InsuranceStatus::Ended.into()).await;
        let answer = app.check(&family.transfer("10000.01")).await.expect("an answer");
        let found: Vec<_> = answer.refusals.iter().map(|it| (it.side(), it.reason.as_str())).collect();
        let expected = [
            (Payer, "PAYER_SUSPENDED"),
            (Payer, "PAYER_IN_ARREARS"),
            (Payer, "AMOUNT_OVER_LIMIT"),
            (Payee, "PAYEE_ENDED"),
        ];
        assert_eq!(found, expected, "what is in the account is not looked at");
        // A wrong name hides the rest: whoever guesses learns nothing.
        let mut renamed = family.transfer("10.00");
        person(&mut renamed.payer).name = "别人".to_owned();
        let answer = app.check(&renamed).await.expect("an answer");
        let found: Vec<_> = answer.refusals.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(found, ["PAYER_IDENTITY_MISMATCH"]);
        assert_eq!(family.funds().await, Funds::untouched());
        assert_eq!(province_of(&family.payee), SICHUAN);
    });
}

/// A balance was found by 34 checks, and nobody noticed.
#[test]
fn a_balance_is_not_found_by_asking_again_and_again() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let (app, other) = (cluster.app(), cluster.caller("platform:13"));
        let yuan = |whole: u32| family.transfer(&format!("{whole}.00"));
        let mut checks = 0;
        while let Ok(answer) = app.check(&yuan(1_000 + checks)).await {
            assert!(answer.allowed && checks < 34, "{answer:?}");
            checks += 1;
        }
        assert_eq!(checks, 10);
        refused(app.check(&yuan(1)).await, Code::ResourceExhausted, "TOO_MANY_TRIES");
        assert!(other.check(&yuan(1)).await.expect("nobody stops another caller").allowed);
        recorded(&app.create(yuan(2)).await.expect("checks alone keep nobody from paying"));
        assert_eq!(family.funds().await.balance, "9998.00");
    });
}

/// A refusal says as much of a person as a check does, also to a caller who does not wait for it.
#[test]
fn refused_transfers_are_tries_too_and_repeats_are_none() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let misnamed = || {
            let mut request = family.transfer("10.00");
            person(&mut request.payer).name = "别人".to_owned();
            request
        };
        let (first, done) = (misnamed(), family.transfer("10.00"));
        recorded(&app.create(done.clone()).await.expect("paid"));
        for _ in 0..15 {
            aborted(&app.create(first.clone()).await.expect("the same"), Payer, "PAYER_IDENTITY_MISMATCH");
        }
        for _ in 1..10 {
            aborted(&app.create(misnamed()).await.expect("an answer"), Payer, "PAYER_IDENTITY_MISMATCH");
        }
        refused(app.create(misnamed()).await, Code::ResourceExhausted, "TOO_MANY_TRIES");
        refused(app.check(&family.transfer("1.00")).await, Code::ResourceExhausted, "TOO_MANY_TRIES");
        // What was done finds its first answer all the same.
        aborted(&app.create(first).await.expect("the first answer"), Payer, "PAYER_IDENTITY_MISMATCH");
        recorded(&app.create(done).await.expect("the first answer"));
    });
}
