//! Breaks (差错): commits that hub and node do not have alike, found when a closed window is compared. Each is a row with
//! an owner and a due time. Two operators close it: one says how it was corrected and what proves it, another one says
//! the same.

mod assign;
mod close;
mod compared;
#[cfg(test)]
mod tests;

pub(super) use assign::assigned;
pub(super) use close::{close_proposed, closed};
pub(super) use compared::{equal, found, was_compared};

pub use assign::AssignBreakRequest;
pub use close::CloseBreakRequest;
pub use compared::Comparison;

use super::tables::{BreakRow, ComparisonRow, Key, Row, Table, TotalRow};
use super::{Rows, Step, answer_or_refuse, refusal};
use crate::domain::machine::describe::{Describe, Details};
use crate::domain::machine::record::contents;
use crate::domain::machine::{Caller, Prefix, TableRow, Ticket};
use crate::domain::protocol::Kind;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::stored_enum::stored_enum;
use crate::domain::value::{Money, ProvinceCode, Side, TransferId, Window};
use borsh::{BorshDeserialize, BorshSerialize};
use std::collections::BTreeMap;

/// Which break: the window, the province whose side differs, and the transfer.
pub type BreakId = (Window, ProvinceCode, TransferId);

stored_enum! {
    /// In which way they do not.
    Bucket {
        /// The hub knows no such transfer.
        MissingAtHub = 1 "MISSING_AT_HUB",
        /// The payer's node knows no such leg.
        MissingAtPayer = 2 "MISSING_AT_PAYER",
        /// The payee's node knows no such leg.
        MissingAtPayee = 3 "MISSING_AT_PAYEE",
        /// Both have it, with two amounts.
        Amount = 4 "AMOUNT",
        /// Both know it; one has not committed it, or under another number or in another window.
        State = 5 "STATE",
        /// One has committed it, the other does not know the decision.
        InDoubt = 6 "IN_DOUBT",
        /// It was adopted after its window had closed.
        Late = 7 "LATE",
        /// The node's totals are not those of the legs that it shows.
        Contradiction = 8 "CONTRADICTION",
    }
}

stored_enum! {
    /// What comparing a province's side of a closed window has led to.
    Standing {
        /// The province has not recorded all of the window yet: nothing can be said.
        Pending = 1 "PENDING",
        /// Hub and node have counted the same.
        Agrees = 2 "AGREES",
        /// They have not.
        Differs = 3 "DIFFERS",
    }
}

impl Describe for Bucket {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.name().to_owned().describe(name, to);
    }
}

impl Describe for Standing {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.name().to_owned().describe(name, to);
    }
}

contents! {
    /// A commit that differs, as a comparison finds it.
    FoundBreak {
        /// Id of the transfer; zeros of a contradiction, which names none.
        transfer_id: TransferId,
        /// In which way.
        bucket: Bucket,
        /// Province of the other side.
        counterpart: ProvinceCode,
        /// Payer: the province has paid; payee: it has received.
        side: Side,
        /// What the transfer does.
        kind: Kind,
        /// The hub's number, or the node's where the hub has none.
        hub_seq: u64,
        /// Amount at the hub; none: it has no such commit.
        hub_amount: Option<Money>,
        /// Amount at the node; none: it has no such commit.
        node_amount: Option<Money>,
    }
}

/// What is found, or said, of breaks.
#[derive(Clone, Debug)]
pub enum BreakInput {
    /// A province's side of a closed window was compared with its node.
    Compared {
        /// Gets what is kept of it.
        ticket: Ticket<ComparisonRow>,
        /// What it has led to.
        comparison: Comparison,
    },
    /// An operator makes somebody the owner of a break.
    Assign {
        /// Gets the break as it stands then.
        ticket: Ticket<Box<BreakRow>>,
        /// The request, as the server read it.
        request: AssignBreakRequest,
    },
    /// An operator would close a break, or says the same as another one.
    Close {
        /// Gets the break as it stands then.
        ticket: Ticket<Box<BreakRow>>,
        /// The request, as the server read it.
        request: CloseBreakRequest,
    },
}

