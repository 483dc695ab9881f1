//! Many at once: one id from many callers, one payer with many ids.

use super::kit::cluster::shared;
use super::kit::people::Funds;
use super::kit::verdict::{aborted, recorded};
use gongji::proto::hub::TransferState;
use gongji::proto::types::RefusalSide;
use tokio::task::JoinSet;

#[test]
fn sixteen_callers_of_one_id_make_one_transfer() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let request = family.transfer("100.00");
        let mut calls = JoinSet::new();
        for _ in 0..16 {
            // Each over a connection of its own.
            let (app, request) = (cluster.app(), request.clone());
            calls.spawn(async move { app.create(request).await });
        }
        let answers = calls.join_all().await;
        let transfers: Vec<_> = answers.into_iter().map(|answer| answer.expect("an answer")).collect();
        assert_eq!(transfers.len(), 16);
        for transfer in &transfers {
            recorded(transfer);
            assert_eq!(transfer, &transfers[0]);
        }
        assert_eq!(family.funds().await, Funds::settled("9900.00", "100.00"));
    });
}

#[test]
fn twenty_four_transfers_of_one_payer_keep_to_the_day_s_limit() {
    shared(async |cluster| {
        let family = cluster.family("13", "51").await;
        let app = cluster.app();
        let mut calls = JoinSet::new();
        for _ in 0..24 {
            let (app, request) = (app.clone(), family.transfer("100.00"));
            calls.spawn(async move { app.create(request).await.expect("an answer") });
        }
        let transfers = calls.join_all().await;
        let (done, refused): (Vec<_>, Vec<_>) =
            transfers.into_iter().partition(|it| it.state() == TransferState::Committed);
        assert_eq!((done.len(), refused.len()), (3, 21));
        done.iter().for_each(recorded);
        for transfer in &refused {
            let refusal = aborted(transfer, RefusalSide::Payer, "DAILY_COUNT_REACHED");
            assert_eq!(refusal.metadata["limit"], "3");
        }
        assert_eq!(family.funds().await, Funds::settled("9700.00", "300.00"));
    });
}
