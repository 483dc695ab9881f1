//! The node's way to the hub: announces this start, keeps in touch, and asks about legs in doubt.

use crate::domain::calendar::Civil;
use crate::domain::id::TransferId;
use crate::domain::participant::{ASK_AGAIN_MS, Effect, Input, Participant};
use crate::domain::protocol::{Question, Ruling};
use crate::domain::reason::Reason;
use crate::domain::region::ProvinceCode;
use crate::domain::transfer::Side;
use crate::engine::{Clock, Handle, Outlet};
use crate::net::backoff::Backoff;
use crate::net::convert::leg::{sender_from_proto, sender_to_proto};
use crate::net::convert::resolve::{resolve_to_proto, ruling_from_proto};
use crate::net::mark::Mark;
use crate::net::peer::{MESSAGE_MAX, Peer};
use crate::net::status::{Problem, problem_of};
use crate::proto::hub::AnnounceNodeRequest;
use crate::proto::hub::coordinator_service_client::CoordinatorServiceClient;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tonic::{Request, Status};
use tonic_health::server::HealthReporter;

/// How often the node shows itself, so that a hub that restarted or was replaced is noticed without traffic.
const ANNOUNCE_EVERY: Duration = Duration::from_secs(10);
/// How long a call to the hub may take.
const CALL_WITHIN: Duration = Duration::from_secs(5);

/// The node's way out.
#[derive(Debug)]
pub(super) struct Questions(UnboundedSender<Vec<Question>>);

/// A way out, and the end where its questions come out.
pub(super) fn questions() -> (Questions, UnboundedReceiver<Vec<Question>>) {
    let (sender, receiver) = unbounded_channel();
    (Questions(sender), receiver)
}

impl Outlet<Effect> for Questions {
    fn deliver(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                // Once the resolver has ended the server is stopping; the next start asks again.
                Effect::Ask(questions) => drop(self.0.send(questions)),
                Effect::Alarm(transfer_id, side) => {
                    let side = side.name();
                    tracing::error!(%transfer_id, side, "ALARM: the hub's order contradicts what is recorded");
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
pub(super) struct Asked(Arc<Mutex<BTreeMap<(TransferId, Side), AskTimes>>>);

/// Of a leg that was not asked about for so long the answer has come.
const FORGOTTEN_AFTER_MS: i64 = 600_000;

impl Asked {
    /// Notes questions that are asked now, or put off by `after_ms`.
    fn note<'a>(&self, questions: impl IntoIterator<Item = &'a Question>, now: Civil, after_ms: u64) {
        let next = Civil(now.0.saturating_add(i64::try_from(after_ms).unwrap_or(i64::MAX)));
        let mut asked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asked.retain(|_, times| times.next.0.saturating_add(FORGOTTEN_AFTER_MS) > now.0);
        for question in questions {
            asked.insert((question.transfer_id, question.side), AskTimes { asked: now, next });
        }
    }

    /// The times of a leg, if it was asked about.
    pub(super) fn of(&self, transfer_id: TransferId, side: Side) -> Option<AskTimes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&(transfer_id, side)).copied()
    }
}

/// Speaks to the hub.
pub(super) struct Resolver {
    pub(super) province: ProvinceCode,
    pub(super) hub: Peer,
    pub(super) mark: Mark,
    pub(super) engine: Handle<Participant>,
    pub(super) health: HealthReporter,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) asked: Asked,
}

fn is_overload(error: &Status) -> bool {
    problem_of(error).is_some_and(|problem| problem.code == Reason::Overloaded.code())
}

impl Resolver {
    /// Runs until it is dropped.
    pub(super) async fn run(self, mut questions: UnboundedReceiver<Vec<Question>>) {
        let mut backoff = Backoff::new(100, 5_000);
        let mut joined = false;
        loop {
            let wait = match self.announce().await {
                Ok(incarnation) => {
                    backoff.reset();
                    if !joined {
                        joined = true;
                        tracing::info!(province = %self.province, incarnation, "joined the hub");
                        self.health.set_service_status("", tonic_health::ServingStatus::Serving).await;
                    }
                    ANNOUNCE_EVERY
                }
                Err(error) => {
                    self.complain(&error);
                    backoff.wait()
                }
            };
            let until = tokio::time::Instant::now() + wait;
            loop {
                tokio::select! {
                    () = tokio::time::sleep_until(until) => break,
                    asked = questions.recv() => match asked {
                        Some(asked) => self.ask(asked).await,
                        None => return,
                    }
                }
            }
        }
    }

    fn complain(&self, error: &Status) {
        let code = problem_of(error).map(|problem| problem.code);
        if code.as_deref() == Some(Reason::SenderRefused.code()) {
            tracing::error!(
                "ALARM: the hub knows a later state of this store: it was restored or copied, and must not serve"
            );
        } else {
            tracing::warn!(error = error.message(), "the hub cannot be reached");
        }
    }

    fn client(&self) -> CoordinatorServiceClient<crate::net::peer::Service> {
        CoordinatorServiceClient::new(self.hub.service()).max_decoding_message_size(MESSAGE_MAX)
    }

    async fn announce(&self) -> Result<u64, Status> {
        let mut request = Request::new(AnnounceNodeRequest {
            sender: Some(sender_to_proto(&self.mark.now())),
            province_code: self.province.to_string(),
        });
        request.set_timeout(CALL_WITHIN);
        let answer = self.client().announce_node(request).await?.into_inner();
        let hub = sender_from_proto(answer.sender.as_ref()).map_err(Problem::into_status)?;
        self.mark.set_incarnation(answer.incarnation);
        self.engine.tell(Input::Joined { incarnation: answer.incarnation, hub });
        Ok(answer.incarnation)
    }

    async fn ask(&self, questions: Vec<Question>) {
        tracing::info!(count = questions.len(), "asking the hub about legs in doubt");
        self.asked.note(&questions, self.clock.now().civil, ASK_AGAIN_MS);
        let mut request = Request::new(resolve_to_proto(&self.mark.now(), &questions));
        request.set_timeout(CALL_WITHIN);
        match self.client().resolve(request).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                if let Ok(hub) = sender_from_proto(answer.sender.as_ref()) {
                    let rulings: Vec<Ruling> =
                        answer.answers.iter().filter_map(|ruling| ruling_from_proto(ruling).ok()).collect();
                    for ruling in &rulings {
                        if let Ruling::Pending { question, ask_after_ms } = ruling {
                            self.asked.note([question], self.clock.now().civil, *ask_after_ms);
                        }
                    }
                    return self.engine.tell(Input::Rulings { hub, rulings });
                }
                self.engine.tell(Input::AskFailed { questions });
            }
            Err(error) if is_overload(&error) => {
                // The hub has payments to make first: the questions come again by themselves, later than after a loss.
                tracing::info!(count = questions.len(), "the hub is busy: asking again later");
            }
            Err(error) => {
                self.complain(&error);
                self.engine.tell(Input::AskFailed { questions });
            }
        }
    }
}
