//! Real servers, real certificates, real stores, over the wire.

mod acceptance;
mod access;
mod audit;
mod batch;
mod breaks;
mod compensation;
mod crowd;
mod deadline;
mod faults;
mod import;
pub mod kit;
mod malformed;
mod members;
mod network;
mod periods;
mod places;
mod reading;
mod repeat;
mod rulebooks;
mod rules;
mod servers;
mod settlement;
mod statement;
mod transfer;
mod waiting;
mod wallets;
