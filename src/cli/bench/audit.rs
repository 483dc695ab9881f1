//! Whether what clients were told is what the three stores hold, and whether money is conserved over them.

use super::load::{Answer, Seen};
use super::stage::{PAYEE_PROVINCE, PAYER_PROVINCE, Stage};
use super::{BenchError, failed};
use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::machine::own::IncidentRow;
use crate::domain::machine::record::Record;
use crate::domain::machine::scan::{Filter, Scan};
use crate::domain::machine::table::{Row, Table as _, TableRow};
use crate::domain::node::tables::{AccountRow, EntryRow, LegRow};
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::transfer::TransferState;
use crate::domain::value::id::TransferId;
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::side::Side;
use crate::domain::{hub, node};
use crate::store::Tables;
use crate::store::sqlite::SqliteStore;
use std::collections::BTreeMap;
use std::path::Path;

/// Rows read at a time.
const PAGE: usize = 10_000;
/// Kinds of findings that are shown.
const SHOWN: usize = 20;

/// What an audit went through without finding anything.
#[derive(Clone, Debug, Default)]
pub struct Audit {
    /// Answers that were compared.
    pub answers: u64,
    /// Committed transfers, equal everywhere.
    pub committed: u64,
    /// Aborted transfers, without effect everywhere.
    pub aborted: u64,
    /// Unknown outcomes that the hub had decided after all, one way for all.
    pub resolved: u64,
    /// Journal records of all stores whose chain was recomputed; 0 when it was done over the wire.
    pub records: u64,
    /// Where the truth was read.
    pub source: &'static str,
}