impl BreakInput {
    pub(super) fn needs(&self, rows: &Rows, keys: &mut Vec<Key>) -> Vec<Prefix<Table>> {
        match self {
            BreakInput::Compared { comparison, .. } => return compared::needs(comparison, rows, keys),
            BreakInput::Assign { request, .. } => keys.push(key(request.id)),
            BreakInput::Close { request, .. } => close::needs(request, keys),
        }
        Vec::new()
    }

    pub(super) fn step(self, step: &mut Step<'_>) {
        match self {
            BreakInput::Compared { ticket, comparison } => {
                answer_or_refuse(ticket, compared::compare(comparison, step), step);
            }
            BreakInput::Assign { ticket, request } => {
                answer_or_refuse(ticket, assign::assign(request, step).map(Box::new), step);
            }
            BreakInput::Close { ticket, request } => {
                answer_or_refuse(ticket, close::close(request, step).map(Box::new), step);
            }
        }
    }

    pub(super) fn caller(&self) -> Caller {
        match self {
            BreakInput::Compared { ticket, .. } => ticket.caller(),
            BreakInput::Assign { ticket, .. } | BreakInput::Close { ticket, .. } => ticket.caller(),
        }
    }
}

impl BreakRow {
    /// What was found, as it was found last.
    pub fn found(&self) -> FoundBreak {
        FoundBreak {
            transfer_id: self.transfer_id,
            bucket: self.bucket,
            counterpart: self.counterpart,
            side: self.side,
            kind: self.kind,
            hub_seq: self.hub_seq,
            hub_amount: self.hub_amount,
            node_amount: self.node_amount,
        }
    }

    /// Whether it stands in nobody's way any more: two operators have closed it, or hub and node are equal again.
    pub fn is_settled(&self) -> bool {
        self.close_time.is_some() || self.equal_time.is_some()
    }
}

/// How many commits of a window a province has a side of.
pub fn commits_of(province: ProvinceCode, totals: &[TotalRow]) -> u64 {
    let of = |row: &&TotalRow| [row.payer_province, row.payee_province].contains(&province);
    totals.iter().filter(of).map(|row| row.count).sum()
}

/// Whether a closed window is reconciled, by all rows of it that there are (totals, comparisons, breaks; others are
/// passed over): each province that has commits in it was compared since the last of them came, and agrees, or differs
/// by nothing but commits whose breaks are settled.
pub fn is_reconciled<'a>(window: Window, rows: impl IntoIterator<Item = &'a Row>) -> bool {
    let (mut totals, mut comparisons) = (Vec::new(), BTreeMap::new());
    let mut breaks: BTreeMap<ProvinceCode, Vec<&BreakRow>> = BTreeMap::new();
    for row in rows {
        if let Some(row) = TotalRow::of(row).filter(|row| row.window == window) {
            totals.push(row.clone());
        } else if let Some(row) = ComparisonRow::of(row).filter(|row| row.window == window) {
            comparisons.insert(row.province, row);
        } else if let Some(row) = BreakRow::of(row).filter(|row| row.window == window) {
            breaks.entry(row.province).or_default().push(row);
        }
    }
    let provinces = totals.iter().flat_map(|row| [row.payer_province, row.payee_province]);
    let mut provinces: Vec<ProvinceCode> = provinces.collect();
    provinces.extend(comparisons.keys());
    provinces.iter().all(|province| {
        let breaks = breaks.get(province).map(Vec::as_slice).unwrap_or_default();
        comparisons.get(province).is_some_and(|row| {
            row.counted == commits_of(*province, &totals) && is_province_reconciled(row, breaks)
        })
    })
}

/// The same of one province's side, by what comparing it has led to and by its breaks.
pub fn is_province_reconciled(row: &ComparisonRow, breaks: &[&BreakRow]) -> bool {
    match row.state {
        Standing::Pending => false,
        Standing::Agrees => true,
        Standing::Differs => !row.incomplete && !breaks.is_empty() && breaks.iter().all(|it| it.is_settled()),
    }
}

fn key((window, province, transfer_id): BreakId) -> Key {
    Key::Break(window, province, transfer_id)
}

/// The break, as it stands.
///
/// # Errors
/// `BREAK_NOT_FOUND`.
fn known(id: BreakId, rows: &Rows) -> Result<BreakRow, RefusalRecord> {
    rows.get::<BreakRow>(&key(id)).cloned().ok_or_else(|| refusal(Reason::BreakNotFound))
}
