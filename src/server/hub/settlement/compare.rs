//! Compares a province's side of a closed window with its node: totals first, then the commits behind what differs.

use super::node_rows::{of_part, of_window, rows_of, seen_of, told_or_none, total_of};
use crate::domain::audit::bucket::{Elsewhere, contradiction, found_break};
use crate::domain::audit::search::{
    Ask, Differing, DifferingRows, FOUND_MAX, Found, Search, Seen, differing,
};
use crate::domain::audit::totals::{Counted, Group, differences, of_all_kinds, side_of};
use crate::domain::hub::Record;
use crate::domain::hub::breaks::FoundBreak;
use crate::domain::hub::tables::{Key, Row, Table, TotalRow, TransferRow};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Order, Row as _, Scan, TableRow, Term};
use crate::domain::reason::Reason;
use crate::domain::value::{Money, ProvinceCode, Side, TransferId, Window};
use crate::proto::hub::NodeCapability;
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::{HubSeqRange, InspectRequest, LegState, TransferIds};
use crate::server::hub::Shared;
use crate::server::hub::link::{Link, is_late};
use crate::store::{AnyTables, StoreError};
use crate::wire::leg::side_to_proto;
use crate::wire::settlement::counted_from_proto;
use crate::wire::status::Problem;
use std::collections::BTreeMap;
use tonic::Status;

/// Transfers of the hub that are read at once.
const HUB_PAGE: usize = 20_000;
/// Most pages of a window whose legs are all read: two millions of them.
const PAGES_MAX: usize = 2_000;

/// What comparing has led to.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Where totals differ.
    pub(super) differences: Vec<(Group, Counted, Counted)>,
    /// The commits behind that, by number.
    pub(super) found: Vec<FoundBreak>,
    /// There may be more of them.
    pub(super) incomplete: bool,
}

/// The transfers behind a group, by number.
fn transfers_of(
    province: ProvinceCode,
    window: Window,
    (counterpart, side, kind): Group,
    tables: &mut AnyTables<Record>,
    after: Option<Key>,
) -> Result<Vec<Row>, StoreError> {
    let (payer, payee) = match side {
        Side::Payer => (province, counterpart),
        Side::Payee => (counterpart, province),
    };
    let filter = Filter::all(Table::Transfer)
        .and(Term::Is("window", value(&window)))
        .and(Term::AtLeast("hub_seq", value(&0_u64)))
        .and(Term::Is("payer_province", value(&payer)))
        .and(Term::Is("payee_province", value(&payee)))
        .and(Term::Is("kind", value(&kind)));
    tables.scan(&Scan {
        filter: Filter { order: Order::Rising("hub_seq"), ..filter },
        after,
        limit: HUB_PAGE,
    })
}

/// What cannot be read now.
fn unread(problem: Problem) -> Status {
    problem.into_status()
}

impl Shared {
    /// Compares with what the node tells now.
    ///
    /// # Errors
    /// Its node did not answer, or in no form that can be read.
    pub(super) async fn compare(
        &self,
        (province, window): (ProvinceCode, Window),
        totals: &[TotalRow],
    ) -> Result<Compared, Status> {
        let link = self.links.get(&province);
        let link = link.ok_or_else(|| Status::unavailable("no node of this province is configured"))?;
        let told = link.inspect(InspectRequest { totals_only: true, ..of_window(window) }).await?.totals;
        let counted = counted_from_proto(&told, &self.places, window);
        let counted = counted.ok_or_else(|| Status::unknown("its totals cannot be read"))?;
        let whole = side_of(province, totals);
        // A node of before counts all kinds together.
        let own = if told.iter().any(|it| it.kind == 0) { of_all_kinds(&whole) } else { whole.clone() };
        let can_narrow = link.status().can(NodeCapability::InspectParts);
        let mut found = differences(&own, &counted);
        if found.is_empty() && can_narrow {
            found = differences(&own, &self.recount(link, window).await?.unwrap_or(counted));
        }
        let mut compared = Compared { differences: found, ..Compared::default() };
        if compared.differences.is_empty() {
            return Ok(compared);
        }
        let at = (link, province, window);
        let groups = if can_narrow {
            self.search_all(at, &compared.differences).await?
        } else {
            self.read_all(at, whole.keys().copied()).await?
        };
        for (group, found) in groups {
            compared.incomplete |= found.given_up;
            if found.contradicts {
                compared.found.push(contradiction(group));
            }
            compared.found.extend(self.name(at, group, found.rows).await?);
        }
        compared.found.sort_by_key(|it| it.hub_seq);
        Ok(compared)
    }

