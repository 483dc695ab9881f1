//! `gongji journal`: reads a server's store beside the running server, and checks it.

#[cfg(test)]
mod tests;

use super::Exit;
use super::any_store::{AnySnapshot, either};
use super::failure::Failure;
use super::output::{OutputArgs, say};
use super::table::list;
use super::time::{local, rfc3339};
use crate::domain::machine::Record;
use crate::domain::machine::describe::{Detail, Details};
use crate::domain::value::{TransferId, hex};
use crate::domain::{hub, node};
use crate::store::sqlite::Snapshot;
use crate::store::{JournalEntry, StoreError};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};

/// Entries read at a time.
const PAGE: usize = 1_000;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show records of a store's journal
    Show {
        /// The store's folder (`data` in the server's configuration)
        dir: PathBuf,
        /// First sequence to show
        #[arg(long, value_name = "SEQ", default_value_t = 1)]
        from: u64,
        /// Most records to show
        #[arg(long, default_value_t = 50)]
        limit: usize,
        /// Only records about this transfer
        #[arg(long, value_name = "ID", value_parser = transfer_id)]
        transfer: Option<TransferId>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Check a store: every hash of the chain anew, every row of every table, and that replaying the journal gives
    /// exactly the tables (all but the vault's). Holds all rows in memory
    Verify {
        /// The store's folder
        dir: PathBuf,
        #[command(flatten)]
        output: OutputArgs,
    },
}

fn transfer_id(text: &str) -> Result<TransferId, String> {
    TransferId::parse(text).ok_or_else(|| "a transfer id is a UUID in its hyphenated form".to_owned())
}

/// `gongji journal`.
pub(super) fn journal(command: &Command) -> Exit {
    let (output, outcome) = match command {
        Command::Show { dir, from, limit, transfer, output } => {
            (*output, show(dir, *from, *limit, *transfer, *output))
        }
        Command::Verify { dir, output } => (*output, verify_all(dir, *output)),
    };
    outcome.unwrap_or_else(|failure| failure.report(output))
}

fn open(dir: &Path) -> Result<AnySnapshot, Failure> {
    if !dir.is_dir() {
        return Err(Failure::Usage(format!("{}: there is no such folder", dir.display())));
    }
    AnySnapshot::open(dir).map_err(|error| failed(dir, &error))
}

fn failed(dir: &Path, error: &StoreError) -> Failure {
    Failure::Local(format!("{}: {error}", dir.display()))
}

fn show(
    dir: &Path,
    from: u64,
    limit: usize,
    transfer: Option<TransferId>,
    output: OutputArgs,
) -> Result<Exit, Failure> {
    let mut store = open(dir)?;
    let (head, owner) = (store.head(), store.owner().map_err(|error| failed(dir, &error))?);
    if output.json {
        let entries = either!(&mut store, store => select(store, from, limit, transfer, to_json));
        let entries = entries.map_err(|error| failed(dir, &error))?;
        let head = json!({ "sequence": head.sequence, "hash": hex(&head.hash.0) });
        say(json!({ "owner": owner, "head": head, "records": entries }));
        return Ok(Exit::Done);
    }
    let rows = either!(&mut store, store => select(store, from, limit, transfer, cells));
    let rows = rows.map_err(|error| failed(dir, &error))?;
    say(list(["sequence", "record", "transfer", "content", "hash"], rows, &[0]));
    say(format!("journal of {owner}, last sequence {}, head {}", head.sequence, hex(&head.hash.0)));
    Ok(Exit::Done)
}

fn cells<R: Record>(entry: &JournalEntry<R>) -> [String; 5] {
    let content: Vec<String> =
        details(entry).into_iter().map(|(name, detail)| format!("{name} {}", for_people(&detail))).collect();
    [
        entry.sequence.to_string(),
        entry.record.name().to_owned(),
        entry.transfer_id.map_or_else(String::new, |id| id.to_string()),
        content.join("\n"),
        hex(&entry.hash.0[..6]),
    ]
}

