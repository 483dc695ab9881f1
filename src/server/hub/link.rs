//! The hub's connection to one node.

use crate::domain::protocol::{Ack, Decision, HeardLeg, Leg, PeerMark, Vote};
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::participant_service_server::SERVICE_NAME;
use crate::proto::node::{CheckResult, HubSeqRange, InspectRequest, LegState};
use crate::server::common::sender::Mark;
use crate::transport::backoff::Backoff;
use crate::transport::peer::Peer;
use crate::wire::decide::{ack_from_proto, decide_to_proto};
use crate::wire::inspect::heard_leg_from_proto;
use crate::wire::prepare::{check_to_proto, prepare_to_proto, vote_from_proto};
use crate::wire::sender::sender_from_proto;
use crate::wire::status::{Problem, problem_of};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

/// Most legs that a node may tell a hub that was restored: two years of the whole nation's transfers. A node that never
/// comes to an end must not fill the hub's memory.
const LOST_MAX: usize = 2_000_000;
/// How long a node may take to record decisions. They are repeated for ever, so this only frees the lane.
const DECIDE_WITHIN: Duration = Duration::from_secs(30);
/// A prepare's call is given so much more than the transfers have left: then a province that hangs is told by the
/// transfers' own deadline, which is the hub's to judge, and not now by that and now by a call that failed.
const PREPARE_GRACE_MS: u64 = 200;

/// Whether a call ended because its time was over.
pub fn is_late(error: &Status) -> bool {
    // tonic says CANCELLED when it sees it first.
    matches!(error.code(), Code::DeadlineExceeded | Code::Cancelled)
}

/// Makes a call, `within` which it has to end, again and again while the node answers that no hub of this start has
/// admitted it yet: ours announces itself when it hears of a new start, others when it is their time. `call` is told
/// how much time is left; `admitted` changes with each admission.
async fn once_admitted<T, F: Future<Output = Result<T, Status>>>(
    within: Duration,
    mut admitted: watch::Receiver<()>,
    call: impl Fn(Duration) -> F,
) -> Result<T, Status> {
    let (end, mut backoff) = (Instant::now() + within, Backoff::new(100, 1_000));
    loop {
        let error = match call(end.saturating_duration_since(Instant::now())).await {
            Err(error) if problem_of(&error).is_some_and(|it| it.code == Reason::NotAnnounced.code()) => {
                error
            }
            ended => return ended,
        };
        let wait = backoff.wait();
        if Instant::now() + wait >= end {
            return Err(error);
        }
        tokio::select! {
            () = sleep(wait) => {}
            // It has to hear so itself yet.
            Ok(()) = admitted.changed() => backoff.reset(),
        }
    }
}

/// A node as the hub speaks to it. Cheap to clone; reconnects by itself.
#[derive(Clone, Debug)]
pub struct Link {
    province: ProvinceCode,
    peer: Peer,
    mark: Mark,
    reached: Arc<AtomicBool>,
    admitted: Arc<watch::Sender<()>>,
}

impl Link {
    /// A link to a province over this connection, speaking with this mark.
    pub fn new(province: ProvinceCode, peer: Peer, mark: Mark) -> Link {
        Link { province, peer, mark, reached: Arc::default(), admitted: Arc::default() }
    }

    /// Notes whether the node was reached just now.
    pub fn note(&self, reached: bool) {
        self.reached.store(reached, Ordering::Relaxed);
    }

    /// Whether the node was reached when it was last tried.
    pub fn is_reached(&self) -> bool {
        self.reached.load(Ordering::Relaxed)
    }

    /// The node was admitted: calls that wait for that go on.
    pub fn admitted(&self) {
        self.admitted.send_replace(());
    }

    /// Changes with each admission.
    pub fn admissions(&self) -> watch::Receiver<()> {
        self.admitted.subscribe()
    }

