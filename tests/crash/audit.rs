//! `gongji audit` as operators run it: what it prints and how it ends.

use super::process::Servers;
use crate::e2e::kit::run;
use crate::e2e::kit::site::{Options, Site};
use gongji::domain::value::TransferId;
use gongji::proto::hub::TransferState;
use std::process::{Command, Output};

/// Runs the real binary as an operator.
fn gongji(site: &Site, arguments: &[&str]) -> Output {
    gongji_as(site, "ops", arguments)
}

/// The same as one operator or another.
pub fn gongji_as(site: &Site, operator: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gongji"));
    command.args(arguments);
    command.args(["--hub", &format!("127.0.0.1:{}", site.port("hub"))]);
    for province in &site.options().provinces {
        command.args(["--node", &format!("{province}=127.0.0.1:{}", site.port(province))]);
    }
    let certs = site.layout().certs();
    let own = |end: &str| format!("operator-{operator}.{end}");
    for (name, file) in [("--ca", "ca.pem".to_owned()), ("--cert", own("pem")), ("--key", own("key"))] {
        command.arg(name).arg(certs.join(file));
    }
    command.output().expect("the binary starts")
}

fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Changes a node's tables behind its back, as no program of ours would.
fn tamper(site: &Site, server: &str, sql: &str, id: &str) {
    let database = rusqlite::Connection::open(site.data(server).join("gongji.sqlite")).expect("a store");
    let id = TransferId::parse(id).expect("an id").0;
    assert_eq!(database.execute(sql, [id]).expect("changed"), 1);
}

#[test]
fn an_audit_ends_with_what_it_found() {
    let options = Options { provinces: vec!["13", "51"], ..Options::default() };
    let mut servers = Servers::start(&options);
    let transfer = run(async {
        let family = servers.site().family("13", "51").await;
        let answer = servers.site().caller("app:demo").create(family.transfer("12.34")).await;
        answer.expect("an answer")
    });
    assert_eq!(transfer.state(), TransferState::Committed);

    let (code, text) = ended(&gongji(servers.site(), &["audit"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("INV-12") && text.ends_with("clean 一致\n"), "{text}");

    servers.kill("51");
    let output = gongji(servers.site(), &["audit", "--timeout", "3s"]);
    let (code, text) = ended(&output);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("NOT READ"), "{text}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("node 51 was not read"));

    servers.launch("51");
    assert!(run(servers.come_up()), "it starts again");
    // Beside the running server: a start would not open such a store.
    let change = "UPDATE leg SET amount = amount + 1 WHERE transfer_id = ?";
    tamper(servers.site(), "51", change, &transfer.transfer_id);
    let (code, text) = ended(&gongji(servers.site(), &["audit"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("INV-02: {}", transfer.transfer_id)), "{text}");
    let (code, text) = ended(&gongji(servers.site(), &["audit", "--json"]));
    assert_eq!(code, Some(1), "{text}");
    let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(json["outcome"], "violated");
    let all = json["invariants"].as_array().expect("a list");
    let second = all.iter().find(|it| it["id"] == "INV-02").expect("checked");
    assert_eq!(second["violations"][0]["transfer_id"], transfer.transfer_id.as_str());
    run(servers.stop());
}
