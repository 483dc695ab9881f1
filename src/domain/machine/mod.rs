//! What a machine is made of: steps that decide, records that change rows, and the rows themselves. Knows neither hub
//! nor node.

pub mod describe;
pub mod need;
pub mod own;
pub mod reading;
pub mod record;
#[cfg(test)]
pub(crate) mod samples;
pub mod scan;
pub mod step;
pub mod table;
mod whole;
pub mod working_set;
