//! Inspect: legs and their totals, for audit and reconciliation. Read beside the writer.

use super::Desk;
use crate::proto::node::{InspectRequest, InspectResponse};
use tonic::Status;

/// Legs by id, state, hub number or window.
pub(super) async fn inspect(_desk: &Desk, _request: InspectRequest) -> Result<InspectResponse, Status> {
    Err(Status::unimplemented(""))
}
