//! Connections between servers and clients: TLS, who a peer is, what it may call, and its deadline.

pub mod access;
pub mod access_layer;
pub mod backoff;
pub mod channel;
mod coalescing;
pub mod deadline;
pub mod identity;
pub mod incoming;
pub mod material;
mod outgoing;
pub mod peer;
pub mod refusals;
mod role_verifier;
pub mod tls;

#[cfg(test)]
mod testing;
