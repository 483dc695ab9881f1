//! What earlier releases left behind: stores, keys, backups and configuration files. Today's program goes on with them.
//!
//! `v0.1/make.sh` says what is in the archive: committed, refused, declined and compensated transfers, one that
//! waits for its payee, a decision that the nodes have not heard, wallets, and a node that was restored and raised an
//! incident.

use crate::crash::process::{Servers, said};
use crate::e2e::kit::people::party;
use crate::e2e::kit::site::{Options, Site, server as at};
use crate::e2e::kit::verdict::recorded;
use crate::e2e::kit::{run, until};
use gongji::devkit::client::Caller;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The servers of the archive, and where its configuration files say that they listen.
const SERVERS: [(&str, u16); 3] = [("hub", 27_000), ("13", 27_013), ("35", 27_035)];

/// The transfer that waits for its payee, and the one whose decision no node has recorded.
const WAITING: &str = "01990000-0000-7000-8000-000000000009";
const UNHEARD: &str = "01990000-0000-7000-8000-000000000010";

/// What v0.1 left, in the folder of a site that has certificates and ports of its own.
fn v01() -> Servers {
    let servers = Servers::idle(&Options { provinces: vec!["13", "35"], ..Options::default() });
    let (site, archive) = (servers.site(), here().join("stores.tar.gz"));
    let unpacked = Command::new("tar").arg("xzf").arg(archive).arg("-C").arg(site.folder()).status();
    assert!(unpacked.expect("tar").success());
    for (name, _) in SERVERS {
        let text = fs::read_to_string(site.folder().join(format!("{name}.toml"))).expect("a configuration");
        let address = |port: u16| format!("127.0.0.1:{port}");
        let moved = SERVERS
            .iter()
            .fold(text, |text, (server, port)| text.replace(&address(*port), &address(site.port(server))));
        fs::write(site.config(name), moved).expect("written");
        // Later that day: a clock that is set back would be another story.
        site.set_clock(name, "2026-11-21T11:00:00+08:00");
    }
    servers
}

fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/compat/v0.1")
}

/// Where v0.1 kept a server's store.
fn data(servers: &Servers, server: &str) -> PathBuf {
    servers.site().folder().join("data").join(server)
}

fn well(command: &mut Command) -> Output {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", said(&output));
    output
}

/// Demands that a journal is whole, and that replayed it gives the tables.
fn verify(servers: &Servers, server: &str) {
    well(servers.gongji(&["journal", "verify"]).arg(data(servers, server)));
}

/// Runs a client command with the certificate of a role such as "app-demo".
fn ask(servers: &Servers, role: &str, words: &str) -> Output {
    let words: Vec<&str> = words.split(' ').collect();
    let mut command = servers.gongji(&words);
    let address = |server: &str| format!("127.0.0.1:{}", servers.site().port(server));
    command.args(["--json", "--ca", "certs/ca.pem", "--hub", &address("hub")]);
    for province in ["13", "35"] {
        command.arg("--node").arg(format!("{province}={}", address(province)));
    }
    command.arg("--cert").arg(format!("certs/{role}.pem")).arg("--key").arg(format!("certs/{role}.key"));
    command.output().expect("it runs")
}

/// Demands that an answer still says all that it said. It may say more, and in other words for people.
fn still_says(then: &Value, now: &Value, path: &str) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (key, value) in
                then.iter().filter(|(key, _)| !["message", "message_zh"].contains(&key.as_str()))
            {
                still_says(value, &now[key], &format!("{path}.{key}"));
            }
        }
        (Value::Array(then), Value::Array(now)) => {
            assert_eq!(then.len(), now.len(), "{path}");
            then.iter().zip(now).enumerate().for_each(|(at, (then, now))| {
                still_says(then, now, &format!("{path}[{at}]"));
            });
        }
        _ => assert_eq!(then, now, "{path}"),
    }
}

/// Waits until the hub serves and both nodes know every decision.
async fn everything_told(site: &Site, app: &Caller) {
    for (server, _) in SERVERS {
        let caller = site.caller("operator:ops");
        until("a server that serves", async || caller.serves(&at(server)).await.then_some(())).await;
    }
    until("a decision that v0.1 could not deliver", async || {
        let transfer = app.get(UNHEARD).await.expect("a transfer");
        (transfer.payer_recorded && transfer.payee_recorded).then_some(())
    })
    .await;
}

