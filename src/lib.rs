//! Gongji (共济): clearing of cross-province medical-insurance wallet (医保钱包) transfers.
//!
//! Each layer may use what stands to its right, never back:
//! `cli → {hub, node, sim} → {net, engine} → store → domain`; leaves: `config, telemetry, privacy, proto`.

pub mod domain;
pub mod net;
pub mod proto;
pub mod store;
