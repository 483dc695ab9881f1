//! The hub's connection to one node.

use crate::domain::acceptance::Asked;
use crate::domain::protocol::{Ack, Decision, Vote};
use crate::domain::record::PeerMark;
use crate::domain::transfer::Leg;
use crate::net::convert::decide::{ack_from_proto, decide_to_proto};
use crate::net::convert::leg::sender_from_proto;
use crate::net::convert::prepare::{check_to_proto, prepare_to_proto, vote_from_proto};
use crate::net::mark::Mark;
use crate::net::peer::Peer;
use crate::proto::node::CheckResult;
use crate::proto::node::participant_service_client::ParticipantServiceClient;
use std::time::Duration;
use tonic::{Request, Status};

/// How long a node may take to record decisions. They are repeated for ever, so this only frees the lane.
const DECIDE_WITHIN: Duration = Duration::from_secs(30);
/// A prepare's call is given so much more than the transfers have left: then a province that hangs is told by the
/// transfers' own deadline, which is the hub's to judge, and not now by that and now by a call that failed.
const PREPARE_GRACE_MS: u64 = 200;

/// A node as the hub speaks to it. Cheap to clone; reconnects by itself.
#[derive(Clone, Debug)]
pub struct Link {
    peer: Peer,
    mark: Mark,
}

impl Link {
    /// A link over this connection, speaking with this mark.
    pub fn new(peer: Peer, mark: Mark) -> Link {
        Link { peer, mark }
    }

    fn client(&self) -> ParticipantServiceClient<crate::net::peer::Service> {
        ParticipantServiceClient::new(self.peer.service())
            .max_decoding_message_size(crate::net::peer::MESSAGE_MAX)
    }

    /// Whether the node is there and ready.
    pub async fn probe(&self) -> Result<(), Status> {
        self.peer.probe().await
    }

    /// Asks for votes.
    pub async fn prepare(&self, legs: &[Asked]) -> Result<(PeerMark, Vec<Vote>), Status> {
        let left_ms = legs.iter().map(Asked::time_left_ms).max().unwrap_or(0) + PREPARE_GRACE_MS;
        let mut request = Request::new(prepare_to_proto(&self.mark.now(), legs));
        request.set_timeout(Duration::from_millis(left_ms));
        let response = self.client().prepare(request).await?.into_inner();
        let node =
            sender_from_proto(response.sender.as_ref()).map_err(crate::net::status::Problem::into_status)?;
        // A vote that cannot be read does not count; its transfer ends by its deadline.
        let votes = response.votes.iter().filter_map(|vote| vote_from_proto(vote).ok()).collect();
        Ok((node, votes))
    }

    /// Tells decisions.
    pub async fn decide(&self, decisions: &[Decision]) -> Result<(PeerMark, Vec<Ack>), Status> {
        let mut request = Request::new(decide_to_proto(&self.mark.now(), decisions));
        request.set_timeout(DECIDE_WITHIN);
        let response = self.client().decide(request).await?.into_inner();
        let node =
            sender_from_proto(response.sender.as_ref()).map_err(crate::net::status::Problem::into_status)?;
        let acks = response.acks.iter().filter_map(|ack| ack_from_proto(ack).ok()).collect();
        Ok((node, acks))
    }

    /// Asks what stands against legs.
    pub async fn check(&self, legs: &[Leg], within: Duration) -> Result<Vec<CheckResult>, Status> {
        let mut request = Request::new(check_to_proto(legs));
        request.set_timeout(within);
        Ok(self.client().check(request).await?.into_inner().results)
    }
}
