//! MemberService: the province's own system feeds insurance data and allotments (划入). Every request is done once.

use super::Shared;
use super::requests::{Asks, Request as Asked, Said};
use super::vault::Known;
use crate::domain::machine::{TableRow, Ticket};
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{EntryRow, Key, PersonRow};
use crate::domain::node::{Input, MemberReport, NodeMachine, Standing, Upserted};
use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{AccountState, Day, MemberRef, Person};
use crate::engine::Waiting;
use crate::privacy::random::random_16;
use crate::proto::node::member_service_server::MemberService;
use crate::proto::node::{
    ChangedMember, CreditAccountRequest, CreditAccountResponse, GetMemberRequest, GetMemberResponse, Member,
    MemberChange, RejectedMember, SuspendSettlementRequest, SuspendSettlementResponse,
    UpdateInsuranceRequest, UpdateInsuranceResponse, UpsertMembersRequest, UpsertMembersResponse,
};
use crate::server::common::Answer;
use crate::wire::account::{entry_to_proto, member_to_proto, suspense_text};
use crate::wire::member::MemberInput;
use crate::wire::status::{Problem, problem_of_store};
use std::collections::BTreeSet;
use std::sync::Arc;
use tonic::{Request, Response, Streaming};

/// Rows of a stream that are carried out together, in one or two syncs.
const TOGETHER: usize = 256;
/// Rejected rows, and changed ones, that an answer describes; the rest is counted.
const ROWS_SHOWN: usize = 100;
/// Another request may make the same person's vault row first, or his reference be kept for him; then it is looked up
/// again.
const TRIES: usize = 8;

/// MemberService, over what the server shares.
pub(super) struct Members(pub(super) Arc<Shared>);

fn shown(standing: &Standing, person: &Person) -> Result<Member, Problem> {
    let row = standing.member.as_ref().ok_or_else(|| Problem::new(Reason::MemberNotFound))?;
    let suspense = suspense_text(standing.suspense);
    Ok(Member { suspense, ..member_to_proto(row, Some(&standing.account), person) })
}

impl Shared {
    /// Who the party is, who must be as he is named unless the request of this id was carried out before.
    ///
    /// # Errors
    /// `MEMBER_NOT_FOUND`, `PERSON_UNREADABLE`; and what stands against the place that is named.
    async fn known<T>(
        &self,
        said: &Said<T>,
        party: &Party,
        request: Option<String>,
    ) -> Result<Known, Problem> {
        let asked = [(&party.person.id_number, request)];
        let found = self.vault.known(asked).await.map_err(problem_of_store)?;
        let known = found.into_iter().next().unwrap_or(Ok(None))?;
        said.admit(party, known.as_ref())?;
        let known = known.ok_or_else(|| Problem::new(Reason::MemberNotFound))?;
        if known.request.is_none() {
            known.must_be(party)?;
        }
        Ok(known)
    }

    /// Carries out what is asked for a member once, however often it is asked. A repeat is found before his name and
    /// place are looked at. Gives him as the vault knows him.
    pub(super) async fn carry_out<T: Asks>(
        &self,
        said: &Said<T>,
        input: impl FnOnce(Ticket<Box<Standing>>, RequestMark, MemberRef) -> Input,
    ) -> Result<(Box<Standing>, Person), Problem> {
        let (asked, key, party) = (Asked::of(said), self.vault.key(), said.today.party());
        let known = self.known(said, party, Some(asked.id(&key))).await?;
        let request = asked.mark(&key, Some(&known));
        let standing = self.engine.ask(|ticket| input(ticket, request, known.member_ref)).await?;
        Ok((standing, known.person))
    }

    /// How a member stands, who must be as he is named.
    pub(super) async fn look_at<T>(&self, said: &Said<T>, party: &Party) -> Result<Box<Standing>, Problem> {
        let known = self.known(said, party, None).await?;
        self.look(known.member_ref).await
    }

    pub(super) async fn look(&self, member_ref: MemberRef) -> Result<Box<Standing>, Problem> {
        Ok(self.engine.ask(|ticket| Input::Look { ticket, member_ref }).await?)
    }

