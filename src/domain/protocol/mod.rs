//! What hub and nodes say to each other about a transfer, and the states that it goes through.

pub mod call;
pub mod kind;
pub mod leg;
pub mod message;
pub mod transfer;
