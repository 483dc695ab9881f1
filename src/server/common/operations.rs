//! OperationService: what two operators must agree on. Hub and nodes serve it alike.

use super::Answer;
use super::snapshot_stream::Waiting;
use crate::domain::machine::operation::{OperationRequest, OperationRow, OperationWord};
use crate::domain::machine::{Answers, Filter, Machine, Record, Row, Table as _, Ticket};
use crate::domain::machine::{AssignRequest, IncidentRow};
use crate::domain::reason::Reason;
use crate::domain::value::TransferId;
use crate::engine::{Doubt, Handle, SystemClock};
use crate::proto::hub::operation_service_server::OperationService;
use crate::proto::hub::{
    ApproveOperationRequest, ApproveOperationResponse, AssignIncidentRequest, AssignIncidentResponse,
    ClockDoubt, GetClockRequest, GetClockResponse, ListOperationsRequest, ListOperationsResponse, Operation,
    PeerClock, ProposeOperationRequest, ProposeOperationResponse, WithdrawOperationRequest,
    WithdrawOperationResponse,
};
use crate::server::common::lists::Lists;
use crate::store::AnyTables;
use crate::transport::access_layer::caller;
use crate::transport::identity::Role;
use crate::wire::audit::incident_to_proto;
use crate::wire::operation::{assign_from_proto, only_operation_id, operation_to_proto, proposal_from_proto};
use crate::wire::status::Problem;
use crate::wire::time::timestamp;
use std::sync::Arc;
use tonic::{Request, Response};

/// Makes an operator's word an input of a machine.
pub type OperationInput<M> =
    Box<dyn Fn(Ticket<Box<OperationRow>>, OperationRequest) -> <M as Machine>::Input + Send + Sync>;

/// OperationService over a server's engine.
pub struct Operations<M: Machine> {
    /// The way into its engine.
    pub engine: Handle<M>,
    /// Reads beside the writer.
    pub lists: Lists<M::Record>,
    /// Its clock.
    pub clock: Arc<SystemClock>,
    /// An operator's word as an input of its machine.
    pub input: OperationInput<M>,
    /// Who looks into an incident, as an input of its machine.
    pub assign: fn(Ticket<Box<IncidentRow>>, AssignRequest) -> M::Input,
}

impl<M: Machine<Answer: Answers<Box<OperationRow>>>> Operations<M> {
    async fn say(
        &self,
        role: &Role,
        operation_id: TransferId,
        word: OperationWord,
    ) -> Result<Operation, Problem> {
        let is_clock_believed = self.clock.standing().reading.doubt.is_none();
        let request = OperationRequest { operation_id, operator: role.to_string(), word, is_clock_believed };
        let row = self.engine.ask(|ticket| (self.input)(ticket, request)).await?;
        tracing::warn!(
            operation_id = %row.operation_id,
            operation = row.operation.name(),
            reason_code = row.reason_code,
            state = operation_to_proto(&row).state().as_str_name(),
            operator = %role,
            "an operator has spoken of an operation"
        );
        Ok(operation_to_proto(&row))
    }
}

fn doubt_to_proto(doubt: Doubt) -> ClockDoubt {
    match doubt {
        Doubt::Stepped(_) => ClockDoubt::Stepped,
        Doubt::AheadOfJournal(_) => ClockDoubt::AheadOfJournal,
        Doubt::BehindJournal(_) => ClockDoubt::BehindJournal,
        Doubt::Denied(_) => ClockDoubt::DeniedByPeers,
    }
}

#[tonic::async_trait]
impl<M> OperationService for Operations<M>
where
    M: Machine<Input: Send, Answer: Answers<Box<OperationRow>> + Answers<Box<IncidentRow>> + Send>
        + Send
        + 'static,
{
    async fn propose_operation(
        &self,
        request: Request<ProposeOperationRequest>,
    ) -> Answer<ProposeOperationResponse> {
        let role = caller(&request)?;
        let (id, word) = proposal_from_proto(request.get_ref())?;
        let operation = Some(self.say(&role, id, word).await?);
        Ok(Response::new(ProposeOperationResponse { operation }))
    }

    async fn approve_operation(
        &self,
        request: Request<ApproveOperationRequest>,
    ) -> Answer<ApproveOperationResponse> {
        let role = caller(&request)?;
        let id = only_operation_id(&request.get_ref().operation_id)?;
        let operation = Some(self.say(&role, id, OperationWord::Approve).await?);
        Ok(Response::new(ApproveOperationResponse { operation }))
    }

    async fn withdraw_operation(
        &self,
        request: Request<WithdrawOperationRequest>,
    ) -> Answer<WithdrawOperationResponse> {
        let role = caller(&request)?;
        let id = only_operation_id(&request.get_ref().operation_id)?;
        let operation = Some(self.say(&role, id, OperationWord::Withdraw).await?);
        Ok(Response::new(WithdrawOperationResponse { operation }))
    }

    async fn list_operations(
        &self,
        request: Request<ListOperationsRequest>,
    ) -> Answer<ListOperationsResponse> {
        type TableOf<M> = <<<M as Machine>::Record as Record>::Row as Row>::Table;
        let it = request.get_ref();
        let table = TableOf::<M>::ALL.iter().find(|table| table.name() == "operation");
        let table = *table.ok_or_else(|| Problem::new(Reason::Internal))?;
        let asked = Waiting::read(Filter::all(table), it.page_size, &it.page_token)?;
        let read = move |tables: &mut AnyTables<M::Record>| asked.page(tables);
        let (rows, next_page_token) = self.lists.run(read).await?;
        let operations = rows.iter().filter_map(Row::as_operation).map(operation_to_proto).collect();
        Ok(Response::new(ListOperationsResponse { operations, next_page_token }))
    }

    async fn assign_incident(
        &self,
        request: Request<AssignIncidentRequest>,
    ) -> Answer<AssignIncidentResponse> {
        let role = caller(&request)?;
        let is_operator = |owner: &str| matches!(owner.parse(), Ok(Role::Operator(_)));
        let request = assign_from_proto(request.get_ref(), role.to_string(), is_operator)?;
        let row = self.engine.ask(|ticket| (self.assign)(ticket, request)).await.map_err(Problem::from)?;
        let incident = Some(incident_to_proto(&row));
        Ok(Response::new(AssignIncidentResponse { incident }))
    }

    async fn get_clock(&self, _: Request<GetClockRequest>) -> Answer<GetClockResponse> {
        let standing = self.clock.standing();
        let reading = standing.reading;
        let peers = standing.peers.iter();
        Ok(Response::new(GetClockResponse {
            wall_time: Some(timestamp(reading.wall)),
            time: Some(timestamp(reading.now.civil)),
            stamped_time: standing.stamped.map(timestamp),
            believed: reading.doubt.is_none(),
            doubt: reading.doubt.map_or(ClockDoubt::Unspecified, doubt_to_proto).into(),
            off_ms: reading.doubt.map_or(0, |doubt| doubt.off_ms()),
            peers: peers
                .map(|(peer, off_ms)| PeerClock { province_code: peer.to_string(), off_ms: *off_ms })
                .collect(),
        }))
    }
}
