//! Bytes and codes that may not change unnoticed: what is journaled, and what programs match on. `BLESS=1` writes the
//! files anew; a change in one then shows in review.

mod clearing_events;
mod details;
mod reasons;
mod records;
mod samples;
mod sim_logs;

use std::path::PathBuf;
use std::{env, fs};

/// Where a golden file is.
pub fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Demands that the golden file holds exactly these lines, or writes them when asked to.
fn holds(name: &str, head: &str, lines: &[String]) {
    let text = format!("{head}\n{}\n", lines.join("\n"));
    if env::var_os("BLESS").is_some() {
        fs::write(path(name), &text).expect("written");
    }
    let golden = fs::read_to_string(path(name)).expect("the golden file; BLESS=1 makes it");
    for (number, (now, then)) in text.lines().zip(golden.lines()).enumerate() {
        assert_eq!(now, then, "line {} of {name} (BLESS=1 if the change is meant)", number + 1);
    }
    assert_eq!(text.lines().count(), golden.lines().count(), "{name}");
}
