//! A server that dies at each step of its store, under load; and one that dies while it is made.

use super::load::Load;
use super::process::Servers;
use crate::e2e::kit::run;
use crate::e2e::kit::site::Options;
use gongji::store::failpoint::Failpoint;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

const CALLERS: usize = 6;
const FAMILIES: usize = 6;

/// Every step of a start, of a batch and of a checkpoint, and at which time the server dies there: in the midst of the
/// load, not at the first record of a start.
const STEPS: [(Failpoint, u64); 10] = [
    (Failpoint::Opened, 1),
    (Failpoint::BeforeBegin, 9),
    (Failpoint::RecordsWritten, 8),
    (Failpoint::RowsWritten, 7),
    (Failpoint::BeforeCommit, 9),
    (Failpoint::Committed, 8),
    (Failpoint::HeadNoted, 7),
    (Failpoint::BeforeAnswers, 9),
    (Failpoint::CheckpointBegins, 2),
    (Failpoint::CheckpointDone, 2),
];

fn aborted(status: ExitStatus, what: &str) {
    const SIGABRT: i32 = 6;
    assert_eq!(status.signal(), Some(SIGABRT), "{what}: {status}");
}

/// Lets the server die at each step, one life a step, and then compares every answer with all three ledgers.
fn dies_at_each_step(server: &str) {
    let mut servers = Servers::start(&Options::lively());
    let load = run(async {
        let mut load = Load::start(&servers, CALLERS, FAMILIES).await;
        servers.kill(server);
        for (point, nth) in STEPS {
            servers.launch_fatal(server, point, nth);
            // That it comes to the step at all, at the ninth batch, shows that it took up its work again.
            aborted(servers.end_of(server).await, point.name());
        }
        servers.launch(server);
        assert!(servers.come_up().await, "{server} starts again from what it left behind");
        load.more(1).await;
        load.end(&mut servers).await;
        load
    });
    assert!(load.agrees(&servers, 1) > 0, "of {} answers none was a commit", load.answers().len());
}

#[test]
fn the_hub_dies_at_each_step_of_its_store() {
    dies_at_each_step("hub");
}

#[test]
fn the_payer_s_node_dies_at_each_step_of_its_store() {
    dies_at_each_step("13");
}

#[test]
fn the_payee_s_node_dies_at_each_step_of_its_store() {
    dies_at_each_step("51");
}

#[test]
fn a_store_that_was_being_made_is_made_by_the_next_start() {
    let mut servers = Servers::idle(&Options::lively());
    run(async {
        for point in [Failpoint::MigrationRan, Failpoint::MigrationCommitted, Failpoint::Opened] {
            for server in ["hub", "13"] {
                servers.launch_fatal(server, point, 1);
                aborted(servers.end_of(server).await, point.name());
            }
        }
        for server in ["hub", "13", "51"] {
            servers.launch(server);
        }
        assert!(servers.come_up().await);
        servers.site().ready().await;
        servers.stop().await;
    });
}

#[test]
fn every_failpoint_is_gone_through() {
    let here = STEPS.iter().map(|(point, _)| point.name());
    let made = [Failpoint::MigrationRan, Failpoint::MigrationCommitted].map(Failpoint::name);
    let saved = super::backup::POINTS.iter().map(|point| point.name());
    let others = [super::keys::POINT.name(), Failpoint::TaskReloads.name()];
    let mut gone: Vec<&str> = here.chain(made).chain(saved).chain(others).collect();
    let mut all: Vec<&str> = Failpoint::ALL.iter().map(|point| point.name()).collect();
    gone.sort_unstable();
    all.sort_unstable();
    assert_eq!(gone, all);
}
