//! What a province that hangs costs the others.

use crate::crash::process::Servers;
use crate::e2e::kit::people::Family;
use crate::e2e::kit::run;
use crate::e2e::kit::site::Options;
use gongji::proto::hub::TransferState;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

/// Of each kind of time: long enough for the hub to find out, and for much that comes after.
const ROUND: Duration = Duration::from_secs(5);
const ROUNDS: usize = 4;
/// Between two transfers of the others, and between two to the province that hangs.
const EVERY: Duration = Duration::from_millis(10);
const TO_HANGING_EVERY: Duration = Duration::from_millis(40);

/// The families of one load, in turn, and what its transfers took.
struct Load {
    families: Vec<Family>,
    took: Mutex<Vec<Duration>>,
}

impl Load {
    async fn between(servers: &Servers, ways: &[(&str, &str)]) -> Arc<Load> {
        let mut families = Vec::new();
        for (payer, payee) in ways.iter().cycle().take(30) {
            families.push(servers.site().family(payer, payee).await);
        }
        Arc::new(Load { families, took: Mutex::default() })
    }

    /// Begins a transfer `every` so often for one round, whether the ones before have ended or not, and waits for all.
    /// `all_well`: each has to be committed.
    async fn round(self: Arc<Load>, servers: &Servers, every: Duration, all_well: bool) {
        let (app, begun, mut calls) = (servers.site().caller("app:demo"), Instant::now(), JoinSet::new());
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut number = 0;
        while begun.elapsed() < ROUND {
            ticks.tick().await;
            let (load, app) = (Arc::clone(&self), app.clone());
            number = (number + 1) % self.families.len();
            calls.spawn(async move {
                let begun = Instant::now();
                let transfer = app.create(load.families[number].transfer("0.01")).await.expect("an answer");
                assert!(!all_well || transfer.state() == TransferState::Committed, "{transfer:?}");
                load.took.lock().expect("no caller panics with it").push(begun.elapsed());
            });
        }
        while let Some(ended) = calls.join_next().await {
            ended.expect("a caller that found no mistake");
        }
    }

    /// What 99 of 100 transfers took at most since this was last asked.
    fn p99_ms(&self) -> f64 {
        let mut took = std::mem::take(&mut *self.took.lock().expect("no caller panics with it"));
        took.sort();
        took[took.len() * 99 / 100].as_secs_f64() * 1_000.0
    }
}

#[test]
#[ignore = "a measurement, by hand: just load"]
fn a_province_that_hangs_costs_the_others_no_more_than_a_tenth() {
    let options = Options {
        provinces: vec!["13", "14", "35", "51"],
        daily_count_max: Some(1_000_000),
        ..Options::default()
    };
    let mut servers = Servers::start(&options);
    let (mut calm, mut hanging) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        run(async {
            let others = Load::between(&servers, &[("13", "14"), ("14", "35"), ("35", "13")]).await;
            let to_51 = Load::between(&servers, &[("13", "51")]).await;
            let both = async || {
                tokio::join!(
                    Arc::clone(&others).round(&servers, EVERY, true),
                    Arc::clone(&to_51).round(&servers, TO_HANGING_EVERY, false),
                );
            };
            // Connections, caches and the first checkpoint.
            both().await;
            others.p99_ms();
            both().await;
            calm.push(others.p99_ms());
            servers.freeze("51");
            both().await;
            servers.thaw("51");
            hanging.push(others.p99_ms());
            println!(
                "round {round}: p99 {:.1} ms, beside a province that hangs {:.1} ms",
                calm[round], hanging[round]
            );
            servers.site().ready().await;
        });
    }
    run(servers.stop());
    let middle = |all: &mut Vec<f64>| {
        all.sort_by(f64::total_cmp);
        (all[ROUNDS / 2 - 1] + all[ROUNDS / 2]) / 2.0
    };
    let ratio = middle(&mut hanging) / middle(&mut calm);
    println!("a province's hang: p99 of the others {ratio:.2} of what it is without");
    assert!(ratio <= 1.1, "{ratio:.2}");
}
