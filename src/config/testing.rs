//! Helpers of this module's tests.

use serde::de::DeserializeOwned;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A file or folder that the repository ships in `deploy/`.
pub(super) fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(name)
}

/// A file with this text in a folder of its own.
pub(super) fn file(name: &str, text: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

/// The keys that a struct knows, as serde names them when it refuses one.
pub(super) fn keys_of<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = toml::from_str::<T>("no_such_key = 1").err().unwrap();
    let names: Vec<&str> = error.message().split('`').skip(1).step_by(2).collect();
    assert_eq!(names[0], "no_such_key");
    names[1..].iter().map(|name| (*name).to_owned()).collect()
}

/// An example file with every setting that it shows commented out ("#key = …", "#[table]") put in force.
pub(super) fn uncommented(text: &str) -> String {
    let shown = |rest: &str| rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '[');
    let lines = text.lines().map(|line| line.strip_prefix('#').filter(|rest| shown(rest)).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The keys of a table.
pub(super) fn keys_in(table: &toml::Table) -> BTreeSet<String> {
    table.keys().cloned().collect()
}

/// Asserts that each setting and table of an example file has a line of explanation right above it.
pub(super) fn assert_each_setting_is_explained(text: &str) {
    let mut above = "";
    for line in text.lines() {
        let setting = line.trim_start_matches('#');
        let prose = line.starts_with("# ");
        if !prose && setting.contains(" = ") && !setting.starts_with(' ') {
            assert!(above.starts_with("# "), "no explanation above: {line}");
        }
        above = line;
    }
}
