//! What hub and node serve alike.

mod calls;
pub mod certificate_reload;
pub mod health;
pub mod lists;
pub mod operations;
pub mod overdue_alarms;
pub mod rulebook_reload;
pub mod running;
pub mod sender;
pub mod serve;
pub mod snapshot_stream;
pub mod unlisted_areas;
pub mod vault_keys;

use crate::engine::AskError;
use crate::wire::status::Problem;
use tonic::{Response, Status};

/// What a method answers.
pub type Answer<T> = Result<Response<T>, Status>;

/// Why a machine did not do what a caller asked, as he is told.
impl From<AskError> for Problem {
    fn from(error: AskError) -> Problem {
        error.refusal().into()
    }
}

impl From<AskError> for Status {
    fn from(error: AskError) -> Status {
        Problem::from(error).into()
    }
}
