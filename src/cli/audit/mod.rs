//! `gongji audit`: the invariants over the books of servers that work.

pub mod gather;
mod report;

use super::Exit;
use super::client::{CallArgs, Connection};
use super::failure::Failure;
use super::json::unknown;
use super::output::note;
use gather::{Sources, gather};
use report::Report;

/// Arguments.
#[derive(clap::Args)]
#[command(
    after_help = "Reads only. Exit codes: 0 clean, 1 something is off (the ids are printed), 2 not known, since \
                        a server could not be read, 64 wrong use."
)]
pub struct Args {
    /// Most findings to print for each invariant; --json prints all
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji audit`.
pub fn audit(args: &Args) -> Exit {
    args.call.run(async |connection| check(args, &connection).await)
}

async fn check(args: &Args, connection: &Connection) -> Result<Exit, Failure> {
    let hub = connection.hub_as_operator()?;
    let mut nodes = std::collections::BTreeMap::new();
    for province in connection.provinces() {
        nodes.insert(province, connection.node_as_operator(province)?.peer().clone());
    }
    let sources = Sources { hub: hub.peer().clone(), nodes, patience: hub.timeout() };
    let gathered = match gather(&sources).await {
        Ok(gathered) => gathered,
        Err(status) => {
            // Without the hub's books nothing is known.
            hub.failed(*status).report_as(args.call.output, |document| unknown(document, None));
            return Ok(Exit::Unknown);
        }
    };
    let report = Report::of(gathered);
    args.call.output.print(|| report.to_json(), || report.to_text(args.limit));
    if !args.call.output.json {
        report.unread().for_each(|line| note(format!("gongji: {line}")));
    }
    Ok(report.exit())
}
