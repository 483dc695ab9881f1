//! The vault's keys: a wrong one is refused before anything goes by it; sealing keys come, seal anew, and go while the
//! servers work.

use super::load::{Load, ask_on};
use super::process::{Servers, said};
use crate::e2e::kit::people::Family;
use crate::e2e::kit::site::{Options, server as at};
use crate::e2e::kit::verdict::recorded;
use crate::e2e::kit::{run, until};
use gongji::privacy::key::VaultKey;
use gongji::proto::hub::{CreateTransferRequest, Transfer, TransferState};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

const WRONG: &str = "this is not the vault key of this store";
const SEALED_ANEW: &str = "every row of the vault is sealed under the key that seals now";

fn key_file(servers: &Servers, server: &str) -> PathBuf {
    servers.site().layout().vault_key(&at(server))
}

/// Moves a server's key file away, and puts another key in its place.
fn exchange(servers: &Servers, server: &str) -> PathBuf {
    let path = key_file(servers, server);
    let right = path.with_extension("right");
    fs::rename(&path, &right).expect("moved");
    VaultKey::create(&path).expect("another key");
    right
}

/// `gongji keys …` of a server.
fn keys(servers: &Servers, words: &[&str], server: &str) -> Output {
    let mut command = servers.gongji(&["keys"]);
    command.args(words).arg("--config").arg(servers.site().config(server));
    command.output().expect("it runs")
}

fn new_key(servers: &Servers, server: &str) {
    let made = keys(servers, &["new"], server);
    assert!(made.status.success(), "{}", said(&made));
}

/// The sealing keys of a server, the one that seals first.
fn listed(servers: &Servers, server: &str, backups: Option<&Path>) -> Vec<Value> {
    let mut words = vec!["list", "--json"];
    if let Some(backups) = backups {
        words.extend(["--backups", backups.to_str().expect("UTF-8")]);
    }
    let output = keys(servers, &words, server);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = found["keys"].as_array().expect("a list").clone();
    assert_eq!((&all[0]["use"], &all[0]["deletable"]), (&"digests".into(), &false.into()));
    all.into_iter().filter(|key| key["use"] == "seal").collect()
}

fn id(key: &Value) -> &str {
    key["id"].as_str().expect("an id")
}

async fn logged(servers: &Servers, server: &str, what: &'static str, times: usize) {
    let log = servers.log(server);
    until(what, async || {
        let text = fs::read_to_string(&log).unwrap_or_default();
        (text.matches(what).count() >= times).then_some(())
    })
    .await;
}

fn serve(servers: &mut Servers) {
    run(async {
        assert!(servers.come_up().await);
        servers.site().ready().await;
    });
}

async fn pay(servers: &Servers, family: &Family) -> (CreateTransferRequest, Transfer) {
    let content = family.transfer("1.00");
    let answer = ask_on(&servers.site().caller("app:demo").transfers(), &content).await;
    assert_eq!(answer.state(), TransferState::Committed);
    recorded(&answer);
    (content, answer)
}

/// Refused with exit code 1, one line in both languages, and nothing of a secret in it.
fn refused(output: &Output, exit: i32, what: &str) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), said(output));
    assert_eq!(output.status.code(), Some(exit), "{text}");
    assert!(text.contains(what) && text.contains("密钥"), "{text}");
}

