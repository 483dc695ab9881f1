//! What a machine is made of: steps that decide, records that change rows, and the rows themselves. Knows neither hub
//! nor node.

pub mod own;
pub mod reading;
pub mod record;
pub mod scan;
pub mod step;
pub mod table;
pub mod working_set;
