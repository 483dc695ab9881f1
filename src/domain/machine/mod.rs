//! What a machine is made of: steps that decide, records that change rows, and the rows themselves.

pub mod apply;
pub mod describe;
pub mod peer;
pub mod record;
mod retention;
pub mod row;
pub mod scan;
pub mod step;
pub mod table;
pub mod working_set;
