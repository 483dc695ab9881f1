//! The two servers, and what they share.

pub mod common;
pub mod hub;
pub mod node;
