//! Damaged stores and full disks under the real program: noticed at the start or at the first touch, said in one line,
//! told by the exit code, and never served.

use super::load::Load;
use super::process::Servers;
use crate::e2e::kit::people::Family;
use crate::e2e::kit::site::{HEBEI, Options};
use crate::e2e::kit::verdict::aborted;
use crate::e2e::kit::{run, until};
use gongji::proto::types::RefusalSide;
use gongji::transport::identity::Role;
use rusqlite::Connection;
use std::fs;
use std::path::Path;

/// The start of this server must end with 1 and one last line that says what, and what to do.
fn refuses(servers: &mut Servers, server: &str, what: &str) {
    servers.launch(server);
    assert!(!run(servers.come_up()), "{server} must not serve: {what}");
    let ended = run(servers.end_of(server));
    let line = servers.last_words(server);
    assert_eq!(ended.code(), Some(1), "{what}: {line}");
    assert!(line.starts_with("gongji: the store is damaged at ") && line.contains(what), "{what}: {line}");
    assert!(line.ends_with("restore it from a backup"), "{line}");
}

fn database(folder: &Path) -> Connection {
    Connection::open(folder.join("gongji.sqlite")).expect("a database")
}

/// Changes one bit wherever these bytes stand in the file: old pages may hold them too, and nobody reads those.
fn flip(folder: &Path, of: &[u8]) {
    let path = folder.join("gongji.sqlite");
    let mut bytes = fs::read(&path).expect("a database");
    let found = bytes.windows(of.len()).enumerate().filter(|(_, part)| *part == of).map(|(at, _)| at);
    let found: Vec<usize> = found.collect();
    assert!(!found.is_empty(), "the bytes are in the file");
    found.iter().for_each(|at| bytes[at + of.len() / 2] ^= 1);
    fs::write(&path, bytes).expect("written");
}

fn blob(folder: &Path, sql: &str) -> Vec<u8> {
    database(folder).query_row(sql, [], |row| row.get(0)).expect("a row")
}

/// Damages a copy of a stopped server's folder in its place, lets the server refuse it, and puts the folder back.
fn damaged(servers: &mut Servers, server: &str, what: &str, damage: impl FnOnce(&Path)) {
    let folder = servers.site().data(server);
    let files = ["gongji.sqlite", "head"];
    let sound = files.map(|name| fs::read(folder.join(name)).expect("a file"));
    damage(&folder);
    refuses(servers, server, what);
    for name in ["gongji.sqlite-wal", "gongji.sqlite-shm"] {
        // Not there after a start that was refused early.
        let _ = fs::remove_file(folder.join(name));
    }
    for (name, content) in files.iter().zip(sound) {
        fs::write(folder.join(name), content).expect("restored");
    }
}

async fn some_transfers(servers: &Servers) -> Family {
    let family = servers.site().family("13", "51").await;
    let app = servers.site().caller("app:demo");
    for _ in 0..5 {
        app.create(family.transfer("1.00")).await.expect("an answer");
    }
    family
}

