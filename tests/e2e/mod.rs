//! Real servers, real certificates, real stores, over the wire.

pub mod kit;
mod transfer;
