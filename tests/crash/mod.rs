//! The real binary as processes, killed without warning.

mod audit;
mod kill;
mod ledgers;
mod privacy;
mod process;
