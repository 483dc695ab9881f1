//! An area that is taken off the list of places: what was done there finds its first answer, and whoever is there stays
//! readable; nothing new begins there.

use super::acceptance::options;
use super::kit::cluster::{Cluster, own};
use super::kit::people::{Family, Funds, fresh_id, opening, report, resident, somebody};
use super::kit::site::{HEBEI, Options, SICHUAN};
use super::kit::verdict::{recorded, refused};
use gongji::devkit::cast;
use gongji::proto::hub::{CreateTransferRequest, TransferState};
use gongji::proto::node::{ChangePlaceRequest, CreditAccountRequest, GetStatementRequest};
use std::fs;
use tonic::Code;

/// The two areas that are taken away.
const GONE: [&str; 2] =
    ["{ code = \"130600\", name = \"保定市\" },", "{ code = \"510300\", name = \"自贡市\" },"];

/// Starts every server again without the two areas.
async fn take_areas_away(cluster: &Cluster) {
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/regions.toml");
    let mut text = fs::read_to_string(shipped).expect("the list");
    for area in GONE {
        assert!(text.contains(area), "{area}");
        text = text.replace(area, "");
    }
    fs::write(cluster.site().folder().join("fewer.toml"), text).expect("written");
    for server in ["hub", "13", "14", "51"] {
        cluster.stop(server);
        let path = cluster.site().config(server);
        let config = fs::read_to_string(&path).expect("a file");
        assert!(config.contains(shipped));
        fs::write(&path, config.replace(shipped, "fewer.toml")).expect("written");
    }
    ["hub", "13", "14", "51"].iter().for_each(|server| cluster.restart(server));
    cluster.site().ready().await;
}

/// What config-check says of places that are not listed.
fn said_of(cluster: &Cluster, server: &str) -> Vec<String> {
    let option = if server == "hub" { "--hub" } else { "--node" };
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_gongji"));
    let output = command.arg("config-check").arg(option).arg(cluster.site().config(server)).output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stderr).expect("text");
    let begin = "gongji: warning: in areas that are not listed stand ";
    let found = text.lines().filter_map(|line| line.strip_prefix(begin)?.split(". ").next());
    found.map(str::to_owned).collect()
}

/// A family in the two areas.
async fn family(cluster: &Cluster) -> Family {
    let [hebei, sichuan] = ["13", "51"].map(|it| cluster.caller(&format!("platform:{it}")));
    Family::of(&hebei, &sichuan, somebody("130600"), somebody("510300")).await
}

#[test]
fn what_was_done_in_an_area_that_is_gone_finds_its_first_answer() {
    own(&options(), async |cluster| {
        let (app, family) = (cluster.app(), family(cluster).await);
        let payee = family.payee.clone();
        let (first, open) = (family.transfer("10.00"), family.transfer("20.00"));
        app.create(first.clone()).await.expect("it waits");
        app.accept(&first.transfer_id, &payee).await.expect("taken");
        recorded(&app.create(first.clone()).await.expect("an answer"));
        let waits = app.create(open.clone()).await.expect("it waits");
        assert_eq!(waits.state(), TransferState::AwaitingAcceptance);
        let listed = app.list(TransferState::Committed).await.expect("a list");

        take_areas_away(cluster).await;

        assert_eq!(said_of(cluster, "hub"), ["130600 (1 live payer's leg), 510300 (1 live payee's leg)"]);
        assert_eq!(said_of(cluster, "13"), ["130600 (1 member), 510300 (1 live leg)"]);
        assert_eq!(said_of(cluster, "51"), ["130600 (1 live leg), 510300 (1 member, 1 wallet)"]);
        assert_eq!(said_of(cluster, "14"), [""; 0]);
        let again = app.create(first.clone()).await.expect("the first answer");
        recorded(&again);
        assert_eq!(again, app.get(&first.transfer_id).await.expect("it"));
        recorded(&app.accept(&first.transfer_id, &payee).await.expect("the first answer"));
        let still = app.list(TransferState::Committed).await.expect("a list");
        assert!(listed.iter().all(|it| still.contains(it)));
        // What differs is told how the first stands, and nothing new begins there.
        let other = CreateTransferRequest { remark: "别的".to_owned(), ..first.clone() };
        let said = refused(app.create(other).await, Code::AlreadyExists, "CONTENT_DIFFERS");
        assert_eq!((said.fact("field"), said.fact("state")), (Some("remark"), Some("COMMITTED")));
        refused(app.create(family.transfer("1.00")).await, Code::InvalidArgument, "UNKNOWN_REGION");
        let declined = app.decline(&open.transfer_id, &payee).await.expect("gone back");
        assert_eq!(declined.state(), TransferState::Aborted);
    });
}

#[test]
fn whoever_is_in_an_area_that_is_gone_stays_readable_and_nobody_comes() {
    own(&Options::default(), async |cluster| {
        let family = family(cluster).await;
        let Family { payer, payee, payer_platform: hebei, payee_platform: sichuan } = &family;
        let credit = CreditAccountRequest {
            request_id: fresh_id(),
            party: Some(payer.clone()),
            amount: "5.00".to_owned(),
            period: "202610".to_owned(),
            remark: String::new(),
        };
        let credited = hebei.ask_node(HEBEI, credit.clone()).await.expect("credited");
        let moved = ChangePlaceRequest {
            request_id: fresh_id(),
            party: Some(payee.clone()),
            use_region_code: "510300".to_owned(),
        };
        sichuan.ask_node(SICHUAN, moved.clone()).await.expect("as it is");

        take_areas_away(cluster).await;

        let again = hebei.ask_node(HEBEI, credit.clone()).await.expect("the first answer");
        assert_eq!(again.entry, credited.entry);
        sichuan.ask_node(SICHUAN, moved.clone()).await.expect("the first answer");
        assert_eq!(family.funds().await, Funds::settled("10005.00", "0.00"));
        let statement = GetStatementRequest {
            party: Some(payer.clone()),
            account: 1,
            from_date: "2026-11-01".to_owned(),
            to_date: "2026-11-30".to_owned(),
            ..GetStatementRequest::default()
        };
        let statement = hebei.ask_node(HEBEI, statement).await.expect("a statement");
        assert_eq!(statement.closing_balance, "10005.00");

        let row = cast::report(fresh_id(), resident(payee));
        assert_eq!(sichuan.upsert(SICHUAN, vec![row]).await.expect("an answer").rejected_count, 0);
        let newcomer = somebody("510300");
        let answer = report(sichuan, vec![resident(&newcomer)]).await;
        assert_eq!((answer.accepted_count, answer.rejected_count), (0, 1));
        let opened = sichuan.open_wallet(opening(&newcomer)).await;
        refused(opened, Code::InvalidArgument, "UNKNOWN_REGION");
        let new = ChangePlaceRequest { request_id: fresh_id(), ..moved };
        refused(sichuan.ask_node(SICHUAN, new).await, Code::InvalidArgument, "UNKNOWN_REGION");
    });
}
