//! The page on certificates shows how openssl makes them: what it shows is done, and servers run with what comes of it.

use crate::e2e::kit::site::{HEBEI, SICHUAN};
use crate::e2e::kit::{BOUND, run, until};
use gongji::devkit::cast::somebody;
use gongji::devkit::client::Caller;
use gongji::devkit::launcher::{LaunchError, on_free_ports};
use gongji::devkit::processes::Processes;
use gongji::devkit::site::{Settings, Site, servers};
use gongji::proto::hub::{CreateTransferRequest, ListRegionsRequest};
use gongji::proto::types::{Kinship, RefusalSide};
use gongji::transport::identity::Role;
use std::fs;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// The application whose certificate the page makes, beside those of the hub and of 四川.
const APP: &str = "national-app";

fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Does what the page says, in this folder.
fn make_certificates(folder: &Path) {
    let page = fs::read_to_string(project().join("docs/operate/keys-and-certificates.md")).expect("the page");
    let shown = page.split_once("```sh\n").and_then(|(_, rest)| rest.split_once("```"));
    let (commands, _) = shown.expect("the page's commands");
    let done =
        Command::new("sh").args(["-eu", "-c", commands]).current_dir(folder).output().expect("a shell");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Starts a hub and the node of 四川 with the certificates in this folder.
fn start(folder: &Path) -> Processes {
    let deploy = project().join("deploy");
    let started = on_free_ports(&[SICHUAN], |addresses| {
        let site = Site::new(folder, addresses);
        let settings = Settings {
            regions: &deploy.join("regions.toml"),
            rulebooks: &deploy.join("rulebooks"),
            apps: &[(APP, "\"*\"")],
            ..Settings::default()
        };
        site.write_configs(&settings).expect("written");
        let mut processes = Processes::new(Path::new(env!("CARGO_BIN_EXE_gongji")), site, BOUND);
        servers(&[SICHUAN]).try_for_each(|server| processes.start(&server))?;
        run(processes.come_up())?;
        Ok::<_, LaunchError>(processes)
    });
    started.expect("servers that start")
}

#[test]
#[ignore = "needs openssl: .ci/run installs it and runs this"]
fn servers_and_an_app_run_with_the_certificates_that_the_page_makes_by_openssl() {
    let folder = TempDir::with_prefix("gongji-openssl-").expect("a folder");
    make_certificates(folder.path());
    let mut processes = start(folder.path());
    run(async {
        let app = processes.site().tls(&Role::App(APP.to_owned())).expect("the app's certificate");
        let app = Caller::at(processes.site(), &app);
        // A node serves once it has joined the hub as itself.
        app.wait_until_serving(BOUND).await.expect("both serve");
        let request = ListRegionsRequest { province_code: "51".to_owned(), ..Default::default() };
        let places = app.ask_hub(request).await.expect("places");
        assert!(places.regions.iter().any(|it| it.wallet_open), "{places:?}");
        let [payer, payee] =
            [SICHUAN, HEBEI].map(|province| somebody(1, &format!("{province}0100")).expect("a person"));
        let request = CreateTransferRequest {
            payer: Some(payer),
            payee: Some(payee),
            kinship: Kinship::Parent.into(),
            amount: "1.00".to_owned(),
            ..CreateTransferRequest::default()
        };
        // The hub has reached the node as itself: only the node knows who is insured there.
        until("the node's own answer", async || {
            let refusals = app.check(&request).await.expect("an answer").refusals;
            let reason = refusals.iter().find(|it| it.side() == RefusalSide::Payer)?.reason.clone();
            (reason == "PAYER_NOT_INSURED").then_some(())
        })
        .await;
        processes.stop().await.expect("both end well");
    });
}
