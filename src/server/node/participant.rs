//! ParticipantService: what the hub calls.

use super::Shared;
use crate::domain::machine::lineage::same_lineage;
use crate::domain::machine::{PeerRow, TableRow};
use crate::domain::node::Input;
use crate::domain::node::tables::{Key, LegRow};
use crate::domain::protocol::{Ack, AckResult, Decision, Leg, LegRead, LegState, Verdict, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{ProvinceCode, Side, TransferId};
use crate::privacy::seal::{SealError, key_of};
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::participant_service_server::ParticipantService;
use crate::proto::node::{
    AnnounceRequest, AnnounceResponse, CheckRequest, CheckResponse, DecideRequest, DecideResponse,
    InspectRequest, InspectResponse, PrepareRequest, PrepareResponse,
};
use crate::proto::types;
use crate::server::common::Answer;
use crate::transport::access_layer::caller;
use crate::transport::identity::Role;
use crate::wire::decide::{DecisionReading, ack_to_proto, decide_from_proto};
use crate::wire::notice::notices_from_proto;
use crate::wire::page::page_size;
use crate::wire::prepare::{check_result_to_proto, vote_to_proto};
use crate::wire::sender::lineage_of;
use crate::wire::status::{Problem, problem_of_store};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tonic::{Request, Response};

/// Checks that may run at once: they are a service to callers, and must not crowd out prepares.
const CHECKS_MAX: usize = 64;

/// ParticipantService, over what the server shares.
pub(super) struct Participants {
    pub(super) shared: Arc<Shared>,
    pub(super) checks: AtomicUsize,
}

/// What a leg is sealed for: it opens for the same leg only.
fn seal_context(transfer_id: TransferId, side: Side) -> Vec<u8> {
    [&transfer_id.0[..], &[side as u8]].concat()
}

impl Shared {
    /// Adds to each leg with a person what he is found by.
    fn present(&self, legs: Vec<LegRead>) -> Vec<LegRead> {
        let key = self.vault.key();
        let present = |leg: Leg| leg.with_id_hash(|number| key.id_hash(number));
        legs.into_iter().map(|read| read.map(present)).collect()
    }

    /// A vote as it may leave the house: its leg sealed.
    fn seal(&self, mut vote: Vote) -> Vote {
        if let Verdict::Yes { leg_record, .. } = &mut vote.verdict {
            *leg_record = self.sealed(vote.transfer_id, vote.side, leg_record);
        }
        vote
    }

    /// A leg's record as it may leave the house.
    pub(super) fn sealed(&self, transfer_id: TransferId, side: Side, leg_record: &[u8]) -> Vec<u8> {
        self.vault.key().seal(&seal_context(transfer_id, side), leg_record)
    }

    /// A decision as it may come into the house: its leg opened. One that this node did not seal brings none. Of one
    /// that is sealed under a key that is not here a leg that is known needs nothing; any other is too early: it comes
    /// again, and people bring the key meanwhile.
    async fn open(&self, decision: Decision) -> Result<Decision, Ack> {
        let mut decision = decision.with_id_hash(|number| self.vault.key().id_hash(number));
        if decision.leg_record.is_empty() {
            return Ok(decision);
        }
        let Decision { transfer_id, side, terms_digest, .. } = decision;
        let opened = self.vault.key().open(&seal_context(transfer_id, side), &decision.leg_record);
        if opened == Err(SealError::NoKey) && !self.knows(transfer_id, side).await {
            if self.vault.must_say_that_a_key_is_missing() {
                let key = key_of(&decision.leg_record).map_or_else(String::new, |id| id.to_string());
                let what =
                    "ALARM: legs that are told again wait for a key that the key file lacks: bring it back";
                tracing::error!(%transfer_id, ?side, key, what);
            }
            let result = AckResult::NotYet;
            let leg_record = Vec::new();
            return Err(Ack { transfer_id, side, terms_digest, result, refusal: None, leg_record });
        }
        decision.leg_record = opened.unwrap_or_default();
        Ok(decision)
    }

    /// A hub that says that it has another store than the one that this node has joined is told nothing.
    async fn know_hub(&self, sender: Option<&types::Sender>) -> Result<(), Problem> {
        let Some(told) = lineage_of(sender) else { return Ok(()) };
        let hub = self.protocol.run(|tables| tables.load(&[Key::Peer(ProvinceCode::HUB)])).await;
        let hub = hub.map_err(problem_of_store)?;
        let known = hub.iter().flatten().find_map(PeerRow::of).and_then(|hub| hub.lineage);
        Ok(same_lineage(ProvinceCode::HUB, known, Some(told)).map_err(RefusalRecord::from)?)
    }

    /// Whether a leg is here that needs no record of its own to be decided.
    async fn knows(&self, transfer_id: TransferId, side: Side) -> bool {
        let rows = self.protocol.run(move |tables| tables.load(&[Key::Leg(transfer_id, side)])).await;
        let leg = rows.ok().and_then(|rows| rows.into_iter().flatten().next());
        leg.as_ref().and_then(LegRow::of).is_some_and(|leg| leg.state != LegState::Awaiting)
    }
}

#[tonic::async_trait]
impl ParticipantService for Participants {
    async fn prepare(&self, request: Request<PrepareRequest>) -> Answer<PrepareResponse> {
        let shared = &self.shared;
        let (hub, legs) = shared.reading().prepare(request.get_ref())?;
        shared.mark.hear_clock(ProvinceCode::HUB, request.get_ref().sender.as_ref());
        let legs = shared.present(legs);
        let votes = shared.engine.ask_always(|ticket| Input::Prepare { ticket, hub, legs }).await?;
        Ok(Response::new(PrepareResponse {
            sender: Some(shared.mark.sender()),
            votes: votes.into_iter().map(|vote| vote_to_proto(&shared.seal(vote))).collect(),
        }))
    }

    async fn decide(&self, request: Request<DecideRequest>) -> Answer<DecideResponse> {
        let shared = &self.shared;
        let (hub, readings) = decide_from_proto(request.get_ref())?;
        shared.mark.hear_clock(ProvinceCode::HUB, request.get_ref().sender.as_ref());
        let mut opened = Vec::new();
        for reading in readings {
            opened.push(match reading {
                DecisionReading::Order(decision) => shared.open(decision).await,
                DecisionReading::Rejected(ack) => Err(ack),
            });
        }
        let decisions: Vec<Decision> = opened.iter().filter_map(|it| it.as_ref().ok()).cloned().collect();
        let mut acks = shared.engine.ask_always(|ticket| Input::Decide { ticket, hub, decisions }).await?;
        for ack in acks.iter_mut().filter(|ack| !ack.leg_record.is_empty()) {
            ack.leg_record = shared.sealed(ack.transfer_id, ack.side, &ack.leg_record);
        }
        let mut acks = acks.into_iter();
        let acks: Vec<Ack> =
            opened.into_iter().filter_map(|it| it.map_or_else(Some, |_| acks.next())).collect();
        Ok(Response::new(DecideResponse {
            sender: Some(shared.mark.sender()),
            acks: acks.iter().map(ack_to_proto).collect(),
        }))
    }

    async fn check(&self, request: Request<CheckRequest>) -> Answer<CheckResponse> {
        let legs = self.shared.reading().check(request.get_ref())?;
        let _seat = Seat::take(&self.checks).ok_or_else(|| Problem::new(Reason::Overloaded))?;
        let legs = self.shared.present(legs);
        let refusals = self.shared.engine.ask(|ticket| Input::Check { ticket, legs }).await?;
        let results = refusals.iter().map(|refusals| check_result_to_proto(refusals)).collect();
        Ok(Response::new(CheckResponse { results }))
    }

    async fn announce(&self, request: Request<AnnounceRequest>) -> Answer<AnnounceResponse> {
        let (shared, request) = (&self.shared, request.get_ref());
        let (hub, notices) = notices_from_proto(request)?;
        shared.mark.hear_clock(ProvinceCode::HUB, request.sender.as_ref());
        let noticed = shared.engine.ask_always(|ticket| Input::Notices { ticket, hub, notices }).await?;
        let (sender, last_number) = (Some(shared.mark.sender()), noticed.0);
        Ok(Response::new(AnnounceResponse { sender, last_number }))
    }

    async fn inspect(&self, request: Request<InspectRequest>) -> Answer<InspectResponse> {
        let for_hub = match caller(&request)? {
            Role::Hub => {
                self.shared.know_hub(request.get_ref().sender.as_ref()).await?;
                if let Some(Selector::NoticesAbove(above)) = request.get_ref().selector {
                    let limit = page_size(request.get_ref().page_size)?;
                    return super::inspect::notices(&self.shared, above, limit).await.map(Response::new);
                }
                true
            }
            Role::Operator(_) | Role::Platform(_) => false,
            Role::Node(_) | Role::App(_) | Role::Finance(..) => {
                return Err(Problem::new(Reason::RoleNotAllowed).into());
            }
        };
        super::inspect::inspect(&self.shared, request.into_inner(), for_hub).await.map(Response::new)
    }
}

/// A seat among few; given back when dropped.
struct Seat<'a>(&'a AtomicUsize);

impl<'a> Seat<'a> {
    fn take(taken: &'a AtomicUsize) -> Option<Seat<'a>> {
        if taken.fetch_add(1, Ordering::Relaxed) < CHECKS_MAX {
            return Some(Seat(taken));
        }
        taken.fetch_sub(1, Ordering::Relaxed);
        None
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
