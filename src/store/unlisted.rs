//! What stands in areas that are not listed any more: it stays readable, and people should know of it.

use crate::domain::machine::{Filter, Record};
use crate::domain::protocol::LegState;
use crate::domain::value::{RegionCode, RegionDirectory};
use crate::domain::{hub, node};
use crate::store::StoreError;
use crate::store::sqlite::Snapshot;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};

/// Areas that are named in a line; the others are counted.
const NAMED: usize = 10;

/// Something that stands in a place, and how many of it.
type Count = (&'static str, u64);

/// By area, what stands there.
#[derive(Debug, Default)]
pub struct Unlisted(BTreeMap<u32, Vec<Count>>);

impl Unlisted {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn count<R: Record>(
        &mut self,
        what: &'static str,
        (filter, column): (Filter<crate::store::TableOf<R>>, &'static str),
        (snapshot, places): (&Snapshot<R>, &RegionDirectory),
    ) -> Result<(), StoreError> {
        for (number, count) in snapshot.count_by(&filter, column)? {
            let number = u32::try_from(number).unwrap_or(0);
            if RegionCode::new(number).and_then(|code| places.locate(code)).is_none() {
                self.0.entry(number).or_default().push((what, count));
            }
        }
        Ok(())
    }
}

/// "130900 (12 members, 3 wallets), 131000 (1 live leg)".
impl Display for Unlisted {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let counted = |(what, count): &Count| format!("{count} {what}{}", if *count == 1 { "" } else { "s" });
        let area = |(area, counts): (&u32, &Vec<Count>)| {
            format!("{area:06} ({})", counts.iter().map(counted).collect::<Vec<_>>().join(", "))
        };
        f.write_str(&self.0.iter().take(NAMED).map(area).collect::<Vec<_>>().join(", "))?;
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} more areas"),
        }
    }
}

/// Undecided or unrecorded transfers of a hub.
///
/// # Errors
/// `Io`.
pub fn at_hub(snapshot: &Snapshot<hub::Record>, places: &RegionDirectory) -> Result<Unlisted, StoreError> {
    let mut found = Unlisted::default();
    for (what, column) in [("live payer's leg", "payer_region"), ("live payee's leg", "payee_region")] {
        found.count(what, (hub::unfinished_transfers(), column), (snapshot, places))?;
    }
    Ok(found)
}

/// Members, wallets, and live legs with their counterpart there, of a node.
///
/// # Errors
/// `Io`.
pub fn at_node(snapshot: &Snapshot<node::Record>, places: &RegionDirectory) -> Result<Unlisted, StoreError> {
    let live = node::legs_in([LegState::Prepared, LegState::Awaiting, LegState::Posted]);
    let mut found = Unlisted::default();
    found.count("member", (Filter::all(node::Table::Member), "region"), (snapshot, places))?;
    found.count("wallet", (Filter::all(node::Table::Wallet), "use_region"), (snapshot, places))?;
    found.count("live leg", (live, "counter_region"), (snapshot, places))?;
    Ok(found)
}
