//! A node that hangs: its process is there, its connections are, and nothing moves.

use super::process::Servers;
use crate::e2e::kit::site::Options;
use crate::e2e::kit::verdict::{aborted, recorded};
use crate::e2e::kit::{run, until};
use gongji::proto::hub::TransferState;
use gongji::proto::types::RefusalSide;
use std::fs;

#[test]
fn a_node_that_hangs_is_out_of_reach_long_before_a_deadline_and_comes_back_by_itself() {
    let mut servers = Servers::start(&Options { daily_count_max: Some(1_000_000), ..Options::default() });
    run(async {
        let site = servers.site();
        let (family, others) = (site.family("13", "51").await, site.family("13", "14").await);
        let app = site.caller("app:demo");
        servers.freeze("51");
        // Transfers have ten seconds: the first is on its way when the hub finds out, the second is not begun.
        for _ in 0..2 {
            let transfer = app.create(family.transfer("100.00")).await.expect("an answer");
            aborted(&transfer, RefusalSide::Hub, "PROVINCE_UNREACHABLE");
            recorded(&app.create(others.transfer("1.00")).await.expect("an answer"));
        }
        let log = fs::read_to_string(servers.log("hub")).expect("a log");
        let said = log
            .lines()
            .filter(|line| line.contains("cannot be reached") && line.contains("no answer in time"));
        assert_eq!(said.count(), 1, "{log}");
        servers.thaw("51");
        let transfer = until("money that gets through", async || {
            let transfer = app.create(family.transfer("1.00")).await.ok()?;
            (transfer.state() == TransferState::Committed).then_some(transfer)
        });
        recorded(&transfer.await);
    });
    run(servers.stop());
}
