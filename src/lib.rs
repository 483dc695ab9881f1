//! Gongji (共济): clearing of cross-province medical-insurance wallet (医保钱包) transfers.
//!
//! Each layer may use what stands to its right, never back:
//! `main → cli → {hub, node, sim} → {net, engine} → store → domain`; leaves: `config, telemetry, privacy, proto`
//! (`proto` is not for domain, store and engine).

/// The command line: one file a subcommand.
pub mod cli;
/// What servers read at start, checked: their TOML files, the table of places, the rulebook.
pub mod config;
/// The pure core: values, rules, the two state machines, records and rows.
pub mod domain;
/// The single writer: load – decide – append.
pub mod engine;
/// The national hub's server.
pub mod hub;
/// The network edge: TLS, identity, access, conversion, errors.
pub mod net;
/// A province's server.
pub mod node;
/// The vault's cryptography: keyed hashes, sealing, normalised names.
pub mod privacy;
/// Generated code of `proto/`.
pub mod proto;
/// The simulator: real machines over a simulated network, disk and clock.
pub mod sim;
/// Journal and tables: SQLite and memory.
pub mod store;
/// Logs.
pub mod telemetry;
