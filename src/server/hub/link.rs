//! The hub's connection to one node.

use super::answers::{Fault, Reading, Sorted, too_new};
use super::node_status::NodeStatus;
use crate::domain::protocol::{Ack, Decision, HeardLeg, Leg, LegRef, PeerMark, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{ProvinceCode, TransferId, Window};
use crate::proto::hub::AnswerKind;
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::participant_service_server::SERVICE_NAME;
use crate::proto::node::{CheckResult, HubSeqRange, InspectRequest, InspectResponse, LegState};
use crate::proto::{node, types};
use crate::server::common::sender::Mark;
use crate::transport::backoff::Backoff;
use crate::transport::peer::Peer;
use crate::wire::decide::{ack_from_proto, decide_to_proto};
use crate::wire::inspect::heard_leg_from_proto;
use crate::wire::prepare::{check_to_proto, prepare_to_proto, vote_from_proto};
use crate::wire::sender::sender_from_proto;
use crate::wire::status::{Problem, reason_of};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tonic::{Code, Status};

/// Most legs that a node may tell a hub that was restored: two years of the whole nation's transfers. A node that never
/// comes to an end must not fill the hub's memory.
const LOST_MAX: usize = 2_000_000;
/// Most windows in which these can be counted: nearly three years of days. For each of them the hub looks at what all
/// provinces owe each other.
const LOST_WINDOWS_MAX: usize = 1_000;
/// How long a node may take to record decisions. They are repeated for ever, so this only frees the lane.
const DECIDE_WITHIN: Duration = Duration::from_secs(30);
/// How long a node may take to add up a window, or to show a page of it.
const INSPECT_WITHIN: Duration = Duration::from_secs(10);
/// A prepare's call is given so much more than the transfers have left: then a province that hangs is told by the
/// transfers' own deadline, which is the hub's to judge, and not now by that and now by a call that failed.
const PREPARE_GRACE_MS: u64 = 200;

/// Whether a call ended because its time was over.
pub fn is_late(error: &Status) -> bool {
    // tonic says CANCELLED when it sees it first.
    matches!(error.code(), Code::DeadlineExceeded | Code::Cancelled)
}

/// What a node has told a hub that was restored.
#[derive(Debug, Default)]
struct Lost {
    legs: Vec<HeardLeg>,
    windows: BTreeSet<Window>,
}

impl Lost {
    /// Takes one more leg. Err: it is more than a hub can have lost.
    fn take(&mut self, leg: HeardLeg) -> Result<(), Status> {
        self.windows.extend(leg.committed.map(|(window, ..)| window));
        self.legs.push(leg);
        let is_too_much = self.legs.len() > LOST_MAX || self.windows.len() > LOST_WINDOWS_MAX;
        if is_too_much { Err(Status::resource_exhausted("more than a hub can have lost")) } else { Ok(()) }
    }
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
            Err(error) if reason_of(&error) == Some(Reason::NotAnnounced) => error,
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
    status: Arc<NodeStatus>,
    admitted: Arc<watch::Sender<()>>,
}

/// What came of a request to prepare legs.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The node as it spoke, and its votes; none when it was not asked.
    pub votes: Option<(PeerMark, Vec<Vote>)>,
    /// The transfers of legs without a vote that counts, and why they are aborted.
    pub refusals: Vec<(TransferId, RefusalRecord)>,
}

const VOTES: Reading<node::Vote, Vote> = Reading {
    kind: AnswerKind::Vote,
    list: "votes",
    read: vote_from_proto,
    named: |vote| LegRef::new(vote.transfer_id, vote.side, vote.terms_digest),
    says: |vote| (&vote.transfer_id, vote.side),
};

const ACKS: Reading<node::Ack, Ack> = Reading {
    kind: AnswerKind::Ack,
    list: "acks",
    read: ack_from_proto,
    named: |ack| LegRef::new(ack.transfer_id, ack.side, ack.terms_digest),
    says: |ack| (&ack.transfer_id, ack.side),
};

