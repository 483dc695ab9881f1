use super::*;
use crate::domain::machine::record::Record as _;
use crate::domain::machine::{Change, Filter, Scan, SelfRow, Table as _, WorkingSet};
use crate::domain::node::record::NodeJoined;
use crate::domain::node::tables::PersonRow;
use crate::domain::node::{Record, Row, Table};
use crate::domain::rules::rulebook::RuleLayer;
use crate::domain::value::{Digest, IdNumber, MemberRef, Person, PersonName, StartId};
use crate::privacy::key::VaultKey;
use crate::store::replay::verify;
use crate::store::rulebook_archive::{FOLDER, Texts};
use crate::store::sqlite::{Snapshot, SqliteReader, SqliteStore};
use crate::store::{Commit, Journal, Tables};
use clap::Parser;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use tempfile::TempDir;

#[derive(Parser)]
pub(super) struct BackupLine {
    #[command(flatten)]
    pub(super) args: BackupArgs,
}

#[derive(Parser)]
struct RestoreLine {
    #[command(flatten)]
    args: RestoreArgs,
}

/// The texts of a place's rules, with their hash.
fn rule_texts() -> (Digest, Vec<RuleLayer>) {
    use sha2::Digest as _;
    let layer = |name: &str, text: &str| RuleLayer { name: name.into(), text: text.into() };
    let layers = vec![layer("national.toml", "a = 1\n"), layer("hebei-13.toml", "b = 2\n")];
    (Digest(sha2::Sha256::digest("a = 1\nb = 2\n").into()), layers)
}

/// Where they stand in a store's folder, and in a backup.
pub(super) fn rule_file(name: &str) -> String {
    format!("{FOLDER}/{}/{name}", hex(&rule_texts().0.0))
}

/// A node's folder, with a key, a person sealed under it, and rule texts; its server has the store open.
pub(super) struct Scene {
    folder: TempDir,
    store: SqliteStore<Record>,
    joined: u64,
    /// By which its first record, and so its lineage, is another than that of other scenes.
    start_id: StartId,
}

impl Scene {
    pub(super) fn new() -> Scene {
        Scene::of_start(1)
    }

    pub(super) fn of_start(start: u8) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let key = VaultKey::create(&folder.path().join("key")).unwrap();
        let mut store = SqliteStore::open(&folder.path().join("data"), "node:13").unwrap();
        let id_number = IdNumber::parse("11010519491231002X").unwrap();
        let id_hash = key.id_hash(&id_number);
        let person = Person { id_number, name: PersonName::new("张三").unwrap() };
        let member_ref = MemberRef([7; 16]);
        let sealed = key.seal_person(member_ref, &person, None);
        let row = PersonRow { id_hash, member_ref, sealed };
        store.append(&Commit { vault: vec![row.into()], ..Commit::default() }).unwrap();
        let (hash, layers) = rule_texts();
        Texts::of(&folder.path().join("data")).keep([(&hash, layers.as_slice())].into_iter()).unwrap();
        let mut scene = Scene { folder, store, joined: 0, start_id: StartId([start; 16]) };
        scene.go_on();
        scene
    }

    /// One more record, with the rows that it makes.
    pub(super) fn go_on(&mut self) {
        self.joined += 1;
        let start_id = self.start_id;
        let record =
            |incarnation| Record::from(NodeJoined { incarnation, start_id, time: Civil(1_795_233_600_000) });
        let mut made = WorkingSet::complete();
        (1..=self.joined).for_each(|sequence| record(sequence).apply(sequence, &mut made));
        let (records, rows) = (vec![record(self.joined)], made.take_changed());
        self.store.append(&Commit { records, rows, vault: Vec::new() }).unwrap();
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn backup(&self, more: &[&str]) -> Result<Made, Failure> {
        let (data, to) = (self.path("data"), self.path("backups"));
        let line = ["backup", "--data", data.to_str().unwrap(), "--to", to.to_str().unwrap()];
        make(&BackupLine::try_parse_from(line.iter().chain(more)).unwrap().args)
    }

    pub(super) fn backup_with_key(&self) -> Made {
        self.backup(&["--vault-key", self.path("key").to_str().unwrap()]).unwrap()
    }

    /// Restores into `data` with the key at `key`, both names in this folder.
    pub(super) fn restore(
        &self,
        from: &Path,
        data: &str,
        key: &str,
        more: &[&str],
    ) -> Result<String, Failure> {
        let (data, key) = (self.path(data), self.path(key));
        let line = ["restore", "--from", from.to_str().unwrap(), "--data", data.to_str().unwrap()];
        let named = ["--vault-key", key.to_str().unwrap()];
        said(RestoreLine::try_parse_from(line.iter().chain(&named).chain(more)).unwrap())
    }
}

