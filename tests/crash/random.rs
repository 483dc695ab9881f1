//! `kill -9` of hub and nodes at random moments, many times over, under load.

use super::load::Load;
use super::process::Servers;
use crate::e2e::kit::site::Options;
use crate::e2e::kit::until;
use gongji::domain::machine::{Filter, Record, Row, Scan};
use gongji::domain::{hub, node};
use gongji::store::Tables;
use gongji::store::sqlite::SqliteReader;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const KILLS: u32 = 200;
const CALLERS: usize = 16;
const FAMILIES: usize = 20;
/// Longest life of the servers between two kills, in milliseconds: some die before they listen.
const LIFE_MS: u64 = 700;
/// So many kills after each other, and then money must get through before the next.
const ROUND: u32 = 20;
/// In doubt is nothing so long after the hub's last start.
const SETTLED_WITHIN: Duration = Duration::from_secs(5);
/// The whole of it, on a busy machine.
const BOUND: Duration = Duration::from_secs(900);

/// Numbers that look random, the same for the same seed (xorshift64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// What waits at the hub and at the nodes for a decision or its recording.
fn open_ends(servers: &Servers) -> usize {
    let data = |server: &str| servers.site().data(server);
    count::<hub::Record>(&data("hub"), hub::unfinished_transfers())
        + count::<node::Record>(&data("13"), node::legs_in_doubt())
        + count::<node::Record>(&data("51"), node::legs_in_doubt())
}

fn count<R: Record>(data: &Path, filter: Filter<<R::Row as Row>::Table>) -> usize {
    let mut reader: SqliteReader<R> = SqliteReader::open(data).expect("a store");
    reader.scan(&Scan { filter, after: None, limit: usize::MAX }).expect("rows").len()
}

async fn kill_at_random(servers: &mut Servers, load: &Load, chance: &mut Chance) -> BTreeMap<String, u32> {
    let names = servers.names();
    let mut kills: BTreeMap<String, u32> = BTreeMap::new();
    for kill in 1..=KILLS {
        // The moment is what is random here: nothing else is waited for.
        tokio::time::sleep(Duration::from_millis(chance.below(LIFE_MS))).await;
        let server = &names[usize::try_from(chance.below(3)).expect("small")];
        servers.kill(server);
        servers.launch(server);
        *kills.entry(server.clone()).or_default() += 1;
        if kill % ROUND == 0 {
            load.more(21).await;
        }
    }
    assert!(servers.come_up().await, "all of them start from what they left behind");
    kills
}

#[test]
#[ignore = "takes minutes; .ci/run runs it"]
fn two_hundred_kills_at_random_moments() {
    let seed =
        std::env::var("GONGJI_KILL_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_121);
    let mut servers = Servers::start(&Options::lively());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let all = async {
        let mut load = Load::start(&servers, CALLERS, FAMILIES).await;
        let mut kills = kill_at_random(&mut servers, &load, &mut Chance(seed)).await;
        load.stop();
        servers.kill("hub");
        servers.launch("hub");
        *kills.entry("hub".to_owned()).or_default() += 1;
        let started = Instant::now();
        assert!(servers.come_up().await, "the hub starts from what it left behind");
        until("nothing in doubt", async || (open_ends(&servers) == 0).then_some(())).await;
        let settled = started.elapsed();
        load.end(&mut servers).await;
        (load, kills, settled)
    };
    let all =
        runtime.block_on(async { tokio::time::timeout(BOUND, all).await.expect("the test took too long") });
    let (load, kills, settled) = all;
    let (asked, committed) = (load.answers().len(), load.agrees(&servers, 1));
    println!(
        "seed {seed}: {} kills {kills:?} under load of {CALLERS} callers; {asked} final answers, {committed} of them \
         COMMITTED, each equal in all three ledgers; nothing in doubt {} ms after the hub's last start",
        kills.values().sum::<u32>(),
        settled.as_millis(),
    );
    assert!(settled < SETTLED_WITHIN, "in doubt for {settled:?}");
}
