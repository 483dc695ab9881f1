//! Stores that are lost while money moves, and backups of some time before in their place: nothing that was committed
//! is lost or doubled on any side, and nobody is served before that is so.

use super::load::Load;
use super::process::Servers;
use crate::e2e::kit::audit::demand_settled;
use crate::e2e::kit::run;
use crate::e2e::kit::site::Options;
use std::fs;
use std::time::Instant;

/// A node, then the hub: each loses its store, and comes back from a backup that was taken under load so many commits
/// before.
fn lost_and_restored(commits: usize) {
    let mut servers = Servers::start(&Options::lively());
    let (load, backups) = run(async {
        let mut load = Load::start(&servers, 8, 8).await;
        load.more(30).await;
        let mut backups = Vec::new();
        for server in ["51", "hub"] {
            backups.push((server, servers.backup_beside(server).await));
        }
        load.more(commits).await;
        load.settle(&servers).await;
        (load, backups)
    });
    let told = load.answers();
    for (server, backup) in &backups {
        run(async {
            let before = Instant::now();
            servers.restored(server, backup);
            servers.launch(server);
            assert!(servers.come_up().await, "{server} starts from its backup");
            servers.site().ready().await;
            println!("{server}: restored {commits} commits later, whole again after {:?}", before.elapsed());
            let log = fs::read_to_string(servers.log(server)).expect("a log");
            assert!(log.contains("this store was restored"), "{log}");
            demand_settled(servers.site(), &told).await;
        });
    }
    run(servers.stop());
    assert!(load.agrees(&servers, 1 + backups.len()) >= commits);
}

#[test]
#[ignore = "takes minutes: .ci/run runs it"]
fn nothing_committed_is_lost_ten_thousand_transfers_after_the_backup() {
    lost_and_restored(10_000);
}
