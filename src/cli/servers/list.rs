//! What the lists of servers' open matters share: their arguments, and what could not be read.

use crate::cli::Exit;
use crate::cli::client::{CallArgs, duration};
use crate::cli::failure::Failure;
use crate::cli::json::unknown;
use crate::cli::output::OutputArgs;
use crate::cli::pager::Page;
use prost_types::Timestamp;
use serde_json::{Value, json};
use std::fmt::Display;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Arguments of each list.
#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only what waits for at least so long, for example 30s or 10m
    #[arg(long, value_name = "TIME", value_parser = duration)]
    older_than: Option<Duration>,
    /// Most rows to print of each server
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = rows)]
    pub(super) limit: usize,
    /// Where to ask, and how to print.
    #[command(flatten)]
    pub(super) call: CallArgs,
}

/// At least one: servers take a page of none for one of the usual size.
pub(super) fn rows(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|rows| *rows > 0).ok_or_else(|| "write a whole number from 1 on".to_owned())
}

impl ListArgs {
    /// As the wire has it.
    pub(super) fn older_than(&self) -> Option<prost_types::Duration> {
        self.older_than.and_then(|age| prost_types::Duration::try_from(age).ok())
    }
}

impl ListArgs {
    /// The youngest that is old enough, by this machine's clock: for servers that do not look at ages.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.older_than.map(|age| SystemTime::now().checked_sub(age).unwrap_or(UNIX_EPOCH).into())
    }
}

/// What was read of several servers, each row with the server that has it.
pub(in crate::cli) struct Found<T> {
    /// The rows.
    pub(in crate::cli) rows: Vec<T>,
    more: bool,
    unread: Vec<Value>,
    unchecked: Vec<String>,
}

impl<T> Found<T> {
    /// Nothing yet.
    pub(in crate::cli) fn new() -> Found<T> {
        Found { rows: Vec::new(), more: false, unread: Vec::new(), unchecked: Vec::new() }
    }

    /// Takes what one server said. One that cannot be read does not hide the others.
    pub(in crate::cli) fn take<R>(
        &mut self,
        server: &str,
        read: Result<Page<R>, Failure>,
        row: impl Fn(R) -> T,
    ) {
        match read {
            Ok(page) => {
                self.more |= page.more();
                self.rows.extend(page.rows.into_iter().map(row));
            }
            Err(failure) => {
                // Standard output is for what was read.
                failure.report(OutputArgs { json: false });
                self.unread.push(json!({ "server": server, "error": failure.to_string() }));
            }
        }
    }

    /// Notes what a server cannot be asked: it is no fault of the list, and must not be taken for "nothing".
    pub(in crate::cli) fn not_checked(&mut self, what: String) {
        self.unchecked.push(what);
    }

    /// Prints all of it.
    pub(in crate::cli) fn print(
        &self,
        output: OutputArgs,
        name: &str,
        row: impl Fn(&T) -> Value,
        table: impl FnOnce() -> comfy_table::Table,
    ) -> Exit {
        let whole = self.unread.is_empty();
        let rows: Vec<Value> = self.rows.iter().map(row).collect();
        let mut document = json!({ name: rows, "more": self.more, "unread": self.unread });
        if !self.unchecked.is_empty() {
            document["not_checked"] = self.unchecked.clone().into();
        }
        output.print(
            || if whole { document } else { unknown(document, None) },
            || {
                let closing = closing(self.rows.len(), self.more);
                format!("{}\n{closing}{}", table(), not_checked(&self.unchecked))
            },
        );
        if whole { Exit::Done } else { Exit::Unknown }
    }
}

/// What a last line says was not checked.
pub(in crate::cli) fn not_checked(what: &[String]) -> String {
    if what.is_empty() { String::new() } else { format!("; not checked 未核对: {}", what.join("; ")) }
}

/// The last line of a list.
pub(super) fn closing(count: usize, more: bool) -> impl Display {
    if more { format!("{count} shown; there are more, raise --limit") } else { format!("{count} in all") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        list: ListArgs,
    }

    #[test]
    fn a_list_has_at_least_one_row() {
        let limit =
            |text: &str| Line::try_parse_from(["x", "--limit", text]).ok().map(|line| line.list.limit);
        assert_eq!((limit("1"), limit("5000")), (Some(1), Some(5_000)));
        assert_eq!((limit("0"), limit("-1"), limit("x")), (None, None, None));
    }
}
