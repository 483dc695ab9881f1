//! `gongji members`: what the province's own system tells its node of its members.

pub mod csv;
mod import;
mod lines;
mod numbers;
pub mod report;
mod suspend;

use super::Exit;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Feed a file of insurance rows, and allotments (划入), to a province's node; safe to run again
    Import(import::Args),
    /// Exclude a member from the network settlement (暂停联网结算) for misuse, or lift that
    Suspend(suspend::Args),
}

/// `gongji members`.
pub(super) fn members(command: &Command) -> Exit {
    match command {
        Command::Import(args) => import::import(args),
        Command::Suspend(args) => suspend::suspend(args),
    }
}