/// What a restore says before it begins.
fn said(line: RestoreLine) -> Result<String, Failure> {
    let mut lines = String::new();
    restore::run(&line.args, |line| lines.extend([line, "\n"])).map(|_| lines)
}

pub(super) fn text<T>(outcome: Result<T, Failure>) -> (String, Exit) {
    match outcome {
        Ok(_) => ("done".to_owned(), Exit::Done),
        Err(failure) => (failure.to_string(), failure.exit()),
    }
}

fn rows(dir: &Path) -> Vec<Row> {
    let mut reader = SqliteReader::<Record>::open(dir).unwrap();
    let all = |table: &Table| Scan { filter: Filter::all(*table), after: None, limit: usize::MAX };
    Table::ALL.iter().flat_map(|table| reader.scan(&all(table)).unwrap()).collect()
}

pub(super) fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_backup_of_an_open_store_is_restored_with_its_key_and_verified() {
    let mut scene = Scene::new();
    scene.go_on();
    let made = scene.backup_with_key();
    let before = rows(&scene.path("data"));
    assert_eq!((made.manifest.owner.as_str(), made.manifest.sequence), ("node:13", 2));
    for (path, expected) in [("", 0o700), (DATABASE, 0o600), (KEY, 0o600), (manifest::NAME, 0o600)] {
        assert_eq!(mode(&made.folder.join(path)), expected, "{path}");
    }
    assert_eq!(mode(&scene.path("backups")), 0o700);
    scene.go_on();
    let said = scene.restore(&made.folder, "again", "keys/key", &["--yes"]).unwrap();
    assert!(said.contains("stands at journal sequence 2, as of 20"), "{said}");
    assert!(said.contains("LOST: texts of rules that came into force since then, unless"), "{said}");
    assert!(said.contains("LOST: allotments, member reports and wallet openings since then"), "{said}");
    assert!(
        said.contains("Restored TOGETHER with others, at once, it does:\n- the hub and a province"),
        "{said}"
    );
    let target = scene.path("again");
    assert_eq!((mode(&target), mode(&scene.path("keys"))), (0o700, 0o700));
    assert_eq!(rows(&target), before);
    assert!(verify(&mut Snapshot::<Record>::open(&target).unwrap()).unwrap().difference.is_none());
    assert_eq!(fs::read(scene.path("keys/key")).unwrap(), fs::read(scene.path("key")).unwrap());
    assert_eq!(Texts::of(&target).read(&rule_texts().0).unwrap(), Some(rule_texts().1));
    assert_eq!(mode(&target.join(rule_file("1-national.toml"))), 0o600);
    let opened = SqliteStore::<Record>::open(&target, "node:13").unwrap();
    assert_eq!((opened.head().sequence, opened.restored().unwrap()), (2, Some(2)));
    assert_eq!(opened.head(), made.report.head);
}

#[test]
fn a_backup_is_refused_with_one_line() {
    let scene = Scene::new();
    let refused = |more: &[&str]| text(scene.backup(more));
    let other = scene.path("other");
    VaultKey::create(&other).unwrap();
    let (line, exit) = refused(&[]);
    assert!(line.contains("add --vault-key FILE, or --without-keys") && exit == Exit::Usage, "{line}");
    let (line, exit) = refused(&["--vault-key", other.to_str().unwrap()]);
    assert!(line.contains("not the vault key of this store") && exit == Exit::Refused, "{line}");
    assert!(scene.backup(&["--without-keys"]).is_ok(), "the draft of the failed one is cleared away");
    let held = Folder::open(&scene.path("backups"), "node:13").unwrap();
    assert!(refused(&["--without-keys"]).0.contains("another backup of node:13 is being written"));
    drop(held);
    let nothing = Scene { folder: tempfile::tempdir().unwrap(), ..scene };
    assert_eq!(text(nothing.backup(&["--without-keys"])).1, Exit::Usage);
}

