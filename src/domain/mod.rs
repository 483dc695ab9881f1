//! The pure core: rules, states and records as functions of what is handed in. No clock, no randomness, no I/O.
//!
//! Inside, each part uses what stands before it: `value ← reason ← protocol ← rules ← kinds`; `machine` carries records
//! and rows; `hub` and `node` are the two machines; `audit` looks at both.

pub mod audit;
pub mod hub;
pub mod kinds;
pub mod machine;
pub mod node;
pub mod protocol;
pub mod reason;
pub mod rules;
pub mod value;
