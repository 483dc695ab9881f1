//! Between the wire and the core: transport, identity, access, conversion and errors.

pub mod convert;
pub mod status;
