//! A careful client: it asks with the same id until the answer is final, and keeps every final answer.

use super::ledgers::agree;
use super::process::Servers;
use crate::e2e::kit::audit::final_answer;
use crate::e2e::kit::people::Family;
use crate::e2e::kit::{BOUND, until};
use gongji::devkit::auditor::AtHub;
use gongji::devkit::client::Caller;
use gongji::domain::protocol::transfer::TransferState as Stored;
use gongji::domain::value::{Money, TransferId};
use gongji::proto::hub::transfer_service_client::TransferServiceClient;
use gongji::proto::hub::{CreateTransferRequest, Transfer, TransferState, WaitMode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request};

/// A caller asks again after this, as one does who was promised an answer within it.
const PATIENCE: Duration = Duration::from_secs(4);
/// Between an answer that is not final and the next question.
const ASK_EVERY: Duration = Duration::from_millis(15);

/// One call: a final answer, or nothing when it is not known yet. Anything else is a mistake of the servers.
async fn ask(
    mut transfers: TransferServiceClient<Channel>,
    content: &CreateTransferRequest,
) -> Option<Transfer> {
    let mut request = Request::new(content.clone());
    request.set_timeout(PATIENCE);
    match transfers.create_transfer(request).await {
        Ok(answer) => {
            let transfer = answer.into_inner().transfer.expect("a transfer");
            let done =
                transfer.payer_recorded && transfer.payee_recorded || content.wait() == WaitMode::Decided;
            (transfer.state() != TransferState::Pending && done).then_some(transfer)
        }
        Err(status) => {
            // The connection broke, or time ran out: unknown, ask again.
            let unknown =
                [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Unknown, Code::Internal];
            assert!(unknown.contains(&status.code()), "{status:?}");
            None
        }
    }
}

/// Asks with the same id until the answer is final.
pub async fn ask_on(transfers: &TransferServiceClient<Channel>, content: &CreateTransferRequest) -> Transfer {
    let mut turns = interval(ASK_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let asked = async {
        loop {
            turns.tick().await;
            if let Some(answer) = ask(transfers.clone(), content).await {
                return answer;
            }
        }
    };
    timeout(BOUND, asked).await.expect("a final answer in time")
}

/// Something when every transfer of the hub is recorded by both provinces.
pub async fn everything_recorded(app: &Caller) -> Option<()> {
    let all = app.list(TransferState::Unspecified).await.ok()?;
    all.iter().all(|it| it.payer_recorded && it.payee_recorded).then_some(())
}

/// Half of the requests wait for the decision only: what was answered then must survive as well.
fn wait_of(number: usize) -> i32 {
    if number.is_multiple_of(2) { WaitMode::Decided.into() } else { WaitMode::Recorded.into() }
}

/// Demands that each answer is what the hub has stored; gives how many were committed.
fn compare(answers: &[Transfer], transfers: &BTreeMap<TransferId, AtHub>) -> usize {
    let mut committed = 0;
    for answer in answers {
        let (id, state) = final_answer(answer).unwrap_or_else(|| panic!("no final answer: {answer:?}"));
        let (fen, number) = (Money::parse(&answer.amount).expect("an amount").fen(), answer.hub_seq);
        let hub_seq = (number > 0).then_some(number);
        assert_eq!(transfers[&id], AtHub { state, fen, hub_seq }, "{id}");
        committed += usize::from(state == Stored::Committed);
    }
    committed
}

/// Callers that make transfers from 13 to 51 until they are told to stop.
pub struct Load {
    seen: Arc<Seen>,
    callers: JoinSet<()>,
}

/// What the callers share.
struct Seen {
    families: Vec<Family>,
    number: AtomicUsize,
    stopped: AtomicBool,
    answers: Mutex<Vec<Transfer>>,
    committed: AtomicUsize,
}

impl Seen {
    async fn drive(self: Arc<Seen>, transfers: TransferServiceClient<Channel>) {
        while !self.stopped.load(Ordering::Relaxed) {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let family = &self.families[number % self.families.len()];
            let mut content = family.transfer(&format!("0.{:02}", 1 + number % 99));
            content.wait = wait_of(number / 2);
            let answer = ask_on(&transfers, &content).await;
            let committed = answer.state() == TransferState::Committed;
            self.answers.lock().expect("no caller panics with it").push(answer);
            self.committed.fetch_add(usize::from(committed), Ordering::Relaxed);
        }
    }
}

impl Load {
    /// Starts so many callers for so many families.
    pub async fn start(servers: &Servers, callers: usize, families: usize) -> Load {
        let mut members = Vec::new();
        for _ in 0..families {
            members.push(servers.site().family("13", "51").await);
        }
        let seen = Arc::new(Seen {
            families: members,
            number: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            answers: Mutex::default(),
            committed: AtomicUsize::new(0),
        });
        let app = servers.site().caller("app:demo");
        let mut tasks = JoinSet::new();
        (0..callers).for_each(|_| drop(tasks.spawn(Arc::clone(&seen).drive(app.transfers()))));
        Load { seen, callers: tasks }
    }

    /// Who pays and is paid.
    pub fn families(&self) -> &[Family] {
        &self.seen.families
    }

    /// How many transfers were answered as committed.
    pub fn committed(&self) -> usize {
        self.seen.committed.load(Ordering::Relaxed)
    }

    /// Waits until so many more are committed.
    pub async fn more(&self, commits: usize) {
        let begun = self.committed();
        // A wait has an end; a thousand commits are soon there.
        for step in (0..commits).step_by(1_000) {
            let enough = begun + (step + 1_000).min(commits);
            until("money that gets through", async || (self.committed() >= enough).then_some(())).await;
        }
    }

    /// Every final answer so far.
    pub fn answers(&self) -> Vec<Transfer> {
        self.seen.answers.lock().expect("no caller panics with it").clone()
    }

    /// No caller begins anything new.
    pub fn stop(&self) {
        self.seen.stopped.store(true, Ordering::Relaxed);
    }

    /// Stops, and waits until every caller has its answer and both provinces have recorded everything.
    pub async fn settle(&mut self, servers: &Servers) {
        self.stop();
        while let Some(done) = self.callers.join_next().await {
            done.expect("a caller that found no mistake");
        }
        let app = servers.site().caller("app:demo");
        until("everything recorded", async || everything_recorded(&app).await).await;
    }

    /// Settles, and stops the servers.
    pub async fn end(&mut self, servers: &mut Servers) {
        self.settle(servers).await;
        servers.stop().await;
    }

    /// Demands of servers that have stopped that their stores agree with each other and with every answer; gives how
    /// many were committed. Besides the load's families one found out at each of `starts` whether money gets through.
    pub fn agrees(&self, servers: &Servers, starts: usize) -> usize {
        let funded = i64::try_from(self.families().len() + starts).expect("few") * 1_000_000;
        compare(&self.answers(), &agree(servers.site(), funded))
    }
}
