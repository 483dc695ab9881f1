//! How a server ends, and what must not end it: a log that cannot be written, a task that panics, a stop while others
//! stay connected.

use super::process::Servers;
use crate::e2e::kit::run;
use crate::e2e::kit::site::{HEBEI, Options};
use gongji::transport::identity::Role;
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
