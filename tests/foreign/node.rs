//! A province's node in Python (`node.py`), written from the contract and the page for its authors: it joins, is
//! killed, given an older copy of its store, and makes every mistake that a node can make (`faults.py`). Both sides or
//! neither, and whoever runs it is told what was wrong.

use crate::e2e::kit::audit::sources;
use crate::e2e::kit::cluster::{Cluster, own};
use crate::e2e::kit::people::{Family, credit, employee, enrol, open_wallet, resident, somebody};
use crate::e2e::kit::site::{HEBEI, Options, SICHUAN};
use crate::e2e::kit::until;
use crate::e2e::kit::verdict::{aborted, recorded};
use gongji::cli::audit::gather::{Reading, gather};
use gongji::domain::protocol::Kind;
use gongji::domain::protocol::total::{add_digest, row_digest};
use gongji::domain::value::{Digest, Money, Side, TransferId};
use gongji::proto::hub::{
    BreakBucket, CloseWindowRequest, ListNodesRequest, NodeView, ReconcileWindowRequest, ReconciliationState,
    Transfer, TransferState,
};
use gongji::proto::node::inspect_request::Selector;
use gongji::proto::node::{InspectRequest, LegSide, LegState, LegView};
use gongji::proto::types::clearing_notice::Event;
use gongji::proto::types::{Party, RefusalSide};
use gongji::transport::identity::Role;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The node's folder and its process.
struct Python {
    folder: PathBuf,
    process: Option<Child>,
}

impl Python {
    /// A node of 51 with these members: each has 10,000.00 in an account, and an empty wallet.
    fn new(cluster: &Cluster, members: &[&Party]) -> Python {
        let (layout, folder) = (cluster.site().layout(), cluster.site().folder().join("python"));
        fs::create_dir(&folder).expect("a folder");
        let files = layout.certificate(&Role::Node(SICHUAN));
        let config = serde_json::json!({
            "province": "51",
            "address": layout.address(&Role::Node(SICHUAN)).to_string(),
            "hub": layout.address(&Role::Hub).to_string(),
            "ca": layout.ca(), "cert": files.cert, "key": files.key,
        });
        fs::write(folder.join("config.json"), config.to_string()).expect("written");
        let mut list = "id_number,name,region_code,type,status,balance,wallet\n".to_owned();
        for Party { person, region_code } in members {
            let person = person.as_ref().expect("a person");
            let (number, name) = (&person.id_number, &person.name);
            writeln!(list, "{number},{name},{region_code},310,active,10000.00,open").expect("a string");
        }
        fs::write(folder.join("members.csv"), list).expect("written");
        let mut node = Python { folder, process: None };
        node.start();
        node
    }

    fn start(&mut self) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let log = fs::File::options().create(true).append(true).open(self.folder.join("log")).expect("a log");
        let node = Command::new(root.join(".venv/bin/python"))
            .arg(root.join("tests/foreign/faults.py"))
            .arg(&self.folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .spawn();
        self.process = Some(node.expect("Python of .venv: run .ci/run once"));
    }

    /// SIGKILL.
    fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("killed");
            process.wait().expect("gone");
        }
    }

    /// Waits until it has killed itself.
    async fn dies(&mut self) {
        let process = self.process.as_mut().expect("it runs");
        until("its death", async || process.try_wait().expect("its status")).await;
        self.process = None;
    }

    fn fault(&self, word: &str) {
        fs::write(self.folder.join("fault"), word).expect("written");
    }

    /// The store's files, as they are while nobody writes.
    fn copy_store(&self, to: &Path) {
        fs::create_dir_all(to).expect("a folder");
        for name in ["store.sqlite3", "store.sqlite3-wal"] {
            if self.folder.join(name).exists() {
                fs::copy(self.folder.join(name), to.join(name)).expect("copied");
            }
        }
    }

    fn restore(&self, from: &Path) {
        for name in ["store.sqlite3", "store.sqlite3-wal", "store.sqlite3-shm"] {
            // What the copy lacks must be gone.
            let _ = fs::remove_file(self.folder.join(name));
            if from.join(name).exists() {
                fs::copy(from.join(name), self.folder.join(name)).expect("copied");
            }
        }
    }

    fn has_said(&self, words: &str) -> bool {
        fs::read_to_string(self.folder.join("log")).is_ok_and(|log| log.contains(words))
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.folder.join("log")).unwrap_or_default());
        }
        self.kill();
    }
}

/// The node as the hub's operators see it.
async fn view(cluster: &Cluster) -> NodeView {
    let nodes = cluster.caller("operator:ops").ask_hub(ListNodesRequest {}).await.expect("a list").nodes;
    nodes.into_iter().find(|node| node.province_code == "51").expect("the node of 51")
}

