//! Backups taken under load by the real program, and programs that die while they make or restore one.

use super::load::Load;
use super::process::{Servers, said};
use crate::e2e::kit::run;
use crate::e2e::kit::site::{Options, server as server_role};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::{Filter, Record, Scan, TableRow};
use gongji::domain::protocol::TransferState;
use gongji::domain::value::TransferId;
use gongji::domain::{hub as at_hub, node as at_node};
use gongji::proto::hub;
use gongji::store::Tables;
use gongji::store::failpoint::Failpoint;
use gongji::store::rulebook_archive::Texts;
use gongji::store::sqlite::{SqliteReader, SqliteStore};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Output;

/// The steps of a backup and of a restore.
pub const POINTS: [Failpoint; 10] = [
    Failpoint::BackupCopied,
    Failpoint::BackupTextsWritten,
    Failpoint::BackupKeyWritten,
    Failpoint::BackupManifestWritten,
    Failpoint::BackupNamed,
    Failpoint::RestoreCopied,
    Failpoint::RestoreMarked,
    Failpoint::RestoreTextsWritten,
    Failpoint::RestoreKeyWritten,
    Failpoint::RestoreHeadNoted,
];

/// A server's configuration with its store and key in another place, under `again`.
fn elsewhere(servers: &Servers, server: &str) -> PathBuf {
    let text = fs::read_to_string(servers.site().config(server)).expect("a configuration");
    let text = text.replace("data = \"", "data = \"again/").replace("\"keys/", "\"again/");
    let path = servers.site().folder().join(format!("{server}-again.toml"));
    fs::write(&path, text).expect("written");
    path
}

