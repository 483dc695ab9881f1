//! What the servers read at start: their own TOML file, the table of places and the rulebook. Everything is checked
//! before anything begins; a mistake is one line with file, line, column and what to do. Beside them the file by which
//! clients find servers.

pub mod alarms;
pub mod apps;
pub mod calendar;
pub mod callers;
pub mod connect;
pub mod error;
pub mod hub;
pub mod limits;
pub mod log;
pub mod node;
pub mod peers;
pub mod regions;
pub mod rulebook;
pub mod server;
pub mod settlement;
mod source;
pub mod transport;
mod value;

pub use error::{ConfigError, is_secret};
pub use hub::HubConfig;
pub use node::NodeConfig;
pub use server::ServerConfig;

#[cfg(test)]
mod testing;