#[test]
fn damage_of_a_stopped_server_s_store_is_noticed_at_its_start() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async {
        let family = some_transfers(&servers).await;
        servers.stop().await;
        family
    });
    for server in ["hub", "13"] {
        let record =
            |folder: &Path| flip(folder, &blob(folder, "SELECT bytes FROM journal WHERE sequence = 4"));
        damaged(&mut servers, server, "journal sequence 4: its hash does not fit", record);
        let hash = |folder: &Path| flip(folder, &blob(folder, "SELECT hash FROM journal WHERE sequence = 3"));
        damaged(&mut servers, server, "journal sequence 3: its hash does not fit", hash);
        let header = |folder: &Path| flip(folder, b"SQLite format 3");
        damaged(&mut servers, server, "the database file", header);
        let older =
            |folder: &Path| drop(database(folder).execute("DELETE FROM journal WHERE sequence > 5", []));
        damaged(&mut servers, server, "its write-ahead log is lost, or it is an older copy", older);
        let note = |folder: &Path| fs::write(folder.join("head"), "3 00\n").expect("written");
        damaged(&mut servers, server, "the file \"head\": it does not hold a sequence and a hash", note);
    }
    let changes = [
        ("13", "UPDATE account SET posted = posted + 100 WHERE kind = 1"),
        ("13", "DELETE FROM leg"),
        ("hub", "UPDATE position SET owed = owed + 100"),
        ("hub", "UPDATE transfer SET amount = amount + 1"),
    ];
    for (server, sql) in changes {
        let change = |folder: &Path| assert!(database(folder).execute(sql, []).expect("changed") > 0);
        damaged(&mut servers, server, "the tables: they are not what the journal gives", change);
    }
    let unread = |folder: &Path| drop(database(folder).execute("UPDATE member SET insurance_type = 77", []));
    damaged(&mut servers, "13", "table member: a row holds what this program never writes", unread);
    // The vault: what was sealed and changed since is never taken for somebody.
    let folder = servers.site().data("13");
    flip_all_persons(&folder);
    for server in servers.names() {
        servers.launch(&server);
    }
    run(async {
        assert!(servers.come_up().await);
        let operator = servers.site().caller("operator:ops");
        until("a node that serves", async || operator.serves(&Role::Node(HEBEI)).await.then_some(())).await;
        let app = servers.site().caller("app:demo");
        let transfer = until("a refusal by the payer's side", async || {
            let transfer = app.create(family.transfer("1.00")).await.expect("an answer");
            let unreachable = transfer.refusal.as_ref().is_some_and(|it| it.reason == "PROVINCE_UNREACHABLE");
            (!unreachable).then_some(transfer)
        });
        aborted(&transfer.await, RefusalSide::Payer, "INTERNAL");
        servers.stop().await;
    });
    let log = fs::read_to_string(servers.log("13")).expect("a log");
    assert!(log.contains("ALARM: a person in the vault cannot be read"));
}

fn flip_all_persons(folder: &Path) {
    let database = database(folder);
    let mut all = database.prepare("SELECT sealed FROM vault_person").expect("a query");
    let sealed = all.query_map([], |row| row.get::<_, Vec<u8>>(0)).expect("rows");
    let sealed: Vec<Vec<u8>> = sealed.map(|row| row.expect("a row")).collect();
    assert!(!sealed.is_empty());
    sealed.iter().for_each(|bytes| flip(folder, bytes));
}

#[test]
fn a_write_ahead_log_that_was_deleted_is_noticed() {
    let mut servers = Servers::start(&Options::lively());
    run(some_transfers(&servers));
    for server in ["hub", "13", "51"] {
        servers.kill(server);
    }
    for server in ["hub", "13"] {
        for name in ["gongji.sqlite-wal", "gongji.sqlite-shm"] {
            fs::remove_file(servers.site().data(server).join(name)).expect("it was there");
        }
        refuses(&mut servers, server, "its write-ahead log is lost, or it is an older copy");
    }
}

/// No file may grow beyond one or two MiB, by what `sh` calls a block: the write-ahead log soon wants to.
const BLOCKS: u32 = 2_048;

#[test]
fn a_full_disk_stops_the_server_and_loses_nothing() {
    let mut servers = Servers::start(&Options::lively());
    let load = run(async {
        let mut load = Load::start(&servers, 6, 6).await;
        for server in ["hub", "13"] {
            servers.kill(server);
            servers.launch_limited(server, BLOCKS);
            let ended = servers.end_of(server).await;
            let line = servers.last_words(server);
            assert_eq!(ended.code(), Some(1), "{line}");
            assert!(line.starts_with("gongji: the store cannot be read or written: "), "{line}");
            servers.launch(server);
        }
        assert!(servers.come_up().await, "there is room again");
        load.more(1).await;
        load.end(&mut servers).await;
        load
    });
    assert!(load.agrees(&servers, 1) > 0);
}