#[test]
fn damage_that_a_running_server_has_not_met_yet_is_found_by_its_backup() {
    let mut scene = Scene::new();
    let key = scene.path("key");
    let key = key.to_str().unwrap();
    let stranger = PersonRow {
        id_hash: Digest([9; 32]),
        member_ref: MemberRef([9; 16]),
        sealed: b"changed since".to_vec(),
    };
    scene.store.append(&Commit { vault: vec![stranger.into()], ..Commit::default() }).unwrap();
    let (line, exit) = text(scene.backup(&["--vault-key", key]));
    assert!(
        line.contains("damaged at the vault: 1 of 2 rows do not open") && exit == Exit::Refused,
        "{line}"
    );
    assert!(scene.backup(&["--without-keys", "--replay"]).is_ok());
    let own = SelfRow {
        slot: 0,
        incarnation: 1,
        start_id: StartId([1; 16]),
        hub_seq: 77,
        entry_id: 0,
        civil: Civil(1_795_233_600_000),
        recovered: 0,
        skipped: Default::default(),
    };
    scene.store.append(&Commit { rows: vec![Change::unknown(own)], ..Commit::default() }).unwrap();
    assert!(scene.backup(&["--without-keys"]).is_ok(), "it is a row of ours");
    let (line, exit) = text(scene.backup(&["--without-keys", "--replay"]));
    assert!(line.contains("the tables are not what the journal gives: table self"), "{line}");
    assert_eq!(exit, Exit::Refused);
}

/// Backup, folder, key, further arguments; what is said, and the exit code.
type Refused<'a> = (&'a Path, &'a str, &'a str, &'a [&'a str], &'a str, Exit);

#[test]
fn a_restore_is_refused_with_one_line_and_leaves_nothing() {
    let scene = Scene::new();
    let full = scene.backup_with_key().folder;
    let bare = scene.backup(&["--without-keys"]).unwrap().folder;
    let other = scene.path("other");
    VaultKey::create(&other).unwrap();
    fs::create_dir(scene.path("used")).unwrap();
    fs::write(scene.path("used/file"), "").unwrap();
    let backups = scene.path("backups");
    let cases: [Refused<'_>; 8] = [
        (&full, "data", "key", &["--yes"], "is in use by another process", Exit::Refused),
        (&full, "used", "key", &["--yes"], "is not empty; a restore goes into an empty", Exit::Usage),
        (&full, "new", "other", &["--yes"], "another key is here than the backup's", Exit::Usage),
        (&bare, "new", "none", &["--yes"], "the backup has no key file", Exit::Usage),
        (&bare, "new", "other", &["--yes"], "not the vault key of this store", Exit::Refused),
        (&backups, "new", "key", &["--yes"], "is no finished backup", Exit::Usage),
        (&full, "new", "key", &[], "say --yes to accept that", Exit::Usage),
        (&scene.path("data"), "new", "key", &["--yes"], "is no finished backup", Exit::Usage),
    ];
    for (from, data, key, more, what, expected) in cases {
        let (line, exit) = text(scene.restore(from, data, key, more));
        assert!(line.contains(what) && !line.contains('\n') && exit == expected, "{data}, {key}: {line}");
        assert!(!exists(&scene.path("new")));
    }
    assert!(scene.restore(&bare, "new", "key", &["--yes"]).is_ok());
}

#[test]
fn another_owner_s_backup_is_refused() {
    let scene = Scene::new();
    let made = scene.backup_with_key().folder;
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let config = |file: &str| {
        let content = fs::read_to_string(deploy.join(file)).unwrap();
        let path = scene.path(file);
        fs::write(&path, content.replace("../data", "again").replace("../keys", "keys")).unwrap();
        let line = ["restore", "--yes", "--from", made.to_str().unwrap(), "--config", path.to_str().unwrap()];
        text(said(RestoreLine::try_parse_from(line).unwrap()))
    };
    fs::copy(deploy.join("regions.toml"), scene.path("regions.toml")).unwrap();
    fs::create_dir(scene.path("rulebooks")).unwrap();
    fs::copy(deploy.join("rulebooks/national.toml"), scene.path("rulebooks/national.toml")).unwrap();
    let (line, exit) = config("hub.toml");
    assert!(line.ends_with("is of node:13, not of hub") && exit == Exit::Usage, "{line}");
    assert_eq!(config("node-13.toml").1, Exit::Done);
    assert!(scene.path("again/node-13/gongji.sqlite").exists());
    assert_eq!(mode(&scene.path("keys/node-13.vault.key")), 0o600);
}

