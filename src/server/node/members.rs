//! MemberService: the province's own system feeds insurance data and allotments (划入). Every request is done once.

use super::Shared;
use super::requests::Request as Asked;
use super::vault::Known;
use crate::domain::machine::{TableRow, Ticket};
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{EntryRow, Key, PersonRow};
use crate::domain::node::{Input, MemberReport, NodeMachine, Standing, Upserted};
use crate::domain::reason::Reason;
use crate::domain::value::{MemberRef, Person};
use crate::engine::{AskError, Waiting};
use crate::privacy::random::random_16;
use crate::proto::node::member_service_server::MemberService;
use crate::proto::node::{
    CreditAccountRequest, CreditAccountResponse, GetMemberRequest, GetMemberResponse, Member, RejectedMember,
    SuspendSettlementRequest, SuspendSettlementResponse, UpdateInsuranceRequest, UpdateInsuranceResponse,
    UpsertMembersRequest, UpsertMembersResponse,
};
use crate::server::common::Answer;
use crate::wire::account::{entry_to_proto, member_to_proto};
use crate::wire::member::MemberInput;
use crate::wire::status::{Problem, problem_of_store};
use std::sync::Arc;
use tonic::{Request, Response, Streaming};

/// Rows of a stream that are carried out together, in one or two syncs.
const TOGETHER: usize = 256;
/// Rejected rows that an answer describes; the rest is counted.
const REJECTED_SHOWN: usize = 100;
/// Another request may make the same person's vault row first; then the row is looked up again.
const TRIES: usize = 3;

/// MemberService, over what the server shares.
pub(super) struct Members(pub(super) Arc<Shared>);

fn shown(standing: &Standing, person: &Person) -> Result<Member, Problem> {
    let row = standing.member.as_ref().ok_or_else(|| Problem::new(Reason::MemberNotFound))?;
    Ok(member_to_proto(row, Some(&standing.account), person))
}

impl Shared {
    /// The member of this name and number.
    pub(super) async fn member(&self, person: &Person) -> Result<Known, Problem> {
        let known = self.vault.known(std::slice::from_ref(person)).await.map_err(problem_of_store)?;
        let known = known.into_iter().next().flatten();
        known.filter(|known| known.person == *person).ok_or_else(|| Problem::new(Reason::MemberNotFound))
    }

    /// Carries out what is asked for a member once, however often it is asked.
    pub(super) async fn carry_out(
        &self,
        person: &Person,
        asked: Asked<'_>,
        input: impl FnOnce(Ticket<Box<Standing>>, RequestMark, MemberRef) -> Input,
    ) -> Result<Box<Standing>, Problem> {
        let member_ref = self.member(person).await?.member_ref;
        let request = asked.mark(&self.vault.key());
        Ok(self.engine.ask(|ticket| input(ticket, request, member_ref)).await?)
    }

    pub(super) async fn look(&self, member_ref: MemberRef) -> Result<Box<Standing>, Problem> {
        Ok(self.engine.ask(|ticket| Input::Look { ticket, member_ref }).await?)
    }

    /// Hands in a report about a member whom the vault knows as `known`, or does not know yet.
    fn begin_report(
        &self,
        input: &MemberInput,
        known: Option<&Known>,
    ) -> Result<Waiting<NodeMachine, Upserted>, AskError> {
        let member_ref = known.map_or_else(|| MemberRef(random_16()), |known| known.member_ref);
        let phone = input.phone.as_ref().map(|phone| phone.reveal());
        let phone = phone.or_else(|| known.and_then(|known| known.phone.as_deref()));
        let (person, key) = (&input.party.person, self.vault.key());
        let report = MemberReport {
            request: Asked::of_report(input).mark(&key),
            insurance: input.insurance,
            person_known: known.is_some_and(|it| it.person == *person && it.phone.as_deref() == phone),
            person: PersonRow {
                id_hash: key.id_hash(&person.id_number),
                member_ref,
                sealed: key.seal_person(member_ref, person, phone),
            },
        };
        self.engine.begin(|ticket| Input::Upsert { ticket, report: Box::new(report) })
    }

    /// Reports members together; an answer each, in order.
    async fn report(&self, inputs: &[MemberInput]) -> Vec<Result<Box<Standing>, Problem>> {
        let mut results: Vec<Option<Result<Box<Standing>, Problem>>> = inputs.iter().map(|_| None).collect();
        for _ in 0..TRIES {
            let open: Vec<usize> = (0..inputs.len()).filter(|at| results[*at].is_none()).collect();
            let persons: Vec<Person> = open.iter().map(|at| inputs[*at].party.person.clone()).collect();
            let known = match self.vault.known(&persons).await {
                Ok(known) => known,
                Err(error) => {
                    let problem = problem_of_store(error);
                    return inputs.iter().map(|_| Err(problem.clone())).collect();
                }
            };
            let begun: Vec<_> = open
                .iter()
                .zip(&known)
                .map(|(at, known)| self.begin_report(&inputs[*at], known.as_ref()))
                .collect();
            for (at, begun) in open.into_iter().zip(begun) {
                let answer = match begun {
                    Ok(waiting) => waiting.answer().await,
                    Err(error) => Err(error),
                };
                results[at] = match answer {
                    Ok(Upserted::PersonChanged) => None,
                    Ok(Upserted::Standing(standing)) => Some(Ok(standing)),
                    Err(error) => Some(Err(error.into())),
                };
            }
        }
        let unknown = || Err(Problem::new(Reason::OutcomeUnknown));
        results.into_iter().map(|result| result.unwrap_or_else(unknown)).collect()
    }
}

