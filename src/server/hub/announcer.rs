//! Tells each province what has happened in clearing, in order, until its node has recorded it. A province that is dark
//! keeps nobody else waiting.

use super::Shared;
use super::link::Link;
use crate::domain::hub::clearing::{ClearingEvent, Telling, tellings, told};
use crate::domain::hub::tables::{Table, TotalRow};
use crate::domain::hub::{Input, Record};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Scan, TableRow as _, Term};
use crate::domain::value::ProvinceCode;
use crate::proto::types::ClearingNotice;
use crate::store::{AnyTables, StoreError};
use crate::transport::backoff::Backoff;
use crate::wire::notice::notice_to_proto;
use std::cmp::Ordering;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::Code;

/// Notices of one call.
const BATCH: usize = 100;
/// How long nothing new is waited for: what was not delivered is tried again then.
const REST: Duration = Duration::from_secs(60);

/// Tells every province until it is dropped. `news` changes when something has happened.
pub(super) async fn run(shared: Arc<Shared>, news: watch::Receiver<()>) {
    let mut tasks = JoinSet::new();
    for (province, link) in shared.links.clone() {
        tasks.spawn(each(Arc::clone(&shared), province, link, news.clone()));
    }
    while tasks.join_next().await.is_some() {}
}

async fn each(shared: Arc<Shared>, province: ProvinceCode, link: Link, mut news: watch::Receiver<()>) {
    let (mut admitted, mut backoff) = (link.admissions(), Backoff::new(500, 30_000));
    // A node's new start may have fewer than it was told: it is asked how far it is.
    let mut asks = true;
    loop {
        let wait = match tell(&shared, province, &link, asks).await {
            Ok(Progress::More) => {
                asks = false;
                continue;
            }
            Ok(Progress::Done) => {
                asks = false;
                backoff.reset();
                REST
            }
            Ok(Progress::Ahead(number)) => {
                let what = "ALARM: the node keeps notices that this hub never made, or has lost";
                tracing::error!(%province, number, what);
                REST
            }
            Err(why) => {
                tracing::debug!(%province, why, "notices of clearing wait");
                backoff.wait()
            }
        };
        tokio::select! {
            () = sleep(wait) => {}
            // Both ends live as long as the server.
            Ok(()) = news.changed() => {}
            Ok(()) = admitted.changed() => asks = true,
        }
    }
}

enum Progress {
    /// Something was told; there may be more.
    More,
    /// All is told.
    Done,
    /// The node keeps notices up to a number that this hub does not have.
    Ahead(u64),
}

/// Tells what comes next.
async fn tell(shared: &Shared, province: ProvinceCode, link: &Link, asks: bool) -> Result<Progress, String> {
    shared.recovery.life().map_err(|_| "the hub recovers".to_owned())?;
    let read =
        move |tables: &mut AnyTables<Record>| Ok((told(province, tables)?, notices(province, tables)?));
    let (before, notices) = shared.reader.run(read).await.map_err(|error| error.to_string())?;
    if notices.is_empty() && !asks {
        return Ok(Progress::Done);
    }
    let last = notices.last().map(|it| it.number);
    let (number, unread) = match link.announce(notices).await {
        Ok(number) => (number, false),
        // It was written against an earlier contract: it counts as told, and is shown.
        Err(status) if status.code() == Code::Unimplemented => (last.unwrap_or(before), true),
        Err(status) => return Err(status.to_string()),
    };
    // It has fewer than it was told only after a new start, and then it is asked; as it is about more, of which the
    // hub's last life may not have noted that it has them.
    let can_be = match number.cmp(&before) {
        Ordering::Equal => true,
        Ordering::Greater => asks || last.is_some_and(|last| number <= last),
        Ordering::Less => asks,
    };
    if !can_be {
        tracing::warn!(%province, before, number, "the node keeps other notices than it can");
        return Err("the node keeps other notices than it can".to_owned());
    }
    if number == before {
        return match last {
            Some(_) => Err("the node has not taken what follows its last notice".to_owned()),
            None => Ok(Progress::Done),
        };
    }
    shared.engine.tell(Input::NoticesTold { province, number, unread });
    // The next reading must see it.
    let behind = move |tables: &mut AnyTables<Record>| told(province, tables);
    for _ in 0..50 {
        if shared.reader.run(behind).await.map_err(|error| error.to_string())? == number {
            return Ok(Progress::More);
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(Progress::Ahead(number))
}

fn notices(
    province: ProvinceCode,
    tables: &mut AnyTables<Record>,
) -> Result<Vec<ClearingNotice>, StoreError> {
    let mut found = Vec::new();
    for telling in tellings(province, BATCH, tables)? {
        let totals = totals_of(&telling, tables)?;
        found.push(notice_to_proto(&telling, province, &totals));
    }
    Ok(found)
}

/// The totals of the window that a notice closes.
fn totals_of(telling: &Telling, tables: &mut AnyTables<Record>) -> Result<Vec<TotalRow>, StoreError> {
    let ClearingEvent::WindowEnded(ended) = &telling.logged.event else { return Ok(Vec::new()) };
    let filter = Filter::all(Table::Total).and(Term::Is("window", value(&ended.window)));
    let rows = tables.scan(&Scan { filter, after: None, limit: usize::MAX })?;
    Ok(rows.iter().filter_map(TotalRow::of).cloned().collect())
}
