//! `kill -9` of the hub, then of a node, in the middle of a thousand transfers.

use super::ledgers::stored;
use super::process::Servers;
use crate::e2e::kit::audit::demand_settled;
use crate::e2e::kit::caller::Caller;
use crate::e2e::kit::people::{Family, Funds};
use crate::e2e::kit::site::Options;
use crate::e2e::kit::{Turns, run, until};
use gongji::domain::id::TransferId;
use gongji::domain::transfer::TransferState as Stored;
use gongji::proto::hub::transfer_service_client::TransferServiceClient;
use gongji::proto::hub::{CreateTransferRequest, ListTransfersRequest, Transfer, TransferState, WaitMode};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use tonic::{Code, Request};

const TRANSFERS: usize = 1_000;
const CALLERS: usize = 32;
const FAMILIES: usize = 20;
/// A caller asks again after this, as one does who was promised an answer within it.
const PATIENCE: Duration = Duration::from_secs(4);

/// What a careful client knows: what is still to be asked, and every final answer that it was given.
#[derive(Default)]
struct Client {
    open: Mutex<VecDeque<CreateTransferRequest>>,
    answers: Mutex<BTreeMap<String, Transfer>>,
}

impl Client {
    fn answered(&self) -> usize {
        self.answers.lock().expect("no caller panics with it").len()
    }

    /// Takes one after another and asks with the same id until the answer is final.
    async fn drive(self: Arc<Client>, transfers: TransferServiceClient<Channel>) {
        loop {
            let next = self.open.lock().expect("no caller panics with it").pop_front();
            let Some(content) = next else { return };
            let mut turns = Turns::at("a final answer");
            let answer = loop {
                turns.next().await;
                if let Some(answer) = ask(transfers.clone(), &content).await {
                    break answer;
                }
            };
            self.answers.lock().expect("no caller panics with it").insert(answer.transfer_id.clone(), answer);
        }
    }
}

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

async fn everything_recorded(app: &Caller) -> Option<()> {
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

async fn thousand(families: &[Family]) -> VecDeque<CreateTransferRequest> {
    let content = |number: usize| {
        let amount = format!("{}.{:02}", 1 + number % 7, number % 100);
        let mut content = families[number % FAMILIES].transfer(&amount);
        // Half of them wait for the decision only: what was answered then must survive as well.
        content.wait =
            if number.is_multiple_of(2) { WaitMode::Decided.into() } else { WaitMode::Recorded.into() };
        content
    };
    (0..TRANSFERS).map(content).collect()
}

#[test]
fn nothing_is_lost_or_doubled_when_the_hub_and_then_a_node_are_killed() {
    let options =
        Options { provinces: vec!["13", "51"], daily_count_max: Some(10_000), ..Options::default() };
    let mut servers = Servers::start(&options);
    let answers = run(async {
        let app = servers.site().caller("app:demo");
        let mut families = Vec::new();
        for _ in 0..FAMILIES {
            families.push(servers.site().family("13", "51").await);
        }
        let client = Arc::new(Client { open: Mutex::new(thousand(&families).await), ..Client::default() });
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            callers.spawn(Arc::clone(&client).drive(app.transfers()));
        }
        for (server, after) in [("hub", TRANSFERS / 4), ("51", TRANSFERS / 2)] {
            until("enough answers", async || (client.answered() >= after).then_some(())).await;
            assert!(client.answered() < TRANSFERS, "in the middle");
            servers.kill(server);
            servers.launch(server);
            assert!(servers.come_up().await, "{server} starts again from what it left behind");
        }
        callers.join_all().await;
        // Money gets through again, and every decision has reached both provinces.
        servers.site().ready().await;
        until("everything recorded", async || everything_recorded(&app).await).await;
        for family in &families {
            let Funds { held, pending, .. } = family.funds().await;
            assert_eq!((held.as_str(), pending.as_str()), ("0.00", "0.00"));
        }
        let answers = std::mem::take(&mut *client.answers.lock().expect("nobody else is left"));
        let told: Vec<Transfer> = answers.values().cloned().collect();
        demand_settled(servers.site(), &told).await;
        servers.stop().await;
        answers
    });
    assert_eq!(answers.len(), TRANSFERS);

    // The families of this test and those that found out whether money gets through: before and after.
    let funded = i64::try_from(FAMILIES + 2).expect("few") * 1_000_000;
    let transfers = stored(servers.site(), &["13", "51"], &["13"], funded);
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
    assert!(committed >= TRANSFERS / 4, "most went through: {committed}");
}
