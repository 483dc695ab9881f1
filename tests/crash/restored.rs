//! Servers whose stores are restored from a backup by the real program: they get back from the others what was decided
//! since, before they take part again.

use super::audit::gongji_as;
use super::load::{ask_on, everything_recorded};
use super::process::Servers;
use crate::e2e::kit::audit::{demand_noted, demand_settled};
use crate::e2e::kit::people::{Family, Funds, employee, enrol, fresh_id, somebody};
use crate::e2e::kit::site::{HEBEI, Options};
use crate::e2e::kit::{run, until};
use gongji::proto::hub::{
    CreateTransferRequest, GetTransferRequest, ListTransfersRequest, Transfer, TransferState, WaitMode,
    WatchTransfersRequest,
};
use gongji::proto::node::{
    EntryAccount, EntryKind, ListEntriesRequest, ListSuspenseRequest, SuspenseAccount,
};
use std::fs;

fn start(servers: &mut Servers, server: &str) {
    servers.launch(server);
    run(async {
        assert!(servers.come_up().await, "{server}: {}", servers.last_words(server));
        servers.site().ready().await;
    });
}

/// Makes a transfer; gives what was asked and what was answered.
fn transfer(servers: &Servers, family: &Family, amount: &str) -> (CreateTransferRequest, Transfer) {
    let content = family.transfer(amount);
    let answer = again(servers, &content);
    assert_eq!(answer.state(), TransferState::Committed);
    (content, answer)
}

fn again(servers: &Servers, content: &CreateTransferRequest) -> Transfer {
    run(async { ask_on(&servers.site().caller("app:demo").transfers(), content).await })
}

fn settled(servers: &Servers, told: &[Transfer]) {
    run(async {
        let app = servers.site().caller("app:demo");
        until("everything is recorded", async || everything_recorded(&app).await).await;
        demand_settled(servers.site(), told).await;
    });
}

/// How often this stands in a server's log.
fn logged(servers: &Servers, server: &str, what: &str) -> usize {
    fs::read_to_string(servers.log(server)).expect("a log").matches(what).count()
}

#[test]
fn a_restored_hub_and_a_restored_node_get_back_what_was_decided_since() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let (_, first) = transfer(&servers, &family, "1.00");

    let from = servers.backup("hub");
    let (content, second) = transfer(&servers, &family, "2.00");
    servers.restored("hub", &from);
    start(&mut servers, "hub");
    assert_eq!(again(&servers, &content).hub_seq, second.hub_seq, "adopted with its number");
    settled(&servers, &[first.clone(), second.clone()]);

    // It has recovered: its next start takes up where it was.
    servers.kill("hub");
    start(&mut servers, "hub");
    assert_eq!(logged(&servers, "hub", "this hub has recovered and serves"), 1);

    for server in ["51", "13"] {
        let from = servers.backup(server);
        let (content, third) = transfer(&servers, &family, "3.00");
        servers.restored(server, &from);
        start(&mut servers, server);
        assert_eq!(logged(&servers, server, "this store was restored from an older state"), 1);
        assert_eq!(again(&servers, &content).hub_seq, third.hub_seq);
        settled(&servers, &[first.clone(), second.clone(), third]);
    }
    run(servers.stop());
}

/// Found by attackers: an allotment that was lost with the store, and what was paid with it, was spent a second time.
#[test]
fn an_allotment_that_is_sent_again_after_a_restore_is_not_spent_twice() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async {
        let site = servers.site();
        let (payer, mut family) = (somebody("130100"), site.family("13", "51").await);
        enrol(&family.payer_platform, employee(&payer)).await;
        family.payer = payer;
        family
    });
    let from = servers.backup("13");
    let allotment = fresh_id();
    let credit = || {
        run(async { family.payer_platform.credit(&allotment, &family.payer, ("1500.00", "202611")).await })
    };
    credit().expect("credited");
    let (_, told) = transfer(&servers, &family, "1000.00");
    let before = run(family.funds());
    assert_eq!(before, Funds::settled("500.00", "1000.00"));

    servers.restored("13", &from);
    start(&mut servers, "13");
    noted(&servers, std::slice::from_ref(&told));
    assert_eq!(suspense(&family), ("0.00".to_owned(), "-1000.00".to_owned()));
    let listed = suspense_of(&servers);
    assert_eq!(listed.len(), 1, "{listed:?}");
    let it = &listed[0];
    assert_eq!((it.kind.as_str(), it.amount.as_str()), ("personal_suspense", "-1000.00"));
    assert_eq!((&it.transfer_ids[..], it.member_ref.len()), (&[told.transfer_id.clone()][..], 32));
    assert!(it.since_time.is_some());

    // It is known after another start too.
    servers.kill("13");
    start(&mut servers, "13");
    for _ in 0..2 {
        credit().expect("the same request again");
        assert_eq!(run(family.funds()), before);
    }
    assert_eq!(suspense(&family), ("500.00".to_owned(), String::new()));
    assert_eq!(suspense_of(&servers), []);
    let statement = ListEntriesRequest {
        party: Some(family.payer.clone()),
        account: EntryAccount::Personal.into(),
        ..ListEntriesRequest::default()
    };
    let lines = run(family.payer_platform.ask_node(HEBEI, statement)).expect("a statement").entries;
    let lines: Vec<_> = lines.iter().map(|it| (it.kind(), it.amount.as_str())).collect();
    assert_eq!(lines, [(EntryKind::SetOff, "1000.00"), (EntryKind::Allotment, "1500.00")]);
    let refused = again(&servers, &family.transfer("600.00"));
    assert_eq!(refused.state(), TransferState::Aborted, "it is spent");
    noted(&servers, &[told, refused]);
    run(servers.stop());
}

