//! The real binary as processes, killed without warning.

mod kill;
mod ledgers;
mod privacy;
mod process;
mod reload;
