//! The network edge: who a peer is, what it may call, the connections between servers, and what stands on the wire.

pub mod access;
pub mod access_layer;
pub mod backoff;
pub mod books;
pub mod convert;
pub mod deadline;
mod gathering;
pub mod identity;
pub mod incoming;
pub mod issue;
pub mod mark;
mod outgoing;
pub mod peer;
pub mod rules;
pub mod running;
pub mod server;
pub mod status;
pub mod tls;
pub mod watch;
