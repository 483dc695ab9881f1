//! TransferService: what apps and provinces' platforms call. Handlers hand an input to the engine and wait; a caller
//! that goes away cancels nothing.

use super::acceptance::Said;
use super::repeats::may_be_repeat;
use super::tries::{Asked, UnderWay};
use super::{Shared, lists};
use crate::domain::hub::tables::{Key, PartiesRow, TransferRow};
use crate::domain::hub::{CreateRequest, Input, Record, WaitMode};
use crate::domain::machine::TableRow;
use crate::domain::protocol::TermsDigests;
use crate::domain::reason::Reason;
use crate::domain::value::RegionCode;
use crate::privacy::names::Form;
use crate::privacy::people::MaskedParties;
use crate::proto::hub::transfer_service_server::TransferService;
use crate::proto::hub::{
    AcceptTransferRequest, AcceptTransferResponse, BatchGetTransfersRequest, BatchGetTransfersResponse,
    BatchGetTransfersResult, CheckTransferRequest, CheckTransferResponse, CreateTransferRequest,
    CreateTransferResponse, DeclineTransferRequest, DeclineTransferResponse, GetTransferRequest,
    GetTransferResponse, ListTransfersRequest, ListTransfersResponse, SubmitTransfersRequest,
    SubmitTransfersResponse, SubmitTransfersResult, Transfer, WatchTransfersRequest,
    batch_get_transfers_result, submit_transfers_result,
};
use crate::proto::types;
use crate::server::common::Answer;
use crate::store::AnyTables;
use crate::transport::access_layer::{caller, standing};
use crate::transport::deadline::remaining_ms;
use crate::transport::identity::Role;
use crate::wire::reader::{Reader, check_batch, only_transfer_id};
use crate::wire::status::{Problem, problem_of_store};
use crate::wire::terms::{NewTransfer, only_wait_mode};
use crate::wire::transfer::transfer_to_proto;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tonic::{Request, Response};

/// TransferService, over what the server shares.
pub(super) struct Transfers(pub(super) Arc<Shared>);

/// A transfer that was handed in, with what its answer will show of the persons.
struct Begun {
    answer: JoinHandle<Result<Arc<TransferRow>, Problem>>,
    parties: MaskedParties,
}

async fn answered(begun: Result<Begun, Problem>) -> Result<Transfer, Problem> {
    let Begun { answer, parties } = begun?;
    let row = answer.await.map_err(|_| Problem::new(Reason::OutcomeUnknown))??;
    Ok(transfer_to_proto(&row, Some(&parties)))
}

/// Who hands in a transfer, for how long he waits, and for what; none: what the request itself says.
#[derive(Clone, Copy)]
struct Caller<'a> {
    role: &'a Role,
    deadline_ms: u64,
    wait: Option<WaitMode>,
}

impl Caller<'_> {
    /// The same caller, who has waited so long.
    fn after(self, waited: Duration) -> Self {
        let waited_ms = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
        Caller { deadline_ms: self.deadline_ms.saturating_sub(waited_ms), ..self }
    }

    fn read(self, reader: &Reader<'_>, request: &CreateTransferRequest) -> Result<NewTransfer, Problem> {
        match self.wait {
            None => reader.create_transfer(request),
            Some(wait) => reader.batch_item(request, wait),
        }
    }
}

