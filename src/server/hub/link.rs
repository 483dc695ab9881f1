//! The hub's connection to one node.

use crate::domain::protocol::{Ack, Decision, HeardLeg, Leg, PeerMark, Vote};
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::participant_service_server::SERVICE_NAME;
use crate::proto::node::{CheckResult, HubSeqRange, InspectRequest, LegState};
use crate::server::common::sender::Mark;
use crate::transport::peer::Peer;
use crate::wire::decide::{ack_from_proto, decide_to_proto};
use crate::wire::inspect::heard_leg_from_proto;
use crate::wire::prepare::{check_to_proto, prepare_to_proto, vote_from_proto};
use crate::wire::sender::sender_from_proto;
use crate::wire::status::{Problem, problem_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tonic::Status;

/// Most legs that a node may tell a hub that was restored: two years of the whole nation's transfers. A node that never
/// comes to an end must not fill the hub's memory.
const LOST_MAX: usize = 2_000_000;
/// How long a node may take to record decisions. They are repeated for ever, so this only frees the lane.
const DECIDE_WITHIN: Duration = Duration::from_secs(30);
/// A prepare's call is given so much more than the transfers have left: then a province that hangs is told by the
/// transfers' own deadline, which is the hub's to judge, and not now by that and now by a call that failed.
const PREPARE_GRACE_MS: u64 = 200;

/// A node takes nothing from a life of the hub that has not admitted it. It learns of one by its first call, and
/// announces itself at once: that call is made again after so long.
const ADMITTED_WITHIN: Duration = Duration::from_millis(150);

/// Makes a call, and once more if the node has to be admitted first.
async fn once_admitted<T, F: Future<Output = Result<T, Status>>>(call: impl Fn() -> F) -> Result<T, Status> {
    match call().await {
        Err(error) if problem_of(&error).is_some_and(|it| it.code == Reason::NotAnnounced.code()) => {
            tokio::time::sleep(ADMITTED_WITHIN).await;
            call().await
        }
        ended => ended,
    }
}

/// A node as the hub speaks to it. Cheap to clone; reconnects by itself.
#[derive(Clone, Debug)]
pub struct Link {
    province: ProvinceCode,
    peer: Peer,
    mark: Mark,
    reached: Arc<AtomicBool>,
}

impl Link {
    /// A link to a province over this connection, speaking with this mark.
    pub fn new(province: ProvinceCode, peer: Peer, mark: Mark) -> Link {
        Link { province, peer, mark, reached: Arc::default() }
    }

    /// Notes whether the node was reached just now.
    pub fn note(&self, reached: bool) {
        self.reached.store(reached, Ordering::Relaxed);
    }

    /// Whether the node was reached when it was last tried.
    pub fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// Whether the node is there and takes decisions, at least.
    pub async fn probe(&self) -> Result<(), Status> {
        self.peer.probe(SERVICE_NAME).await
    }

    /// Asks for votes.
    pub async fn prepare(&self, legs: &[Leg]) -> Result<(PeerMark, Vec<Vote>), Status> {
        let left_ms = legs.iter().map(|it| it.time_left_ms).max().unwrap_or(0) + PREPARE_GRACE_MS;
        let within = Duration::from_millis(left_ms);
        let call = || self.peer.call(prepare_to_proto(self.mark.sender(), legs), within);
        let response = once_admitted(call).await?;
        let node = sender_from_proto(response.sender.as_ref()).map_err(Problem::into_status)?;
        self.mark.hear_clock(self.province, response.sender.as_ref());
        // A vote that cannot be read does not count; its transfer ends by its deadline.
        let votes = response.votes.iter().filter_map(|vote| vote_from_proto(vote).ok()).collect();
        Ok((node, votes))
    }

    /// Tells decisions.
    pub async fn decide(&self, decisions: &[Decision]) -> Result<(PeerMark, Vec<Ack>), Status> {
        let call = || self.peer.call(decide_to_proto(self.mark.sender(), decisions), DECIDE_WITHIN);
        let response = once_admitted(call).await?;
        let node = sender_from_proto(response.sender.as_ref()).map_err(Problem::into_status)?;
        self.mark.hear_clock(self.province, response.sender.as_ref());
        let acks = response.acks.iter().filter_map(|ack| ack_from_proto(ack).ok()).collect();
        Ok((node, acks))
    }

    /// Asks for all legs that a hub that was restored may have lost: committed ones with a number above this one, and
    /// those in doubt.
    pub async fn what_was_lost(&self, above: u64) -> Result<Vec<HeardLeg>, Status> {
        let later = Selector::HubSeqRange(HubSeqRange { first: above.saturating_add(1), last: 0 });
        let in_doubt = Selector::State(LegState::Prepared.into());
        let mut legs = Vec::new();
        for selector in [later, in_doubt] {
            let mut page_token = String::new();
            loop {
                let request = InspectRequest {
                    selector: Some(selector.clone()),
                    page_size: 1_000,
                    page_token: std::mem::take(&mut page_token),
                    with_leg_records: true,
                    ..InspectRequest::default()
                };
                let page = self.peer.call(request, DECIDE_WITHIN).await?;
                for leg in &page.legs {
                    legs.push(heard_leg_from_proto(leg).map_err(Problem::into_status)?);
                }
                if legs.len() > LOST_MAX {
                    return Err(Status::resource_exhausted("more legs than a hub can have lost"));
                }
                if page.next_page_token.is_empty() {
                    break;
                }
                // Each page must bring the end nearer.
                if page.legs.is_empty() {
                    return Err(Status::unavailable("an empty page is not the last one"));
                }
                page_token = page.next_page_token;
            }
        }
        Ok(legs)
    }

    /// Asks what stands against legs.
    pub async fn check(&self, legs: &[Leg], within: Duration) -> Result<Vec<CheckResult>, Status> {
        Ok(self.peer.call(check_to_proto(legs), within).await?.results)
    }
}
