//! Lists of breaks, and what operators say of one.

use crate::domain::hub::breaks::BreakInput;
use crate::domain::hub::tables::BreakRow;
use crate::domain::hub::{Input, Record};
use crate::domain::machine::TableRow;
use crate::proto::hub::{
    AssignBreakRequest, AssignBreakResponse, CloseBreakRequest, CloseBreakResponse, ListBreaksRequest,
    ListBreaksResponse,
};
use crate::server::common::Answer;
use crate::server::common::snapshot_stream::Waiting;
use crate::server::hub::Shared;
use crate::store::AnyTables;
use crate::transport::access_layer::caller;
use crate::transport::identity::Role;
use crate::wire::settlement::breaks::{
    assign_break_from_proto, break_to_proto, breaks_of_request, close_break_from_proto,
};
use tonic::{Request, Response};

impl Shared {
    pub(super) async fn list_breaks(
        &self,
        request: Request<ListBreaksRequest>,
    ) -> Answer<ListBreaksResponse> {
        self.recovery.life()?;
        let own = caller(&request)?.province();
        let it = request.get_ref();
        let asked = Waiting::read(breaks_of_request(it, own)?, it.page_size, &it.page_token)?;
        let read = move |tables: &mut AnyTables<Record>| asked.page(tables);
        let (rows, next_page_token) = self.lists.run(read).await?;
        let breaks = rows.iter().filter_map(BreakRow::of).map(break_to_proto).collect();
        Ok(Response::new(ListBreaksResponse { breaks, next_page_token }))
    }

    pub(super) async fn assign_break(
        &self,
        request: Request<AssignBreakRequest>,
    ) -> Answer<AssignBreakResponse> {
        let operator = caller(&request)?.to_string();
        let is_operator = |owner: &str| matches!(owner.parse(), Ok(Role::Operator(_)));
        let request = assign_break_from_proto(request.get_ref(), operator, is_operator)?;
        let row = self.engine.ask(|ticket| Input::Breaks(BreakInput::Assign { ticket, request })).await?;
        Ok(Response::new(AssignBreakResponse { r#break: Some(break_to_proto(&row)) }))
    }

    pub(super) async fn close_break(
        &self,
        request: Request<CloseBreakRequest>,
    ) -> Answer<CloseBreakResponse> {
        let operator = caller(&request)?.to_string();
        let request = close_break_from_proto(request.get_ref(), operator)?;
        let row = self.engine.ask(|ticket| Input::Breaks(BreakInput::Close { ticket, request })).await?;
        let state = if row.close_time.is_some() { "CLOSED" } else { "PROPOSED" };
        tracing::warn!(window = %row.window, province = %row.province, state, "an operator has spoken of a break");
        Ok(Response::new(CloseBreakResponse { r#break: Some(break_to_proto(&row)) }))
    }
}
