//! What hub and node serve alike.

pub mod overdue_alarms;
pub mod rulebook_reload;
pub mod running;
pub mod sender;
pub mod serve;
pub mod snapshot_stream;
