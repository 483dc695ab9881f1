//! What is done for servers that were put back from an older state: pages of this hub's journal are read back for a
//! node, and nodes are asked what this hub has lost.

use super::link::Link;
use super::wholeness::Wholeness;
use crate::domain::coordinator::{Coordinator, Input};
use crate::domain::region::ProvinceCode;
use crate::engine::{Handle, Reader, read_back};
use crate::net::mark::Mark;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// One thing to do.
#[derive(Debug)]
pub enum Upkeep {
    /// Read the page of this hub's journal after a sequence, for a province.
    Page(ProvinceCode, u64),
    /// Ask a node for commits with a number above this one, and for what is in doubt there.
    Ask(ProvinceCode, u64),
    /// Speak as this life from now on.
    Recovered(u64),
}

/// Does what comes until the hub stops. What fails is wanted again with the node's next announcement.
pub async fn run(
    mut wanted: UnboundedReceiver<Upkeep>,
    links: BTreeMap<ProvinceCode, Link>,
    engine: Handle<Coordinator>,
    journal: Reader,
    (mark, wholeness): (Mark, Wholeness),
) {
    let mut asking = JoinSet::new();
    // A node that is slow to tell everything is not asked again meanwhile.
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    while let Some(upkeep) = wanted.recv().await {
        match upkeep {
            Upkeep::Page(province, after) => {
                match journal.run(move |tables| read_back(tables, province, after)).await {
                    Ok(page) => engine.tell(page),
                    Err(error) => {
                        tracing::error!(%province, after, %error, "the journal cannot be read back");
                    }
                }
            }
            Upkeep::Ask(province, above) => {
                let mut running = asked.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(link) = links.get(&province).cloned()
                    && running.insert(province)
                {
                    let (engine, asked) = (engine.clone(), Arc::clone(&asked));
                    asking.spawn(async move {
                        ask(province, above, link, engine).await;
                        asked.lock().unwrap_or_else(PoisonError::into_inner).remove(&province);
                    });
                }
            }
            Upkeep::Recovered(incarnation) => {
                mark.set_incarnation(incarnation);
                wholeness.is_since(incarnation);
                tracing::warn!(incarnation, "every province was heard: this hub has recovered and serves");
            }
        }
    }
}

async fn ask(province: ProvinceCode, above: u64, link: Link, engine: Handle<Coordinator>) {
    match link.what_was_lost(above).await {
        Ok(legs) => {
            tracing::warn!(%province, legs = legs.len(), "heard what this hub may have lost");
            engine.tell(Input::Heard { province, legs });
        }
        Err(error) => {
            tracing::warn!(%province, code = ?error.code(), "the node cannot be asked what this hub lost");
        }
    }
}