#[test]
fn a_damaged_or_newer_backup_is_refused() {
    let scene = Scene::new();
    let made = scene.backup_with_key().folder;
    let outcome = || text(scene.restore(&made, "new", "new-key", &["--yes"]));
    let text = rule_file("2-hebei-13.toml");
    for name in [manifest::NAME, DATABASE, KEY, &text] {
        let path = made.join(name);
        let sound = fs::read(&path).unwrap();
        let step = (sound.len() / 40).max(1);
        for at in (0..sound.len()).step_by(step) {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            fs::write(&path, bytes).unwrap();
            let (line, exit) = outcome();
            assert!(line.contains(" is damaged: ") && exit == Exit::Refused, "{name}, byte {at}: {line}");
        }
        fs::write(&path, &sound[..sound.len() / 2]).unwrap();
        assert!(outcome().0.contains(" is damaged: "), "half of {name}");
        fs::remove_file(&path).unwrap();
        let (line, exit) = outcome();
        assert_ne!(exit, Exit::Done, "without {name}");
        assert!(![KEY, &text].contains(&name) || line.contains(" is damaged: "), "{line}");
        fs::write(&path, &sound).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!exists(&scene.path("new")) && !scene.path("new-key").exists());
        assert!(!scene.path("new").join(FOLDER).exists(), "one that was refused leaves nothing");
    }
    let added = made.join(rule_file("3-more.toml"));
    fs::write(&added, "c = 3").unwrap();
    assert!(outcome().0.contains(" is damaged: rulebooks/"), "{}", outcome().0);
    fs::remove_file(&added).unwrap();
    let sound = Manifest::read(&made).unwrap();
    let newer = [
        (Manifest { version: 3, ..sound.clone() }, "has format 3, this program knows up to 2"),
        (Manifest { format: 9_999, ..sound.clone() }, "the store has format 9999, this program knows"),
        (Manifest { sequence: 5, ..sound.clone() }, "is not the one that its manifest describes"),
    ];
    for (changed, what) in newer {
        fs::remove_file(made.join(manifest::NAME)).unwrap();
        changed.write(&made).unwrap();
        let (line, exit) = outcome();
        assert!(line.contains(what) && exit == Exit::Refused, "{line}");
    }
    fs::remove_file(made.join(manifest::NAME)).unwrap();
    sound.write(&made).unwrap();
    assert_eq!(outcome().1, Exit::Done);
}

#[test]
fn a_backup_of_an_older_program_is_restored_without_rule_texts_and_says_so() {
    let scene = Scene::new();
    let made = scene.backup_with_key();
    fs::remove_file(made.folder.join(manifest::NAME)).unwrap();
    fs::remove_dir_all(made.folder.join(FOLDER)).unwrap();
    let mut older = Manifest { version: 1, ..made.manifest.clone() };
    older.files.retain(|name, _| [DATABASE, KEY].contains(&name.as_str()));
    older.write(&made.folder).unwrap();
    let said = scene.restore(&made.folder, "again", "again-key", &["--yes"]).unwrap();
    assert!(said.contains("copy the\n  folder `rulebooks` from the old store's folder"), "{said}");
    assert_eq!(
        SqliteStore::<Record>::open(&scene.path("again"), "node:13").unwrap().head(),
        made.report.head
    );
    assert_eq!(Texts::of(&scene.path("again")).hashes().unwrap(), []);
}

#[test]
fn rule_texts_that_were_changed_stop_a_backup_and_what_is_not_ours_is_left_out() {
    let scene = Scene::new();
    let texts = scene.path("data").join(FOLDER);
    fs::create_dir(texts.join("unfinished")).unwrap();
    let made = scene.backup_with_key();
    let files: Vec<&str> = made.manifest.files.keys().map(String::as_str).collect();
    let rules = [rule_file("1-national.toml"), rule_file("2-hebei-13.toml")];
    assert_eq!(files, [DATABASE, &rules[0], &rules[1], KEY]);
    fs::write(scene.path("data").join(&rules[0]), "a = 2\n").unwrap();
    let (line, exit) = text(scene.backup(&["--without-keys"]));
    assert!(line.contains("bring this folder back from an older backup") && exit == Exit::Refused, "{line}");
    fs::remove_dir_all(&texts).unwrap();
    assert!(scene.backup(&["--without-keys"]).is_ok(), "a server that has kept none yet");
}

