//! The node's way to the hub: announces this start, keeps in touch, and asks about legs in doubt.

use crate::domain::machine::lineage::same_lineage;
use crate::domain::machine::{PeerRow, TableRow};
use crate::domain::node::tables::Key;
use crate::domain::node::{ASK_AGAIN_MS, ASK_MAX, Effect, Input, NodeMachine, Record, join::admits_nobody};
use crate::domain::protocol::{Announcement, PeerMark, Question, REFUSED_ASK_MS, Ruling};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Digest, ProvinceCode, Schedule, Side, TransferId};
use crate::engine::{Handle, Outlet, Reader, SystemClock};
use crate::proto::hub::AnnounceState;
use crate::server::common::health::{Health, Need};
use crate::server::common::sender::Mark;
use crate::store::{AnyTables, StoreError, hash_at};
use crate::transport::backoff::{Backoff, Rarely};
use crate::transport::peer::Peer;
use crate::transport::tls::with_sources;
use crate::wire::announce::announcement_to_proto;
use crate::wire::resolve::{resolve_to_proto, ruling_from_proto};
use crate::wire::sender::{lineage_of, sender_from_proto};
use crate::wire::status::{Problem, problem_of_store, reason_of, status};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::Status;

/// How often the node shows itself, so that a hub that restarted or was replaced is noticed without traffic.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(10);
/// How long a call to the hub may take.
const CALL_WITHIN: Duration = Duration::from_secs(5);

/// What the node's machine wants of the hub.
#[derive(Debug)]
pub(super) enum HubCall {
    /// Answers about legs in doubt.
    Ask(Vec<Question>),
    /// To be admitted by a life of the hub that spoke and has not done so.
    Announce,
}

/// The node's way out.
#[derive(Debug)]
pub(super) struct HubCalls(UnboundedSender<HubCall>, Arc<SystemClock>);

/// A way out, and the end where its calls come out.
pub(super) fn calls(clock: Arc<SystemClock>) -> (HubCalls, UnboundedReceiver<HubCall>) {
    let (sender, receiver) = unbounded_channel();
    (HubCalls(sender, clock), receiver)
}

impl Outlet<Effect> for HubCalls {
    fn deliver(&mut self, effects: Vec<Effect>, _since: Instant) {
        for effect in effects {
            match effect {
                // Once the resolver has ended the server is stopping; the next start asks again.
                Effect::Ask(questions) => drop(self.0.send(HubCall::Ask(questions))),
                // No kind of this program's table is posted: nothing decides so.
                Effect::Post(postings) => {
                    tracing::error!(
                        count = postings.len(),
                        "ALARM: the hub has no method for what was decided here"
                    );
                }
                Effect::Announce => drop(self.0.send(HubCall::Announce)),
                Effect::AcceptClock => self.1.accept(),
                Effect::HubRefused => {
                    tracing::error!(
                        "ALARM: the hub is older than what this node has seen of it, or a copy: nothing is taken from \
                         it"
                    );
                }
                Effect::Alarm(transfer_id, side) => {
                    let side = side.name();
                    tracing::error!(
                        %transfer_id,
                        side,
                        "ALARM: an incident was noted: `gongji incidents` says what and why"
                    );
                }
            }
        }
    }
}

/// When the hub was last asked about a leg, and when it will be again at the latest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AskTimes {
    /// The last question.
    pub(super) asked: Civil,
    /// The next one.
    pub(super) next: Civil,
}

/// What was asked, for people who look: the writer itself is not asked. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Asked(Arc<Mutex<AskedLegs>>);

/// The times of each leg, and when each is forgotten.
#[derive(Debug, Default)]
struct AskedLegs {
    times: BTreeMap<(TransferId, Side), AskTimes>,
    forgotten: Schedule<(TransferId, Side), Civil>,
}

/// Of a leg that was not asked about for so long the answer has come.
const FORGOTTEN_AFTER_MS: i64 = 600_000;

impl Asked {
    /// Notes questions that are asked now, or put off by `after_ms`.
    fn note<'a>(&self, questions: impl IntoIterator<Item = &'a Question>, now: Civil, after_ms: u64) {
        let next = Civil(now.0.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX)));
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let old: Vec<_> = asked.forgotten.due(now).collect();
        for leg in old {
            asked.times.remove(&leg);
            asked.forgotten.remove(leg);
        }
        for question in questions {
            let leg = (question.transfer_id, question.side);
            asked.times.insert(leg, AskTimes { asked: now, next });
            asked.forgotten.set(leg, Civil(next.0.saturating_add(FORGOTTEN_AFTER_MS)));
        }
    }

    /// The times of a leg, if it was asked about.
    pub(super) fn of(&self, transfer_id: TransferId, side: Side) -> Option<AskTimes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).times.get(&(transfer_id, side)).copied()
    }
}

