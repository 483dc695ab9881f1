//! CompensationService: what operators say about money that is to be carried back.

use super::Shared;
use crate::domain::hub::tables::{CompensationRow, Key, Table, TransferRow};
use crate::domain::hub::{CompensationRequest, CompensationWord, Input, Record};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, TableRow, Term};
use crate::domain::reason::Reason;
use crate::domain::value::TransferId;
use crate::proto::hub::compensation_service_server::CompensationService;
use crate::proto::hub::{
    ApproveCompensationRequest, ApproveCompensationResponse, Compensation, ListCompensationsRequest,
    ListCompensationsResponse, ProposeCompensationRequest, ProposeCompensationResponse,
    WithdrawCompensationRequest, WithdrawCompensationResponse,
};
use crate::server::common::Answer;
use crate::server::common::snapshot_stream::Waiting;
use crate::store::AnyTables;
use crate::transport::access_layer::caller;
use crate::transport::deadline::remaining_ms;
use crate::transport::identity::Role;
use crate::wire::compensation::{
    NewCompensation, compensation_to_proto, listed_transfer, new_compensation, only_compensation_id,
};
use crate::wire::status::{Problem, problem_of_store};
use std::sync::Arc;
use tonic::{Request, Response};

/// CompensationService, over what the server shares.
pub(super) struct Compensations(pub(super) Arc<Shared>);

impl Shared {
    /// Hands in an operator's word, and gives the compensation as it stands then.
    async fn say_of_compensation(
        &self,
        role: &Role,
        compensation_id: TransferId,
        word: CompensationWord,
    ) -> Result<Compensation, Problem> {
        let request = CompensationRequest { compensation_id, operator: role.to_string(), word };
        self.engine.ask(|ticket| Input::Compensate { ticket, request }).await?;
        self.compensation(compensation_id).await
    }

    /// A compensation with its transfer, as they are stored.
    async fn compensation(&self, id: TransferId) -> Result<Compensation, Problem> {
        let keys = [Key::Compensation(id), Key::Transfer(id)];
        let rows = self.reader.run(move |tables| tables.load(&keys)).await.map_err(problem_of_store)?;
        let mut rows = rows.iter().flatten();
        let row = rows.clone().find_map(CompensationRow::of).ok_or(Problem::new(Reason::Internal))?;
        Ok(compensation_to_proto(row, rows.find_map(TransferRow::of)))
    }
}

#[tonic::async_trait]
impl CompensationService for Compensations {
    async fn propose_compensation(
        &self,
        request: Request<ProposeCompensationRequest>,
    ) -> Answer<ProposeCompensationResponse> {
        let shared = &self.0;
        let role = caller(&request)?;
        let NewCompensation { compensation_id, original_id, amount, reason } =
            new_compensation(request.get_ref())?;
        let terms_digest = shared.keys.now().compensation_digest(compensation_id, original_id, amount);
        let word = CompensationWord::Propose { original_id, amount, reason, terms_digest };
        let compensation = shared.say_of_compensation(&role, compensation_id, word).await?;
        Ok(Response::new(ProposeCompensationResponse { compensation: Some(compensation) }))
    }

    async fn approve_compensation(
        &self,
        request: Request<ApproveCompensationRequest>,
    ) -> Answer<ApproveCompensationResponse> {
        let shared = &self.0;
        let role = caller(&request)?;
        let deadline_ms = remaining_ms(request.metadata(), shared.deadline_default_ms);
        let id = only_compensation_id(&request.get_ref().compensation_id)?;
        let word = CompensationWord::Approve { deadline_ms };
        let compensation = shared.say_of_compensation(&role, id, word).await?;
        // Another operator may ask how it stands by approving again.
        if compensation.answerer == role.to_string() {
            tracing::warn!(
                compensation_id = %id,
                approver = %role,
                state = compensation.state().as_str_name(),
                "an operator has approved a compensation"
            );
        }
        Ok(Response::new(ApproveCompensationResponse { compensation: Some(compensation) }))
    }

    async fn withdraw_compensation(
        &self,
        request: Request<WithdrawCompensationRequest>,
    ) -> Answer<WithdrawCompensationResponse> {
        let role = caller(&request)?;
        let id = only_compensation_id(&request.get_ref().compensation_id)?;
        let compensation = self.0.say_of_compensation(&role, id, CompensationWord::Withdraw).await?;
        Ok(Response::new(WithdrawCompensationResponse { compensation: Some(compensation) }))
    }

    async fn list_compensations(
        &self,
        request: Request<ListCompensationsRequest>,
    ) -> Answer<ListCompensationsResponse> {
        self.0.recovery.life()?;
        let it = request.get_ref();
        let filter = Filter::all(Table::Compensation);
        let filter = match listed_transfer(&it.transfer_id)? {
            Some(of) => filter.and(Term::Is("original_id", value(&of))),
            None => filter,
        };
        let asked = Waiting::read(filter, it.page_size, &it.page_token)?;
        let read = move |tables: &mut AnyTables<Record>| {
            let (rows, token) = asked.page(tables)?;
            let rows: Vec<CompensationRow> = rows.iter().filter_map(CompensationRow::of).cloned().collect();
            let keys: Vec<Key> = rows.iter().map(|row| Key::Transfer(row.compensation_id)).collect();
            Ok((rows, tables.load(&keys)?, token))
        };
        let (rows, transfers, next_page_token) = self.0.lists.run(read).await?;
        let transfers = transfers.iter().map(|row| row.as_ref().and_then(TransferRow::of));
        let compensations =
            rows.iter().zip(transfers).map(|(row, transfer)| compensation_to_proto(row, transfer));
        Ok(Response::new(ListCompensationsResponse {
            compensations: compensations.collect(),
            next_page_token,
        }))
    }
}