    /// Whether the node is there and takes decisions, at least. So long it may take.
    pub async fn probe(&self, within: Duration) -> Result<(), Status> {
        let begun = Instant::now();
        match self.peer.probe(SERVICE_NAME, within).await {
            // This side itself stood still, and knows nothing of the node.
            Err(error) if is_late(&error) && begun.elapsed() > within * 2 => Ok(()),
            ended => ended,
        }
    }

    /// The connection has fallen silent: the next call makes a new one.
    pub fn reconnect(&self) {
        self.peer.reconnect();
    }

    /// Asks for votes.
    pub async fn prepare(&self, legs: &[Leg]) -> Result<(PeerMark, Vec<Vote>), Status> {
        let left_ms = legs.iter().map(|it| it.time_left_ms).max().unwrap_or(0) + PREPARE_GRACE_MS;
        let within = Duration::from_millis(left_ms);
        let call = |left: Duration| {
            let waited = u64::try_from((within - left).as_millis()).unwrap_or(u64::MAX);
            let legs: Vec<Leg> = legs.iter().map(|leg| leg.clone().waited(waited)).collect();
            self.peer.call(prepare_to_proto(self.mark.sender(), &legs), left)
        };
        let response = once_admitted(within, self.admissions(), call).await?;
        let node = sender_from_proto(response.sender.as_ref()).map_err(Problem::into_status)?;
        self.mark.hear_clock(self.province, response.sender.as_ref());
        // A vote that cannot be read does not count; its transfer ends by its deadline.
        let votes = response.votes.iter().filter_map(|vote| vote_from_proto(vote).ok()).collect();
        Ok((node, votes))
    }

    /// Tells decisions.
    pub async fn decide(&self, decisions: &[Decision]) -> Result<(PeerMark, Vec<Ack>), Status> {
        let call = |left| self.peer.call(decide_to_proto(self.mark.sender(), decisions), left);
        let response = once_admitted(DECIDE_WITHIN, self.admissions(), call).await?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicU32;

    fn not_announced() -> Status {
        Problem::new(Reason::NotAnnounced).into_status()
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_waits_for_an_admission_within_its_time_and_asks_ever_less_often() {
        let (begun, admitted, calls) = (Instant::now(), watch::Sender::new(()), AtomicU32::new(0));
        let call = |left| {
            let number = calls.fetch_add(1, Ordering::Relaxed);
            let is_admitted = begun.elapsed() >= Duration::from_secs(7);
            async move { if is_admitted { Ok((number, left)) } else { Err(not_announced()) } }
        };
        let within = Duration::from_secs(9);
        let announcing = async {
            let at = begun + Duration::from_secs(7);
            tokio::time::interval_at(at, within).tick().await;
            admitted.send_replace(());
            std::future::pending::<()>().await;
        };
        let answered = tokio::select! {
            answered = once_admitted(within, admitted.subscribe(), call) => answered,
            () = announcing => unreachable!("it never ends"),
        };
        let (number, left) = answered.expect("it was admitted in time");
        assert_eq!(begun.elapsed(), Duration::from_secs(7), "at once");
        assert_eq!(left, Duration::from_secs(2), "of the nine");
        assert!((5..=20).contains(&number), "asked {number} times before");
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_ends_in_its_time_when_nobody_announces_itself_and_other_errors_end_it_at_once() {
        let (begun, within) = (Instant::now(), Duration::from_secs(9));
        let admitted = watch::Sender::new(());
        let error =
            once_admitted(within, admitted.subscribe(), async |_| Err::<(), _>(not_announced())).await;
        assert_eq!(error.expect_err("nobody").code(), Code::Unavailable);
        assert!(begun.elapsed() > within - Duration::from_secs(1) && begun.elapsed() < within);
        let begun = Instant::now();
        let error =
            once_admitted(within, admitted.subscribe(), async |_| Err::<(), _>(Status::unavailable("")))
                .await;
        assert!(error.is_err() && begun.elapsed().is_zero());
    }
}