#[test]
fn servers_go_on_with_stores_of_v0_1() {
    let mut servers = v01();
    SERVERS.iter().for_each(|(name, _)| verify(&servers, name));
    SERVERS.iter().for_each(|(name, _)| servers.launch(name));
    assert!(run(servers.come_up()), "every server starts");
    run(async {
        let app = servers.site().caller("app:demo");
        everything_told(servers.site(), &app).await;

        let questions = fs::read_to_string(here().join("answers.jsonl")).expect("answers");
        for line in questions.lines() {
            let asked: Value = serde_json::from_str(line).expect("JSON");
            let words = asked["command"].as_str().expect("words");
            let output = ask(&servers, asked["as"].as_str().expect("a role"), words);
            let now = serde_json::from_slice(&output.stdout);
            let now = now.unwrap_or_else(|error| panic!("{words}: {error}: {}", said(&output)));
            still_says(&asked["answer"], &now, words);
        }

        // What v0.1 has booked for a number and a month is booked, whatever its owner is called by now.
        let file = servers.site().folder().join("13.csv");
        let rows = "id_number,name,region_code,insurance,status,credit\n\
            139999198503120173,张建囯,130100,employee,active,9000.00\n\
            139999198811010531,陈晓东,130100,employee,active,5000.00\n";
        fs::write(&file, rows).expect("written");
        let words = format!("members import --province 13 --period 202611 {}", file.display());
        let again: Value =
            serde_json::from_slice(&ask(&servers, "platform-13", &words).stdout).expect("JSON");
        assert_eq!((&again["unchanged_count"], &again["rejected_count"]), (&json!(1), &json!(1)), "{again}");
        assert_eq!(again["rejected"][0]["reason"], "NAME_MISMATCH");
        assert_eq!(
            (&again["credited_count"], &again["rejected_credits"]),
            (&json!(2), &json!([])),
            "{again}"
        );

        // What v0.1 left open goes on to its end.
        let taken = app.accept(WAITING, &party("11010519491231002X", "林国强", "350300")).await;
        let taken = taken.expect("an answer");
        recorded(&taken);
        assert_eq!(taken.hub_seq, 6, "the next number of v0.1's commits");
        // Its incident stays open; every invariant holds.
        let audit = ask(&servers, "operator-ops", "audit").stdout;
        let audit: Value = serde_json::from_slice(&audit).expect("JSON");
        let invariants = audit["invariants"].as_array().expect("a list");
        assert!(invariants.len() >= 14, "{audit}");
        assert!(invariants.iter().all(|it| it["violations"] == json!([])), "{audit}");
        servers.stop().await;
    });
    SERVERS.iter().for_each(|(name, _)| verify(&servers, name));
}

/// A store of before check values is proven by its rows before a wrong key is written down as its own.
#[test]
fn a_wrong_key_is_refused_at_a_store_of_v0_1() {
    let servers = v01();
    for (name, _) in SERVERS {
        let config = servers.site().config(name);
        let text = fs::read_to_string(&config).expect("a configuration");
        let key = text.lines().find_map(|line| line.strip_prefix("vault_key = ")).expect("a key file");
        let key = servers.site().folder().join(key.trim_matches('"'));
        let right = fs::read(&key).expect("the right key");
        fs::write(&key, "5a".repeat(32)).expect("another key");
        for _ in 0..2 {
            let role = if name == "hub" { "hub" } else { "node" };
            let ended = servers.gongji(&[role, "--config"]).arg(&config).output().expect("it runs");
            assert_eq!(ended.status.code(), Some(1), "{}", said(&ended));
            assert!(said(&ended).contains("not the vault key of this store"), "{}", said(&ended));
        }
        fs::write(&key, right).expect("brought back");
    }
}

#[test]
fn a_backup_of_v0_1_is_restored() {
    let servers = v01();
    let mut backups = fs::read_dir(servers.site().folder().join("backups")).expect("backups");
    let backup = backups.find_map(|it| it.ok().map(|it| it.path()).filter(|it| it.is_dir())).expect("one");
    fs::remove_dir_all(data(&servers, "35")).expect("lost");
    well(&mut servers.restore_command(&backup, &servers.site().config("35")));
    verify(&servers, "35");
}

#[test]
fn configuration_and_rulebooks_of_v0_1_are_read() {
    let servers = v01();
    let files = ["config-check", "--hub", "deploy/hub.toml", "--node", "deploy/node-13.toml"];
    well(servers.gongji(&files).args([
        "--regions",
        "deploy/regions.toml",
        "--rulebooks",
        "deploy/rulebooks",
    ]));
}