/// What is off, by kind, with the first case of each.
#[derive(Debug, Default)]
pub struct Findings(BTreeMap<&'static str, (u64, String)>);

impl Findings {
    /// Notes one case of a kind.
    pub fn add(&mut self, kind: &'static str, case: impl std::fmt::Display) {
        self.0.entry(kind).or_insert_with(|| (0, case.to_string())).0 += 1;
    }

    /// Notes a case unless two values are equal.
    pub fn compare<T: PartialEq + std::fmt::Debug>(&mut self, kind: &'static str, found: T, wanted: T) {
        if found != wanted {
            self.add(kind, format!("{found:?} instead of {wanted:?}"));
        }
    }

    /// The audit, if nothing was found.
    pub fn conclude(self, audit: Audit) -> Result<Audit, BenchError> {
        if self.0.is_empty() {
            return Ok(audit);
        }
        let line =
            |(kind, (count, case)): (&str, (u64, String))| format!("  {count} × {kind}, first: {case}");
        Err(BenchError::Audit(self.0.into_iter().take(SHOWN).map(line).collect()))
    }
}

/// A transfer at the hub, as far as it is compared.
struct AtHub {
    id: TransferId,
    state: TransferState,
    fen: i64,
    hub_seq: Option<u64>,
}

/// A leg at a node, as far as it is compared.
struct AtNode {
    id: TransferId,
    state: LegState,
    fen: i64,
    hub_seq: Option<u64>,
}

/// Reads the stores of servers that have stopped, and compares them with every answer (in order of ids).
pub fn audit(stage: &Stage, answers: &[Answer]) -> Result<Audit, BenchError> {
    let mut findings = Findings::default();
    let mut audit = Audit { source: "stores", answers: answers.len() as u64, ..Audit::default() };
    let [hub, payer, payee] = stage.stores();
    let (transfers, positions) = {
        let mut store = open(&hub.0, hub.1, &mut audit)?;
        (transfers(&mut store, &mut findings)?, positions(&mut store)?)
    };
    compare_answers(answers, &transfers, &mut audit, &mut findings);
    check_sequence(&transfers, &mut findings);
    let sides = [(payer, PAYER_PROVINCE, Side::Payer, 1), (payee, PAYEE_PROVINCE, Side::Payee, -1)];
    for ((folder, owner), number, side, sign) in sides {
        let mut store = open(&folder, owner, &mut audit)?;
        let legs = legs(&mut store, side, &mut findings)?;
        compare_legs(&transfers, &legs, &mut findings);
        compare_entries(&mut store, &transfers, side, &mut findings)?;
        let clearing = check_accounts(&mut store, &mut findings)?;
        let moved: i64 =
            transfers.iter().filter(|it| it.state == TransferState::Committed).map(|it| it.fen).sum();
        findings.compare("clearing account differs from the committed sum", clearing, sign * moved);
        let owed = positions.get(&number).copied().unwrap_or(0);
        findings.compare("position differs from the node's clearing account", owed, clearing);
        incidents(&mut store, &mut findings)?;
    }
    findings.compare("positions do not sum to 0", positions.values().sum::<i64>(), 0);
    findings.conclude(audit)
}

/// Opens a stopped server's store and recomputes its journal's chain.
fn open<R: Record>(
    folder: &Path,
    owner: &'static str,
    audit: &mut Audit,
) -> Result<SqliteStore<R>, BenchError> {
    let mut store = SqliteStore::open(folder, owner).map_err(failed(owner))?;
    audit.records += store.verify(1).map_err(failed(owner))?.records;
    Ok(store)
}

/// Goes through all rows of a table in key order.
fn each<R: Record, T: TableRow<R::Row>>(
    store: &mut SqliteStore<R>,
    filter: Filter<<R::Row as Row>::Table>,
    mut visit: impl FnMut(&T),
) -> Result<(), BenchError> {
    let mut after = None;
    loop {
        let scan = Scan { filter, after, limit: PAGE };
        let page = store.scan(&scan).map_err(failed(filter.table.name()))?;
        page.iter().filter_map(T::of).for_each(&mut visit);
        match page.last() {
            Some(last) if page.len() == PAGE => after = Some(last.key()),
            _ => return Ok(()),
        }
    }
}

fn transfers(
    store: &mut SqliteStore<hub::Record>,
    findings: &mut Findings,
) -> Result<Vec<AtHub>, BenchError> {
    let mut found = Vec::new();
    each(store, Filter::all(hub::Table::Transfer), |row: &TransferRow| {
        if row.payer_recorded_seq.is_none() || row.payee_recorded_seq.is_none() {
            findings.add("transfer not recorded by both provinces", row.transfer_id);
        }
        let (id, state, fen) = (row.transfer_id, row.state, row.amount.fen());
        found.push(AtHub { id, state, fen, hub_seq: row.hub_seq });
    })?;
    incidents(store, findings)?;
    Ok(found)
}

fn positions(store: &mut SqliteStore<hub::Record>) -> Result<BTreeMap<u8, i64>, BenchError> {
    let mut owed: BTreeMap<u8, i64> = BTreeMap::new();
    each(store, Filter::all(hub::Table::Position), |row: &PositionRow| {
        *owed.entry(row.province.number()).or_default() += row.owed.fen();
    })?;
    Ok(owed)
}

fn incidents<R: Record>(store: &mut SqliteStore<R>, findings: &mut Findings) -> Result<(), BenchError>
where
    IncidentRow: TableRow<R::Row>,
{
    let tables = <R::Row as Row>::Table::ALL.iter();
    let Some(table) = tables.copied().find(|table| table.name() == "incident") else { return Ok(()) };
    each(store, Filter::all(table), |row: &IncidentRow| {
        findings.add("incident", row.transfer_id);
    })
}

/// Every answer stands at the hub as it was told, and the hub has nothing else.
fn compare_answers(answers: &[Answer], transfers: &[AtHub], audit: &mut Audit, findings: &mut Findings) {
    let mut told = answers.iter().peekable();
    for row in transfers {
        while told.next_if(|answer| answer.id < row.id).map(|lost| missing(lost, findings)).is_some() {}
        let Some(answer) = told.next_if(|answer| answer.id == row.id) else {
            findings.add("the hub has a transfer that nobody sent", row.id);
            continue;
        };
        findings.compare("amount at the hub", row.fen, answer.fen);
        match (answer.seen, row.state) {
            (Seen::Committed | Seen::Unknown, TransferState::Committed) => audit.committed += 1,
            (Seen::Aborted | Seen::Unknown, TransferState::Aborted) => audit.aborted += 1,
            (seen, state) => {
                findings.add("answer differs from the hub", format!("{} {seen:?} {}", row.id, state.name()));
            }
        }
        audit.resolved += u64::from(answer.seen == Seen::Unknown);
    }
    told.for_each(|lost| missing(lost, findings));
}

/// An answer that the hub has nothing of: fine only where nothing was promised.
fn missing(answer: &Answer, findings: &mut Findings) {
    match answer.seen {
        Seen::Committed | Seen::Aborted => findings.add("answer is not at the hub", answer.id),
        Seen::Error | Seen::Unknown => {}
    }
}

/// Commitments are numbered 1, 2, 3 … without gaps.
fn check_sequence(transfers: &[AtHub], findings: &mut Findings) {
    let mut numbers: Vec<u64> = transfers.iter().filter_map(|row| row.hub_seq).collect();
    numbers.sort_unstable();
    let committed = transfers.iter().filter(|row| row.state == TransferState::Committed).count();
    findings.compare("numbered transfers differ from committed ones", numbers.len(), committed);
    let gap = numbers.iter().zip(1u64..).find(|(number, wanted)| *number != wanted);
    if let Some((number, wanted)) = gap {
        findings.add("gap in hub_seq", format!("{number} where {wanted} should be"));
    }
}

fn legs(
    store: &mut SqliteStore<node::Record>,
    own: Side,
    findings: &mut Findings,
) -> Result<Vec<AtNode>, BenchError> {
    let mut found = Vec::new();
    each(store, Filter::all(node::Table::Leg), |row: &LegRow| {
        if row.side != own {
            findings.add("leg of the wrong side", row.transfer_id);
        }
        let (id, state, fen) = (row.transfer_id, row.state, row.amount.fen());
        found.push(AtNode { id, state, fen, hub_seq: row.hub_seq });
    })?;
    Ok(found)
}

/// A node has booked what the hub committed, and nothing else; nothing is in doubt.
fn compare_legs(transfers: &[AtHub], legs: &[AtNode], findings: &mut Findings) {
    let mut legs = legs.iter().peekable();
    for row in transfers {
        while let Some(leg) = legs.next_if(|leg| leg.id < row.id) {
            findings.add("a node has a leg that the hub does not know", leg.id);
        }
        let leg = legs.next_if(|leg| leg.id == row.id);
        if leg.is_some_and(|leg| leg.state == LegState::Prepared) {
            findings.add("leg in doubt", row.id);
            continue;
        }
        let booked = leg.filter(|leg| leg.state == LegState::Committed);
        match (row.state, booked) {
            (TransferState::Committed, Some(leg)) => {
                findings.compare(
                    "a leg differs from the hub",
                    (leg.fen, leg.hub_seq),
                    (row.fen, row.hub_seq),
                );
            }
            (TransferState::Aborted, None) => {}
            (TransferState::Committed, None) => {
                findings.add("committed transfer is not booked at a node", row.id)
            }
            (TransferState::Aborted, Some(_)) => findings.add("aborted transfer is booked at a node", row.id),
            (TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Accepted, _) => {
                findings.add("transfer is not decided", row.id);
            }
        }
    }
    legs.for_each(|leg| findings.add("a node has a leg that the hub does not know", leg.id));
}

/// Each committed transfer has exactly one line in a member's statement on this side, with its amount.
fn compare_entries(
    store: &mut SqliteStore<node::Record>,
    transfers: &[AtHub],
    side: Side,
    findings: &mut Findings,
) -> Result<(), BenchError> {
    let (kind, sign) = match side {
        Side::Payer => (EntryKind::TransferOut, -1),
        Side::Payee => (EntryKind::TransferIn, 1),
    };
    let mut lines = Vec::new();
    each(store, Filter::all(node::Table::Entry), |row: &EntryRow| match row.transfer_id {
        Some(id) if row.entry_kind == kind => lines.push((id, sign * row.amount.fen())),
        Some(id) => findings.add("line of the wrong kind", id),
        None => {}
    })?;
    lines.sort_unstable();
    let committed = transfers.iter().filter(|row| row.state == TransferState::Committed);
    let mut wanted = committed.map(|row| (row.id, row.fen));
    if let Some((line, row)) =
        lines.iter().map(|line| (Some(*line), wanted.next())).find(|(line, row)| line != row)
    {
        findings.add("statements differ from committed transfers", format!("{line:?} and {row:?}"));
    }
    findings.compare("committed transfers without a line", wanted.count(), 0);
    Ok(())
}

/// Money at a node sums to 0, nothing is held or pending; gives what the clearing account holds, in fen.
fn check_accounts(store: &mut SqliteStore<node::Record>, findings: &mut Findings) -> Result<i64, BenchError> {
    let (mut sum, mut set_aside, mut clearing) = (0i64, 0i64, 0i64);
    each(store, Filter::all(node::Table::Account), |row: &AccountRow| {
        sum += row.posted.fen();
        set_aside += row.held.fen() + row.pending.fen();
        if row.kind == AccountKind::Clearing {
            clearing += row.posted.fen();
        }
    })?;
    findings.compare("money at a node does not sum to 0", sum, 0);
    findings.compare("money is still held or pending", set_aside, 0);
    Ok(clearing)
}
