//! The closed loop: so many calls under way, each followed by the next. Every answer is kept for the audit.

use super::latencies::Latencies;
use super::usage::Usage;
use super::{BenchError, Client, failed};
use crate::domain::value::TransferId;
use crate::privacy::random::{new_transfer_id, random_16};
use crate::proto::hub::batch_get_transfers_result::Outcome as Found;
use crate::proto::hub::submit_transfers_result::Outcome;
use crate::proto::hub::{
    BatchGetTransfersRequest, CreateTransferRequest, SubmitTransfersRequest, Transfer, TransferState,
    WaitMode,
};
use crate::proto::types::{Kinship, Party};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::{Code, Request, Status};

/// What each call is given.
const DEADLINE: Duration = Duration::from_secs(10);
/// After an error a caller waits, so that a broken server is not flooded.
const AFTER_ERROR: Duration = Duration::from_millis(20);
/// Amounts, in fen and in yuan.
const AMOUNTS: [(i64, &str); 4] = [(1, "0.01"), (250, "2.50"), (1_000, "10.00"), (3_999, "39.99")];
/// Ids asked for in one call while recording is waited for.
const ASK: usize = 1_000;

/// Who pays to whom.
#[derive(Debug)]
pub struct Field {
    /// Every payer.
    pub payers: Vec<Payer>,
    /// People of a province that nobody can reach; empty where there is none.
    pub dark: Vec<Party>,
}

/// A payer and his relatives.
#[derive(Debug)]
pub struct Payer {
    /// He.
    pub party: Party,
    /// Those in other provinces; at least one.
    pub relatives: Arc<[Party]>,
}

/// How to load.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Calls under way at once.
    pub concurrency: usize,
    /// Transfers in a call of SubmitTransfers; none: CreateTransfer.
    pub batch: Option<usize>,
    /// What a call waits for.
    pub wait: WaitMode,
    /// So many of a thousand transfers go to the province that nobody can reach.
    pub dark_per_mille: usize,
    /// Time before the measured one.
    pub warm_up: Duration,
    /// Measured time.
    pub measured: Duration,
}

/// What a client was told of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// COMMITTED.
    Committed,
    /// ABORTED.
    Aborted,
    /// An error that says that nothing was recorded.
    Error,
    /// Anything else: not known.
    Unknown,
}

/// One transfer as its client saw it.
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    /// The id that was sent.
    pub id: TransferId,
    /// The amount that was sent, in fen.
    pub fen: i64,
    /// What came back.
    pub seen: Seen,
}

/// What one caller, or all of them, have seen.
#[derive(Debug, Default)]
pub struct Tally {
    /// Every transfer, warm-up included.
    pub answers: Vec<Answer>,
    /// Times of the calls that ended in the measured time.
    pub latencies: Latencies,
    /// The same of calls to the province that nobody can reach.
    pub to_dark: Latencies,
    /// Transfers committed in the measured time.
    pub committed: u64,
    /// Refused transfers by reason, warm-up included.
    pub refusals: BTreeMap<String, u64>,
    /// Unknown outcomes by what came instead, warm-up included.
    pub unknowns: BTreeMap<String, u64>,
}

/// A finished load.
#[derive(Debug)]
pub struct Run {
    /// Every transfer, in order of ids.
    pub answers: Vec<Answer>,
    /// Times, counts and reasons.
    pub tally: Tally,
    /// Measured time.
    pub elapsed: Duration,
    /// What each process used in it.
    pub used: Vec<Usage>,
}

