//! Real servers, real certificates, real stores, over the wire.

mod acceptance;
mod access;
mod batch;
mod crowd;
mod deadline;
mod faults;
pub mod kit;
mod malformed;
mod members;
mod reading;
mod repeat;
mod rules;
mod servers;
mod transfer;
