//! Rules as data, judged by small pure functions: one rule a file.
pub mod rulebook;
