//! A province that is not there.

use super::kit::cluster::own;
use super::kit::people::Funds;
use super::kit::site::{HEBEI, Options};
use super::kit::verdict::{aborted, recorded};
use gongji::proto::types::RefusalSide;
use std::time::{Duration, Instant};

#[test]
fn an_unreachable_province_is_refused_in_time_and_slows_nobody() {
    own(&Options::default(), async |cluster| {
        let (family, others) = (cluster.family("13", "51").await, cluster.family("13", "14").await);
        let app = cluster.app();
        let (payee_gone, payer_gone) = (cluster.family("13", "51").await, cluster.family("51", "13").await);
        let before = [family.funds().await, payer_gone.funds().await];
        assert_eq!(before, [Funds::untouched(), Funds::untouched()]);
        cluster.stop("51");
        for round in 0..2 {
            for family in [&payee_gone, &family, &payer_gone] {
                let begun = Instant::now();
                let transfer = app.create(family.transfer("100.00")).await.expect("an answer");
                let refusal = aborted(&transfer, RefusalSide::Hub, "PROVINCE_UNREACHABLE");
                assert_eq!(refusal.metadata["province"], "51", "round {round}");
                assert!(begun.elapsed() < Duration::from_secs(30), "within the caller's deadline");
            }
        }
        // The holds are back, and 13 pays 14 as before.
        for family in [&payee_gone, &family] {
            let request = gongji::proto::node::GetMemberRequest { party: Some(family.payer.clone()) };
            let answer = family.payer_platform.ask_node(HEBEI, request).await;
            let member = answer.expect("the payer").member.expect("the payer");
            assert_eq!((member.balance.as_str(), member.held.as_str()), ("10000.00", "0.00"));
        }
        recorded(&app.create(others.transfer("100.00")).await.expect("an answer"));
        let check = app.check(&family.transfer("100.00")).await.expect("an answer");
        let reasons: Vec<_> = check.refusals.iter().map(|it| it.reason.as_str()).collect();
        assert_eq!(reasons, ["PROVINCE_UNREACHABLE"]);
    });
}
