//! CoordinatorService: what nodes call. A node speaks for its own province only.

use super::Shared;
use crate::domain::hub::Input;
use crate::domain::protocol::{Announced, PeerMark};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Day, ProvinceCode};
use crate::engine::AskError;
use crate::proto::hub::coordinator_service_server::CoordinatorService;
use crate::proto::hub::{
    AnnounceNodeRequest, AnnounceNodeResponse, AnnounceState, ResolveRequest, ResolveResponse,
};
use crate::proto::types;
use crate::server::common::Answer;
use crate::store::hash_at;
use crate::transport::access_layer::caller;
use crate::transport::identity::Role;
use crate::wire::announce::announcement_from_proto;
use crate::wire::region::regions_to_proto;
use crate::wire::resolve::{resolve_from_proto, ruling_to_proto};
use crate::wire::status::{Problem, problem_of_store};
use std::sync::Arc;
use tonic::{Request, Response};

/// CoordinatorService, over what the server shares.
pub(super) struct Nodes(pub(super) Arc<Shared>);

/// The province that a call speaks for: its certificate's, and nobody else's.
fn province_of<T>(request: &Request<T>) -> Result<ProvinceCode, Problem> {
    match caller(request)? {
        Role::Node(province) => Ok(province),
        Role::Hub | Role::App(_) | Role::Platform(_) | Role::Operator(_) | Role::Finance(..) => {
            Err(Problem::new(Reason::RoleNotAllowed))
        }
    }
}

impl Shared {
    /// Takes a node as it spoke.
    fn hear(&self, province: ProvinceCode, sender: Option<&types::Sender>) {
        self.mark.hear_clock(province, sender);
        if let Some(link) = self.links.get(&province) {
            link.status().heard(self.clock.now().civil);
        }
    }

    /// A node was refused, since it or this hub has another store than the other knows.
    fn note_other_lineage(&self, province: ProvinceCode, refusal: &RefusalRecord) {
        if let Some(link) = self.links.get(&province) {
            link.status().refused_lineage(province, refusal);
        }
    }

    /// Up to where a node knows this hub's journal: nothing when what it has seen is not in it.
    async fn known_of_us(&self, hub_seen: Option<PeerMark>) -> Result<Option<u64>, Problem> {
        let Some(seen) = hub_seen else { return Ok(None) };
        let ours = self.protocol.run(move |tables| hash_at(tables, seen.sequence)).await;
        let ours = ours.map_err(problem_of_store)?;
        Ok((ours == Some(seen.head_hash)).then_some(seen.sequence))
    }
}

#[tonic::async_trait]
impl CoordinatorService for Nodes {
    async fn announce_node(&self, request: Request<AnnounceNodeRequest>) -> Answer<AnnounceNodeResponse> {
        let shared = &self.0;
        let province = province_of(&request)?;
        let request = request.into_inner();
        if !request.province_code.is_empty() && request.province_code != province.to_string() {
            return Err(Problem::new(Reason::ProvinceNotAllowed).into());
        }
        let (node, announcement) = announcement_from_proto(&request)?;
        shared.hear(province, request.sender.as_ref());
        let _seat = shared.inquiries.admit_announcement(province)?;
        let knows_us_to = shared.known_of_us(announcement.hub_seen).await?;
        let lineage = shared.mark.lineage(&shared.protocol).await.map_err(problem_of_store)?;
        let announcement = Box::new(announcement);
        let announce =
            |ticket| Input::Announce { ticket, province, node, announcement, knows_us_to, lineage };
        let answer = shared.engine.ask_always(announce).await;
        let sender = Some(shared.mark.sender());
        match answer {
            Ok(Announced::Admitted { incarnation, resync, hub_recovered, .. }) => {
                if let Some(link) = shared.links.get(&province) {
                    link.status().announced(&request, incarnation, resync);
                }
                if incarnation != node.incarnation {
                    tracing::info!(%province, incarnation, sequence = node.sequence, resync, "a node has joined");
                }
                if let Some(link) = shared.links.get(&province) {
                    link.admitted();
                }
                let state = if resync { AnnounceState::Resync } else { AnnounceState::Admitted };
                let today = Day::of(shared.clock.now().civil);
                Ok(Response::new(AnnounceNodeResponse {
                    incarnation,
                    sender,
                    regions: regions_to_proto(&shared.places, today),
                    region_table_version: shared.places_version.clone(),
                    state: state.into(),
                    prove_sequence: 0,
                    hub_recovered,
                }))
            }
            Ok(Announced::Prove { sequence }) => Ok(Response::new(AnnounceNodeResponse {
                sender,
                state: AnnounceState::Prove.into(),
                prove_sequence: sequence,
                ..AnnounceNodeResponse::default()
            })),
            Err(AskError::Refused(refusal)) => {
                let sequence = node.sequence;
                match refusal.reason {
                    // Its own state: it says so itself.
                    Reason::Recovering | Reason::ClockNotBelieved => {}
                    Reason::OtherLineage => shared.note_other_lineage(province, &refusal),
                    Reason::HubBehind => tracing::error!(
                        %province,
                        "ALARM: the node has seen a state of this hub that is not in its journal: this store was \
                         restored without `gongji restore`"
                    ),
                    _ => tracing::error!(
                        %province,
                        sequence,
                        "ALARM: two servers run on copies of one node's store: one is refused"
                    ),
                }
                Err(Problem::from(refusal).into())
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn resolve(&self, request: Request<ResolveRequest>) -> Answer<ResolveResponse> {
        let shared = &self.0;
        let province = province_of(&request)?;
        let (node, questions) = resolve_from_proto(request.get_ref())?;
        shared.hear(province, request.get_ref().sender.as_ref());
        let _seat = shared.inquiries.admit(province, shared.engine.is_loaded())?;
        let rulings =
            shared.engine.ask_always(|ticket| Input::Resolve { ticket, province, node, questions }).await?;
        Ok(Response::new(ResolveResponse {
            sender: Some(shared.mark.sender()),
            answers: rulings.iter().map(ruling_to_proto).collect(),
        }))
    }
}
