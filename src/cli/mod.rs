//! The command line: a folder or file for each noun that commands are about. What they share stands beside: where
//! servers are ([`client`]), what is printed ([`output`], [`json`], [`table`], [`show`], [`time`]), lists by
//! pages ([`pager`]), changes that are asked for until their outcome is known ([`until_known`]), persons ([`person`]),
//! stores of either machine (`any_store`), and why a command failed ([`failure`]). Exit codes: [`Exit`].

mod any_store;
pub mod audit;
mod backup;
#[cfg(feature = "dev")]
mod bench;
#[cfg(feature = "dev")]
mod certs;
pub mod client;
mod clock;
mod compensations;
#[cfg(feature = "dev")]
mod demo;
pub mod failure;
#[cfg(test)]
mod golden_tests;
mod journal;
pub mod json;
mod keys;
mod members;
mod operations;
pub mod output;
pub mod pager;
pub mod person;
mod regions;
mod rulebook;
mod servers;
pub mod settle;
pub mod show;
#[cfg(feature = "dev")]
mod sim;
pub mod table;
pub mod time;
mod transfers;
pub mod until_known;
mod wallet;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// How a command ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: refused, or failed, or what was found could not be printed.
    Refused,
    /// 2: not known yet; ask again with the same id. `--json` says so: `"outcome": "unknown"`, with the id.
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
#[derive(Parser)]
#[command(
    name = "gongji",
    version,
    about,
    after_help = "Exit codes: 0 done, 1 refused or failed, 2 not known yet (ask with the same id), 64 wrong use or \
                  configuration."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Measure transfers a second, latency and memory, then audit the ledgers
    #[cfg(feature = "dev")]
    Bench(bench::Args),
    /// Check every invariant over the books of a running hub and its nodes
    Audit(audit::Args),
    /// Start a hub and four provinces on this machine and show what they do
    #[cfg(feature = "dev")]
    Demo(demo::Args),
    /// Run the national hub, or list what waits there
    Hub(servers::HubArgs),
    /// Run a province's node, or list what waits there
    Node(servers::NodeArgs),
    /// List what people must look at: orders that contradict what is recorded, and what a restored store had to guess
    Incidents(servers::incidents::IncidentsArgs),
    /// Carry money of a committed transfer back, by the word of two operators
    #[command(subcommand)]
    Compensate(compensations::Command),
    /// Propose, approve and list what two operators must agree on
    #[command(subcommand)]
    Operations(operations::Command),
    /// Clearing: windows, and what provinces owe each other in them
    #[command(subcommand)]
    Settle(settle::Command),
    /// Show how the clocks of the hub and its nodes stand, and whether they are believed
    Clock(clock::ClockArgs),
    /// Make development certificates
    #[cfg(feature = "dev")]
    #[command(subcommand)]
    Certs(certs::Command),
    /// Check configuration files as a server would at its start
    ConfigCheck(servers::config_check::Args),
    /// Make one transfer and wait for its outcome
    Transfer(transfers::create::Args),
    /// Say whether a transfer would be allowed, and every rule against it
    Check(transfers::check::Args),
    /// Explain a transfer: its decision, the rule behind it, and the rulebook of that day
    Explain(transfers::explain::Args),
    /// Read transfers and follow their changes
    #[command(subcommand)]
    Transfers(transfers::Command),
    /// Open and read a member's wallet (医保钱包)
    #[command(subcommand)]
    Wallet(wallet::Command),
    /// Show places and whether their wallet is open
    #[command(subcommand)]
    Regions(regions::Command),
    /// Check, show and compare the rules of places
    #[command(subcommand)]
    Rulebook(rulebook::Command),
    /// Feed insurance data and allotments to a node
    #[command(subcommand)]
    Members(members::Command),
    /// Read and verify a server's journal
    #[command(subcommand)]
    Journal(journal::Command),
    /// The keys of a server's vault: list them, add one, delete one that nothing needs
    #[command(subcommand)]
    Keys(keys::Command),
    /// Copy a server's store and its vault's key while it serves, and check the copy
    Backup(backup::BackupArgs),
    /// Make a server's store again from a backup, and say first what that loses
    Restore(backup::RestoreArgs),
    /// Simulate crashes, partitions, failing disks and wrong clocks from seeds, and check every invariant
    #[cfg(feature = "dev")]
    Sim(sim::Args),
}

