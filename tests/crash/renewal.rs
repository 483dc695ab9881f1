//! An authority and every certificate are replaced while calls run in all directions: none fails, in the order that
//! the page on certificates gives.

use super::process::{Servers, said};
use crate::e2e::kit::people::Family;
use crate::e2e::kit::site::{Options, Site, server};
use crate::e2e::kit::verdict::recorded;
use crate::e2e::kit::{run, until};
use gongji::config::transport::TlsFiles;
use gongji::devkit::dev_ca::{CA_CERT, init, issue};
use gongji::proto::hub::{CreateTransferResponse, ListRegionsRequest};
use gongji::proto::node::inspect_request::Selector;
use gongji::proto::node::{GetMemberRequest, InspectRequest, LegState};
use gongji::transport::identity::Role;
use gongji::transport::peer::Peer;
use gongji::transport::tls::Tls;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tonic::Status;

const WITHIN: Duration = Duration::from_secs(30);
const TAKEN: &str = "new certificates are in force";

fn role(text: &str) -> Role {
    format!("urn:gongji:{text}").parse().expect("a role")
}

/// The callers of the test: each renews its certificate as a server does.
const CALLERS: [&str; 4] = ["app:demo", "node:13", "platform:51", "hub"];

/// What runs all the time, how often it went well, and what did not.
struct Load<'a> {
    site: &'a Site,
    tls: BTreeMap<&'static str, Tls>,
    family: Family,
    done: [Cell<u64>; 4],
    failures: RefCell<Vec<String>>,
}

