//! Gongji (共济): clearing of cross-province medical-insurance wallet (医保钱包) transfers.
//!
//! Each layer may use what stands to its right, never back:
//! `cli → {hub, node, sim} → {net, engine} → store → domain`; leaves: `config, telemetry, privacy, proto`.

/// What servers read at start, checked: their TOML files, the table of places, the rulebook.
pub mod config;
pub mod domain;
pub mod engine;
pub mod net;
pub mod privacy;
pub mod store;