impl Shared {
    /// Permission comes before validation: a province that can be read at all is enough to refuse.
    pub(super) fn may_speak_for(&self, role: &Role, party: Option<&types::Party>) -> Result<(), Problem> {
        let code = party.and_then(|party| RegionCode::parse(&party.region_code));
        let province = code.and_then(|code| self.places.locate(code)).map(|area| area.province);
        match province {
            Some(province) if !self.may_act_for(role, province) => {
                Err(Problem::new(Reason::ProvinceNotAllowed))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Reads what a transfer says, and whom it is about.
    fn read<'a>(
        &self,
        caller: Caller<'a>,
        request: &CreateTransferRequest,
    ) -> Result<(NewTransfer, Asked<'a>), Problem> {
        self.may_speak_for(caller.role, request.payer.as_ref())?;
        let transfer = caller.read(&self.reading(), request)?;
        let asked = self.asked(caller.role, &transfer.content.terms);
        Ok((transfer, asked))
    }

    /// Hands a transfer in, once those of its persons that are under way leave room for it.
    async fn begin(&self, caller: Caller<'_>, request: &CreateTransferRequest) -> Result<Begun, Problem> {
        if let Some(begun) = self.begin_at_once(caller, request)? {
            return Ok(begun);
        }
        let began = Instant::now();
        // A repeat finds its first answer, whoever else is under way.
        let known = self.as_at_first(caller.role, &request.transfer_id, |it| caller.read(it, request)).await;
        if let Some((transfer, digests)) = known {
            return self.hand_in(caller.after(began.elapsed()), transfer, digests, None);
        }
        let (transfer, asked) = self.read(caller, request)?;
        let room = self.tries.pay(asked, self.today());
        let under_way = timeout(Duration::from_millis(caller.deadline_ms), room)
            .await
            .map_err(|_| Problem::new(Reason::Overloaded))??;
        self.hand_in_new(caller.after(began.elapsed()), transfer, under_way)
    }

    /// The same, where there is room. None: it must wait.
    fn begin_at_once(
        &self,
        caller: Caller<'_>,
        request: &CreateTransferRequest,
    ) -> Result<Option<Begun>, Problem> {
        let (transfer, asked) = self.read(caller, request)?;
        let under_way = self.tries.pay_at_once(asked, self.today())?;
        under_way.map(|it| self.hand_in_new(caller, transfer, it)).transpose()
    }

    /// All are handed in before the first answer is waited for, but for many of the same person: of those each is, as
    /// soon as there is room.
    async fn submit(
        &self,
        caller: Caller<'_>,
        requests: &[CreateTransferRequest],
    ) -> Vec<Result<Transfer, Problem>> {
        let began = Instant::now();
        let at_once = |item| self.begin_at_once(caller.after(began.elapsed()), item).transpose();
        let mut begun: Vec<Option<Result<Begun, Problem>>> = requests.iter().map(at_once).collect();
        let mut waiting = 0;
        let mut results = Vec::with_capacity(requests.len());
        for (place, item) in requests.iter().enumerate() {
            waiting = waiting.max(place);
            while let Some(next) = begun.get_mut(waiting) {
                if next.is_none() {
                    *next = at_once(&requests[waiting]);
                }
                if next.is_none() {
                    break;
                }
                waiting += 1;
            }
            let begun = match begun[place].take() {
                Some(begun) => begun,
                None => self.begin(caller.after(began.elapsed()), item).await,
            };
            waiting = waiting.max(place + 1);
            results.push(self.finish(caller.after(began.elapsed()), item, begun).await);
        }
        results
    }

    fn hand_in_new(
        &self,
        caller: Caller<'_>,
        transfer: NewTransfer,
        under_way: UnderWay,
    ) -> Result<Begun, Problem> {
        let NewTransfer { transfer_id, content, .. } = &transfer;
        let digests =
            self.keys.now().terms_digests(Form::TODAY, *transfer_id, &content.terms, &content.remark);
        self.hand_in(caller, transfer, digests, Some(under_way))
    }

    /// Hands a transfer in. `under_way` counts until it is answered; none of a repeat, which tells nothing new.
    fn hand_in(
        &self,
        caller: Caller<'_>,
        transfer: NewTransfer,
        digests: TermsDigests,
        under_way: Option<UnderWay>,
    ) -> Result<Begun, Problem> {
        let NewTransfer { transfer_id, content, wait, verification } = transfer;
        let parties = MaskedParties::of(&content.terms, &content.remark);
        let (time, day) = (self.clock.now().civil, self.today());
        let request = CreateRequest {
            transfer_id,
            owner: caller.role.to_string(),
            digests,
            parties: PartiesRow {
                transfer_id,
                sealed: self.keys.now().seal_parties(transfer_id, &parties),
                receipt_time: time,
            },
            terms: content.terms,
            verification,
            wait,
            deadline_ms: caller.deadline_ms,
        };
        let answer = self.engine.begin(|ticket| Input::Create { ticket, request: Box::new(request) })?;
        // Whoever goes away meanwhile reads the refusal elsewhere: it counts all the same.
        let answer = tokio::spawn(async move {
            let row = answer.answer().await?;
            // A repeat tells nothing new.
            let refusal = row.refusal.as_ref().filter(|_| row.receipt_time >= time);
            let by_node = refusal.and_then(|it| Some((it.side.of_node()?, it.reason)));
            if let Some((under_way, told)) = under_way.zip(by_node) {
                under_way.refused(day, told);
            }
            Ok(row)
        });
        Ok(Begun { answer, parties })
    }

    /// Waits for a transfer that was handed in. A repeat is not refused before its first answer was looked for.
    async fn finish(
        &self,
        caller: Caller<'_>,
        request: &CreateTransferRequest,
        begun: Result<Begun, Problem>,
    ) -> Result<Transfer, Problem> {
        let (role, id) = (caller.role, &request.transfer_id);
        let mut answer = answered(begun).await;
        if answer.as_ref().is_err_and(may_be_repeat)
            && let Some((transfer, digests)) = self.as_at_first(role, id, |it| caller.read(it, request)).await
        {
            answer = answered(self.hand_in(caller, transfer, digests, None)).await;
        }
        match answer {
            Ok(transfer) => Ok(transfer),
            Err(problem) => Err(self.with_what_is_known(role, id, problem).await),
        }
    }

    /// A stored transfer as it is shown; what cannot be opened was erased.
    pub(super) fn show(&self, row: &TransferRow, parties: Option<&PartiesRow>) -> Transfer {
        let opened =
            parties.and_then(|sealed| self.keys.now().open_parties(row.transfer_id, &sealed.sealed).ok());
        transfer_to_proto(row, opened.as_ref())
    }

    /// Whether a caller may see a transfer: its owner, and who may act for one of its provinces.
    pub(super) fn may_see(&self, role: &Role, row: &TransferRow) -> bool {
        row.owner == role.to_string()
            || self.may_act_for(role, row.payer_province)
            || self.may_act_for(role, row.payee_province)
    }

    /// The transfers with these ids, in order; those that the caller may not see are not there for him.
    async fn get(
        &self,
        role: &Role,
        transfer_ids: Vec<crate::domain::value::id::TransferId>,
    ) -> Result<Vec<Option<Transfer>>, Problem> {
        self.recovery.life()?;
        // What a caller was told is durable: a reading that begins now finds it.
        let read = move |tables: &mut AnyTables<Record>| {
            let keys: Vec<Key> = transfer_ids.into_iter().map(Key::Transfer).collect();
            let rows = tables.load(&keys)?.into_iter();
            let rows: Vec<Option<TransferRow>> =
                rows.map(|row| row.and_then(|it| TransferRow::of(&it).cloned())).collect();
            let known = rows.iter().flatten().cloned().collect();
            let mut found = lists::with_parties(tables, known)?.into_iter();
            Ok(rows.into_iter().map(|row| row.and_then(|_| found.next())).collect::<Vec<_>>())
        };
        let found = self.reader.run(read).await.map_err(problem_of_store)?;
        let visible = found.into_iter().map(|found| found.filter(|(row, _)| self.may_see(role, row)));
        Ok(visible.map(|found| found.map(|(row, parties)| self.show(&row, parties.as_ref()))).collect())
    }
}

#[tonic::async_trait]
impl TransferService for Transfers {
    async fn create_transfer(
        &self,
        request: Request<CreateTransferRequest>,
    ) -> Answer<CreateTransferResponse> {
        let shared = &self.0;
        let role = caller(&request)?;
        let deadline_ms = remaining_ms(request.metadata(), shared.deadline_default_ms);
        let request = request.into_inner();
        let caller = Caller { role: &role, deadline_ms, wait: None };
        let transfer = shared.finish(caller, &request, shared.begin(caller, &request).await).await?;
        Ok(Response::new(CreateTransferResponse { transfer: Some(transfer) }))
    }

    async fn check_transfer(&self, request: Request<CheckTransferRequest>) -> Answer<CheckTransferResponse> {
        let shared = &self.0;
        let role = caller(&request)?;
        let within =
            Duration::from_millis(remaining_ms(request.metadata(), shared.deadline_default_ms) * 8 / 10);
        let request = request.into_inner();
        shared.may_speak_for(&role, request.payer.as_ref())?;
        shared.check(&role, &request, within).await.map(Response::new)
    }

    async fn submit_transfers(
        &self,
        request: Request<SubmitTransfersRequest>,
    ) -> Answer<SubmitTransfersResponse> {
        use submit_transfers_result::Outcome;
        let shared = &self.0;
        let role = caller(&request)?;
        let deadline_ms = remaining_ms(request.metadata(), shared.deadline_default_ms);
        let request = request.into_inner();
        check_batch("requests", request.requests.len())?;
        let wait = only_wait_mode(request.wait)?;
        let caller = Caller { role: &role, deadline_ms, wait: Some(wait) };
        let results = shared.submit(caller, &request.requests).await;
        let outcome = |result: Result<Transfer, Problem>| {
            result.map_or_else(|it| Outcome::Error(it.into_rpc_status()), Outcome::Transfer)
        };
        let results =
            results.into_iter().map(|it| SubmitTransfersResult { outcome: Some(outcome(it)) }).collect();
        Ok(Response::new(SubmitTransfersResponse { results }))
    }

    async fn get_transfer(&self, request: Request<GetTransferRequest>) -> Answer<GetTransferResponse> {
        let role = caller(&request)?;
        let id = only_transfer_id(&request.get_ref().transfer_id)?;
        let found = self.0.get(&role, vec![id]).await?;
        match found.into_iter().next().flatten() {
            Some(transfer) => Ok(Response::new(GetTransferResponse { transfer: Some(transfer) })),
            None => Err(Problem::new(Reason::TransferNotFound).into_status()),
        }
    }

    async fn batch_get_transfers(
        &self,
        request: Request<BatchGetTransfersRequest>,
    ) -> Answer<BatchGetTransfersResponse> {
        use batch_get_transfers_result::Outcome;
        let role = caller(&request)?;
        let request = request.into_inner();
        check_batch("transfer_ids", request.transfer_ids.len())?;
        let ids: Vec<_> = request.transfer_ids.iter().map(|id| only_transfer_id(id)).collect();
        let asked = ids.iter().filter_map(|id| id.as_ref().ok().copied()).collect();
        let mut found = self.0.get(&role, asked).await?.into_iter();
        let outcome = |id: Result<_, Problem>| match id {
            Err(problem) => Outcome::Error(problem.into_rpc_status()),
            Ok(_) => found.next().flatten().map_or_else(
                || Outcome::Error(Problem::new(Reason::TransferNotFound).into_rpc_status()),
                Outcome::Transfer,
            ),
        };
        let results = ids.into_iter().map(outcome).map(|it| BatchGetTransfersResult { outcome: Some(it) });
        Ok(Response::new(BatchGetTransfersResponse { results: results.collect() }))
    }

    async fn list_transfers(&self, request: Request<ListTransfersRequest>) -> Answer<ListTransfersResponse> {
        let role = caller(&request)?;
        self.0.recovery.life()?;
        lists::list(&self.0, &role, request.get_ref()).await.map(Response::new)
    }

    async fn accept_transfer(
        &self,
        request: Request<AcceptTransferRequest>,
    ) -> Answer<AcceptTransferResponse> {
        let shared = &self.0;
        let role = caller(&request)?;
        let deadline_ms = remaining_ms(request.metadata(), shared.deadline_default_ms);
        let request = request.into_inner();
        let read = |reader: &Reader<'_>| reader.accept_transfer(&request);
        let said = Said { id: &request.transfer_id, payee: request.payee.as_ref(), takes: true, deadline_ms };
        let transfer = shared.hear_payee(&role, said, read).await?;
        Ok(Response::new(AcceptTransferResponse { transfer: Some(transfer) }))
    }

    async fn decline_transfer(
        &self,
        request: Request<DeclineTransferRequest>,
    ) -> Answer<DeclineTransferResponse> {
        let shared = &self.0;
        let role = caller(&request)?;
        let deadline_ms = remaining_ms(request.metadata(), shared.deadline_default_ms);
        let request = request.into_inner();
        let read = |reader: &Reader<'_>| reader.decline_transfer(&request);
        let said =
            Said { id: &request.transfer_id, payee: request.payee.as_ref(), takes: false, deadline_ms };
        let transfer = shared.hear_payee(&role, said, read).await?;
        Ok(Response::new(DeclineTransferResponse { transfer: Some(transfer) }))
    }

    type WatchTransfersStream = lists::Changes;

    async fn watch_transfers(&self, request: Request<WatchTransfersRequest>) -> Answer<lists::Changes> {
        let caller = (caller(&request)?, standing(&request)?);
        lists::watch(&self.0, caller, request.get_ref()).map(Response::new)
    }
}
