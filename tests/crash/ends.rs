//! How a server ends, and what must not end it: a log that cannot be written, a task that panics, a record that cannot
//! be applied, a stop while others stay connected.

use super::process::Servers;
use crate::e2e::kit::people::Funds;
use crate::e2e::kit::site::{HEBEI, Options};
use crate::e2e::kit::verdict::recorded;
use crate::e2e::kit::{run, until};
use gongji::domain::value::ledger::AccountKind;
use gongji::proto::hub::{AcceptTransferRequest, TransferState, WaitMode};
use gongji::transport::identity::Role;
use rusqlite::Connection;
use std::time::{Duration, Instant};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Sites whose servers have much to say.
fn talkative() -> Options {
    Options { log: "filter = \"trace\"", ..Options::lively() }
}

/// Hub and node come back with such a log, money gets through, and they end well when they are told to.
fn serves_without_a_log(script: &str) {
    let mut servers = Servers::start(&talkative());
    run(async {
        for server in ["hub", "13"] {
            servers.kill(server);
            servers.launch_in_shell(server, script);
        }
        assert!(servers.come_up().await);
        servers.site().ready().await;
        servers.stop().await;
    });
}

#[test]
fn a_log_on_a_full_disk_stops_no_server() {
    serves_without_a_log("exec \"$0\" \"$@\" 2>/dev/full");
}

#[test]
fn a_log_whose_reader_has_gone_stops_no_server() {
    serves_without_a_log("exec \"$0\" \"$@\" 2> >(true)");
}

#[test]
fn a_log_whose_reader_reads_nothing_stops_no_server() {
    serves_without_a_log("exec \"$0\" \"$@\" 2> >(exec sleep 300 >&-)");
}

#[cfg(debug_assertions)]
#[test]
fn a_task_that_panics_ends_its_server() {
    use gongji::store::failpoint::Failpoint;
    let mut servers = Servers::start(&Options::lively());
    run(async {
        for server in ["hub", "13"] {
            servers.kill(server);
            servers.launch_fatal(server, Failpoint::TaskReloads, 1);
            assert!(servers.come_up().await);
            servers.hang_up(server);
            assert_eq!(servers.end_of(server).await.code(), Some(101));
            let words = servers.last_words(server);
            assert!(words.contains("ALARM") && words.contains("panic"), "{words}");
        }
    });
}

/// Puts another sum into the clearing account of a server's store, and gives the one that was there.
fn exchange_clearing(servers: &Servers, server: &str, posted: i64) -> i64 {
    let database = Connection::open(servers.site().data(server).join("gongji.sqlite")).expect("a database");
    let clearing = AccountKind::Clearing.number();
    let before = "SELECT posted FROM account WHERE kind = ?1";
    let before = database.query_row(before, [clearing], |row| row.get(0)).expect("an account");
    let set = "UPDATE account SET posted = ?2 WHERE kind = ?1";
    assert_eq!(database.execute(set, (clearing, posted)).expect("written"), 1);
    before
}

/// 51 wants payees to accept.
fn accepting() -> Options {
    let rules = "province = \"51\"\n[[version]]\neffective_from = \"2025-01-01\"\n\
                 acceptance = { value = \"required\", grade = \"INF\", source = \"test\" }\n";
    Options { rules: vec![("sichuan.toml", rules)], ..Options::lively() }
}

/// Before a node votes it sees that a commit can be booked. Here there is no room any more when the commit comes: the
/// sum of the clearing account is changed last, and the member's account and his entry are changed in memory by then.
/// Who went on with such rows would store half a booking.
#[test]
fn a_record_that_cannot_be_applied_ends_its_server_and_nothing_of_it_is_stored() {
    let mut servers = Servers::start(&accepting());
    run(async {
        let family = servers.site().family("13", "51").await;
        let app = servers.site().caller("app:demo");
        let mut held = Vec::new();
        for _ in 0..2 {
            let transfer = app.create(family.transfer("1.00")).await.expect("an answer");
            assert_eq!(transfer.state(), TransferState::AwaitingAcceptance);
            held.push(transfer.transfer_id);
        }
        recorded(&app.accept(&held[0], &family.payee).await.expect("an answer"));
        servers.terminate("13");
        assert!(servers.end_of("13").await.success());
        servers.launch("13");
        assert!(servers.come_up().await);
        // A start finds what was changed; and this one has not read the account yet.
        let before = exchange_clearing(&servers, "13", i64::MAX);
        let transfer = until("a commit", async || {
            let (payee, wait) = (Some(family.payee.clone()), WaitMode::Decided.into());
            let request = AcceptTransferRequest { transfer_id: held[1].clone(), payee, wait };
            app.ask_hub(request).await.ok()?.transfer
        });
        assert_eq!(transfer.await.state(), TransferState::Committed);
        let ended = servers.end_of("13").await;
        let words = servers.last_words("13");
        assert_eq!(ended.code(), Some(1), "{words}");
        assert!(words.contains("a record could not be applied"), "{words}");
        // This start compares all tables with the journal: nothing of the booking is there. Now there is room for it.
        assert_eq!(exchange_clearing(&servers, "13", before), i64::MAX);
        servers.launch("13");
        assert!(servers.come_up().await);
        let operator = servers.site().caller("operator:ops");
        until("a node that serves", async || operator.serves(&Role::Node(HEBEI)).await.then_some(())).await;
        let booked = Funds::settled("9998.00", "2.00");
        until("the booking", async || (family.funds().await == booked).then_some(())).await;
        servers.stop().await;
    });
}

#[test]
fn who_only_stays_connected_or_watches_holds_no_server_up() {
    let mut servers = Servers::start(&Options::lively());
    run(async {
        for (server, role) in [("13", Role::Node(HEBEI)), ("hub", Role::Hub)] {
            let nobody = servers.site().nobody();
            let mut client = HealthClient::new(nobody.channel(&role));
            let mut watch = client.watch(HealthCheckRequest::default()).await.expect("a stream").into_inner();
            watch.message().await.expect("a state").expect("a state");
            let mut raw = std::net::TcpStream::connect(("127.0.0.1", servers.site().port(server)));
            let raw = raw.as_mut().expect("a connection");
            let told = Instant::now();
            servers.terminate(server);
            let last = watch.message().await.expect("a state").expect("a state");
            assert_eq!(last.status(), ServingStatus::NotServing);
            assert!(watch.message().await.expect("an end without an error").is_none());
            assert!(servers.end_of(server).await.success());
            assert!(told.elapsed() < Duration::from_secs(2), "{:?}", told.elapsed());
            raw.set_nodelay(true).expect("it was open until now");
        }
    });
}