    /// What a node has counted while legs were committed says nothing of a leg that was changed since: it is asked to
    /// add up its legs as they are. None: it does not come to the end of them in its time.
    async fn recount(&self, link: &Link, window: Window) -> Result<Option<BTreeMap<Group, Counted>>, Status> {
        let every = Some(HubSeqRange { first: 0, last: 0 });
        let request = InspectRequest { totals_only: true, part: every, ..of_window(window) };
        match link.inspect(request).await {
            Ok(told) => {
                let counted = counted_from_proto(&told.totals, &self.places, window);
                counted.map(Some).ok_or_else(|| Status::unknown("its totals cannot be read"))
            }
            Err(error) if is_late(&error) => {
                tracing::warn!(%window, %error, "a node does not add up a window in time: its totals stand");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Halves each group that differs, until enough is found.
    async fn search_all(
        &self,
        at: (&Link, ProvinceCode, Window),
        differences: &[(Group, Counted, Counted)],
    ) -> Result<Vec<(Group, Found)>, Status> {
        let (mut groups, mut count) = (Vec::new(), 0);
        for (group, _, told) in differences {
            if count >= FOUND_MAX {
                groups.push((*group, Found { given_up: true, ..Found::default() }));
                break;
            }
            let found = self.search(at, *group, told_or_none(*told)).await?;
            count += found.rows.len();
            groups.push((*group, found));
        }
        Ok(groups)
    }

    async fn search(
        &self,
        (link, province, window): (&Link, ProvinceCode, Window),
        group: Group,
        told: Counted,
    ) -> Result<Found, Status> {
        let hub = self.at_hub(province, window, group).await?;
        let mut search = Search::new(window, group, hub, told);
        while let Some(ask) = search.ask() {
            let answer = link.inspect(of_part(window, group, ask)).await?;
            match ask {
                Ask::Total(..) => match total_of(&answer, &self.places, (window, group)) {
                    Some(total) => search.told(total),
                    None => search.shown(None),
                },
                Ask::Rows(..) => search.shown(rows_of(&answer, &self.places, group)),
            }
        }
        let found = search.into_found();
        tracing::info!(%province, %window, calls = found.calls, rows = found.rows.len(), "a difference was searched");
        Ok(found)
    }

    /// Reads all legs of a window, of a node that cannot narrow it down.
    async fn read_all(
        &self,
        (link, province, window): (&Link, ProvinceCode, Window),
        groups: impl Iterator<Item = Group>,
    ) -> Result<Vec<(Group, Found)>, Status> {
        let mut node: BTreeMap<Group, Vec<Seen>> = groups.map(|group| (group, Vec::new())).collect();
        let (mut page_token, mut pages) = (String::new(), 0);
        let given_up = loop {
            let page = link.inspect(InspectRequest { page_token, ..of_window(window) }).await?;
            for view in &page.legs {
                let seen = seen_of(view, &self.places).filter(|(_, seen)| seen.window == window);
                let (group, seen) = seen.ok_or_else(|| Status::unknown("a leg cannot be read"))?;
                node.entry(group).or_default().push(seen);
            }
            pages += 1;
            let is_last = page.next_page_token.is_empty();
            // Each page must bring the end nearer.
            if is_last || page.legs.is_empty() || pages >= PAGES_MAX {
                break !is_last;
            }
            page_token = page.next_page_token;
        };
        let (mut groups, mut count) = (Vec::new(), 0);
        for (group, seen) in node {
            let mut found = Found { given_up, ..Found::default() };
            if !given_up && count < FOUND_MAX {
                found.rows = differing(&self.at_hub(province, window, group).await?, &seen);
            }
            count += found.rows.len();
            groups.push((group, found));
        }
        // Its totals differ, and all that it shows is as it should be.
        if let Some((_, first)) = groups.first_mut() {
            first.contradicts = count == 0 && !given_up;
        }
        Ok(groups)
    }

    /// What the hub has in a group.
    async fn at_hub(
        &self,
        province: ProvinceCode,
        window: Window,
        group: Group,
    ) -> Result<Vec<Seen>, Status> {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let from = after.take();
            let read = move |tables: &mut AnyTables<Record>| {
                let rows = transfers_of(province, window, group, tables, from)?;
                let seen: Vec<Seen> =
                    rows.iter().filter_map(TransferRow::of).filter_map(Seen::of_transfer).collect();
                Ok((seen, rows.last().filter(|_| rows.len() == HUB_PAGE).map(Row::key)))
            };
            let (page, next) = self.lists.run(read).await.map_err(unread)?;
            seen.extend(page);
            match next {
                Some(next) => after = Some(next),
                None => return Ok(seen),
            }
        }
    }

    /// Says of each commit in which way it differs.
    async fn name(
        &self,
        (link, ..): (&Link, ProvinceCode, Window),
        group: Group,
        rows: DifferingRows,
    ) -> Result<Vec<FoundBreak>, Status> {
        let ids: Vec<TransferId> = rows.keys().copied().collect();
        let transfers = self.transfers(ids).await?;
        let lacking = rows.iter().filter(|(_, it)| it.node.is_none()).map(|(id, _)| *id).collect();
        let legs = elsewhere_at_node(link, group.1, lacking).await?;
        let named = rows.iter().map(|(id, it)| {
            let transfer = transfers.get(id);
            let elsewhere = match it {
                Differing { hub: None, .. } => transfer.map_or(Elsewhere::Nothing, elsewhere_at_hub),
                Differing { .. } => legs.get(id).copied().unwrap_or(Elsewhere::Nothing),
            };
            found_break(group, *id, it, elsewhere, transfer.is_some_and(TransferRow::is_adopted))
        });
        Ok(named.collect())
    }

    async fn transfers(&self, ids: Vec<TransferId>) -> Result<BTreeMap<TransferId, TransferRow>, Status> {
        let keys: Vec<Key> = ids.into_iter().map(Key::Transfer).collect();
        let rows = self.lists.run(move |tables| tables.load(&keys)).await.map_err(unread)?;
        let rows = rows.iter().flatten().filter_map(TransferRow::of);
        Ok(rows.map(|row| (row.transfer_id, row.clone())).collect())
    }
}

fn elsewhere_at_hub(row: &TransferRow) -> Elsewhere {
    match row.state.is_decided() {
        true => Elsewhere::Ended(row.hub_seq.map(|_| row.amount)),
        false => Elsewhere::Open,
    }
}

/// What a node knows of transfers that it does not have in the window.
async fn elsewhere_at_node(
    link: &Link,
    side: Side,
    ids: Vec<TransferId>,
) -> Result<BTreeMap<TransferId, Elsewhere>, Status> {
    let mut known = BTreeMap::new();
    for ids in ids.chunks(FOUND_MAX) {
        let transfer_ids = ids.iter().map(ToString::to_string).collect();
        let page_size = i32::try_from(FOUND_MAX).unwrap_or(i32::MAX);
        let selector = Some(Selector::TransferIds(TransferIds { transfer_ids }));
        let answer = link.inspect(InspectRequest { selector, page_size, ..Default::default() }).await?;
        let of_side = answer.legs.iter().filter(|leg| leg.side == side_to_proto(side));
        for leg in of_side {
            let id = TransferId::parse(&leg.transfer_id);
            let id = id.ok_or_else(|| unread(Problem::field("transfer_id", Reason::RequestMalformed)))?;
            let elsewhere = match leg.state() {
                LegState::Prepared | LegState::Awaiting => Elsewhere::Open,
                LegState::Committed => Elsewhere::Ended(Money::parse(&leg.amount).ok()),
                LegState::Refused | LegState::Aborted | LegState::Unspecified => Elsewhere::Ended(None),
            };
            known.insert(id, elsewhere);
        }
    }
    Ok(known)
}
