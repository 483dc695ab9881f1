//! The one test binary.

mod docs;
mod foreign;
