//! Ratios that are measured in one run, by hand, on a machine that does nothing else, and with the program as it is
//! released: `just load`.

mod hang;
mod listers;