/// Legs of the node, as operators read them.
async fn legs(cluster: &Cluster, state: LegState) -> Vec<LegView> {
    let selector = Some(Selector::State(state.into()));
    let request = InspectRequest { selector, page_size: 1_000, ..InspectRequest::default() };
    cluster.caller("operator:ops").ask_node(SICHUAN, request).await.expect("legs").legs
}

async fn pay(cluster: &Cluster, family: &Family, amount: &str) -> Transfer {
    cluster.app().create(family.transfer(amount)).await.expect("an answer")
}

/// Pays until it gets through: the hub finds out by itself that a node is back.
async fn pay_again(cluster: &Cluster, family: &Family, amount: &str) -> Transfer {
    until("a transfer that gets through", async || {
        let transfer = pay(cluster, family, amount).await;
        (transfer.state() == TransferState::Committed).then_some(transfer)
    })
    .await
}

/// What moved from a side of 13, and arrived at 51: the same sets, by the digests that both compute.
async fn demand_equal_sets(cluster: &Cluster) {
    let totals = async |province| {
        let selector = Some(Selector::WindowId("20261121".to_owned()));
        let request = InspectRequest { selector, page_size: 1_000, ..InspectRequest::default() };
        let answer = cluster.caller("operator:ops").ask_node(province, request).await.expect("totals");
        for total in &answer.totals {
            let its = answer.legs.iter().filter(|leg| (leg.side, leg.kind) == (total.side, total.kind));
            let rows = its.map(|leg| {
                let id = TransferId::parse(&leg.transfer_id).expect("an id");
                let side = if leg.side() == LegSide::Payer { Side::Payer } else { Side::Payee };
                let amount = Money::parse(&leg.amount).expect("an amount");
                row_digest(leg.hub_seq, id, Kind::TRANSFER, side, amount)
            });
            assert_eq!(total.digest, rows.fold(Digest::default(), add_digest).0, "{province}");
        }
        let sets = answer.totals.into_iter().map(|it| (it.side, it.count, it.amount, it.set_digest));
        sets.collect::<Vec<_>>()
    };
    let mut there = totals(SICHUAN).await;
    // What is the payer's leg here is the payee's there.
    there.iter_mut().for_each(|total| total.0 = 3 - total.0);
    let mut here = totals(HEBEI).await;
    here.sort();
    there.sort();
    assert_eq!((here.len(), &here), (2, &there));
}

/// Every invariant holds over the hub, 13 and the legs of 51, and nothing is open.
async fn demand_clean(cluster: &Cluster) {
    until("no leg in doubt", async || legs(cluster, LegState::Prepared).await.is_empty().then_some(())).await;
    let gathered = gather(&sources(cluster.site(), &["13", "51"])).await.expect("the hub's books");
    let read: Vec<&Reading> = gathered.nodes.iter().map(|node| &node.reading).collect();
    assert_eq!(read, [&Reading::Whole, &Reading::LegsOnly]);
    assert_eq!(gathered.incidents, vec![]);
    let found: Vec<String> =
        gathered.audit.conclude().iter().flat_map(|it| &it.violations).map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new());
}

/// A payer of 13 with a relative in 51, and the other way round.
async fn families(cluster: &Cluster) -> (Family, Family) {
    let hebei = cluster.caller("platform:13");
    let (payer, relative) = (somebody("130100"), somebody("130100"));
    enrol(&hebei, employee(&payer)).await;
    credit(&hebei, &payer, "10000.00").await;
    enrol(&hebei, resident(&relative)).await;
    open_wallet(&hebei, &relative).await;
    let family =
        |payer, payee| Family { payer, payee, payer_platform: hebei.clone(), payee_platform: hebei.clone() };
    (family(payer, somebody("510100")), family(somebody("510100"), relative))
}

fn options() -> Options {
    Options { provinces: vec!["13"], strangers: vec!["51"], ..Options::lively() }
}