/// Loads through these clients in turn until the plan's time is over; ends when every call has been answered.
pub async fn run(
    plan: Plan,
    clients: &[Client],
    field: Arc<Field>,
    usage: &dyn Fn() -> Vec<Usage>,
) -> Result<Run, BenchError> {
    let begin = Instant::now() + plan.warm_up;
    let window = (begin, begin + plan.measured);
    let callers = clients.iter().cycle().take(plan.concurrency).map(|client| {
        let caller = Caller::new(plan, client.clone(), Arc::clone(&field), window);
        tokio::spawn(caller.work())
    });
    let callers: Vec<_> = callers.collect();
    tokio::time::sleep_until(window.0.into()).await;
    let before = usage();
    tokio::time::sleep_until(window.1.into()).await;
    let used = usage().iter().zip(&before).map(|(after, before)| after.since(before)).collect();
    let mut tally = Tally::default();
    for caller in callers {
        let seen = caller.await.map_err(failed("a caller"))?;
        tally.add(seen);
    }
    let mut answers = std::mem::take(&mut tally.answers);
    answers.sort_unstable_by_key(|answer| answer.id);
    Ok(Run { answers, tally, elapsed: plan.measured, used })
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.answers.extend(other.answers);
        self.latencies.add(&other.latencies);
        self.to_dark.add(&other.to_dark);
        self.committed += other.committed;
        for (reason, count) in other.refusals {
            *self.refusals.entry(reason).or_default() += count;
        }
        for (what, count) in other.unknowns {
            *self.unknowns.entry(what).or_default() += count;
        }
    }

    fn transfer(&mut self, id: TransferId, fen: i64, transfer: Option<Transfer>) {
        let state = transfer.as_ref().map_or(TransferState::Unspecified, |it| it.state());
        let seen = match state {
            TransferState::Committed => Seen::Committed,
            TransferState::Aborted => {
                let refusal = transfer.and_then(|it| it.refusal).map(|refusal| refusal.reason);
                *self.refusals.entry(refusal.unwrap_or_default()).or_default() += 1;
                Seen::Aborted
            }
            TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Unspecified => {
                *self.unknowns.entry(state.as_str_name().to_owned()).or_default() += 1;
                Seen::Unknown
            }
        };
        self.answers.push(Answer { id, fen, seen });
    }

    fn error(&mut self, id: TransferId, fen: i64, code: Code, message: &str) {
        // The message begins with the reason, and holds no personal data.
        let what = message.split(':').next().unwrap_or_default();
        let what = if what.is_empty() { format!("{code:?}") } else { what.to_owned() };
        // Only these classes say that nothing was recorded; all others leave it open.
        let nothing = matches!(
            code,
            Code::InvalidArgument
                | Code::FailedPrecondition
                | Code::PermissionDenied
                | Code::ResourceExhausted
        );
        let counts = if nothing { &mut self.refusals } else { &mut self.unknowns };
        *counts.entry(what).or_default() += 1;
        self.answers.push(Answer { id, fen, seen: if nothing { Seen::Error } else { Seen::Unknown } });
    }
}

/// One of the callers.
struct Caller {
    plan: Plan,
    client: Client,
    field: Arc<Field>,
    window: (Instant, Instant),
    random: u64,
    /// Whether the last transfer went to the province that nobody can reach.
    is_dark: bool,
    tally: Tally,
}

impl Caller {
    fn new(plan: Plan, client: Client, field: Arc<Field>, window: (Instant, Instant)) -> Caller {
        let seed = random_16().iter().fold(1, |seed: u64, byte| seed << 4 ^ u64::from(*byte));
        Caller { plan, client, field, window, random: seed | 1, is_dark: false, tally: Tally::default() }
    }

    /// A number below `count`, every one as likely: xorshift64*, and the high bits of a product.
    fn below(&mut self, count: usize) -> usize {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        let high = u128::from(self.random.wrapping_mul(0x2545_F491_4F6C_DD1D)) * count as u128;
        usize::try_from(high >> 64).unwrap_or(0)
    }

    fn transfer(&mut self) -> (TransferId, i64, CreateTransferRequest) {
        let (payer, amount) = (self.below(self.field.payers.len()), self.below(AMOUNTS.len()));
        self.is_dark = self.plan.dark_per_mille > 0 && self.below(1_000) < self.plan.dark_per_mille;
        let relatives =
            |field: &Field| if self.is_dark { field.dark.len() } else { field.payers[payer].relatives.len() };
        let count = relatives(&self.field);
        let relative = self.below(count);
        let payer = &self.field.payers[payer];
        let payee = if self.is_dark { &self.field.dark[relative] } else { &payer.relatives[relative] };
        let (fen, yuan) = AMOUNTS[amount];
        let id = new_transfer_id();
        let request = CreateTransferRequest {
            transfer_id: id.to_string(),
            payer: Some(payer.party.clone()),
            payee: Some(payee.clone()),
            kinship: Kinship::Parent.into(),
            amount: yuan.to_owned(),
            remark: String::new(),
            wait: self.plan.wait.into(),
            verification: 0,
        };
        (id, fen, request)
    }

