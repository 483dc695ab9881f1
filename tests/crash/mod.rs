//! The real binary as processes, killed without warning, with damaged stores and full disks.

pub mod audit;
#[cfg(debug_assertions)]
mod backup;
mod closing;
mod damage;
mod ends;
mod hang;
mod keys;
mod kill;
mod ledgers;
mod lineage;
mod load;
mod privacy;
pub mod process;
mod random;
mod reload;
mod renewal;
mod restore;
mod restored;
#[cfg(debug_assertions)]
mod steps;