    /// Hands in a report about a member whom the vault knows as `known`, or does not know yet; `kept`: the reference
    /// that it was found to have for him.
    fn begin_report(
        &self,
        said: &Said<MemberInput>,
        known: Option<&Known>,
        kept: Option<MemberRef>,
    ) -> Result<Waiting<NodeMachine, Upserted>, Problem> {
        let input = &said.today;
        said.admit(&input.party, known)?;
        let member_ref = known.map(|known| known.member_ref).or(kept);
        let member_ref = member_ref.unwrap_or_else(|| MemberRef(random_16()));
        let phone = input.phone.as_ref().map(|phone| phone.reveal());
        let phone = phone.or_else(|| known.and_then(|known| known.phone.as_deref()));
        let (person, key) = (&input.party.person, self.vault.key());
        let person_known = known.is_some_and(|it| it.person == *person && it.phone.as_deref() == phone);
        if let Some(known) = known.filter(|known| known.request.is_none()) {
            guard(input, known, person_known)?;
        }
        let report = MemberReport {
            request: Asked::of(said).mark(&key, known),
            insurance: input.insurance,
            person_known,
            person: PersonRow {
                id_hash: key.id_hash(&person.id_number),
                member_ref,
                sealed: key.seal_person(member_ref, person, phone),
            },
        };
        Ok(self.engine.begin(|ticket| Input::Upsert { ticket, report: Box::new(report) })?)
    }

    /// Reports members together; an answer each, in order.
    async fn report(&self, inputs: &[Said<MemberInput>]) -> Vec<Result<Reported, Problem>> {
        let key = self.vault.key();
        let mut results: Vec<Option<Result<Reported, Problem>>> = inputs.iter().map(|_| None).collect();
        let (mut tries, mut kept) = (vec![0; inputs.len()], vec![None; inputs.len()]);
        loop {
            // A row is judged by what the rows before it made of the same person.
            let mut met = BTreeSet::new();
            let mut is_first = |at: &usize| met.insert(inputs[*at].today.party.person.id_number.reveal());
            let open = (0..inputs.len()).filter(|at| results[*at].is_none() && is_first(at));
            let open: Vec<usize> = open.collect();
            if open.is_empty() {
                break;
            }
            let asked = open.iter().map(|at| {
                let said = &inputs[*at];
                (&said.today.party.person.id_number, Some(Asked::of(said).id(&key)))
            });
            let known = match self.vault.known(asked).await {
                Ok(known) => known,
                Err(error) => {
                    let problem = problem_of_store(error);
                    let failed = || Err(problem.clone());
                    return results.into_iter().map(|result| result.unwrap_or_else(failed)).collect();
                }
            };
            let begun: Vec<_> = open
                .iter()
                .zip(&known)
                .map(|(at, known)| {
                    let known = known.as_ref().map_err(Clone::clone)?.as_ref();
                    self.begin_report(&inputs[*at], known, kept[*at])
                })
                .collect();
            for ((at, begun), known) in open.into_iter().zip(begun).zip(known) {
                let answer = match begun {
                    Ok(waiting) => waiting.answer().await.map_err(Problem::from),
                    Err(problem) => Err(problem),
                };
                results[at] = match answer {
                    // Nothing was done.
                    Ok(Upserted::PersonChanged(_)) if tries[at] + 1 == TRIES => {
                        Some(Err(Problem::new(Reason::Overloaded)))
                    }
                    Ok(Upserted::PersonChanged(member_ref)) => {
                        tries[at] += 1;
                        kept[at] = Some(member_ref);
                        None
                    }
                    Ok(Upserted::Standing(standing)) => {
                        let before = known.ok().flatten();
                        Some(Ok(Reported {
                            changes: changes(&inputs[at].today, before.as_ref(), &standing),
                            standing,
                        }))
                    }
                    Err(problem) => Some(Err(problem)),
                };
            }
        }
        results.into_iter().flatten().collect()
    }
}

/// What became of a report: how the member stands now, and what people should look at.
struct Reported {
    standing: Box<Standing>,
    changes: Vec<MemberChange>,
}

/// Refuses what a row must not undo.
fn guard(input: &MemberInput, known: &Known, person_known: bool) -> Result<(), Problem> {
    if input.guards.same_name && known.person.name != input.party.person.name {
        return Err(Problem::field("member.party.person.name", Reason::NameMismatch));
    }
    let Some((member, as_of)) = known.member.as_ref().zip(input.guards.as_of) else { return Ok(()) };
    let changed = Day::of(member.update_time);
    let same = person_known && member.insurance() == input.insurance;
    if same || changed <= as_of {
        return Ok(());
    }
    Err(Problem::new(Reason::MemberNewer).with("changed", changed).with("as_of", as_of))
}