/// What became of a stream so far.
#[derive(Default)]
struct Tally {
    next: u64,
    answer: UpsertMembersResponse,
}

impl Tally {
    fn reject(&mut self, index: u64, request_id: &str, problem: Problem) {
        self.answer.rejected_count += 1;
        if self.answer.rejected.len() < REJECTED_SHOWN {
            let error = Some(problem.into_rpc_status());
            self.answer.rejected.push(RejectedMember { index, error, request_id: request_id.to_owned() });
        }
    }

    async fn take(&mut self, shared: &Shared, rows: Vec<UpsertMembersRequest>) {
        let (mut inputs, mut places) = (Vec::new(), Vec::new());
        for row in rows {
            match shared.reading().upsert_member(&row) {
                Ok(input) => {
                    inputs.push(input);
                    places.push(self.next);
                }
                Err(problem) => self.reject(self.next, &row.request_id, problem),
            }
            self.next += 1;
        }
        for ((input, place), result) in inputs.iter().zip(places).zip(shared.report(&inputs).await) {
            match result {
                Ok(standing) if standing.changed => self.answer.accepted_count += 1,
                Ok(_) => self.answer.unchanged_count += 1,
                Err(problem) => self.reject(place, &input.request_id, problem),
            }
        }
    }
}

#[tonic::async_trait]
impl MemberService for Members {
    async fn upsert_members(
        &self,
        request: Request<Streaming<UpsertMembersRequest>>,
    ) -> Answer<UpsertMembersResponse> {
        let mut stream = request.into_inner();
        let mut tally = Tally::default();
        let mut rows = Vec::new();
        while let Some(row) = stream.message().await? {
            rows.push(row);
            if rows.len() == TOGETHER {
                tally.take(&self.0, std::mem::take(&mut rows)).await;
            }
        }
        tally.take(&self.0, rows).await;
        tally.answer.rejected.sort_by_key(|row| row.index);
        Ok(Response::new(tally.answer))
    }

    async fn get_member(&self, request: Request<GetMemberRequest>) -> Answer<GetMemberResponse> {
        let shared = &self.0;
        let party = shared.reading().only_party(request.get_ref().party.as_ref())?;
        let known = shared.member(&party.person).await?;
        let standing = shared.look(known.member_ref).await?;
        let member = shown(&standing, &party.person)?;
        Ok(Response::new(GetMemberResponse { member: Some(member) }))
    }

    async fn update_insurance(
        &self,
        request: Request<UpdateInsuranceRequest>,
    ) -> Answer<UpdateInsuranceResponse> {
        let shared = &self.0;
        let input = shared.reading().update_insurance(request.get_ref())?;
        shared.member(&input.party.person).await?;
        let result = shared.report(std::slice::from_ref(&input)).await.into_iter().next();
        let standing = result.unwrap_or_else(|| Err(Problem::new(Reason::Internal)))?;
        let member = shown(&standing, &input.party.person)?;
        Ok(Response::new(UpdateInsuranceResponse { member: Some(member) }))
    }

    async fn credit_account(&self, request: Request<CreditAccountRequest>) -> Answer<CreditAccountResponse> {
        let shared = &self.0;
        let input = shared.reading().credit_account(request.get_ref())?;
        let (amount, period) = (input.amount, input.period);
        let credit =
            |ticket, request, member_ref| Input::Credit { ticket, request, member_ref, amount, period };
        let standing = shared.carry_out(&input.party.person, Asked::of_credit(&input), credit).await?;
        let key = Key::Entry(standing.entry_id.ok_or_else(|| Problem::new(Reason::Internal))?);
        let rows = shared.reader.run(move |tables| tables.load(&[key])).await.map_err(problem_of_store)?;
        let entry = rows.iter().flatten().find_map(EntryRow::of).map(entry_to_proto);
        Ok(Response::new(CreditAccountResponse { entry, balance: standing.account.posted.to_string() }))
    }

    async fn suspend_settlement(
        &self,
        request: Request<SuspendSettlementRequest>,
    ) -> Answer<SuspendSettlementResponse> {
        let shared = &self.0;
        let input = shared.reading().suspension(request.get_ref())?;
        let person = &input.party.person;
        let suspension = input.suspension;
        let suspend =
            |ticket, request, member_ref| Input::Suspend { ticket, request, member_ref, suspension };
        let standing = shared.carry_out(person, Asked::of_suspension(&input), suspend).await?;
        Ok(Response::new(SuspendSettlementResponse { member: Some(shown(&standing, person)?) }))
    }
}