/// Found by attackers: who was first reported after the backup was another member afterwards, and spent it twice.
#[test]
fn who_was_first_reported_after_the_backup_does_not_spend_twice() {
    let mut servers = Servers::start(&Options::lively());
    let mut family = run(async { servers.site().family("13", "51").await });
    let from = servers.backup("13");
    family.payer = somebody("130100");
    run(enrol(&family.payer_platform, employee(&family.payer)));
    let allotment = fresh_id();
    let credit = |family: &Family| {
        run(async { family.payer_platform.credit(&allotment, &family.payer, ("1500.00", "202611")).await })
    };
    credit(&family).expect("credited");
    let (_, told) = transfer(&servers, &family, "1000.00");
    servers.restored("13", &from);
    start(&mut servers, "13");
    let unknown = run(family.payer_platform.member(&family.payer)).expect_err("nobody has reported him");
    assert!(unknown.message().starts_with("MEMBER_NOT_FOUND"), "{unknown:?}");
    let unknown = credit(&family).expect_err("nobody has reported him");
    assert!(unknown.message().starts_with("MEMBER_NOT_FOUND"), "{unknown:?}");
    let listed = suspense_of(&servers);
    assert_eq!(listed.iter().map(|it| it.amount.as_str()).collect::<Vec<_>>(), ["-1000.00"]);
    // It is known after another start too, and a backup of it is whole.
    servers.kill("13");
    start(&mut servers, "13");
    servers.backup("13");
    run(enrol(&family.payer_platform, employee(&family.payer)));
    assert_eq!(suspense(&family), ("0.00".to_owned(), "-1000.00".to_owned()));
    credit(&family).expect("the same request again");
    assert_eq!(suspense(&family), ("500.00".to_owned(), String::new()));
    assert_eq!(suspense_of(&servers), []);
    noted(&servers, &[told]);
    run(servers.stop());
}

/// Hub and node are restored together: the client that repeats says whose the lost leg was.
#[test]
fn a_client_that_repeats_says_whose_a_leg_was_that_hub_and_node_have_lost() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let before = run(family.funds());
    let backups = ["hub", "13"].map(|server| (server, servers.backup(server)));
    let (content, told) = transfer(&servers, &family, "100.00");
    run(async {
        let app = servers.site().caller("app:demo");
        until("everything is recorded", async || everything_recorded(&app).await).await;
    });
    let after = run(family.funds());
    backups.iter().for_each(|(server, from)| servers.restored(server, from));
    backups.iter().for_each(|(server, _)| servers.launch(server));
    run(async {
        for (server, _) in &backups {
            assert!(servers.come_up().await, "{server}: {}", servers.last_words(server));
        }
        servers.site().ready().await;
        until("the lost leg is booked for nobody", async || {
            let operator = servers.site().caller("operator:ops");
            let listed = operator.ask_node(HEBEI, ListSuspenseRequest::default()).await.ok()?.accounts;
            (listed.len() == 1 && listed[0].member_ref.is_empty()).then_some(())
        })
        .await;
        assert_eq!(family.funds().await.balance, before.balance, "nobody knows yet that he has paid");
    });
    assert_eq!(again(&servers, &content).hub_seq, told.hub_seq);
    run(async {
        until("it is tied to him", async || (family.funds().await == after).then_some(())).await;
    });
    assert_eq!(suspense_of(&servers), []);
    let audit = gongji_as(servers.site(), "ops", &["audit"]);
    assert_eq!(audit.status.code(), Some(0), "{}", String::from_utf8_lossy(&audit.stdout));
    run(servers.stop());
}

/// The payer's balance, and what stands in suspense beside it.
fn suspense(family: &Family) -> (String, String) {
    let member = run(family.payer_platform.member(&family.payer)).expect("the payer");
    (member.balance, member.suspense)
}

/// Every invariant holds; the incident stays for people.
fn noted(servers: &Servers, told: &[Transfer]) {
    run(async { demand_noted(servers.site(), told, &["REPLAYED_TO_SUSPENSE"]).await });
}

/// What operators are told of it.
fn suspense_of(servers: &Servers) -> Vec<SuspenseAccount> {
    run(async {
        let operator = servers.site().caller("operator:ops");
        let listed = operator.ask_node(HEBEI, ListSuspenseRequest::default()).await.expect("a list");
        listed.accounts
    })
}