impl<'a> Load<'a> {
    async fn new(site: &'a Site) -> Load<'a> {
        let tls = CALLERS.map(|name| (name, site.tls(name))).into();
        let family = site.family("13", "51").await;
        Load { site, tls, family, done: Default::default(), failures: RefCell::default() }
    }

    /// A server as one of the callers dials it; the connection is kept, and renewed with the certificate.
    fn dial(&self, caller: &str, to: &str) -> Peer {
        let (tls, to) = (&self.tls[caller], server(to));
        Peer::new(&self.site.layout().url(&to), Some(tls), to, tls.role()).expect("an address")
    }

    /// Makes one call after another, for ever.
    async fn repeat<T>(&self, number: usize, what: &str, call: impl AsyncFn() -> Result<T, Status>) {
        loop {
            match call().await {
                Ok(_) => self.done[number].set(self.done[number].get() + 1),
                Err(error) => self.failures.borrow_mut().push(format!("{what}: {error:?}")),
            }
            tokio::task::yield_now().await;
        }
    }

    async fn run(&self) {
        let (hub, from_node) = (self.dial("app:demo", "hub"), self.dial("node:13", "hub"));
        let (from_hub, from_platform) = (self.dial("hub", "13"), self.dial("platform:51", "51"));
        let party = || Some(self.family.payee.clone());
        let in_doubt = InspectRequest {
            selector: Some(Selector::State(LegState::Prepared.into())),
            page_size: 1,
            ..InspectRequest::default()
        };
        tokio::join!(
            self.repeat(0, "app to hub, hub to nodes", async || {
                let answer: CreateTransferResponse = hub.call(self.family.transfer("0.01"), WITHIN).await?;
                recorded(&answer.transfer.expect("a transfer"));
                Ok(())
            }),
            self.repeat(1, "node to hub", async || {
                from_node.call(ListRegionsRequest::default(), WITHIN).await
            }),
            self.repeat(2, "hub to node", async || from_hub.call(in_doubt.clone(), WITHIN).await),
            self.repeat(3, "platform to node", async || {
                from_platform.call(GetMemberRequest { party: party() }, WITHIN).await
            }),
        );
    }

    /// Waits until each of the loads has been answered some more times, on the connections of now.
    async fn goes_on(&self) {
        let before = self.done.each_ref().map(Cell::get);
        until("calls that go on", async || {
            assert!(self.failures.borrow().is_empty(), "{:?}", self.failures.borrow());
            let some_more = self.done.iter().zip(before).all(|(done, before)| done.get() >= before + 3);
            some_more.then_some(())
        })
        .await;
    }
}

/// How often a server has taken new certificates.
fn times_taken(servers: &Servers, name: &str) -> usize {
    fs::read_to_string(servers.log(name)).unwrap_or_default().matches(TAKEN).count()
}

/// Waits until every server has taken new certificates so often.
async fn all_have_taken(servers: &Servers, times: usize) {
    for name in servers.names() {
        until("certificates that are taken", async || (times_taken(servers, &name) == times).then_some(()))
            .await;
    }
}

/// The folder of the new authority, with certificates for everybody who has one.
fn new_authority(site: &Site) -> PathBuf {
    let folder = site.folder().join("new-certs");
    init(&folder).expect("an authority");
    let servers = site.options().servers();
    let all = servers.chain(CALLERS.map(role)).collect::<std::collections::BTreeSet<Role>>();
    all.iter().for_each(|role| drop(issue(&folder, role, &[]).expect("issued")));
    folder
}

/// Puts the new certificate of a role in the place of the old one.
fn replace(site: &Site, new: &std::path::Path, role: &Role) {
    let (from, to) = (gongji::devkit::dev_ca::files_of(new, role), site.layout().certificate(role));
    fs::copy(from.cert, to.cert).expect("copied");
    fs::copy(from.key, to.key).expect("copied");
}

#[test]
fn an_authority_and_all_certificates_are_replaced_under_load_and_no_call_fails() {
    let mut servers = Servers::start(&Options::lively());
    let site = servers.site();
    let (ca, new) = (site.layout().ca(), new_authority(site));
    let old_ca = fs::read_to_string(&ca).expect("the old authority");
    let new_ca = fs::read_to_string(new.join(CA_CERT)).expect("the new authority");
    let stranger = {
        let of = site.folder().join("stranger");
        fs::create_dir(&of).expect("made");
        let old = site.layout().certificate(&role("app:demo"));
        let files = TlsFiles::new(of.join("ca.pem"), of.join("own.pem"), of.join("own.key"));
        fs::write(&files.ca, &new_ca).expect("written");
        fs::copy(old.cert, &files.cert).expect("copied");
        fs::copy(old.key, &files.key).expect("copied");
        files
    };
    run(async {
        let load = Load::new(site).await;
        let steps = async {
            load.goes_on().await;
            // What is not sound is told, and changes nothing.
            fs::write(&ca, "no certificate").expect("written");
            servers.hang_up("hub");
            until("certificates that are not taken", async || {
                let log = fs::read_to_string(servers.log("hub")).unwrap_or_default();
                log.contains("ALARM: the new certificates are not taken").then_some(())
            })
            .await;
            fs::write(&ca, &old_ca).expect("written");
            load.goes_on().await;
            // 1. Everybody believes both authorities.
            fs::write(&ca, [old_ca.as_str(), &new_ca].concat()).expect("written");
            servers.names().iter().for_each(|name| servers.hang_up(name));
            all_have_taken(&servers, 1).await;
            load.tls.values().for_each(|tls| assert!(tls.reload().expect("sound")));
            load.goes_on().await;
            // 2. One after another shows a certificate of the new one.
            for name in servers.names() {
                replace(site, &new, &server(&name));
                servers.hang_up(&name);
                until("a certificate that is taken", async || {
                    (times_taken(&servers, &name) == 2).then_some(())
                })
                .await;
                load.goes_on().await;
            }
            for (name, tls) in &load.tls {
                replace(site, &new, &role(name));
                assert!(tls.reload().expect("sound"));
                load.goes_on().await;
            }
            // 3. Nobody believes the old one; nobody has to be told, the servers look at their files.
            fs::write(&ca, &new_ca).expect("written");
            all_have_taken(&servers, 3).await;
            load.tls.values().for_each(|tls| assert!(tls.reload().expect("sound")));
            load.goes_on().await;
        };
        tokio::select! {
            () = load.run() => unreachable!("it runs for ever"),
            () = steps => {}
        }
        refused_in_words(&servers, &stranger);
    });
    run(servers.stop());
}

/// Whoever shows a certificate of the old authority, whose name the new one has too, is refused with the reason: by the
/// command line in both languages, and in the server's log in one line however often he tries.
fn refused_in_words(servers: &Servers, stranger: &TlsFiles) {
    let hub = servers.site().layout().url(&Role::Hub);
    for _ in 0..3 {
        let mut command = servers.gongji(&["regions", "list", "--hub", &hub, "--timeout", "20s"]);
        command
            .arg("--ca")
            .arg(&stranger.ca)
            .arg("--cert")
            .arg(&stranger.cert)
            .arg("--key")
            .arg(&stranger.key);
        let output = command.output().expect("it runs");
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the peer refuses our certificate: its signature is not accepted"), "{said}");
        assert!(said.contains("证书的签名未通过校验"), "{said}");
    }
    let log = fs::read_to_string(servers.log("hub")).expect("a log");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("a TLS handshake was refused")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let said = ["peer=\"127.0.0.1\"", "the peer's certificate is refused: its signature is none of"];
    assert!(said.iter().all(|it| lines[0].contains(it)), "{lines:?}");
}