/// Speaks to the hub.
pub(super) struct Resolver {
    pub(super) province: ProvinceCode,
    pub(super) hub: Peer,
    pub(super) mark: Mark,
    pub(super) engine: Handle<NodeMachine>,
    pub(super) health: Health,
    pub(super) reader: Reader<Record>,
    pub(super) clock: Arc<SystemClock>,
    pub(super) asked: Asked,
    /// Whether the store was restored, and no hub has said since that nothing is missing.
    pub(super) restored: AtomicBool,
}

fn is(error: &Status, reason: Reason) -> bool {
    reason_of(error) == Some(reason)
}

/// How often a node that is told again what it lost shows itself.
const RESYNC_EVERY: Duration = Duration::from_secs(1);

/// What an announcement led to: the hub as it spoke, and which store it has; this start's incarnation; whether it is
/// told again what it lost and does not serve yet; and since which life the hub has recovered.
type Admission = ((PeerMark, Option<Digest>), u64, bool, u64);

impl Resolver {
    /// Runs until the engine ends (false), or until another start of this store has taken this one's place (true).
    pub(super) async fn run(self, mut calls: UnboundedReceiver<HubCall>) -> bool {
        // A hub that is back is known within a second.
        let mut backoff = Backoff::new(100, 1_000);
        let (mut last, mut failures) = (None, Rarely::default());
        loop {
            let wait = match self.announce(last.is_some()).await {
                Ok(admission) => {
                    backoff.reset();
                    failures.reset();
                    self.enter(admission, &mut last).await
                }
                Err(error) if is(&error, Reason::Recovering) => {
                    tracing::warn!("the hub was restored from a backup, and hears what it lost");
                    self.engine.tell(Input::HubRecovers);
                    last = None;
                    RESYNC_EVERY
                }
                Err(error) if last.is_some() && is(&error, Reason::SenderRefused) => {
                    tracing::error!(
                        "ALARM: another server runs on a copy of this store and was admitted: this one stops"
                    );
                    return true;
                }
                Err(error) if is(&error, Reason::OtherLineage) => {
                    // Where it is accepted this start is a new one for the hub, or the hub for it.
                    last = None;
                    self.health.set(Need::Admitted, false).await;
                    if let Some(count) = failures.count(error.message(), Instant::now()) {
                        tracing::error!(
                            error = error.message(),
                            count,
                            "ALARM: hub and node do not belong together: nothing is taken of this hub, or told to it. \
                             See that the right hub runs on the right store; where the other one is meant, two \
                             operators accept it (`gongji operations propose accept-lineage`)"
                        );
                    }
                    backoff.wait()
                }
                Err(error) if is(&error, Reason::NodeNotListed) => {
                    if let Some(count) = failures.count(Reason::NodeNotListed.code(), Instant::now()) {
                        tracing::error!(
                            count,
                            "the hub does not admit this node: its configuration has no [[nodes]] entry for it"
                        );
                    }
                    backoff.wait()
                }
                Err(error) => {
                    let error = with_sources(&error);
                    if let Some(count) = failures.count(&error, Instant::now()) {
                        tracing::warn!(error, count, "the hub cannot be reached");
                    }
                    backoff.wait()
                }
            };
            let until = tokio::time::Instant::now() + wait;
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => break,
                    call = calls.recv() => match call {
                        // All calls of that life were refused until now: one announcement answers them all.
                        Some(call) => if self.make_calls(call, &mut calls).await && backoff.is_fresh() {
                            break;
                        },
                        None => return false,
                    }
                }
            }
        }
    }

    /// Takes what the hub said; gives how long to wait before the next announcement.
    async fn enter(
        &self,
        ((hub, lineage), incarnation, resync, hub_recovered): Admission,
        last: &mut Option<bool>,
    ) -> Duration {
        self.mark.set_incarnation(incarnation);
        if !resync {
            self.restored.store(false, Ordering::Relaxed);
        }
        self.engine.tell(Input::Joined { incarnation, hub, lineage, resync, hub_recovered });
        if *last != Some(resync) {
            *last = Some(resync);
            let province = self.province;
            self.health.set(Need::Whole, !resync).await;
            if resync {
                tracing::error!(
                    %province,
                    incarnation,
                    "ALARM: this store was restored from an older state: the hub tells again what was lost"
                );
            } else {
                tracing::info!(%province, incarnation, "joined the hub");
            }
        }
        // Each time: an older hub may have answered in between.
        self.health.set(Need::Admitted, true).await;
        // A store that was empty had no lineage to tell: it has by now.
        if resync || !self.mark.has_lineage() { RESYNC_EVERY } else { ANNOUNCE_EVERY }
    }

    /// Announces this start, and proves what the hub wants proved. `again`: it was admitted before.
    async fn announce(&self, again: bool) -> Result<Admission, Status> {
        let mut announcement = Announcement {
            again,
            restored: self.restored.load(Ordering::Relaxed),
            ..Announcement::default()
        };
        loop {
            let seen = self.read(|tables| {
                let rows = tables.load(&[Key::Peer(ProvinceCode::HUB)])?;
                Ok(rows.iter().flatten().find_map(PeerRow::of).cloned())
            });
            let seen = seen.await?;
            announcement.hub_seen = seen.as_ref().map(PeerRow::mark);
            announcement.hub_lineage = seen.and_then(|seen| seen.lineage);
            let lineage = self.mark.lineage(&self.reader).await;
            announcement.lineage = lineage.map_err(|error| problem_of_store(error).into_status())?;
            let request = announcement_to_proto(self.mark.sender(), &announcement);
            let answer = self.hub.call(request, CALL_WITHIN).await?;
            let hub = sender_from_proto(answer.sender.as_ref()).map_err(Problem::into_status)?;
            self.mark.hear_clock(ProvinceCode::HUB, answer.sender.as_ref());
            let lineage = lineage_of(answer.sender.as_ref());
            same_lineage(ProvinceCode::HUB, announcement.hub_lineage, lineage)
                .map_err(|other| Problem::from(RefusalRecord::from(other)))?;
            match answer.state() {
                AnnounceState::Prove if announcement.proof.is_none() => {
                    let sequence = answer.prove_sequence;
                    let hash = self.read(move |tables| hash_at(tables, sequence)).await?;
                    announcement.proof = Some((sequence, hash.unwrap_or_default()));
                }
                state @ (AnnounceState::Admitted | AnnounceState::Resync) => {
                    let (resync, incarnation) = (state == AnnounceState::Resync, answer.incarnation);
                    let hub_recovered = answer.hub_recovered;
                    if announcement.hub_seen.is_some_and(|seen| admits_nobody(&hub, &seen, hub_recovered)) {
                        // The machine takes nothing of it, and raises the alarm.
                        self.engine.tell(Input::Joined { incarnation, hub, lineage, resync, hub_recovered });
                        self.health.set(Need::Admitted, false).await;
                        return Err(status(Reason::HubBehind));
                    }
                    return Ok(((hub, lineage), incarnation, resync, hub_recovered));
                }
                AnnounceState::Prove | AnnounceState::Unspecified => {
                    return Err(Status::unavailable("the hub's answer cannot be understood"));
                }
            }
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyTables<Record>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Status> {
        self.reader.run(read).await.map_err(|error| problem_of_store(error).into_status())
    }

    /// Does what waits, asking about each leg once: while a hub did not answer, the same questions have come again.
    /// True: the hub is to be told who this is.
    async fn make_calls(&self, first: HubCall, more: &mut UnboundedReceiver<HubCall>) -> bool {
        let (mut waiting, mut announce, mut next) = (BTreeMap::new(), false, Some(first));
        while let Some(call) = next {
            match call {
                HubCall::Ask(questions) => {
                    waiting.extend(questions.into_iter().map(|it| ((it.transfer_id, it.side), it)));
                }
                HubCall::Announce => announce = true,
            }
            next = more.try_recv().ok();
        }
        // Before it has admitted this node, nothing is taken from the hub: the questions come again by themselves.
        if !announce {
            let waiting: Vec<Question> = waiting.into_values().collect();
            for questions in waiting.chunks(ASK_MAX) {
                self.ask(questions.to_vec()).await;
            }
        }
        announce
    }

    async fn ask(&self, questions: Vec<Question>) {
        tracing::info!(count = questions.len(), "asking the hub about legs in doubt");
        self.asked.note(&questions, self.clock.now().civil, ASK_AGAIN_MS);
        match self.hub.call(resolve_to_proto(self.mark.sender(), &questions), CALL_WITHIN).await {
            Ok(answer) => {
                if let Ok(hub) = sender_from_proto(answer.sender.as_ref()) {
                    let rulings: Vec<Ruling> =
                        answer.answers.iter().filter_map(|ruling| ruling_from_proto(ruling).ok()).collect();
                    for ruling in &rulings {
                        match ruling {
                            Ruling::Decided(_) => {}
                            Ruling::Pending { question, ask_after_ms } => {
                                self.asked.note([question], self.clock.now().civil, *ask_after_ms);
                            }
                            Ruling::Refused { question, refusal } => {
                                let (transfer_id, reason) = (question.transfer_id, refusal.reason.code());
                                tracing::error!(%transfer_id, reason, "ALARM: the hub does not rule on a leg in doubt");
                                self.asked.note([question], self.clock.now().civil, REFUSED_ASK_MS);
                            }
                        }
                    }
                    return self.engine.tell(Input::Rulings { hub, rulings });
                }
                self.engine.tell(Input::AskFailed { questions });
            }
            Err(error) if is(&error, Reason::Overloaded) => {
                // The hub has payments to make first: the questions come again by themselves, later than after a loss.
                tracing::info!(count = questions.len(), "the hub is busy: asking again later");
            }
            Err(error) => {
                tracing::warn!(error = error.message(), "the hub cannot be asked");
                self.engine.tell(Input::AskFailed { questions });
            }
        }
    }
}
