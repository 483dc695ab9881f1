//! `kill -9` of the hub, then of a node, in the middle of a thousand transfers.

use super::ledgers::contradicts;
use super::load::Load;
use super::process::Servers;
use crate::e2e::kit::audit::demand_settled;
use crate::e2e::kit::people::Funds;
use crate::e2e::kit::run;
use crate::e2e::kit::site::Options;

const TRANSFERS: usize = 1_000;
const CALLERS: usize = 32;
const FAMILIES: usize = 20;

#[test]
fn nothing_is_lost_or_doubled_when_the_hub_and_then_a_node_are_killed() {
    let mut servers = Servers::start(&Options::lively());
    let load = run(async {
        let mut load = Load::start(&servers, CALLERS, FAMILIES).await;
        for server in ["hub", "51"] {
            load.more(TRANSFERS / 4).await;
            servers.kill(server);
            servers.launch(server);
            assert!(servers.come_up().await, "{server} starts again from what it left behind");
        }
        load.more(TRANSFERS / 2).await;
        load.settle(&servers).await;
        // Money gets through again, and every decision has reached both provinces.
        servers.site().ready().await;
        for family in load.families() {
            let Funds { held, pending, .. } = family.funds().await;
            assert_eq!((held.as_str(), pending.as_str()), ("0.00", "0.00"));
        }
        demand_settled(servers.site(), &load.answers()).await;
        servers.stop().await;
        load
    });
    // Before and after it was found out whether money gets through.
    assert!(load.agrees(&servers, 2) >= TRANSFERS);
    contradicts(&servers, &load.answers());
}
