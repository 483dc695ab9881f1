//! A province's finance system in Python (`finance.py`): what it signs it has worked out itself, from the statement and
//! from its own node; then it pays, and the other province confirms.

use crate::e2e::kit::cluster::{Cluster, own};
use crate::e2e::kit::site::{HEBEI, Options, SICHUAN};
use crate::e2e::kit::until;
use gongji::privacy::random::new_transfer_id;
use gongji::proto::hub::{ClosePeriodRequest, CloseWindowRequest, PublishPeriodRequest};
use gongji::transport::identity::Role;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;

const NOVEMBER: &str = "202611";

/// A month with commits both ways in two windows, over, closed and published.
async fn month(cluster: &Cluster) {
    let (operator, app) = (cluster.caller("operator:ops"), cluster.app());
    let (there, back) = (cluster.family("13", "51").await, cluster.family("51", "13").await);
    for request in [there.transfer("400.00"), back.transfer("0.05")] {
        app.create(request).await.expect("committed");
    }
    let window = CloseWindowRequest { window_id: "20261121".to_owned() };
    operator.ask_hub(window).await.expect("closed");
    for request in [there.transfer("1.05"), back.transfer("7.00")] {
        app.create(request).await.expect("committed");
    }
    cluster.go_on_at("2026-12-01T09:00:00+08:00");
    cluster.site().ready().await;
    let request_id = new_transfer_id().to_string();
    let close = ClosePeriodRequest { request_id, period_id: NOVEMBER.to_owned(), scheme: 0 };
    operator.ask_hub(close).await.expect("closed");
    until("its windows are reconciled", async || {
        let publish = PublishPeriodRequest { period_id: NOVEMBER.to_owned() };
        let published = operator.ask_hub(publish).await.expect("published, as far as can be");
        published.held_up.is_empty().then_some(())
    })
    .await;
}

/// Where the servers are, and the persons' certificates.
fn config(cluster: &Cluster) -> Value {
    let layout = cluster.site().layout();
    let role = |name: &str| -> Role { format!("urn:gongji:{name}").parse().expect("a role") };
    let persons = ["finance:13:zhang", "finance:13:li", "finance:51:zhao", "finance:51:qian"];
    layout.issue(persons.map(role)).expect("certificates");
    let files = |name: &str| {
        let files = layout.certificate(&role(name));
        (name.to_owned(), json!({ "cert": files.cert, "key": files.key }))
    };
    let names = persons.into_iter().chain(["platform:13", "platform:51"]);
    let certificates: serde_json::Map<String, Value> = names.map(files).collect();
    let address = |role| layout.address(&role).to_string();
    json!({
        "ca": layout.ca(),
        "hub": address(Role::Hub),
        "nodes": { "13": address(Role::Node(HEBEI)), "51": address(Role::Node(SICHUAN)) },
        "certificates": certificates,
    })
}

#[test]
#[ignore = "needs a Python venv with grpcio: .ci/run installs it and runs this"]
fn a_finance_system_in_python_recomputes_signs_pays_and_confirms() {
    let options = Options { provinces: vec!["13", "51"], ..Options::default() };
    own(&options, async |cluster| {
        month(cluster).await;
        let file = cluster.site().folder().join("finance.json");
        std::fs::write(&file, config(cluster).to_string()).expect("written");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = Command::new(root.join(".venv/bin/python"))
            .arg(root.join("tests/foreign/finance.py"))
            .arg(&file)
            .output()
            .expect("Python of .venv: run .ci/run once");
        let said = String::from_utf8_lossy(&python.stderr);
        assert!(python.status.success(), "{said}");
    });
}
