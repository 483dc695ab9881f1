//! Files of statements, read back by libraries of others: openpyxl, a parser of XML, and the schemas of ISO 20022.

use crate::e2e::kit::cluster::{Cluster, own};
use crate::e2e::kit::site::Options;
use gongji::cli::settle::forms::{self, Issue, PrefundRow};
use gongji::proto::hub::{CloseWindowRequest, GetOpenWindowRequest};
use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// Runs `gongji settle statement` as an operator; gives what it says.
fn statement(cluster: &Cluster, window: &str, out: &Path, more: &[&str]) -> Value {
    let (site, mut command) = (cluster.site(), Command::new(env!("CARGO_BIN_EXE_gongji")));
    command.args(["settle", "statement", "--json", "--window", window, "--out"]).arg(out).args(more);
    command.args(["--hub", &format!("127.0.0.1:{}", site.port("hub"))]);
    let certs = site.layout().certs();
    for (name, file) in [("--ca", "ca.pem"), ("--cert", "operator-ops.pem"), ("--key", "operator-ops.key")] {
        command.arg(name).arg(certs.join(file));
    }
    let output = command.output().expect("it starts");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Commits between three provinces, in a window that is closed.
async fn window(cluster: &Cluster) -> String {
    let (operator, app) = (cluster.caller("operator:ops"), cluster.app());
    let close = async |window: &str| {
        operator.ask_hub(CloseWindowRequest { window_id: window.to_owned() }).await.expect("closed");
    };
    let open = operator.ask_hub(GetOpenWindowRequest {}).await.expect("an answer").window.expect("open");
    close(&open.window_id).await;
    let (there, back) = (cluster.family("13", "51").await, cluster.family("51", "13").await);
    let elsewhere = cluster.family("13", "14").await;
    for request in
        [there.transfer("400.00"), back.transfer("0.05"), elsewhere.transfer("7.00"), there.transfer("1.05")]
    {
        app.create(request).await.expect("committed");
    }
    let window = format!("{}-2", open.window_id);
    close(&window).await;
    window
}

/// The one form that no command fills yet.
fn prefunds(out: &Path) {
    let issue = Issue {
        number: "2026-01".to_owned(),
        span: "2026".to_owned(),
        maker: "李娜".to_owned(),
        checker: "王芳".to_owned(),
        issued: "2026-02-05".to_owned(),
        ..Issue::default()
    };
    let row = PrefundRow {
        payer_code: "13".to_owned(),
        payee_code: "51".to_owned(),
        yearly: 500_000_000,
        carried: 20_000_000,
        added: 1_000_000,
        used: 7_025,
    };
    let file = std::fs::File::create(out).expect("a file");
    forms::write(&forms::prefund_table(&issue, &[row]), file).expect("written");
}

#[test]
#[ignore = "needs a Python venv with openpyxl and pyiso20022: .ci/run installs them and runs this"]
fn files_of_a_statement_are_read_back_by_libraries_of_others() {
    own(&Options::default(), async |cluster| {
        let window = window(cluster).await;
        let folder = tempfile::tempdir().expect("a folder");
        let of = ["--province", "13"];
        let mut digests = Vec::new();
        for (name, more) in [
            ("all.csv", vec!["--format", "csv"]),
            ("all.jsonl", vec!["--format", "jsonl"]),
            ("all.xlsx", vec!["--format", "xlsx"]),
            ("table.xlsx", vec!["--form", "table"]),
            ("payment.xlsx", [&["--form", "payment"][..], &of].concat()),
            ("collection.xlsx", [&["--form", "collection"][..], &of].concat()),
            ("camt053.xml", [&["--format", "camt053"][..], &of].concat()),
            ("pacs009.xml", [&["--format", "pacs009"][..], &of].concat()),
        ] {
            let out = folder.path().join(name);
            let said = statement(cluster, &window, &out, &more);
            let bytes = std::fs::read(&out).expect("a file");
            statement(cluster, &window, &out, &more);
            assert_eq!(std::fs::read(&out).expect("a file"), bytes, "{name}: the same whenever it is made");
            digests.push(said["digest"].as_str().expect("a digest").to_owned());
        }
        prefunds(&folder.path().join("prefund.xlsx"));
        let left = std::fs::read_dir(folder.path()).expect("read").count();
        assert_eq!(left, digests.len() + 1, "no draft stays");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let python = Command::new(root.join(".venv/bin/python"))
            .arg(root.join("tests/foreign/papers.py"))
            .args([folder.path().as_os_str(), digests[0].as_ref(), window.as_ref()])
            .output()
            .expect("Python starts");
        let said = String::from_utf8_lossy(&python.stderr);
        assert!(python.status.success(), "{said}");
    });
}