impl Command {
    fn run(self) -> Exit {
        match self {
            #[cfg(feature = "dev")]
            Command::Bench(args) => bench::run(&args),
            Command::Audit(args) => audit::audit(&args),
            #[cfg(feature = "dev")]
            Command::Demo(args) => demo::run(&args),
            Command::Hub(args) => servers::hub(&args),
            Command::Node(args) => servers::node(&args),
            Command::Incidents(args) => servers::incidents::incidents(&args),
            Command::Operations(command) => operations::operations(&command),
            Command::Settle(command) => settle::settle(&command),
            Command::Clock(args) => clock::clock(&args),
            Command::Compensate(command) => compensations::compensate(&command),
            #[cfg(feature = "dev")]
            Command::Certs(command) => certs::certs(&command),
            Command::ConfigCheck(args) => servers::config_check::config_check(&args),
            Command::Transfer(args) => transfers::create::transfer(&args),
            Command::Check(args) => transfers::check::check(&args),
            Command::Explain(args) => transfers::explain::explain(&args),
            Command::Transfers(command) => transfers::transfers(&command),
            Command::Wallet(command) => wallet::wallet(&command),
            Command::Regions(command) => regions::regions(&command),
            Command::Rulebook(command) => rulebook::rulebook(&command),
            Command::Members(command) => members::members(&command),
            Command::Journal(command) => journal::journal(&command),
            Command::Keys(command) => keys::keys(&command),
            Command::Backup(args) => backup::backup(&args),
            Command::Restore(args) => backup::restore(&args),
            #[cfg(feature = "dev")]
            Command::Sim(args) => sim::run(&args),
        }
    }
}

/// Parses the command line and runs the command.
pub fn main() -> ExitCode {
    let exit = match Cli::try_parse() {
        Ok(cli) => cli.command.run(),
        Err(error) => {
            output::written(error.print());
            // Help and version are no mistakes.
            if error.use_stderr() { Exit::Usage } else { Exit::Done }
        }
    };
    output::ended(exit).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_explains_itself() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "`{}` has no help", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "`{}` of {}", argument.get_id(), command.get_name());
            }
            command.get_subcommands().for_each(check);
        }
        check(&Cli::command());
    }

    #[test]
    fn a_server_and_the_lists_of_what_waits_there_are_told_apart() {
        let parse =
            |line: &str| Cli::try_parse_from(line.split(' ')).map(|_| ()).map_err(|error| error.kind());
        for good in [
            "gongji hub --config hub.toml",
            "gongji node --config node.toml",
            "gongji hub in-flight --older-than 1m --json",
            "gongji node in-doubt --province 51",
            "gongji incidents",
            "gongji incidents assign --transfer ID --side payer --to operator:wang --note N --province 51",
            "gongji audit",
        ] {
            assert_eq!(parse(good), Ok(()), "{good}");
        }
        let missing = Err(clap::error::ErrorKind::MissingRequiredArgument);
        assert_eq!([parse("gongji hub"), parse("gongji node")], [missing, missing]);
        assert!(parse("gongji hub --config hub.toml in-flight").is_err(), "one or the other");
    }

    #[test]
    fn exit_codes_are_those_documented() {
        let code = |exit: Exit| format!("{:?}", ExitCode::from(exit));
        for (exit, number) in [(Exit::Done, 0), (Exit::Refused, 1), (Exit::Unknown, 2), (Exit::Usage, 64)] {
            assert_eq!(code(exit), format!("{:?}", ExitCode::from(number)));
        }
    }
}