#[test]
fn a_key_file_that_cannot_be_read_is_not_called_damaged() {
    let scene = Scene::new();
    let made = scene.backup_with_key().folder;
    fs::remove_file(made.join(KEY)).unwrap();
    // Reading it fails whoever asks; rights would not stop root.
    fs::create_dir(made.join(KEY)).unwrap();
    let (line, exit) = text(scene.restore(&made, "new", "new-key", &["--yes"]));
    assert!(line.starts_with(made.join(KEY).to_str().unwrap()) && exit == Exit::Refused, "{line}");
    assert!(!line.contains("damaged"), "{line}");
}

#[test]
fn the_oldest_backups_of_this_server_are_deleted_and_no_other() {
    let scene = Scene::new();
    let backups = scene.path("backups");
    let manifest = scene.backup(&["--without-keys"]).unwrap().manifest;
    let add = |owner: &str, time: &str| {
        let mut folder = Folder::open(&backups, owner).unwrap();
        let draft = folder.draft().unwrap();
        Manifest { owner: owner.to_owned(), ..manifest.clone() }.write(&draft).unwrap();
        folder.finish(time).unwrap()
    };
    let (first, second) =
        (add("node:13", "2020-01-01T00:00:00.000Z"), add("node:13", "2020-01-02T00:00:00.000Z"));
    let others = [add("hub", "2019-01-01T00:00:00.000Z"), add("node:14", "2019-01-01T00:00:00.000Z")];
    fs::create_dir(backups.join("node-13-2018")).unwrap();
    let made = scene.backup(&["--without-keys", "--keep", "2"]).unwrap();
    assert_eq!(made.kept.removed, [first.clone(), second.clone()]);
    let left = &made.kept.left;
    assert!(left.len() == 1 && left[0].0.ends_with("node-13-2018"), "{left:?}");
    assert!(left[0].1.contains("is no finished backup"), "{left:?}");
    assert!(!first.exists() && !second.exists() && made.folder.exists());
    assert!(others.iter().all(|path| path.exists()) && backups.join("node-13-2018").exists());
}

/// Keys that were added since the backup stay; a file that lacks the key which sealed at the backup is refused.
#[test]
fn a_restore_goes_by_the_newest_key_file() {
    let scene = Scene::new();
    let (key, first) = (scene.path("key"), scene.path("first"));
    fs::copy(&key, &first).unwrap();
    let before = scene.backup_with_key();
    VaultKey::add_to(&key).unwrap();
    let newest = fs::read(&key).unwrap();
    let said = scene.restore(&before.folder, "again", "key", &["--yes"]).unwrap();
    assert!(!said.contains("the key file comes from the backup"), "{said}");
    assert!(fs::read(&key).unwrap() == newest, "it is not written over");
    let since = scene.backup_with_key();
    let (line, exit) = text(scene.restore(&since.folder, "more", "first", &["--yes"]));
    assert!(line.contains("or it lacks one of its keys") && exit == Exit::Usage, "{line}");
    let said = scene.restore(&since.folder, "more", "brought", &["--yes"]).unwrap();
    assert!(said.contains("bring the newest key file first"), "{said}");
    let oldest = VaultKey::load(&first).unwrap().current();
    VaultKey::remove_from(&key, oldest).unwrap();
    let (line, exit) = text(scene.restore(&since.folder, "last", "key", &["--yes"]));
    assert!(line.contains("not the vault key of this store") && exit == Exit::Refused, "{line}");
}

#[test]
fn a_secret_on_the_command_line_is_not_shown() {
    let scene = Scene::new();
    let secret = "5a".repeat(32);
    let (line, exit) = text(scene.backup(&["--vault-key", &secret]));
    assert!(line.contains("is given a secret") && !line.contains("5a5a") && exit == Exit::Usage, "{line}");
}
