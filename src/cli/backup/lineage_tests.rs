//! Backups know their store: what is another's is never deleted, nor restored in its place.

use super::tests::{BackupLine, Scene, mode, rule_file, text};
use super::*;
use clap::Parser as _;
use std::fs;

/// Gives a backup's folder the name that a clock years ahead would have given it.
fn rename_to(made: &Made, time: &str) -> PathBuf {
    let path = made.folder.with_file_name(format!("node-13-{time}"));
    fs::rename(&made.folder, &path).unwrap();
    path
}

/// By the dates in their names, the one just made would be the oldest.
#[test]
fn the_backup_just_made_is_kept_and_age_is_the_journal_s() {
    let mut scene = Scene::new();
    let first = rename_to(&scene.backup(&["--without-keys"]).unwrap(), "20300102T000000.000Z");
    scene.go_on();
    let second = rename_to(&scene.backup(&["--without-keys"]).unwrap(), "20300101T000000.000Z");
    scene.go_on();
    let made = scene.backup(&["--without-keys", "--keep", "2"]).unwrap();
    assert_eq!(made.kept.removed, [first]);
    assert!(made.folder.exists() && second.exists());
    let again = scene.backup(&["--without-keys", "--keep", "1"]).unwrap();
    assert_eq!(again.kept.removed, [second, made.folder]);
    assert!(again.folder.exists() && again.kept.left.is_empty());
}

/// One that came back from before has a shorter journal than backups of the time that is lost: it is kept all the same.
#[test]
fn the_backup_just_made_is_kept_though_others_have_come_further() {
    let mut scene = Scene::new();
    let before = scene.backup_with_key();
    scene.go_on();
    let further = scene.backup(&["--without-keys"]).unwrap();
    scene.restore(&before.folder, "again", "key", &["--yes"]).unwrap();
    let (data, to) = (scene.path("again"), scene.path("backups"));
    let line = ["backup", "--data", data.to_str().unwrap(), "--to", to.to_str().unwrap()];
    let line = line.iter().chain(&["--without-keys", "--keep", "2"]);
    let made = make(&BackupLine::try_parse_from(line).unwrap().args).unwrap();
    assert_eq!(made.kept.removed, [before.folder]);
    assert!(made.folder.exists() && further.folder.exists());
}

#[test]
fn backups_of_another_store_of_the_same_province_stay() {
    let (scene, other) = (Scene::new(), Scene::of_start(2));
    let theirs = other.backup(&["--without-keys"]).unwrap();
    let (ours, damaged) = (scene.backup(&["--without-keys"]).unwrap(), scene.path("backups/node-13-2"));
    fs::create_dir(&damaged).unwrap();
    fs::write(damaged.join(manifest::NAME), "{").unwrap();
    let moved = scene.path("backups/node-13-20200101T000000.000Z");
    fs::rename(&theirs.folder, &moved).unwrap();
    let made = scene.backup(&["--without-keys", "--keep", "1"]).unwrap();
    assert_eq!(made.kept.removed, [ours.folder]);
    let (left, why): (Vec<_>, Vec<_>) = made.kept.left.into_iter().unzip();
    assert_eq!(left, [damaged, moved.clone()]);
    assert!(
        why[0].contains("its manifest is not whole") && why[1].contains("it is of another store"),
        "{why:?}"
    );
    assert!(moved.join(DATABASE).exists());
}

/// What a program of before wrote names no lineage: it is in the copied store.
#[test]
fn a_backup_that_names_no_lineage_is_known_by_its_store() {
    let (scene, other) = (Scene::new(), Scene::of_start(2));
    let older = |made: &Made, to: &str| {
        fs::remove_file(made.folder.join(manifest::NAME)).unwrap();
        Manifest { lineage: None, ..made.manifest.clone() }.write(&made.folder).unwrap();
        let path = scene.path("backups").join(to);
        fs::rename(&made.folder, &path).unwrap();
        path
    };
    let ours = older(&scene.backup(&["--without-keys"]).unwrap(), "node-13-1");
    let theirs = older(&other.backup(&["--without-keys"]).unwrap(), "node-13-2");
    let lost = older(&scene.backup(&["--without-keys"]).unwrap(), "node-13-3");
    fs::remove_file(lost.join(DATABASE)).unwrap();
    let made = scene.backup(&["--without-keys", "--keep", "1"]).unwrap();
    assert_eq!(made.kept.removed, [ours]);
    let (left, why): (Vec<_>, Vec<_>) = made.kept.left.into_iter().unzip();
    assert_eq!(left, [theirs, lost]);
    assert!(why[1].contains("does not say which store it is of"), "{why:?}");
}

#[test]
fn a_backup_of_another_store_is_not_taken_for_the_one_that_it_is_to_replace() {
    let (scene, other) = (Scene::new(), Scene::of_start(2));
    let theirs = other.backup_with_key().folder;
    let (line, exit) = text(scene.restore(&theirs, "data", "new-key", &["--yes"]));
    assert!(line.contains("they are two stores") && exit == Exit::Usage, "{line}");
    let old = scene.path("data");
    let replaces = ["--yes", "--replaces", old.to_str().unwrap()];
    let (line, exit) = text(scene.restore(&theirs, "new", "new-key", &replaces));
    assert!(line.contains("they are two stores") && exit == Exit::Usage, "{line}");
    let nowhere = scene.path("nowhere");
    let (line, _) =
        text(scene.restore(&theirs, "new", "new-key", &["--yes", "--replaces", nowhere.to_str().unwrap()]));
    assert!(line.ends_with("there is no store"), "{line}");
    assert!(!scene.path("new").exists());
    let ours = scene.backup_with_key().folder;
    assert!(scene.restore(&ours, "new", "new-key", &replaces).is_ok());
    assert!(
        scene.restore(&theirs, "newer", "their-key", &["--yes"]).is_ok(),
        "nothing says that it is another's"
    );
}

/// Root restores; the server, which is somebody else, must be able to open it.
#[test]
fn what_is_restored_belongs_to_the_owner_of_its_folder() {
    use std::os::unix::fs::{MetadataExt, chown};
    let scene = Scene::new();
    let made = scene.backup_with_key().folder;
    let home = scene.path("home");
    fs::create_dir(&home).unwrap();
    let is_root = fs::metadata(&home).unwrap().uid() == 0;
    let wanted = if is_root { (65_533, 65_534) } else { whose(&home) };
    chown(&home, Some(wanted.0), Some(wanted.1)).unwrap();
    scene.restore(&made, "home/data", "home/key", &["--yes"]).unwrap();
    for path in ["home/data", "home/data/lock", "home/data/head", "home/data/gongji.sqlite", "home/key"] {
        assert_eq!(whose(&scene.path(path)), wanted, "{path}");
    }
    assert_eq!(whose(&scene.path("home/data").join(rule_file("1-national.toml"))), wanted);
    assert_eq!(mode(&scene.path("home/data/gongji.sqlite")), 0o600);
    assert_eq!(whose(&made), whose(&scene.path("data")), "the backup stays whose it was");

    fn whose(path: &Path) -> (u32, u32) {
        let found = fs::metadata(path).unwrap();
        (found.uid(), found.gid())
    }
}
