//! The real binary as processes, killed without warning, with damaged stores and full disks.

#[cfg(debug_assertions)]
mod backup;
mod damage;
mod kill;
mod ledgers;
mod load;
mod privacy;
mod process;
mod random;
#[cfg(debug_assertions)]
mod steps;
