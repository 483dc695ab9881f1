//! Clients in other languages against a running `gongji demo`: what a foreign integrator does, with nothing of ours
//! but `proto/` and a certificate.

mod finance;
mod node;
mod openssl;
mod papers;

use std::path::Path;
use std::process::Command;

fn run(client: &str) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/run");
    let status = Command::new(script)
        .arg(client)
        .env("GONGJI", env!("CARGO_BIN_EXE_gongji"))
        .status()
        .expect("the script starts");
    assert!(status.success(), "{client}: {status}; its words stand above");
}

#[test]
#[ignore = "needs a Python venv with grpcio and buf: .ci/run installs them and runs this"]
fn python_makes_a_transfer_once_and_sees_both_ledgers() {
    run("python");
}

#[test]
#[ignore = "needs a Python venv with grpcio and buf: .ci/run installs them and runs this"]
fn buf_curl_learns_the_services_by_reflection_and_makes_a_transfer() {
    run("buf");
}
