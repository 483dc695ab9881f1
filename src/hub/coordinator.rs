//! CoordinatorService: what nodes call. A node speaks for its own province only.

use super::Desk;
use super::transfers::problem_of_ask;
use crate::domain::calendar::Day;
use crate::domain::coordinator::{Answer, Input};
use crate::domain::reason::Reason;
use crate::domain::region::ProvinceCode;
use crate::net::access_layer::caller;
use crate::net::convert::leg::{sender_from_proto, sender_to_proto};
use crate::net::convert::region::regions_to_proto;
use crate::net::convert::resolve::{resolve_from_proto, ruling_to_proto};
use crate::net::identity::Role;
use crate::net::status::Problem;
use crate::proto::hub::coordinator_service_server::CoordinatorService;
use crate::proto::hub::{AnnounceNodeRequest, AnnounceNodeResponse, ResolveRequest, ResolveResponse};
use std::sync::Arc;
use tonic::{Request, Response, Status};

/// The service.
pub(super) struct Nodes(pub(super) Arc<Desk>);

/// The province that a call speaks for: its certificate's, and nobody else's.
fn province_of<T>(request: &Request<T>) -> Result<ProvinceCode, Problem> {
    match caller(request)? {
        Role::Node(province) => Ok(province),
        Role::Hub | Role::App(_) | Role::Platform(_) | Role::Operator(_) => {
            Err(Problem::new(Reason::RoleNotAllowed))
        }
    }
}

#[tonic::async_trait]
impl CoordinatorService for Nodes {
    async fn announce_node(
        &self,
        request: Request<AnnounceNodeRequest>,
    ) -> Result<Response<AnnounceNodeResponse>, Status> {
        let desk = &self.0;
        let province = province_of(&request)?;
        let request = request.into_inner();
        if !request.province_code.is_empty() && request.province_code != province.to_string() {
            return Err(Problem::new(Reason::ProvinceNotAllowed).into());
        }
        let node = sender_from_proto(request.sender.as_ref())?;
        let answer = desk.engine.ask_always(|ticket| Input::Announce { ticket, province, node }).await;
        match answer.map_err(problem_of_ask)? {
            Answer::Admitted(incarnation) => {
                if incarnation != node.incarnation {
                    tracing::info!(%province, incarnation, sequence = node.sequence, "a node has joined");
                }
                let today = Day::of(desk.clock.now().civil);
                Ok(Response::new(AnnounceNodeResponse {
                    incarnation,
                    sender: Some(sender_to_proto(&desk.mark.now())),
                    regions: regions_to_proto(&desk.places, today),
                    region_table_version: desk.places_version.clone(),
                }))
            }
            Answer::Refused(refusal) => {
                tracing::error!(%province, sequence = node.sequence, "ALARM: a node whose store is old was refused");
                Err(Problem::from(refusal).into())
            }
            Answer::Transfer(_) | Answer::Transfers(_) | Answer::Rulings(_) => {
                Err(Problem::new(Reason::Internal).into())
            }
        }
    }

    async fn resolve(&self, request: Request<ResolveRequest>) -> Result<Response<ResolveResponse>, Status> {
        let desk = &self.0;
        let province = province_of(&request)?;
        let (node, questions) = resolve_from_proto(request.get_ref())?;
        let _seat = desk.inquiries.admit(province, desk.engine.is_loaded())?;
        let answer =
            desk.engine.ask_always(|ticket| Input::Resolve { ticket, province, node, questions }).await;
        match answer.map_err(problem_of_ask)? {
            Answer::Rulings(rulings) => Ok(Response::new(ResolveResponse {
                sender: Some(sender_to_proto(&desk.mark.now())),
                answers: rulings.iter().map(ruling_to_proto).collect(),
            })),
            Answer::Refused(refusal) => Err(Problem::from(refusal).into()),
            Answer::Transfer(_) | Answer::Transfers(_) | Answer::Admitted(_) => {
                Err(Problem::new(Reason::Internal).into())
            }
        }
    }
}