#[test]
fn a_wrong_key_is_refused_before_anything_goes_by_it() {
    let mut servers = Servers::start(&Options::lively());
    let (family, content, answer) = run(async {
        let family = servers.site().family("13", "51").await;
        let (content, answer) = pay(&servers, &family).await;
        (family, content, answer)
    });
    let backups: Vec<PathBuf> = ["hub", "13"].iter().map(|server| servers.backup(server)).collect();
    run(servers.stop());
    for (server, backup) in ["hub", "13"].into_iter().zip(&backups) {
        let before = fs::read(servers.site().data(server).join("gongji.sqlite")).expect("a store");
        let right = exchange(&servers, server);
        let config = servers.site().config(server);
        let role = if server == "hub" { "hub" } else { "node" };
        let started = servers.gongji(&[role, "--config"]).arg(&config).output().expect("it runs");
        refused(&started, 1, WRONG);
        assert!(!said(&started).contains("joined the hub") && !said(&started).contains("serves"));
        let checked = servers.gongji(&["config-check", &format!("--{role}")]).arg(&config).output();
        refused(&checked.expect("it runs"), 64, WRONG);
        let saved = servers.gongji(&["backup", "--to", "more", "--config"]).arg(&config).output();
        refused(&saved.expect("it runs"), 1, WRONG);
        refused(&keys(&servers, &["new"], server), 1, WRONG);
        let after = fs::read(servers.site().data(server).join("gongji.sqlite")).expect("a store");
        assert!(before == after, "nothing was changed");

        // At a restore: beside the backup's own key, and of a backup without one.
        let away = servers.site().data(server).with_extension("away");
        fs::rename(servers.site().data(server), &away).expect("moved");
        let restored = servers.restore_command(backup, &config).output().expect("it runs");
        refused(&restored, 64, "another key is here than the backup's");
        fs::rename(&away, servers.site().data(server)).expect("moved back");
        fs::rename(&right, key_file(&servers, server)).expect("the right key");
        let checked = servers.gongji(&["config-check", &format!("--{role}")]).arg(&config).output();
        assert!(String::from_utf8_lossy(&checked.expect("it runs").stdout).contains("fits the store"));
    }
    servers.names().iter().for_each(|server| servers.launch(server));
    serve(&mut servers);
    run(async {
        let again = ask_on(&servers.site().caller("app:demo").transfers(), &content).await;
        assert_eq!(again.hub_seq, answer.hub_seq);
        pay(&servers, &family).await;
        servers.stop().await;
    });
}

#[test]
fn a_restore_tries_the_key_that_is_there() {
    let mut servers = Servers::start(&Options::lively());
    run(async { drop(servers.site().family("13", "51").await) });
    let config = servers.site().config("13");
    let bare = servers
        .gongji(&["backup", "--json", "--without-keys", "--to", "backups", "--config"])
        .arg(&config)
        .output();
    let bare: Value = serde_json::from_slice(&bare.expect("it runs").stdout).expect("JSON");
    let bare = servers.site().folder().join(bare["folder"].as_str().expect("a folder"));
    run(servers.stop());
    fs::remove_dir_all(servers.site().data("13")).expect("lost");
    let right = exchange(&servers, "13");
    refused(&servers.restore_command(&bare, &config).output().expect("it runs"), 1, WRONG);
    fs::rename(&right, key_file(&servers, "13")).expect("the right key");
    assert!(servers.restore_command(&bare, &config).output().expect("it runs").status.success());
}

/// What a backup needs that cannot be read, that is being written or that stands elsewhere, nobody knows.
fn refuse_while_a_backup_is_unknown(servers: &Servers, id: &str, (backups, backup): (&Path, &Path)) {
    let refuse = |folder: &Path, what: &str| {
        let words = ["delete", id, "--backups", folder.to_str().expect("UTF-8")];
        let output = keys(servers, &words, "13");
        assert_eq!(
            (output.status.code(), said(&output).contains(what)),
            (Some(1), true),
            "{}",
            said(&output)
        );
    };
    let (manifest, aside) = (backup.join("manifest.json"), backup.join("aside"));
    fs::rename(&manifest, &aside).expect("moved");
    refuse(backups, "its manifest cannot be read");
    fs::rename(&aside, &manifest).expect("moved back");
    let written = fs::File::open(backups.join(".node-13.lock")).expect("a lock");
    written.lock().expect("locked");
    refuse(backups, "another backup of node:13 is being written");
    drop(written);
    refuse(&backups.join("bakups"), "No such file or directory");
}

