//! Backups taken under load by the real program, and programs that die while they make or restore one.

use super::load::Load;
use super::process::{Servers, said};
use crate::e2e::kit::site::Options;
use crate::e2e::kit::{run, until};
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::record::Record;
use gongji::domain::machine::scan::{Filter, Scan};
use gongji::domain::machine::table::TableRow;
use gongji::domain::protocol::transfer::TransferState;
use gongji::domain::value::id::TransferId;
use gongji::domain::{hub, node};
use gongji::proto;
use gongji::store::Tables;
use gongji::store::failpoint::Failpoint;
use gongji::store::rulebook_archive::Texts;
use gongji::store::sqlite::{SqliteReader, SqliteStore};
use std::collections::BTreeMap;
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

fn options() -> Options {
    Options { provinces: vec!["13", "51"], daily_count_max: Some(100_000), ..Options::default() }
}

/// A server's configuration with its store and key in another place, under `again`.
fn elsewhere(servers: &Servers, server: &str) -> PathBuf {
    let text = fs::read_to_string(servers.site().config(server)).expect("a configuration");
    let text = text.replace("\"data/", "\"again/data/");
    let text = text.replace(&format!("\"{server}.vault.key"), &format!("\"again/{server}.vault.key"));
    let path = servers.site().folder().join(format!("{server}-again.toml"));
    fs::write(&path, text).expect("written");
    path
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

fn committed(answers: &BTreeMap<String, proto::hub::Transfer>) -> Vec<TransferId> {
    let committed = answers.values().filter(|it| it.state() == proto::hub::TransferState::Committed);
    committed.map(|it| TransferId::parse(&it.transfer_id).expect("an id")).collect()
}

/// A store that was made from a backup, and has journaled nothing since.
fn wholly_restored<R: Record>(data: &Path) -> SqliteReader<R> {
    let store = SqliteReader::open(data).expect("a store");
    assert_eq!(store.restored().expect("read"), Some(store.head().expect("read").sequence));
    store
}

#[test]
fn backups_under_load_hold_every_answer_given_before_them() {
    let mut servers = Servers::start(&options());
    let (known, folders) = run(async {
        let (load, callers) = Load::start(&servers, 4, 4).await;
        until("some commits", async || (load.committed() >= 50).then_some(())).await;
        let known = committed(&load.answers());
        let before = load.committed();
        let mut folders = Vec::new();
        for server in ["hub", "13", "51"] {
            folders.push(servers.backup_beside(server).await);
        }
        until("answers meanwhile", async || (load.committed() > before).then_some(())).await;
        load.stop();
        callers.join_all().await;
        servers.stop().await;
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
        let data = servers.site().folder().join("again/data").join(server);
        let verified = servers.gongji(&["journal", "verify", text(&data)]).output().expect("it runs");
        assert!(verified.status.success(), "{}", said(&verified));
        if *server == "hub" {
            let all = Scan { filter: Filter::all(hub::Table::Transfer), after: None, limit: usize::MAX };
            let rows = wholly_restored::<hub::Record>(&data).scan(&all).expect("rows");
            let rows = rows.iter().filter_map(TransferRow::of);
            let held: Vec<TransferId> =
                rows.filter(|row| row.state == TransferState::Committed).map(|row| row.transfer_id).collect();
            assert!(known.iter().all(|id| held.contains(id)), "what was answered before is in the backup");
        } else {
            wholly_restored::<node::Record>(&data);
        }
        let again = restore(&servers, folder, &config, None);
        assert_eq!(again.status.code(), Some(64), "{}", said(&again));
    }
}

/// A hub that has run once, and stands.
fn hub_that_ran() -> Servers {
    let mut servers = Servers::idle(&options());
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
    let data = servers.site().folder().join("again/data/hub");
    let texts = |data: &Path| Texts::of(data).hashes().expect("listed");
    assert!(!texts(&data).is_empty(), "a hub keeps the rules of all places");
    assert_eq!(texts(&data), texts(&servers.site().data("hub")));
    let store: SqliteStore<hub::Record> = SqliteStore::open(&data, "hub").expect("a store");
    assert!(store.restored().expect("read").is_some());
}