#[test]
#[ignore = "needs a Python venv with grpcio: .ci/run installs it and runs this"]
fn a_node_in_python_joins_is_killed_and_restored() {
    own(&options(), async |cluster| {
        let (there, back) = families(cluster).await;
        let mut python = Python::new(cluster, &[&there.payee, &back.payer]);
        recorded(&pay_again(cluster, &there, "77.00").await);
        recorded(&pay(cluster, &back, "1.00").await);
        let known = view(cluster).await;
        assert!(known.reached && known.incarnation > 0 && known.heard_time.is_some(), "{known:?}");
        assert_eq!((known.protocol_version, known.uncounted), (2, vec![]));

        // It dies between its promise and its answer: the hub knows of no vote, and the hold ends after the start.
        python.fault("die");
        let lost = pay(cluster, &back, "2.00").await;
        assert_eq!(lost.state(), TransferState::Aborted);
        python.dies().await;
        python.fault("");
        python.start();
        recorded(&pay_again(cluster, &back, "3.00").await);
        demand_clean(cluster).await;

        // Given an older copy of its store: what it has forgotten is told again, with what it sealed itself.
        python.kill();
        python.copy_store(&python.folder.join("copy"));
        python.start();
        pay_again(cluster, &there, "4.00").await;
        let later = pay_again(cluster, &back, "5.00").await;
        python.kill();
        python.restore(&python.folder.join("copy"));
        python.start();
        until("a resync", async || python.has_said("resync").then_some(())).await;
        let again = until("what it had lost", async || {
            legs(cluster, LegState::Committed)
                .await
                .into_iter()
                .find(|leg| leg.transfer_id == later.transfer_id)
        })
        .await;
        assert_eq!((again.hub_seq, again.amount.as_str()), (later.hub_seq, "5.00"));
        recorded(&pay_again(cluster, &there, "6.00").await);
        demand_clean(cluster).await;
        let wallet = cluster.caller("platform:13").wallet(&back.payee).await.expect("a wallet");
        assert!(wallet.balance.ends_with(".00") && wallet.pending == "0.00", "{wallet:?}");

        demand_equal_sets(cluster).await;
        commands_work_with_it(cluster);
        a_changed_row_is_found(cluster, &python, &later).await;
        the_hub_is_told_back_what_it_told(cluster).await;
    });
}

/// The notices of clearing are kept as they came, and told to nobody but the hub.
async fn the_hub_is_told_back_what_it_told(cluster: &Cluster) {
    let inspect = |page_size| InspectRequest {
        selector: Some(Selector::NoticesAbove(0)),
        page_size,
        ..InspectRequest::default()
    };
    let hub = cluster.caller("hub");
    let notices = until("it was told of the window", async || {
        let notices = hub.ask_node(SICHUAN, inspect(1_000)).await.expect("an answer").notices;
        (!notices.is_empty()).then_some(notices)
    })
    .await;
    let previous: Vec<u64> = notices.iter().map(|it| it.previous_number).collect();
    let before = std::iter::once(0).chain(notices.iter().map(|it| it.number));
    assert_eq!(previous, before.take(notices.len()).collect::<Vec<_>>(), "in order, without a gap");
    assert!(matches!(notices[0].event, Some(Event::WindowClosed(_))), "{notices:?}");
    let first = hub.ask_node(SICHUAN, inspect(1)).await.expect("an answer").notices;
    assert_eq!(first, notices[..1]);
    let denied = cluster.caller("operator:ops").ask_node(SICHUAN, inspect(1)).await;
    assert!(denied.is_err(), "{denied:?}");
}

/// A node that cannot narrow a window down shows all of it, and the one row that was changed in its store is named.
async fn a_changed_row_is_found(cluster: &Cluster, python: &Python, changed: &Transfer) {
    let operator = cluster.caller("operator:ops");
    let window_id = changed.window_id.clone();
    operator.ask_hub(CloseWindowRequest { window_id: window_id.clone() }).await.expect("closed");
    let compare = async || {
        let request = ReconcileWindowRequest { window_id: window_id.clone() };
        let provinces = operator.ask_hub(request).await.expect("an answer").provinces;
        provinces.into_iter().find(|it| it.province_code == "51").expect("it is compared")
    };
    assert_eq!(compare().await.state(), ReconciliationState::Agrees);
    let store = rusqlite::Connection::open(python.folder.join("store.sqlite3")).expect("its store");
    let change = "UPDATE leg SET amount = amount + 1 WHERE id = ?";
    assert_eq!(store.execute(change, [&changed.transfer_id]).expect("changed"), 1);
    let found = compare().await;
    let [commit] = &found.commits[..] else { panic!("{found:?}") };
    assert_eq!((&commit.transfer_id, commit.bucket()), (&changed.transfer_id, BreakBucket::Amount));
    assert_eq!((commit.hub_amount.as_str(), commit.node_amount.as_str()), ("5.00", "5.01"));
}