#[test]
fn sealing_keys_are_changed_while_money_moves_and_go_only_when_nothing_needs_them() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let (content, answer) = run(pay(&servers, &family));
    let old_backup = servers.backup("13");
    let old = listed(&servers, "13", None).remove(0);
    assert_eq!((old["state"].as_str(), old["deletable"].as_bool()), (Some("seals"), Some(false)), "{old}");
    assert!(old["rows"].as_u64() >= Some(1) && old["leg_records"].as_u64() >= Some(1), "{old}");
    for server in ["13", "51", "hub"] {
        new_key(&servers, server);
        // The file is noticed by itself; SIGHUP is the shorter way.
        if server != "13" {
            servers.hang_up(server);
        }
        run(async {
            pay(&servers, &family).await;
            logged(&servers, server, SEALED_ANEW, 1).await;
            pay(&servers, &family).await;
        });
    }
    let refuse = |id: &str, backups: &Path, what: &str| {
        let words = ["delete", id, "--backups", backups.to_str().expect("UTF-8")];
        let output = keys(&servers, &words, "13");
        refused(&output, 1, what);
    };
    let after = listed(&servers, "13", None);
    assert_eq!((id(&after[1]), after[1]["state"].as_str()), (id(&old), Some("unused")), "{after:?}");
    assert_eq!(
        (after[0]["state"].as_str(), after[1]["rows"].as_u64()),
        (Some("seals"), Some(0)),
        "{after:?}"
    );
    let (empty, backups) = (servers.site().folder().join("none"), servers.site().folder().join("backups"));
    fs::create_dir(&empty).expect("a folder");
    refused(&keys(&servers, &["delete", id(&old)], "13"), 64, "name every folder of backups");
    refuse(id(&after[0]), &backups, "it seals");
    refuse(id(&old), &empty, "leg_records at the hub are sealed under it");
    refuse(id(&old), &backups, "1 backups need it");
    let new_backup = servers.backup("13");
    assert_eq!(listed(&servers, "13", Some(&backups))[1]["backups"].as_u64(), Some(1));
    refuse(id(&old), &backups, "1 backups need it");
    fs::remove_dir_all(&old_backup).expect("not kept any longer");
    let digests = VaultKey::load(&key_file(&servers, "13")).expect("keys").digests_id().to_string();
    refuse(&digests, &backups, "key of digests");
    refuse_while_a_backup_is_unknown(&servers, id(&old), (&backups, &new_backup));
    let gone = keys(&servers, &["delete", id(&old), "--backups", "backups"], "13");
    assert!(gone.status.success(), "{}", said(&gone));
    run(logged(&servers, "13", "the vault's keys are in force", 2));

    // Everything goes on: repeats, new transfers, and a restore of what was saved since.
    let (later, last) = run(async {
        let again = ask_on(&servers.site().caller("app:demo").transfers(), &content).await;
        assert_eq!(again.hub_seq, answer.hub_seq);
        pay(&servers, &family).await
    });
    servers.restored("13", &new_backup);
    servers.launch("13");
    serve(&mut servers);
    run(async {
        for (content, answer) in [(&content, &answer), (&later, &last)] {
            let again = ask_on(&servers.site().caller("app:demo").transfers(), content).await;
            assert_eq!(again.hub_seq, answer.hub_seq);
        }
        pay(&servers, &family).await;
        servers.stop().await;
    });
}

/// A key file that lacks what rows need is not taken, while the server works and when it starts.
#[test]
fn a_key_that_rows_need_cannot_be_taken_away_by_hand() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let path = key_file(&servers, "13");
    let first = fs::read_to_string(&path).expect("a key file");
    new_key(&servers, "13");
    run(logged(&servers, "13", SEALED_ANEW, 1));
    let both = fs::read_to_string(&path).expect("a key file");
    fs::write(&path, &first).expect("an old copy");
    servers.hang_up("13");
    run(async {
        logged(&servers, "13", "which seals now: add a new one first", 1).await;
        pay(&servers, &family).await;
    });
    fs::write(&path, "5a".repeat(32)).expect("another store's key");
    run(async {
        logged(&servers, "13", WRONG, 1).await;
        pay(&servers, &family).await;
    });
    fs::write(&path, &first).expect("an old copy");
    run(servers.stop());
    let config = servers.site().config("13");
    let started = servers.gongji(&["node", "--config"]).arg(&config).output().expect("it runs");
    refused(&started, 1, "the key file lacks sealing key");
    fs::write(&path, both).expect("brought back");
    servers.names().iter().for_each(|server| servers.launch(server));
    serve(&mut servers);
    run(async {
        pay(&servers, &family).await;
        servers.stop().await;
    });
}

