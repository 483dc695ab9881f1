//! Gongji (共济): clearing of cross-province medical-insurance wallet (医保钱包) transfers.
//!
//! Each layer may use what stands to its right, never back:
//! `main → cli → {devkit, sim → testkit} → server → {transport, engine} → {wire, store} → domain`; leaves: `config,
//! telemetry, privacy, durable, proto` (`proto` is not for domain, store and engine).

// A panic says what was expected: `expect`. Tests may leave that to their line.
#![cfg_attr(not(test), warn(clippy::unwrap_used))]

#[cfg(all(test, not(feature = "dev")))]
compile_error!("the tests need the feature `dev`: leave out --no-default-features");

/// The command line: one file a subcommand.
pub mod cli;
/// What servers read at start, checked: their TOML files, the table of places, the rulebook.
pub mod config;
/// Development tools on real files and processes. Only with the feature `dev`.
#[cfg(feature = "dev")]
pub mod devkit;
/// The pure core: values, rules, the two state machines, records and rows.
pub mod domain;
/// Files and folders that survive a crash.
pub mod durable;
/// The single writer: load – decide – append.
pub mod engine;
/// The vault's cryptography: keyed hashes, sealing, normalised names.
pub mod privacy;
/// Generated code of `proto/`.
pub mod proto;
/// The two servers, hub and node, and what they share.
pub mod server;
/// The simulator: real machines over a simulated network, disk and clock. Only with the feature `dev`.
#[cfg(feature = "dev")]
pub mod sim;
/// Journal and tables: SQLite and memory.
pub mod store;
/// Logs.
pub mod telemetry;
/// One cluster of a hub and its nodes in memory, behind the simulator and tests. Only with the feature `dev`.
#[cfg(feature = "dev")]
pub mod testkit;
/// Connections: TLS, identity, access, deadlines.
pub mod transport;
/// Between the wire's messages and the core's values; refusals as statuses.
pub mod wire;
