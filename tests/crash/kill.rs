//! `kill -9` of the hub, then of a node, in the middle of a thousand transfers.

use super::ledgers::stored;
use super::load::{ask_on, compare, everything_recorded, wait_of};
use super::process::Servers;
use crate::e2e::kit::audit::demand_settled;
use crate::e2e::kit::people::{Family, Funds};
use crate::e2e::kit::site::Options;
use crate::e2e::kit::{run, until};
use gongji::proto::hub::transfer_service_client::TransferServiceClient;
use gongji::proto::hub::{CreateTransferRequest, Transfer};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use tokio::task::JoinSet;
use tonic::transport::Channel;

const TRANSFERS: usize = 1_000;
const CALLERS: usize = 32;
const FAMILIES: usize = 20;

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
            let answer = ask_on(&transfers, &content).await;
            self.answers.lock().expect("no caller panics with it").insert(answer.transfer_id.clone(), answer);
        }
    }
}

async fn thousand(families: &[Family]) -> VecDeque<CreateTransferRequest> {
    let content = |number: usize| {
        let amount = format!("{}.{:02}", 1 + number % 7, number % 100);
        let mut content = families[number % FAMILIES].transfer(&amount);
        content.wait = wait_of(number);
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
    let transfers = stored(servers.site(), funded);
    let committed = compare(answers, &transfers);
    assert!(committed >= TRANSFERS / 4, "most went through: {committed}");
}