/// A node that was restored with an old key file waits for the key under which its lost legs are sealed.
#[test]
fn legs_that_are_told_again_wait_for_their_key() {
    let mut servers = Servers::start(&Options::lively());
    let family = run(async { servers.site().family("13", "51").await });
    let path = key_file(&servers, "13");
    let first = fs::read_to_string(&path).expect("a key file");
    let backup = servers.backup("13");
    new_key(&servers, "13");
    let (content, answer) = run(async {
        logged(&servers, "13", SEALED_ANEW, 1).await;
        pay(&servers, &family).await
    });
    let both = fs::read_to_string(&path).expect("a key file");
    fs::write(&path, first).expect("only the old key is left");
    servers.restored("13", &backup);
    servers.launch("13");
    run(async {
        assert!(servers.come_up().await);
        logged(&servers, "13", "legs that are told again wait for a key that the key file lacks", 1).await;
    });
    fs::write(&path, both).expect("the newest key file is found");
    serve(&mut servers);
    run(async {
        let again = ask_on(&servers.site().caller("app:demo").transfers(), &content).await;
        assert_eq!(again.hub_seq, answer.hub_seq);
        let funds = family.funds().await;
        assert_eq!((funds.balance.as_str(), funds.wallet.as_str()), ("9999.00", "1.00"));
        servers.stop().await;
    });
}

/// Keys come at every server under load, servers are killed in the midst of it, and every answer agrees with all three
/// ledgers.
#[test]
fn keys_come_under_load_and_kills_and_no_answer_is_wrong() {
    let mut servers = Servers::start(&Options::lively());
    let load = run(async {
        let mut load = Load::start(&servers, 4, 6).await;
        for server in ["13", "hub", "51"] {
            load.more(20).await;
            new_key(&servers, server);
            servers.kill(server);
            servers.launch(server);
            assert!(servers.come_up().await, "{server}");
            new_key(&servers, server);
            load.more(20).await;
            logged(&servers, server, SEALED_ANEW, 1).await;
        }
        load.end(&mut servers).await;
        load
    });
    assert!(load.agrees(&servers, 1) > 0);
    for server in ["13", "hub", "51"] {
        assert_eq!(listed(&servers, server, None).len(), 3);
        let config = servers.site().config(server);
        let saved =
            servers.gongji(&["backup", "--replay", "--to", "backups", "--config"]).arg(config).output();
        let saved = saved.expect("it runs");
        assert!(saved.status.success(), "every row opens: {}", said(&saved));
    }
}

#[cfg(debug_assertions)]
pub const POINT: gongji::store::failpoint::Failpoint = gongji::store::failpoint::Failpoint::VaultPageSealed;

#[cfg(debug_assertions)]
#[test]
fn sealing_anew_goes_on_where_a_killed_server_left_it() {
    use crate::e2e::kit::people::{fresh_id, report, resident, somebody};
    const MEMBERS: u64 = 600;
    let mut servers = Servers::start(&Options::lively());
    run(async {
        let platform = servers.site().caller("platform:51");
        let members = (0..MEMBERS).map(|_| resident(&somebody("510100"))).collect();
        assert_eq!(report(&platform, members).await.accepted_count, MEMBERS, "{}", fresh_id());
    });
    servers.kill("51");
    new_key(&servers, "51");
    let rows = |servers: &Servers| {
        let keys = listed(servers, "51", None);
        let rows: Vec<u64> = keys.iter().map(|key| key["rows"].as_u64().expect("a number")).collect();
        rows
    };
    let all = rows(&servers)[1];
    assert!(all >= MEMBERS && rows(&servers)[0] == 0);
    let mut left = all;
    for _ in 0..2 {
        servers.launch_fatal("51", POINT, 1);
        run(servers.end_of("51"));
        let now = rows(&servers);
        assert!(now[1] < left && now[1] > 0 && now[0] + now[1] == all, "{now:?} of {all}");
        left = now[1];
    }
    servers.launch("51");
    run(async {
        assert!(servers.come_up().await);
        logged(&servers, "51", SEALED_ANEW, 1).await;
    });
    assert_eq!(rows(&servers), [all, 0]);
    run(servers.stop());
}