/// What a row that was taken has changed of a member who was known.
fn changes(input: &MemberInput, before: Option<&Known>, standing: &Standing) -> Vec<MemberChange> {
    let known = before.filter(|_| standing.changed);
    let Some((known, old)) = known.and_then(|known| Some((known, known.member.as_ref()?))) else {
        return Vec::new();
    };
    let (was, is) = (old.insurance(), &input.insurance);
    let (account, wallet) = (standing.account.posted, standing.wallet_account.posted);
    let over = !was.insurance_status.is_over() && is.insurance_status.is_over();
    let closed = was.account_state != AccountState::Absent && is.account_state == AccountState::Absent;
    let left = over && wallet.is_positive() || (over || closed) && account.is_positive();
    let found = [
        (known.person.name != input.party.person.name, MemberChange::Renamed),
        (was.region != is.region, MemberChange::Moved),
        (!was.is_in_order() && is.is_in_order(), MemberChange::Reactivated),
        (left, MemberChange::ClosedWithMoney),
    ];
    found.into_iter().filter_map(|(holds, change)| holds.then_some(change)).collect()
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
        if self.answer.rejected.len() < ROWS_SHOWN {
            let error = Some(problem.into_rpc_status());
            self.answer.rejected.push(RejectedMember { index, error, request_id: request_id.to_owned() });
        }
    }

    fn note(&mut self, index: u64, changes: &[MemberChange]) {
        if !changes.is_empty() && self.answer.changed.len() < ROWS_SHOWN {
            let changes = changes.iter().map(|change| i32::from(*change)).collect();
            self.answer.changed.push(ChangedMember { index, changes });
        }
    }

    async fn take(&mut self, shared: &Shared, rows: Vec<UpsertMembersRequest>) {
        let (mut inputs, mut places) = (Vec::new(), Vec::new());
        for row in rows {
            match shared.said(|reader| reader.upsert_member(&row)) {
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
                Ok(reported) if reported.standing.changed => {
                    self.answer.accepted_count += 1;
                    self.note(place, &reported.changes);
                }
                Ok(_) => self.answer.unchanged_count += 1,
                Err(problem) => self.reject(place, &input.today.request_id, problem),
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
        let said = shared.said(|reader| reader.only_party(request.get_ref().party.as_ref()))?;
        let party = &said.today;
        let member = shown(&*shared.look_at(&said, party).await?, &party.person)?;
        Ok(Response::new(GetMemberResponse { member: Some(member) }))
    }

    async fn update_insurance(
        &self,
        request: Request<UpdateInsuranceRequest>,
    ) -> Answer<UpdateInsuranceResponse> {
        let shared = &self.0;
        let said = shared.said(|reader| reader.update_insurance(request.get_ref()))?;
        let (party, id) = (said.today.party.clone(), Asked::of(&said).id(&shared.vault.key()));
        shared.known(&said, &party, Some(id)).await?;
        let result = shared.report(&[said]).await.into_iter().next();
        let reported = result.unwrap_or_else(|| Err(Problem::new(Reason::Internal)))?;
        let member = shown(&reported.standing, &party.person)?;
        Ok(Response::new(UpdateInsuranceResponse { member: Some(member) }))
    }

    async fn credit_account(&self, request: Request<CreditAccountRequest>) -> Answer<CreditAccountResponse> {
        let shared = &self.0;
        let said = shared.said(|reader| reader.credit_account(request.get_ref()))?;
        let (amount, period) = (said.today.amount, said.today.period);
        let credit =
            |ticket, request, member_ref| Input::Credit { ticket, request, member_ref, amount, period };
        let (standing, _) = shared.carry_out(&said, credit).await?;
        let key = Key::Entry(standing.entry_id.ok_or_else(|| Problem::new(Reason::Internal))?);
        let rows = shared.protocol.run(move |tables| tables.load(&[key])).await.map_err(problem_of_store)?;
        let entry = rows.iter().flatten().find_map(EntryRow::of);
        let entry = entry.map(|row| entry_to_proto(row, None));
        Ok(Response::new(CreditAccountResponse { entry, balance: standing.account.posted.to_string() }))
    }

    async fn suspend_settlement(
        &self,
        request: Request<SuspendSettlementRequest>,
    ) -> Answer<SuspendSettlementResponse> {
        let shared = &self.0;
        let said = shared.said(|reader| reader.suspension(request.get_ref()))?;
        let suspension = said.today.suspension;
        let suspend =
            |ticket, request, member_ref| Input::Suspend { ticket, request, member_ref, suspension };
        let (standing, person) = shared.carry_out(&said, suspend).await?;
        Ok(Response::new(SuspendSettlementResponse { member: Some(shown(&standing, &person)?) }))
    }
}
