//! Whether what clients were told is what the servers hold, and whether money is conserved.

use super::load::{Answer, Seen};
use super::stage::{PROVINCES, Stage};
use super::{BenchError, failed};
use crate::devkit::auditor::Ledgers;
use crate::domain::protocol::TransferState;
use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

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
    pub fn add(&mut self, kind: &'static str, case: impl Display) {
        self.0.entry(kind).or_insert_with(|| (0, case.to_string())).0 += 1;
    }

    /// Notes a case unless two values are equal.
    pub fn compare<T: PartialEq + Debug>(&mut self, kind: &'static str, found: T, wanted: T) {
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

/// Compares one answer with the transfer that the hub has under its id, if it has one: its state and its amount in fen.
pub fn compare_answer(
    answer: &Answer,
    at_hub: Option<(TransferState, i64)>,
    audit: &mut Audit,
    findings: &mut Findings,
) {
    audit.answers += 1;
    match (answer.seen, at_hub) {
        (Seen::Committed | Seen::Unknown, Some((TransferState::Committed, _))) => audit.committed += 1,
        (Seen::Aborted | Seen::Unknown, Some((TransferState::Aborted, _))) => audit.aborted += 1,
        // Nothing was promised.
        (Seen::Error | Seen::Unknown, None) => {}
        (seen, at_hub) => {
            findings.add("answer differs from the hub", format!("{} {seen:?} {at_hub:?}", answer.id))
        }
    }
    audit.resolved += u64::from(answer.seen == Seen::Unknown && at_hub.is_some());
    if let Some((_, fen)) = at_hub {
        findings.compare("amount at the hub", fen, answer.fen);
    }
}

/// Reads the stores of servers that have stopped, and compares them with every answer.
pub fn audit(stage: &Stage, answers: &[Answer]) -> Result<Audit, BenchError> {
    let ledgers = Ledgers::read(stage.site(), &PROVINCES).map_err(failed("a store"))?;
    let mut audit = Audit { source: "stores", records: ledgers.records, ..Audit::default() };
    let mut findings = Findings::default();
    let mut known = 0;
    for answer in answers {
        let at_hub = ledgers.transfers.get(&answer.id).map(|it| (it.state, it.fen));
        known += usize::from(at_hub.is_some());
        compare_answer(answer, at_hub, &mut audit, &mut findings);
    }
    findings.compare("transfers that the hub has and somebody sent", known, ledgers.transfers.len());
    let told = answers.iter().filter_map(|answer| match answer.seen {
        Seen::Committed => Some((answer.id, TransferState::Committed)),
        Seen::Aborted => Some((answer.id, TransferState::Aborted)),
        Seen::Error | Seen::Unknown => None,
    });
    ledgers.check(told).into_iter().for_each(|(kind, case)| findings.add(kind, case));
    findings.conclude(audit)
}