/// What the record says; the transfer that it is about stands beside.
fn details<R: Record>(entry: &JournalEntry<R>) -> Details {
    let about = entry.transfer_id.map(|id| Detail::Text(id.to_string()));
    let mut details = entry.record.details();
    details.retain(|(_, detail)| Some(detail) != about.as_ref());
    details
}

fn for_people(detail: &Detail) -> String {
    match detail {
        Detail::Nothing => "–".to_owned(),
        Detail::Text(text) => text.clone(),
        Detail::Number(number) => number.to_string(),
        Detail::Flag(flag) => flag.to_string(),
        Detail::Time(at) => local(*at),
    }
}

fn for_programs(detail: Detail) -> Value {
    match detail {
        Detail::Nothing => Value::Null,
        Detail::Text(text) => text.into(),
        Detail::Number(number) => number.into(),
        Detail::Flag(flag) => flag.into(),
        Detail::Time(at) => rfc3339(at).into(),
    }
}

/// An entry for programs.
fn to_json<R: Record>(entry: &JournalEntry<R>) -> Value {
    let pair = |(name, detail): (&'static str, Detail)| (name.to_owned(), for_programs(detail));
    let content: Map<String, Value> = details(entry).into_iter().map(pair).collect();
    json!({
        "sequence": entry.sequence,
        "record": entry.record.name(),
        "transfer_id": entry.transfer_id.map(|id| id.to_string()),
        "content": content,
        "hash": hex(&entry.hash.0),
    })
}

/// What a record is about, also among others.
trait About: Record {
    fn is_about(&self, transfer: TransferId) -> bool {
        self.transfer_id() == Some(transfer)
    }
}

impl About for node::Record {}

impl About for hub::Record {
    fn is_about(&self, transfer: TransferId) -> bool {
        match self {
            hub::Record::DecisionsRecorded(record) => record.legs.iter().any(|(id, _)| *id == transfer),
            _ => self.transfer_id() == Some(transfer),
        }
    }
}

/// Entries from a sequence on, of one transfer or of all, each turned into what is shown.
fn select<R: About, T>(
    store: &mut Snapshot<R>,
    from: u64,
    limit: usize,
    transfer: Option<TransferId>,
    show: impl Fn(&JournalEntry<R>) -> T,
) -> Result<Vec<T>, StoreError> {
    let (mut after, mut found) = (from.saturating_sub(1), Vec::new());
    while found.len() < limit {
        let page = store.journal(after, if transfer.is_some() { PAGE } else { PAGE.min(limit) })?;
        let Some(last) = page.last() else { break };
        after = last.sequence;
        let wanted = |entry: &&JournalEntry<R>| transfer.is_none_or(|id| entry.record.is_about(id));
        found.extend(page.iter().filter(wanted).map(&show));
    }
    found.truncate(limit);
    Ok(found)
}

fn verify_all(dir: &Path, output: OutputArgs) -> Result<Exit, Failure> {
    let mut store = open(dir)?;
    let owner = store.owner().map_err(|error| failed(dir, &error))?;
    let verified = store.verify_replay().map_err(|error| failed(dir, &error))?;
    let head = verified.report.head;
    if output.json {
        say(json!({
            "owner": owner,
            "sound": verified.difference.is_none(),
            "records": verified.report.records,
            "rows": verified.report.rows,
            "head": { "sequence": head.sequence, "hash": hex(&head.hash.0) },
            "difference": verified.difference,
        }));
    } else {
        let (records, rows) = (verified.report.records, verified.report.rows);
        say(format!("journal of {owner}: {records} records, chain whole, head {}", hex(&head.hash.0)));
        say(match &verified.difference {
            None => format!("tables: {rows} rows, replaying the journal gives the same"),
            Some(difference) => format!("tables: NOT what the journal gives: {difference}"),
        });
    }
    Ok(if verified.difference.is_none() { Exit::Done } else { Exit::Refused })
}
