//! What a machine is made of: steps that decide, records that change rows, and the rows themselves. Knows neither hub
//! nor node.

pub mod assign;
pub mod describe;
pub mod lineage;
pub mod need;
pub mod operation;
pub mod own;
pub mod reading;
pub mod record;
#[cfg(test)]
pub(crate) mod samples;
pub mod scan;
pub mod step;
pub mod table;
pub mod vault;
mod whole;
pub mod working_set;

pub use assign::AssignRequest;
pub use lineage::PeerLineage;
pub use need::{Needs, Prefix};
pub use operation::{OperationAnswered, OperationProposed, OperationRow};
pub use own::{
    IncidentAssigned, IncidentClosed, IncidentRaised, IncidentRow, PeerRow, PeerSeen, SelfRow, TimeLowered,
    TimeNoted,
};
pub use record::{DecodeError, Kind, Record, replay};
pub use scan::{Filter, Order, Scan, Term};
pub use step::{Answers, Batch, Caller, Machine, OtherAnswer, Output, Step, Ticket};
pub use table::{Change, Key, Row, Stored, Table, TableRow};
pub use vault::{Kept, VaultChange, VaultKeyRow, VaultKeyState};
pub use working_set::WorkingSet;
