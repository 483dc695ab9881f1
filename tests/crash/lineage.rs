//! Servers of which one has another store than the others know: it is refused, nothing is booked twice, and two
//! operators can accept it.

use super::audit::gongji_as;
use super::load::{ask_on, everything_recorded};
use super::process::Servers;
use crate::e2e::kit::audit::demand_settled;
use crate::e2e::kit::people::Family;
use crate::e2e::kit::site::Options;
use crate::e2e::kit::{run, until};
use gongji::proto::hub::{CreateTransferRequest, Transfer, TransferState};
use std::fs;

const AT_THE_NODE: &str = "ALARM: hub and node do not belong together";
const OF_ANOTHER_HUB: &str = "ALARM: the node has joined a hub with another store";
const AT_THE_HUB: &str = "ALARM: the node's store is another one than before";

fn paid(servers: &Servers, content: &CreateTransferRequest) -> Transfer {
    let answer = run(async { ask_on(&servers.site().caller("app:demo").transfers(), content).await });
    assert_eq!(answer.state(), TransferState::Committed);
    answer
}

fn log(servers: &Servers, server: &str) -> String {
    fs::read_to_string(servers.log(server)).expect("a log")
}

/// Waits for a line of a server's log; gives the lineage that it says was found, another one than before.
fn refused(servers: &Servers, server: &str, alarm: &str, before: Option<&str>) -> String {
    run(until("another store is refused", async || {
        let log = log(servers, server);
        let line = log.lines().rfind(|line| line.contains(alarm))?.to_owned();
        let found = line.split("found=").nth(1)?.trim_start_matches('"');
        found.get(..64).filter(|found| before != Some(*found)).map(str::to_owned)
    }))
}

fn starts(servers: &mut Servers, server: &str) {
    servers.launch(server);
    run(async { assert!(servers.come_up().await, "{server}: {}", servers.last_words(server)) });
}

/// One proposes, another one approves; gives what the first was told.
fn accept(servers: &Servers, id: &str, words: &[&str], at: &[&str]) -> String {
    let propose = ["operations", "propose", "accept-lineage"];
    let why = ["--reason", "STORE_LOST", "--id", id];
    let proposed = gongji_as(servers.site(), "ops", &[&propose[..], words, &why, at].concat());
    let said = String::from_utf8_lossy(&proposed.stderr).into_owned();
    assert!(proposed.status.success(), "{said}");
    let approved = gongji_as(servers.site(), "second", &[&["operations", "approve", id][..], at].concat());
    assert!(approved.status.success(), "{}", String::from_utf8_lossy(&approved.stderr));
    said
}

fn nodes(servers: &Servers) -> String {
    let output = gongji_as(servers.site(), "ops", &["hub", "nodes"]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn all_recorded(servers: &Servers) {
    let app = servers.site().caller("app:demo");
    until("everything is recorded", async || everything_recorded(&app).await).await;
}

/// What a caller is told who tries as long as nothing can be paid, and what is booked meanwhile.
async fn cannot_pay(servers: &Servers, family: &Family, content: CreateTransferRequest) {
    let before = family.funds().await;
    let answer = servers.site().caller("app:demo").create(content).await;
    let committed = answer.is_ok_and(|answer| answer.state() == TransferState::Committed);
    assert!(!committed);
    assert_eq!(family.funds().await, before);
}

/// A hub that is started on an empty folder knows nothing of what was paid: a repeat would be paid again.
#[test]
fn a_hub_on_an_empty_folder_is_refused_until_two_operators_accept_it_at_each_node() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let content = family.transfer("1.00");
    let first = paid(&servers, &content);
    let number = first.hub_seq;
    run(all_recorded(&servers));
    servers.kill("hub");
    let (data, aside) = (servers.site().data("hub"), servers.site().folder().join("former"));
    fs::rename(&data, &aside).expect("moved away");
    starts(&mut servers, "hub");
    let before = ["13", "51"].map(|province| refused(&servers, province, AT_THE_NODE, None));
    assert_eq!(before[0], before[1]);
    run(cannot_pay(&servers, &family, content.clone()));

    // A backup of it, restored as it should be, makes a hub that asks what it has lost: it is told nothing.
    let count = |servers: &Servers| log(servers, "hub").matches(OF_ANOTHER_HUB).count();
    let (backup, alarms) = (servers.backup("hub"), count(&servers));
    servers.restored("hub", &backup);
    starts(&mut servers, "hub");
    run(until("it refuses both", async || (count(&servers) == alarms + 2).then_some(())));
    assert!(!log(&servers, "hub").contains("heard what this hub may have lost"));

    // The right folder is brought: nothing has happened meanwhile.
    servers.kill("hub");
    fs::remove_dir_all(&data).expect("of no use");
    fs::rename(&aside, &data).expect("brought back");
    starts(&mut servers, "hub");
    run(servers.site().ready());
    assert_eq!(paid(&servers, &content).hub_seq, first.hub_seq);
    run(async {
        all_recorded(&servers).await;
        demand_settled(servers.site(), &[first]).await;
    });

    // It is lost for good.
    servers.kill("hub");
    fs::remove_dir_all(&data).expect("lost");
    starts(&mut servers, "hub");
    for (province, id) in
        [("13", "0198a000-0000-7000-8000-00000000aa13"), ("51", "0198a000-0000-7000-8000-00000000aa51")]
    {
        let found = refused(&servers, province, AT_THE_NODE, Some(&before[0]));
        let said = accept(&servers, id, &["hub", &found], &["--province", province]);
        assert!(said.contains("What the former hub has committed the new one may not know"), "{said}");
    }
    run(servers.site().ready());
    let next = family.transfer("2.00");
    assert!(paid(&servers, &next).hub_seq <= number, "it counts anew");
    run(async {
        all_recorded(&servers).await;
        servers.stop().await;
    });
}

#[test]
fn a_node_on_an_empty_folder_is_refused_until_two_operators_accept_it() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    paid(&servers, &family.transfer("1.00"));
    run(all_recorded(&servers));
    // Each has told which store it has.
    run(until("it has told it", async || {
        let page = nodes(&servers);
        (page.lines().filter(|line| has_lineage(line)).count() == 2).then_some(())
    }));
    servers.kill("51");
    fs::remove_dir_all(servers.site().data("51")).expect("lost");
    starts(&mut servers, "51");
    let zeros = "0".repeat(64);
    assert_eq!(refused(&servers, "51", AT_THE_NODE, None), zeros);
    assert_eq!(refused(&servers, "hub", AT_THE_HUB, None), zeros);
    assert!(nodes(&servers).contains("000000000000 REFUSED"), "{}", nodes(&servers));
    let app = servers.site().caller("app:demo");
    let answer = run(app.create(family.transfer("2.00")));
    assert!(!answer.is_ok_and(|answer| answer.state() == TransferState::Committed));

    let said = accept(&servers, "0198a000-0000-7000-8000-00000000bb51", &["51", "empty"], &[]);
    assert!(said.contains("node 51") && said.contains("suspense"), "{said}");
    run(until("it is told again", async || {
        log(&servers, "51").contains("the hub tells again what was lost").then_some(())
    }));
    run(servers.site().ready());
    run(until("its new store is known", async || (!nodes(&servers).contains("REFUSED")).then_some(())));
    run(servers.stop());
}

/// Twelve hexadecimal digits by themselves.
fn has_lineage(line: &str) -> bool {
    let is_lineage = |word: &str| word.len() == 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    line.split_whitespace().any(is_lineage)
}