    async fn work(mut self) -> Tally {
        loop {
            let begun = Instant::now();
            if begun >= self.window.1 {
                return self.tally;
            }
            let known = self.tally.answers.len();
            let well = match self.plan.batch {
                None => self.call_one().await,
                Some(count) => self.call_many(count).await,
            };
            let ended = Instant::now();
            if ended >= self.window.0 && ended < self.window.1 {
                let times = if self.is_dark { &mut self.tally.to_dark } else { &mut self.tally.latencies };
                times.record(ended - begun);
                let new = self.tally.answers[known..].iter();
                self.tally.committed += new.filter(|answer| answer.seen == Seen::Committed).count() as u64;
            }
            if !well {
                tokio::time::sleep(AFTER_ERROR).await;
            }
        }
    }

    /// Whether the call was answered.
    async fn call_one(&mut self) -> bool {
        let (id, fen, request) = self.transfer();
        match self.client.create_transfer(with_deadline(request)).await {
            Ok(answer) => self.tally.transfer(id, fen, answer.into_inner().transfer),
            Err(status) => {
                self.tally.error(id, fen, status.code(), status.message());
                return false;
            }
        }
        true
    }

    async fn call_many(&mut self, count: usize) -> bool {
        let (mut sent, mut requests) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for _ in 0..count {
            let (id, fen, request) = self.transfer();
            sent.push((id, fen));
            requests.push(request);
        }
        let request = SubmitTransfersRequest { requests, wait: self.plan.wait.into() };
        let answered = self.client.submit_transfers(with_deadline(request)).await;
        let well = answered.is_ok();
        let all: Result<Vec<Option<Outcome>>, Status> = answered
            .map(|answer| answer.into_inner().results.into_iter().map(|result| result.outcome).collect());
        for (at, (id, fen)) in sent.into_iter().enumerate() {
            match &all {
                Ok(results) => match results.get(at).cloned().flatten() {
                    Some(Outcome::Transfer(transfer)) => self.tally.transfer(id, fen, Some(transfer)),
                    Some(Outcome::Error(error)) => {
                        self.tally.error(id, fen, Code::from_i32(error.code), &error.message);
                    }
                    None => self.tally.transfer(id, fen, None),
                },
                Err(status) => self.tally.error(id, fen, status.code(), status.message()),
            }
        }
        well
    }
}

fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// The transfers with these ids as the hub gives them; nothing for one that it does not know.
pub async fn read(client: &Client, ids: &[TransferId]) -> Result<Vec<Option<Transfer>>, BenchError> {
    let transfer_ids = ids.iter().map(TransferId::to_string).collect();
    let answer = client.clone().batch_get_transfers(BatchGetTransfersRequest { transfer_ids }).await;
    let results = answer.map_err(failed("BatchGetTransfers"))?.into_inner().results;
    let found = results.into_iter().map(|result| match result.outcome {
        Some(Found::Transfer(transfer)) => Some(transfer),
        Some(Found::Error(_)) | None => None,
    });
    Ok(found.collect())
}

/// Waits until each of these transfers that the hub has is recorded by both provinces. Newest first: when they are
/// recorded, most of the others are.
pub async fn drain(
    client: &Client,
    mut open: BTreeSet<TransferId>,
    within: Duration,
) -> Result<(), BenchError> {
    let until = Instant::now() + within;
    while !open.is_empty() {
        let last: Vec<TransferId> = open.iter().rev().take(ASK).copied().collect();
        let mut waits = false;
        for (id, found) in last.iter().zip(read(client, &last).await?) {
            let pending = found.is_some_and(|it| !(it.payer_recorded && it.payee_recorded));
            if pending {
                waits = true;
            } else {
                open.remove(id);
            }
        }
        if Instant::now() > until {
            let what = format!("{} transfers are not recorded after {} s", open.len(), within.as_secs());
            return Err(BenchError::Failed(what));
        }
        if waits {
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }
    Ok(())
}
