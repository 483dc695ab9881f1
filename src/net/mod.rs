//! The network edge: who a peer is, what it may call, and the connections between servers.

pub mod access;
pub mod access_layer;
pub mod identity;
pub mod issue;
pub mod tls;
