//! A careful client: it asks with the same id until the answer is final, and keeps every final answer.

use super::process::Servers;
use crate::e2e::kit::Turns;
use crate::e2e::kit::caller::Caller;
use crate::e2e::kit::people::Family;
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::protocol::transfer::TransferState as Stored;
use gongji::domain::value::id::TransferId;
use gongji::proto::hub::transfer_service_client::TransferServiceClient;
use gongji::proto::hub::{CreateTransferRequest, ListTransfersRequest, Transfer, TransferState, WaitMode};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request};

/// A caller asks again after this, as one does who was promised an answer within it.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// One call: a final answer, or nothing when it is not known yet. Anything else is a mistake of the servers.
pub async fn ask(
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
    let mut turns = Turns::at("a final answer");
    loop {
        turns.next().await;
        if let Some(answer) = ask(transfers.clone(), content).await {
            return answer;
        }
    }
}

/// Something when every transfer of the hub is recorded by both provinces.
pub async fn everything_recorded(app: &Caller) -> Option<()> {
    let mut request = ListTransfersRequest { page_size: 1_000, ..ListTransfersRequest::default() };
    loop {
        let mut call = Request::new(request.clone());
        call.set_timeout(PATIENCE);
        let page = app.transfers().list_transfers(call).await.ok()?.into_inner();
        if !page.transfers.iter().all(|it| it.payer_recorded && it.payee_recorded) {
            return None;
        }
        if page.next_page_token.is_empty() {
            return Some(());
        }
        request.page_token = page.next_page_token;
    }
}

/// Half of the requests wait for the decision only: what was answered then must survive as well.
pub fn wait_of(number: usize) -> i32 {
    if number.is_multiple_of(2) { WaitMode::Decided.into() } else { WaitMode::Recorded.into() }
}

/// Demands that each answer is what the hub has stored; gives how many were committed.
pub fn compare(answers: BTreeMap<String, Transfer>, transfers: &BTreeMap<TransferId, TransferRow>) -> usize {
    let mut committed = 0;
    for (id, answer) in answers {
        let stored = &transfers[&TransferId::parse(&id).expect("an id")];
        let expected = match answer.state() {
            TransferState::Committed => Stored::Committed,
            TransferState::Aborted => Stored::Aborted,
            other => panic!("{id}: {other:?} is no final answer"),
        };
        assert_eq!((stored.state, stored.hub_seq.unwrap_or(0)), (expected, answer.hub_seq), "{id}");
        assert_eq!(stored.amount.to_string(), answer.amount);
        committed += usize::from(expected == Stored::Committed);
    }
    committed
}

/// Callers that make transfers from 13 to 51 until they are told to stop.
pub struct Load {
    families: Vec<Family>,
    number: AtomicUsize,
    stopped: AtomicBool,
    answers: Mutex<BTreeMap<String, Transfer>>,
    committed: AtomicUsize,
}

impl Load {
    /// Starts so many callers for so many families.
    pub async fn start(servers: &Servers, callers: usize, families: usize) -> (Arc<Load>, JoinSet<()>) {
        let mut members = Vec::new();
        for _ in 0..families {
            members.push(servers.site().family("13", "51").await);
        }
        let load = Arc::new(Load {
            families: members,
            number: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            answers: Mutex::default(),
            committed: AtomicUsize::new(0),
        });
        let app = servers.site().caller("app:demo");
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            tasks.spawn(Arc::clone(&load).drive(app.transfers()));
        }
        (load, tasks)
    }

    async fn drive(self: Arc<Load>, transfers: TransferServiceClient<Channel>) {
        while !self.stopped.load(Ordering::Relaxed) {
            let number = self.number.fetch_add(1, Ordering::Relaxed);
            let family = &self.families[number % self.families.len()];
            let mut content = family.transfer(&format!("0.{:02}", 1 + number % 99));
            content.wait = wait_of(number / 2);
            let answer = ask_on(&transfers, &content).await;
            let committed = answer.state() == TransferState::Committed;
            self.answers.lock().expect("no caller panics with it").insert(answer.transfer_id.clone(), answer);
            self.committed.fetch_add(usize::from(committed), Ordering::Relaxed);
        }
    }

    /// No caller begins anything new.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// How many transfers were answered as committed.
    pub fn committed(&self) -> usize {
        self.committed.load(Ordering::Relaxed)
    }

    /// Every final answer so far.
    pub fn answers(&self) -> BTreeMap<String, Transfer> {
        self.answers.lock().expect("no caller panics with it").clone()
    }

    /// What was credited to givers, in fen; those of `Site::ready` come on top.
    pub fn funded(&self) -> i64 {
        i64::try_from(self.families.len()).expect("few") * 1_000_000
    }
}