impl Link {
    /// A link to a province over this connection, speaking with this mark.
    pub fn new(province: ProvinceCode, peer: Peer, mark: Mark) -> Link {
        Link {
            province,
            peer,
            mark,
            reached: Arc::default(),
            status: Arc::default(),
            admitted: Arc::default(),
        }
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

    /// What is known of the node.
    pub(super) fn status(&self) -> &NodeStatus {
        &self.status
    }

    /// Takes the node as it spoke in an answer; notes what of that does not count.
    fn heard(
        &self,
        kind: AnswerKind,
        sender: Option<&types::Sender>,
        mut faults: Vec<Fault>,
    ) -> Result<PeerMark, Status> {
        let node = sender_from_proto(sender);
        let wrong = match &node {
            Err(problem) => Some(problem.first_field()),
            Ok(node) if !self.status.is_admitted(node.incarnation) => {
                Some(("sender".to_owned(), Reason::SenderRefused))
            }
            Ok(_) => None,
        };
        faults.extend(wrong.map(|(field, reason)| Fault { kind, transfer_id: None, field, reason }));
        self.mark.hear_clock(self.province, sender);
        let now = self.mark.time();
        self.status.heard(now);
        self.status.note(self.province, faults, now);
        // Not its problem as it is: that would say that the node could not read the call.
        node.map_err(|_| Status::unknown("the answer's sender cannot be read"))
    }

    /// Asks for votes. Legs that are newer than the node are not asked for.
    pub async fn prepare(&self, mut legs: Vec<Leg>) -> Result<Prepared, Status> {
        // Of a node that has not announced itself to this start yet nobody knows it: it says no itself.
        let newer = |leg: &Leg| self.status.version().and_then(|version| too_new(leg, version));
        let mut refusals: Vec<_> = legs.iter().filter_map(newer).collect();
        if !refusals.is_empty() {
            legs.retain(|leg| newer(leg).is_none());
        }
        if legs.is_empty() {
            return Ok(Prepared { votes: None, refusals });
        }
        let legs = legs.as_slice();
        let left_ms = legs.iter().map(|it| it.time_left_ms).max().unwrap_or(0) + PREPARE_GRACE_MS;
        let within = Duration::from_millis(left_ms);
        let call = |left: Duration| {
            let waited = u64::try_from((within - left).as_millis()).unwrap_or(u64::MAX);
            let legs: Vec<Leg> = legs.iter().map(|leg| leg.clone().waited(waited)).collect();
            self.peer.call(prepare_to_proto(self.mark.sender(), &legs), left)
        };
        let response = once_admitted(within, self.admissions(), call).await?;
        let asked = legs.iter().map(|leg| leg.reference);
        let Sorted { counts, faults, without } = VOTES.sort(asked, &response.votes);
        let node = self.heard(AnswerKind::Vote, response.sender.as_ref(), faults)?;
        refusals.extend(without);
        Ok(Prepared { votes: Some((node, counts)), refusals })
    }

    /// Tells decisions.
    pub async fn decide(&self, decisions: &[Decision]) -> Result<(PeerMark, Vec<Ack>), Status> {
        let call = |left| self.peer.call(decide_to_proto(self.mark.sender(), decisions), left);
        let response = once_admitted(DECIDE_WITHIN, self.admissions(), call).await?;
        let asked = decisions.iter().map(|it| LegRef::new(it.transfer_id, it.side, it.terms_digest));
        let Sorted { counts, faults, .. } = ACKS.sort(asked, &response.acks);
        let node = self.heard(AnswerKind::Ack, response.sender.as_ref(), faults)?;
        Ok((node, counts))
    }

    /// Asks for all legs that a hub that was restored may have lost: committed ones with a number above this one, and
    /// those in doubt.
    pub async fn what_was_lost(&self, above: u64) -> Result<Vec<HeardLeg>, Status> {
        let later = Selector::HubSeqRange(HubSeqRange { first: above.saturating_add(1), last: 0 });
        let in_doubt = Selector::State(LegState::Prepared.into());
        let mut lost = Lost::default();
        for selector in [later, in_doubt] {
            let mut page_token = String::new();
            loop {
                let request = InspectRequest {
                    selector: Some(selector.clone()),
                    page_size: 1_000,
                    page_token: std::mem::take(&mut page_token),
                    with_leg_records: true,
                    sender: Some(self.mark.sender()),
                    ..InspectRequest::default()
                };
                let page = self.peer.call(request, DECIDE_WITHIN).await?;
                for leg in &page.legs {
                    let leg = heard_leg_from_proto(leg).map_err(|problem| self.unreadable(leg, &problem))?;
                    lost.take(leg)?;
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
        Ok(lost.legs)
    }

    /// A leg that cannot be read is not passed over: what the node has recorded could be presumed to be aborted then.
    fn unreadable(&self, leg: &node::LegView, problem: &Problem) -> Status {
        self.status.note(self.province, vec![Fault::of_leg(leg, problem)], self.mark.time());
        Status::unknown("a leg cannot be read")
    }

    /// Asks for legs, or what they add up to.
    pub async fn inspect(&self, request: InspectRequest) -> Result<InspectResponse, Status> {
        let request = InspectRequest { sender: Some(self.mark.sender()), ..request };
        self.peer.call(request, INSPECT_WITHIN).await
    }

    /// Asks what stands against legs.
    pub async fn check(&self, legs: &[Leg], within: Duration) -> Result<Vec<CheckResult>, Status> {
        Ok(self.peer.call(check_to_proto(legs), within).await?.results)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::protocol::Kind;
    use crate::domain::value::{Civil, Digest, Money, RegionCode, Side};
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

    /// For each window the hub looks at what all provinces owe each other: a node must not name them without end.
    #[test]
    fn a_node_that_tells_of_more_windows_than_there_were_is_not_heard() {
        let in_window = |day: u32| HeardLeg {
            transfer_id: TransferId([1; 16]),
            side: Side::Payer,
            terms_digest: Digest::default(),
            amount: Money::from_fen(1),
            counter_region: RegionCode::new(510_100).expect("a code"),
            receipt_time: Civil(0),
            committed: Some((Window::from_number(20_000_101 + day), 1, Civil(0))),
            leg_record: Vec::new(),
            rulebook: None,
            returns: None,
            kind: Kind::TRANSFER,
            number: None,
            parked: false,
        };
        let mut lost = Lost::default();
        for day in 0..1_000 {
            lost.take(in_window(day)).expect("as many as can be");
            lost.take(in_window(day)).expect("the same window again");
        }
        assert_eq!(lost.take(in_window(1_000)).expect_err("one more").code(), Code::ResourceExhausted);
    }
}
