//! The pure core: rules, states and records as functions of what is handed in. No clock, no randomness, no I/O.

pub mod calendar;
mod column;
pub mod id;
pub mod id_number;
pub mod kinship;
pub mod ledger;
pub mod member;
pub mod money;
mod numbered;
pub mod policy;
pub mod protocol;
pub mod reason;
pub mod record;
pub mod region;
pub mod row;
pub mod scan;
pub mod transfer;
pub mod working_set;