/// What operators run ends with 0, and says what was not checked.
fn commands_work_with_it(cluster: &Cluster) {
    let (layout, operator) = (cluster.site().layout(), "urn:gongji:operator:ops".parse().expect("a role"));
    let files = layout.certificate(&operator);
    let said = |command: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_gongji"))
            .args(command)
            .arg("--ca")
            .arg(layout.ca())
            .arg("--cert")
            .arg(&files.cert)
            .arg("--key")
            .arg(&files.key)
            .args(["--hub", &layout.address(&Role::Hub).to_string()])
            .args(["--node", &format!("13={}", layout.address(&Role::Node(HEBEI)))])
            .args(["--node", &format!("51={}", layout.address(&Role::Node(SICHUAN)))])
            .output()
            .expect("the program starts");
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{command:?}: {words}\n{errors}");
        words.trim_end().lines().last().unwrap_or_default().to_owned()
    };
    assert!(said(&["node", "in-doubt"]).ends_with("not checked 未核对: when 51 asks"));
    assert!(said(&["incidents"]).ends_with("not checked 未核对: incidents of 51"));
    assert_eq!(said(&["audit"]), "clean 一致; not checked 未核对: accounts and incidents of 51");
    assert_eq!(said(&["hub", "nodes"]), "2 in all");
}

#[test]
#[ignore = "needs a Python venv with grpcio: .ci/run installs it and runs this"]
fn a_node_in_python_makes_every_mistake_and_no_money_is_lost() {
    own(&options(), async |cluster| {
        let (there, back) = families(cluster).await;
        let python = Python::new(cluster, &[&there.payee, &back.payer]);
        pay_again(cluster, &there, "1.00").await;
        let faults = [
            ("norecord", "leg_record", "FIELD_REQUIRED"),
            ("longrecord", "leg_record", "REQUEST_MALFORMED"),
            ("digest", "terms_digest", "TERMS_DIFFER"),
            ("hash", "rulebook_hash", "REQUEST_MALFORMED"),
            ("nountil", "until", "FIELD_REQUIRED"),
            ("upper", "transfer_id", "TRANSFER_ID_MALFORMED"),
            ("fewer", "votes", "FIELD_REQUIRED"),
        ];
        for (fault, field, reason) in faults {
            python.fault(fault);
            let transfer = pay(cluster, &there, "2.00").await;
            let refusal = aborted(&transfer, RefusalSide::Payee, "VOTE_MALFORMED");
            assert_eq!(refusal.metadata["field"], field, "{fault}");
            let uncounted = view(cluster).await.uncounted;
            let told = uncounted.iter().find(|it| (it.field.as_str(), it.reason.as_str()) == (field, reason));
            let told = told.unwrap_or_else(|| panic!("{fault}: {uncounted:?}"));
            assert_eq!((told.count, told.last_transfer_id.as_str()), (1, transfer.transfer_id.as_str()));
        }
        // An answer whose sender cannot be read says nothing at all. The call was read: it is not made again in halves.
        python.fault("sender");
        aborted(&pay(cluster, &there, "2.00").await, RefusalSide::Hub, "PROVINCE_UNREACHABLE");
        let uncounted = view(cluster).await.uncounted;
        let told = uncounted.iter().find(|it| it.field == "sender.start_id").expect("it was noted");
        assert_eq!((told.count, told.reason.as_str()), (1, "FIELD_REQUIRED"));
        // Its holds of those end: it is told.
        python.fault("");
        pay_again(cluster, &there, "1.00").await;
        demand_clean(cluster).await;

        // Neither a balance nor what only the other side's province can say goes through.
        python.fault("balance");
        let refusal = aborted(&pay(cluster, &there, "2.00").await, RefusalSide::Payee, "PAYEE_WALLET_FROZEN");
        assert!(refusal.metadata.is_empty(), "{refusal:?}");
        python.fault("payer");
        let refusal = aborted(&pay(cluster, &there, "2.00").await, RefusalSide::Payee, "REFUSED_BY_PLACE");
        assert_eq!(refusal.metadata["code"], "PAYER_SUSPENDED");

        // Acknowledgements that do not count: committed, told again until one does.
        for (fault, field) in [("ackdigest", "terms_digest"), ("fewacks", "acks")] {
            python.fault(fault);
            let mut request = tonic::Request::new(there.transfer("3.00"));
            request.set_timeout(std::time::Duration::from_secs(3));
            let answer = cluster.app().transfers().create_transfer(request).await.expect("an answer");
            let transfer = answer.into_inner().transfer.expect("a transfer");
            assert_eq!(
                (transfer.state(), transfer.payee_recorded),
                (TransferState::Committed, false),
                "{fault}"
            );
            until("the fault", async || {
                view(cluster).await.uncounted.iter().any(|it| it.field == field).then_some(())
            })
            .await;
            python.fault("");
            until("its receipt", async || {
                let transfer = cluster.app().get(&transfer.transfer_id).await.ok()?;
                transfer.payee_recorded.then_some(())
            })
            .await;
        }
        demand_clean(cluster).await;
    });
}
