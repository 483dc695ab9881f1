//! The real binary as processes, killed without warning.

#[cfg(debug_assertions)]
mod backup;
mod kill;
mod ledgers;
mod load;
mod privacy;
mod process;
#[cfg(debug_assertions)]
mod steps;
