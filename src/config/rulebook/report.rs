//! A check of rule files for people: every file's first mistake, not only the first of all, and what each file sets.

use super::{NATIONAL, PlaceFile, book, read, rule_files, twice};
use crate::config::error::ConfigError;
use crate::domain::rules::rulebook::{RulePlace, Rulebook};
use crate::domain::value::{Digest, RegionDirectory};
use std::path::{Path, PathBuf};

/// A rule file that is sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileReport {
    /// Path of the file.
    pub path: PathBuf,
    /// Code of its place; empty for the nation.
    pub code: String,
    /// Name of its place.
    pub name: String,
    /// First days of its versions, with the keys that each sets.
    pub versions: Vec<(String, Vec<String>)>,
    /// Keys whose grade says that they are only an example.
    pub examples: Vec<String>,
    /// Content hash of the rules of its place; none when the national file was not among the files.
    pub hash: Option<Digest>,
}

/// What a check of several files found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Sound files.
    pub files: Vec<FileReport>,
    /// Mistakes, the first of each file.
    pub mistakes: Vec<ConfigError>,
}

/// Checks rule files, and folders of them. Without [`NATIONAL`] among them each is checked for itself and against the
/// others; with it, also whether all together make a rulebook.
pub fn check(paths: &[PathBuf], regions: &RegionDirectory) -> Report {
    let (mut report, mut sound) = (Report::default(), Vec::<PlaceFile>::new());
    for path in paths {
        let named = if path.is_dir() { rule_files(path) } else { Ok(vec![path.clone()]) };
        let folder_without = |files: &[PathBuf]| path.is_dir() && !files.iter().any(|it| is_national(it));
        match named {
            Err(mistake) => report.mistakes.push(mistake),
            Ok(files) => {
                if folder_without(&files) {
                    report.mistakes.push(ConfigError {
                        file: path.clone(),
                        at: None,
                        what: format!("has no {NATIONAL}"),
                        advice: "put the national defaults there".to_owned(),
                    });
                }
                for file in files {
                    match read(&file, regions) {
                        Ok(file) if sound.iter().any(|it| it.place == file.place) => {
                            report.mistakes.push(twice(&file));
                        }
                        Ok(file) => sound.push(file),
                        Err(mistake) => report.mistakes.push(mistake),
                    }
                }
            }
        }
    }
    let book = match book(&sound) {
        Ok(book) => book,
        Err(mistake) => {
            report.mistakes.push(mistake);
            None
        }
    };
    report.files = sound.iter().map(|file| describe(file, book.as_ref(), regions)).collect();
    report
}

fn is_national(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == NATIONAL)
}

fn describe(file: &PlaceFile, book: Option<&Rulebook>, regions: &RegionDirectory) -> FileReport {
    let province = |code| regions.province(code).map_or_else(String::new, |it| it.name.clone());
    let (code, name) = match file.place {
        None => (String::new(), "全国".to_owned()),
        Some(RulePlace::Province(code)) => (code.to_string(), province(code)),
        Some(RulePlace::Area(_, area)) => {
            (area.to_string(), regions.locate(area).map_or_else(String::new, |it| it.name.clone()))
        }
    };
    let (mut versions, mut examples) = (Vec::new(), Vec::new());
    // It was read before: a table of tables.
    let table: toml::Table = toml::from_str(&file.text.layer.text).unwrap_or_default();
    let entries = table.get("version").and_then(toml::Value::as_array).map_or(&[][..], Vec::as_slice);
    for entry in entries.iter().filter_map(toml::Value::as_table) {
        let day = entry.get("effective_from").and_then(toml::Value::as_str).unwrap_or_default();
        let rules: Vec<_> = entry.iter().filter_map(|(key, cited)| Some((key, cited.as_table()?))).collect();
        let is_example =
            |cited: &toml::Table| cited.get("grade").and_then(toml::Value::as_str) == Some("EXAMPLE");
        examples.extend(rules.iter().filter(|(_, cited)| is_example(cited)).map(|(key, _)| (*key).clone()));
        versions.push((day.to_owned(), rules.iter().map(|(key, _)| (*key).clone()).collect()));
    }
    let last = |hash: &Digest| {
        let layers = book.and_then(|book| book.layers(hash)).and_then(<[_]>::last);
        layers.is_some_and(|layer| layer.text == file.text.layer.text)
    };
    let hash = book.and_then(|book| book.texts().map(|(hash, _)| *hash).find(last));
    FileReport { path: file.source.path.clone(), code, name, versions, examples, hash }
}
