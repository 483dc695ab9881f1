//! Payments beside those who list: what lists cost them.

use crate::crash::process::Servers;
use crate::e2e::kit::people::Family;
use crate::e2e::kit::run;
use crate::e2e::kit::site::Options;
use gongji::devkit::client::Caller;
use gongji::proto::hub::{ListTransfersRequest, TransferState};
use gongji::transport::identity::Role;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tonic::Code;

/// Payments under way at once.
const PAYERS: usize = 16;
const LISTERS: usize = 64;
/// One measurement; alone and beside the listers take turns, so that both see the same machine.
const MEASURED: Duration = Duration::from_secs(4);
const ROUNDS: usize = 4;
/// Payments beside the listers must be at least so many of a hundred of those alone.
const PERCENT_MIN: u64 = 90;

/// Payments that were committed in [`MEASURED`].
async fn payments(app: &Caller, families: &[Arc<Family>]) -> u64 {
    let end = Instant::now() + MEASURED;
    let mut payers = JoinSet::new();
    for family in families {
        let (app, family) = (app.clone(), Arc::clone(family));
        payers.spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                let paid = app.create(family.transfer("0.01")).await.expect("an answer");
                assert_eq!(paid.state(), TransferState::Committed, "{paid:?}");
                done += 1;
            }
            done
        });
    }
    payers.join_all().await.into_iter().sum()
}

/// Lists page after page until it is told to stop; counts pages, and calls that were to come again.
async fn list(caller: Caller, stop: Arc<AtomicBool>, pages: Arc<AtomicU64>) {
    let mut request = ListTransfersRequest { page_size: 100, ..Default::default() };
    while !stop.load(Ordering::Relaxed) {
        match caller.ask_hub(request.clone()).await {
            Ok(page) => {
                pages.fetch_add(1, Ordering::Relaxed);
                assert!(!page.transfers.is_empty() || page.next_page_token.is_empty(), "an empty page");
                request.page_token = page.next_page_token;
            }
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}"),
        }
    }
}

#[test]
#[ignore = "measures for a minute: by hand, `just load`"]
fn payments_beside_listers() {
    let mut servers = Servers::start(&Options::lively());
    run(async {
        let mut families = Vec::new();
        for _ in 0..PAYERS {
            families.push(Arc::new(servers.site().family("13", "51").await));
        }
        let app = servers.site().caller("app:demo");
        payments(&app, &families).await;
        let (mut alone, mut beside, pages) = (0, 0, Arc::new(AtomicU64::new(0)));
        let callers: Vec<Caller> = (0..LISTERS).map(|_| servers.site().caller("app:demo")).collect();
        for caller in &callers {
            caller.probe(&Role::Hub).await.expect("a connection");
        }
        for _ in 0..ROUNDS {
            alone += payments(&app, &families).await;
            let stop = Arc::new(AtomicBool::new(false));
            let mut listers = JoinSet::new();
            for caller in &callers {
                listers.spawn(list(caller.clone(), Arc::clone(&stop), Arc::clone(&pages)));
            }
            beside += payments(&app, &families).await;
            stop.store(true, Ordering::Relaxed);
            listers.join_all().await;
        }
        let pages = pages.load(Ordering::Relaxed);
        println!("payments alone {alone}, beside {LISTERS} listers {beside}: {} %", beside * 100 / alone);
        println!("pages listed meanwhile {pages}");
        assert!(pages > 0 && beside * 100 >= alone * PERCENT_MIN);
        servers.stop().await;
    });
}
