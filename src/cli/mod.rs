//! The command line: one file a subcommand. Exit codes are documented in [`Exit`].

mod demo;
mod serve;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: refused, or failed.
    Refused,
    /// 2: not known yet; ask again with the same id.
    Unknown,
    /// 64: wrong use or configuration.
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Refused => 1,
            Exit::Unknown => 2,
            Exit::Usage => 64,
        })
    }
}

/// Gongji (共济): clearing of cross-province 医保钱包 transfers.
#[derive(Debug, Parser)]
#[command(
    name = "gongji",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 not known yet (ask with the same id), 64 wrong use or configuration."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start a hub and four provinces on this machine and show what they do.
    Demo(demo::Args),
    /// Run the national hub.
    Hub(serve::Args),
    /// Run a province's node.
    Node(serve::Args),
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no mistakes.
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Done };
            let _ = error.print();
            return exit.into();
        }
    };
    let exit = match cli.command {
        Command::Demo(args) => demo::run(&args),
        Command::Hub(args) => serve::hub(&args),
        Command::Node(args) => serve::node(&args),
    };
    exit.into()
}
