//! The pure core: rules, states and records as functions of what is handed in. No clock, no randomness, no I/O.

pub mod acceptance;
pub mod apply;
pub mod audit;
pub mod books;
pub mod calendar;
#[cfg(test)]
mod chaos_tests;
mod column;
pub mod coordinator;
pub mod daily;
pub mod id;
pub mod id_number;
pub mod invariant;
mod keeping;
pub mod kinship;
pub mod ledger;
pub mod member;
pub mod money;
mod numbered;
pub mod outbox;
pub mod overdue;
pub mod participant;
pub mod policy;
pub mod protocol;
pub mod reason;
pub mod record;
pub mod refusal;
pub mod region;
pub mod returns;
pub mod row;
pub mod scan;
pub mod step;
mod table;
#[cfg(test)]
pub(crate) mod toy;
pub mod transfer;
pub mod working_set;
