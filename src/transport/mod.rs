//! Connections between servers and clients: TLS, who a peer is, what it may call, and its deadline.

pub mod access;
pub mod access_layer;
pub mod backoff;
mod coalescing;
pub mod deadline;
pub mod identity;
pub mod incoming;
mod outgoing;
pub mod peer;
pub mod tls;