/// While one province cannot be heard, a restored hub says so instead of showing books that lack something; and places
/// in the journal that was lost mean nothing afterwards.
#[test]
fn a_hub_that_recovers_shows_nothing_and_old_tokens_end() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let from = servers.backup("hub");
    let token =
        run(watch_one(&servers, "", async || drop(ask_on_app(&servers, &family.transfer("1.00")).await)));
    let token = token.expect("a change");
    servers.kill("13");
    servers.restored("hub", &from);
    servers.launch("hub");
    run(async {
        assert!(servers.come_up().await, "{}", servers.last_words("hub"));
        let app = servers.site().caller("app:demo");
        let get = GetTransferRequest { transfer_id: family.transfer("1.00").transfer_id };
        let got = app.ask_hub(get).await.expect_err("not whole");
        let list = app.ask_hub(ListTransfersRequest::default()).await.expect_err("not whole");
        let watch = WatchTransfersRequest { resume_token: token.clone(), ..Default::default() };
        let watched = app.transfers().watch_transfers(watch).await.expect_err("not whole");
        for status in [got, list, watched] {
            assert!(status.message().starts_with("RECOVERING"), "{status:?}");
        }
    });
    start(&mut servers, "13");
    run(async {
        let app = servers.site().caller("app:demo");
        let watch = WatchTransfersRequest { resume_token: token, ..Default::default() };
        let ended = app.transfers().watch_transfers(watch).await.expect_err("another journal");
        assert!(ended.message().starts_with("PAGE_TOKEN_INVALID"), "{ended:?}");
        servers.stop().await;
    });
}

/// A province's node is gone, and two operators end the recovery without it: the others pay again. When it is back it
/// is heard, and nobody's books differ.
#[test]
fn a_hub_recovers_without_a_province_that_two_operators_leave_out() {
    let provinces = vec!["13", "14", "51"];
    let mut servers = Servers::start(&Options { provinces, ..Options::lively() });
    let family = run(async { servers.site().family("13", "51").await });
    let others = run(async { servers.site().family("13", "14").await });
    let from = servers.backup("hub");
    let (content, lost) = transfer(&servers, &family, "2.00");
    run(async {
        let app = servers.site().caller("app:demo");
        until("everything is recorded", async || everything_recorded(&app).await).await;
    });
    servers.kill("51");
    servers.restored("hub", &from);
    servers.launch("hub");
    run(async { assert!(servers.come_up().await, "{}", servers.last_words("hub")) });
    let id = "0198a000-0000-7000-8000-00000000abcd";
    let propose = ["operations", "propose", "leave-out", "51", "--reason", "NODE_LOST", "--id", id];
    let proposed = gongji_as(servers.site(), "ops", &propose);
    let said = String::from_utf8_lossy(&proposed.stderr).into_owned();
    assert!(proposed.status.success() && said.contains("LEFT_OUT_UNDECIDED"), "{said}");
    let approve = ["operations", "approve", id];
    assert_eq!(gongji_as(servers.site(), "ops", &approve).status.code(), Some(1), "it takes another one");
    assert!(gongji_as(servers.site(), "second", &approve).status.success());
    run(async {
        let app = servers.site().caller("app:demo");
        until("the others pay again", async || {
            let paid = app.create(others.transfer("1.00")).await.ok()?;
            (paid.state() == TransferState::Committed).then_some(())
        })
        .await;
        let refused = app.create(family.transfer("3.00")).await.expect_err("it was not heard");
        assert!(refused.message().starts_with("PROVINCE_LEFT_OUT"), "{refused:?}");
    });
    let decided = CreateTransferRequest { wait: WaitMode::Decided.into(), ..content };
    assert_eq!(again(&servers, &decided).hub_seq, lost.hub_seq, "the other side has told it");
    let audit = |servers: &Servers| {
        let output = gongji_as(servers.site(), "ops", &["audit"]);
        (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (code, text) = audit(&servers);
    assert!(code == Some(1) && text.contains("LEFT_OUT_UNCONFIRMED"), "{text}");
    let assign =
        ["incidents", "assign", "--transfer", &lost.transfer_id, "--side", "payer", "--to", "operator:ops"];
    assert!(gongji_as(servers.site(), "second", &assign).status.success());
    let listed = gongji_as(servers.site(), "ops", &["incidents", "--json"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("urn:gongji:operator:ops"));
    start(&mut servers, "51");
    settled(&servers, &[lost]);
    let (code, text) = audit(&servers);
    assert_eq!(code, Some(0), "{text}");
    run(servers.stop());
}

async fn ask_on_app(servers: &Servers, content: &CreateTransferRequest) -> Transfer {
    ask_on(&servers.site().caller("app:demo").transfers(), content).await
}

/// The token of the first change that is seen while `act` is done.
async fn watch_one(servers: &Servers, resume_token: &str, act: impl AsyncFnOnce()) -> Option<String> {
    let app = servers.site().caller("app:demo");
    let request = WatchTransfersRequest { resume_token: resume_token.to_owned(), ..Default::default() };
    let mut changes = app.transfers().watch_transfers(request).await.expect("a stream").into_inner();
    act().await;
    changes.message().await.expect("a change").map(|change| change.resume_token)
}
