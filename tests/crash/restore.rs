//! Stores that are lost while money moves, and backups of some time before in their place: nothing that was committed
//! is lost or doubled on any side, and nobody is served before that is so.

use super::ledgers::agree;
use super::load::{Load, compare, everything_recorded};
use super::process::Servers;
use crate::e2e::kit::audit::demand_settled;
use crate::e2e::kit::site::Options;
use crate::e2e::kit::{run, until};
use gongji::proto::hub::Transfer;
use std::fs;
use std::time::Instant;

async fn more(load: &Load, commits: usize) {
    let begun = load.committed();
    // A wait has an end; a thousand commits are soon there.
    for step in (0..commits).step_by(1_000) {
        let enough = begun + (step + 1_000).min(commits);
        until("more commits", async || (load.committed() >= enough).then_some(())).await;
    }
}

/// A node, then the hub: each loses its store, and comes back from a backup that was taken under load so many commits
/// before.
fn lost_and_put_back(commits: usize) {
    let options =
        Options { provinces: vec!["13", "51"], daily_count_max: Some(1_000_000), ..Options::default() };
    let mut servers = Servers::start(&options);
    let (load, backups) = run(async {
        let (load, callers) = Load::start(&servers, 8, 8).await;
        more(&load, 30).await;
        let mut backups = Vec::new();
        for server in ["51", "hub"] {
            backups.push((server, servers.backup_beside(server).await));
        }
        more(&load, commits).await;
        load.stop();
        callers.join_all().await;
        (load, backups)
    });
    let told: Vec<Transfer> = load.answers().into_values().collect();
    for (server, backup) in &backups {
        run(async {
            let app = servers.site().caller("app:demo");
            until("everything recorded", async || everything_recorded(&app).await).await;
            let before = Instant::now();
            servers.put_back(server, backup);
            servers.launch(server);
            assert!(servers.come_up().await, "{server} starts from its backup");
            servers.site().ready().await;
            println!("{server}: put back {commits} commits later, whole again after {:?}", before.elapsed());
            let log = fs::read_to_string(servers.log(server)).expect("a log");
            assert!(log.contains("this store was restored"), "{log}");
            demand_settled(servers.site(), &told).await;
        });
    }
    run(servers.stop());
    // Beside the load's families those that found out whether money gets through: at the start and after each return.
    let transfers = agree(servers.site(), load.funded() + 3 * 1_000_000);
    assert!(compare(load.answers(), &transfers) >= commits);
}

#[test]
#[ignore = "takes minutes: .ci/run runs it"]
fn nothing_committed_is_lost_ten_thousand_transfers_after_the_backup() {
    lost_and_put_back(10_000);
}
