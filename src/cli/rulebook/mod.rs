//! `gongji rulebook`: check rule files, and show what they say of a place on a day, with sources, or between two days.

mod diff;
mod folder;

use super::Exit;
use super::output::{OutputArgs, note, say};
use super::table::table;
use crate::config::regions;
use crate::config::rulebook::cited::{Setting, settings};
use crate::config::rulebook::report::{FileReport, check};
use crate::domain::value::{Day, hex};
use folder::{Place, PlaceArgs};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Check rule files, and say of each mistake its file, line and column
    #[command(after_help = "Exit codes: 0 all are sound, 64 a mistake was found.")]
    Check {
        /// Rule files, or folders of them; with national.toml among them, also whether together they are complete
        #[arg(required = true, value_name = "FILES")]
        paths: Vec<PathBuf>,
        /// The table of places [default: regions.toml beside the folder of the first file]
        #[arg(long, value_name = "FILE")]
        regions: Option<PathBuf>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the rules of a place on a day: each value, its grade and source, and the file and version that set it
    Show {
        #[command(flatten)]
        place: PlaceArgs,
        /// The day, "2026-11-21"
        #[arg(long, value_name = "DAY", value_parser = day)]
        day: Day,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show what differs between two places on a day, between two days of one place, or between two folders
    Diff(diff::Args),
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "write a day that exists as YYYY-MM-DD".to_owned())
}

/// `gongji rulebook`.
pub(super) fn rulebook(command: &Command) -> Exit {
    match command {
        Command::Check { paths, regions, output } => check_files(paths, regions.as_deref(), *output),
        Command::Show { place, day, output } => {
            tell(place.load().and_then(|place| show(&place, *day, *output)))
        }
        Command::Diff(args) => tell(diff::diff(args)),
    }
}

fn tell(answer: Result<String, String>) -> Exit {
    match answer {
        Ok(text) => {
            say(text);
            Exit::Done
        }
        Err(line) => {
            note(format!("gongji: {line}"));
            Exit::Usage
        }
    }
}

/// regions.toml of the folder above the rule files.
fn beside(path: &Path) -> PathBuf {
    let folder = if path.is_dir() { Some(path) } else { path.parent() };
    // "file.toml" alone has the parent "", which has none itself.
    let folder = folder.filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    folder.join("..").join("regions.toml")
}

fn check_files(paths: &[PathBuf], places: Option<&Path>, output: OutputArgs) -> Exit {
    let places =
        places.map_or_else(|| paths.first().map(|it| beside(it)).unwrap_or_default(), Path::to_owned);
    let directory = match regions::load(&places) {
        Ok(loaded) => loaded.directory,
        Err(error) => return tell(Err(error.to_string())),
    };
    let report = check(paths, &directory);
    if output.json {
        let mistakes = report.mistakes.iter().map(|it| {
            let (line, column) = it.at.unzip();
            json!({ "file": it.file, "line": line, "column": column, "what": it.what, "advice": it.advice })
        });
        let (files, mistakes): (Vec<Value>, Vec<Value>) =
            (report.files.iter().map(file_json).collect(), mistakes.collect());
        say(json!({ "files": files, "mistakes": mistakes }));
    } else {
        let mut sound = table(&["file", "place", "versions", "sets", "hash"]);
        for file in &report.files {
            sound.add_row(file_row(file));
        }
        if !report.files.is_empty() {
            say(sound);
        }
        for file in report.files.iter().filter(|file| !file.examples.is_empty()) {
            let keys = file.examples.join(", ");
            note(format!("{}: example values that no source gives this place: {keys}", file.path.display()));
        }
        report.mistakes.iter().for_each(|mistake| note(format!("gongji: {mistake}")));
    }
    if report.mistakes.is_empty() { Exit::Done } else { Exit::Usage }
}

fn file_row(file: &FileReport) -> [String; 5] {
    let name = file.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let days: Vec<&str> = file.versions.iter().map(|(day, _)| day.as_str()).collect();
    let mut sets: Vec<String> = file.versions.iter().map(|(_, keys)| keys.join(" ")).collect();
    if sets.is_empty() {
        sets.push("nothing differs".to_owned());
    }
    let hash = file.hash.map_or_else(String::new, |hash| hex(&hash.0).chars().take(12).collect());
    [name, format!("{} {}", file.code, file.name).trim().to_owned(), days.join("\n"), sets.join("\n"), hash]
}

pub(super) fn file_json(file: &FileReport) -> Value {
    let version = |(day, keys): &(String, Vec<String>)| json!({ "effective_from": day, "sets": keys });
    let versions: Vec<Value> = file.versions.iter().map(version).collect();
    json!({
        "file": file.path, "code": file.code, "name": file.name, "versions": versions, "examples": file.examples,
        "hash": file.hash.map(|hash| hex(&hash.0)),
    })
}

fn show(place: &Place, day: Day, output: OutputArgs) -> Result<String, String> {
    let all = settings(&place.layers, day).map_err(|error| error.to_string())?;
    if output.json {
        let hash = hex(&place.hash.0);
        let (code, name, day) = (&place.code, &place.name, day.to_string());
        let shown = json!({ "code": code, "name": name, "day": day, "hash": hash, "rules": all });
        return Ok(shown.to_string());
    }
    Ok(format!("{} {day}\n{}\nhash {}", title(place), settings_table(&all), hex(&place.hash.0)))
}

fn title(place: &Place) -> String {
    format!("{} {}", place.code, place.name)
}

/// Rules as a table for people.
pub(super) fn settings_table(all: &[Setting]) -> comfy_table::Table {
    let mut shown = table(&["rule", "value", "grade", "source", "set by"]);
    shown.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(118);
    for it in all {
        let by = format!("{}\n{}", it.file, it.effective_from);
        shown.add_row([&it.key, &it.value, &it.grade, &it.source, &by]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(subcommand)]
        command: Command,
    }

    fn exit(words: &[&str]) -> Exit {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/rulebooks");
        let words = words.iter().map(|word| if *word == "DIR" { folder } else { word });
        rulebook(&Line::try_parse_from(["rulebook"].into_iter().chain(words)).unwrap().command)
    }

    #[test]
    fn every_command_has_the_documented_exit_code() {
        let day = ["--day", "2026-11-21", "--rulebooks", "DIR"];
        let with = |words: &[&'static str]| [words, &day].concat();
        for words in [
            vec!["check", "DIR"],
            vec!["check", "DIR", "--json"],
            with(&["show", "--province", "14"]),
            with(&["show", "--region", "130181", "--json"]),
            with(&["diff", "--province", "50", "--to-day", "2025-01-01"]),
            with(&["diff", "--province", "50", "--to-province", "14", "--json"]),
        ] {
            assert_eq!(exit(&words), Exit::Done, "{words:?}");
        }
        for words in [
            vec!["check", "/nowhere/x.toml", "--regions", "/nowhere/regions.toml"],
            with(&["show", "--province", "99"]),
            with(&["show", "--region", "999999"]),
        ] {
            assert_eq!(exit(&words), Exit::Usage, "{words:?}");
        }
    }
}
