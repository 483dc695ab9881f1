//! What is done for servers that were restored from an older state: pages of this hub's journal are read back for a
//! node, and nodes are asked what this hub has lost.

use super::link::Link;
use super::recovery::Recovery;
use crate::domain::hub::{HubMachine, Input, Page, ReadBack, Record};
use crate::domain::value::ProvinceCode;
use crate::engine::{Handle, Reader};
use crate::server::common::sender::Mark;
use crate::store::{AnyTables, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::JoinSet;

/// One thing to do.
#[derive(Debug)]
pub enum ResyncTask {
    /// Read a page of this hub's journal, for a province.
    Page(ProvinceCode, Page),
    /// Ask a node for commits with a number above the first, for what is in doubt there, and for notices above the
    /// second.
    Ask(ProvinceCode, (u64, u64)),
    /// Speak as this life from now on.
    Recovered(u64),
}

/// Provinces for which something is being done: what takes long is not begun again meanwhile.
#[derive(Clone, Default)]
struct Running(Arc<Mutex<BTreeSet<ProvinceCode>>>);

/// A province's turn; it ends when this is dropped, however its task ends.
struct Turn(Running, ProvinceCode);

impl Running {
    fn all(&self) -> MutexGuard<'_, BTreeSet<ProvinceCode>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, province: ProvinceCode) -> Option<Turn> {
        self.all().insert(province).then(|| Turn(self.clone(), province))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.all().remove(&self.1);
    }
}

/// Does what comes until the hub stops. What fails is wanted again with the node's next announcement.
pub async fn run(
    mut wanted: UnboundedReceiver<ResyncTask>,
    links: BTreeMap<ProvinceCode, Link>,
    engine: Handle<HubMachine>,
    journal: Reader<Record>,
    (mark, recovery): (Mark, Recovery),
) {
    let mut tasks = JoinSet::new();
    let (read, asked) = (Running::default(), Running::default());
    while let Some(task) = wanted.recv().await {
        match task {
            ResyncTask::Page(province, page) => {
                if let Some(turn) = read.begin(province) {
                    let (journal, engine) = (journal.clone(), engine.clone());
                    tasks.spawn(async move {
                        let found = page_of(ReadBack::new(province, page), &journal).await;
                        // The page that comes next may be asked for as soon as this one is there.
                        drop(turn);
                        match found {
                            Ok(found) => engine.tell(found),
                            Err(error) => {
                                tracing::error!(%province, ?page, %error, "the journal cannot be read back");
                            }
                        }
                    });
                }
            }
            ResyncTask::Ask(province, above) => {
                if let Some(link) = links.get(&province).cloned()
                    && let Some(turn) = asked.begin(province)
                {
                    let engine = engine.clone();
                    tasks.spawn(async move {
                        let _turn = turn;
                        ask(province, above, link, engine).await;
                    });
                }
            }
            ResyncTask::Recovered(incarnation) => {
                mark.set_incarnation(incarnation);
                recovery.is_since(incarnation);
                tracing::warn!(incarnation, "every province was heard: this hub has recovered and serves");
            }
        }
        while tasks.try_join_next().is_some() {}
    }
}

/// Reads a page a stretch at a time; others who read come between.
async fn page_of(mut reading: ReadBack, journal: &Reader<Record>) -> Result<Input, StoreError> {
    loop {
        let go_on = move |tables: &mut AnyTables<Record>| {
            let page = reading.go_on(tables)?;
            Ok((reading, page))
        };
        match journal.run(go_on).await? {
            (_, Some(page)) => return Ok(page),
            (next, None) => reading = next,
        }
    }
}

async fn ask(province: ProvinceCode, above: (u64, u64), link: Link, engine: Handle<HubMachine>) {
    let heard = async { Ok((link.what_was_lost(above.0).await?, link.notices_above(above.1).await?)) };
    let heard: Result<_, tonic::Status> = heard.await;
    match heard {
        Ok((legs, notices)) => {
            tracing::warn!(%province, legs = legs.len(), notices = notices.len(), "heard what this hub may have lost");
            engine.tell(Input::Heard { province, legs, notices });
        }
        Err(error) => {
            tracing::warn!(%province, code = ?error.code(), "the node cannot be asked what this hub lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_asked_once_at_a_time_and_again_after_its_task_has_ended_badly() {
        let (running, province) = (Running::default(), ProvinceCode::new(13));
        let turn = running.begin(province).expect("nobody asks");
        assert!(running.begin(province).is_none() && running.begin(ProvinceCode::new(51)).is_some());
        let ended = std::thread::spawn(move || {
            let _turn = turn;
            panic!("as a task may");
        });
        assert!(ended.join().is_err());
        assert!(running.begin(province).is_some());
    }
}