/// Its store there.
fn again(servers: &Servers, server: &str) -> PathBuf {
    servers.site().folder().join("again").join(server_role(server).file_stem())
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn restore(servers: &Servers, from: &Path, config: &Path, fatal: Option<Failpoint>) -> Output {
    let mut command = servers.restore_command(from, config);
    if let Some(point) = fatal {
        command.env("GONGJI_FAILPOINT", point.name());
    }
    command.output().expect("it runs")
}

fn committed(answers: &[hub::Transfer]) -> Vec<TransferId> {
    let committed = answers.iter().filter(|it| it.state() == hub::TransferState::Committed);
    committed.map(|it| TransferId::parse(&it.transfer_id).expect("an id")).collect()
}

#[test]
fn backups_under_load_hold_every_answer_given_before_them() {
    let mut servers = Servers::start(&Options::lively());
    let (known, folders) = run(async {
        let mut load = Load::start(&servers, 4, 4).await;
        load.more(50).await;
        let known = committed(&load.answers());
        let mut folders = Vec::new();
        for server in ["hub", "13", "51"] {
            folders.push(servers.backup_beside(server).await);
        }
        load.more(1).await;
        load.end(&mut servers).await;
        (known, folders)
    });
    for (server, folder) in ["hub", "13", "51"].iter().zip(&folders) {
        let config = elsewhere(&servers, server);
        let other = servers.site().config(if *server == "hub" { "13" } else { "hub" });
        let refused = restore(&servers, folder, &other, None);
        assert_eq!(refused.status.code(), Some(64), "{}", said(&refused));
        assert!(said(&refused).contains(" is of "), "{}", said(&refused));
        let done = restore(&servers, folder, &config, None);
        assert!(done.status.success(), "{}", said(&done));
        assert!(said(&done).contains("LOST: "), "{}", said(&done));
        let data = again(&servers, server);
        let verified = servers.gongji(&["journal", "verify", text(&data)]).output().expect("it runs");
        assert!(verified.status.success(), "{}", said(&verified));
        let again = restore(&servers, folder, &config, None);
        assert_eq!(again.status.code(), Some(64), "{}", said(&again));
        if *server == "hub" {
            let all = Scan { filter: Filter::all(at_hub::Table::Transfer), after: None, limit: usize::MAX };
            let rows = wholly_restored::<at_hub::Record>(&data).scan(&all).expect("rows");
            let rows = rows.iter().filter_map(TransferRow::of);
            let held: Vec<TransferId> =
                rows.filter(|row| row.state == TransferState::Committed).map(|row| row.transfer_id).collect();
            assert!(known.iter().all(|id| held.contains(id)), "what was answered before is in the backup");
        } else {
            wholly_restored::<at_node::Record>(&data);
        }
    }
}

/// A store that says itself that it was made from a backup, and of which nothing is missing.
fn wholly_restored<R: Record>(data: &Path) -> SqliteReader<R> {
    let store = SqliteReader::<R>::open(data).expect("a store");
    assert_eq!(store.restored().expect("read"), Some(store.head().expect("read").sequence));
    store
}

/// A hub that has run once, and stands.
fn hub_that_ran() -> Servers {
    let mut servers = Servers::idle(&Options::lively());
    run(async {
        servers.launch("hub");
        assert!(servers.come_up().await);
        servers.stop().await;
    });
    servers
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect()
}

#[test]
fn a_backup_that_was_killed_is_none() {
    let servers = hub_that_ran();
    let config = servers.site().config("hub");
    let backups = servers.site().folder().join("backups");
    for point in &POINTS[..5] {
        let mut command = servers.gongji(&["backup", "--config", text(&config), "--to", "backups"]);
        let ended = command.env("GONGJI_FAILPOINT", point.name()).output().expect("it runs");
        assert!(ended.status.signal().is_some(), "{}: {}", point.name(), ended.status);
        let whole = *point == Failpoint::BackupNamed;
        let named: Vec<PathBuf> =
            entries(&backups).into_iter().filter(|it| !text(it).contains("backups/.")).collect();
        assert_eq!(named.len(), usize::from(whole), "{}: {named:?}", point.name());
        if !whole {
            // Not even its draft is taken when somebody names it.
            let draft = backups.join(".hub.draft");
            assert!(draft.exists());
            let refused = restore(&servers, &draft, &elsewhere(&servers, "hub"), None);
            assert_eq!(refused.status.code(), Some(64), "{}: {}", point.name(), said(&refused));
        }
    }
    servers.backup("hub");
    assert!(!backups.join(".hub.draft").exists());
}

#[test]
fn no_server_starts_on_a_restore_that_was_killed_and_the_next_restore_ends_it() {
    let servers = hub_that_ran();
    let from = servers.backup("hub");
    let config = elsewhere(&servers, "hub");
    for point in &POINTS[5..] {
        let ended = restore(&servers, &from, &config, Some(*point));
        assert!(ended.status.signal().is_some(), "{}: {}", point.name(), ended.status);
        let hub = servers.gongji(&["hub", "--config", text(&config)]).output().expect("it runs");
        assert_eq!(hub.status.code(), Some(1), "{}: {}", point.name(), said(&hub));
        let expected = match point {
            // No key is made for a store that is not there yet.
            Failpoint::RestoreCopied | Failpoint::RestoreMarked | Failpoint::RestoreTextsWritten => {
                "hub.vault.key: No such file"
            }
            _ => "a restore into it did not end; restore it from a backup",
        };
        assert!(said(&hub).lines().last().is_some_and(|line| line.contains(expected)), "{}", said(&hub));
    }
    assert!(restore(&servers, &from, &config, None).status.success());
    let data = again(&servers, "hub");
    let texts = |data: &Path| Texts::of(data).hashes().expect("listed");
    assert!(!texts(&data).is_empty(), "a hub keeps the rules of all places");
    assert_eq!(texts(&data), texts(&servers.site().data("hub")));
    assert!(
        SqliteStore::<at_hub::Record>::open(&data, "hub")
            .expect("a store")
            .restored()
            .expect("read")
            .is_some()
    );
}
