//! What an audit found, on one page or as JSON.

use super::gather::{Gathered, NodeRead, Reading};
use crate::cli::Exit;
use crate::cli::servers::incidents::incident_json;
use crate::cli::servers::list::not_checked;
use crate::cli::show::side_name;
use crate::cli::table::{align_right, table};
use crate::domain::audit::invariant::Violation;
use crate::domain::audit::{Checked, Cut, Over};
use crate::proto::types::Incident;
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// What came of an audit.
pub(super) struct Report {
    cut: Cut,
    hub_sequence: u64,
    nodes: Vec<NodeRead>,
    checked: Vec<Checked>,
    incidents: Vec<(String, Incident)>,
}

fn over_text(over: &Over) -> String {
    let some: Vec<String> =
        over.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if some.is_empty() { "nothing to check".to_owned() } else { some.join(", ") }
}

fn plural(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

impl Report {
    /// Checks what was gathered.
    pub(super) fn of(gathered: Gathered) -> Report {
        let Gathered { audit, hub_sequence, nodes, incidents } = gathered;
        Report { cut: audit.cut(), hub_sequence, nodes, checked: audit.conclude(), incidents }
    }

    fn found(&self) -> usize {
        self.checked.iter().map(|checked| checked.violations.len()).sum()
    }

    /// Servers whose books are not known.
    pub(super) fn unread(&self) -> impl Iterator<Item = String> {
        self.nodes.iter().filter_map(|node| match &node.reading {
            Reading::Not(why) => Some(format!("node {} was not read: {why}", node.province)),
            Reading::Whole | Reading::LegsOnly => None,
        })
    }

    /// Incidents that two operators have not closed.
    fn open(&self) -> impl Iterator<Item = &(String, Incident)> {
        self.incidents.iter().filter(|(_, incident)| incident.close_time.is_none())
    }

    /// 1 when something is off, 2 when a server was not read, else 0.
    pub(super) fn exit(&self) -> Exit {
        if self.found() > 0 || self.open().next().is_some() {
            Exit::Refused
        } else if self.unread().next().is_some() {
            Exit::Unknown
        } else {
            Exit::Done
        }
    }

    fn servers(&self) -> String {
        let mut servers = table(&["server", "read", "journal", "legs", "accounts"]);
        servers.add_row(["hub", "whole", &self.hub_sequence.to_string(), "", ""]);
        for node in &self.nodes {
            let read = match &node.reading {
                Reading::Whole => "whole",
                Reading::LegsOnly => "legs only: the node does not offer AuditService",
                Reading::Not(_) => "NOT READ",
            };
            let number = |number: u64| if number == 0 { String::new() } else { number.to_string() };
            servers.add_row([
                format!("node {}", node.province),
                read.to_owned(),
                number(node.sequence),
                number(node.legs),
                number(node.accounts),
            ]);
        }
        align_right(&mut servers, &[2, 3, 4]);
        servers.to_string()
    }

    fn invariants(&self) -> String {
        let mut invariants = table(&["", "invariant", "checked over", "result"]);
        for checked in &self.checked {
            let nothing = checked.over.iter().all(|(count, _)| *count == 0);
            let result = match checked.violations.len() {
                0 if nothing => "–".to_owned(),
                0 => "holds".to_owned(),
                count => format!("VIOLATED {count} ×"),
            };
            let row = [checked.invariant.id, checked.invariant.says, &over_text(&checked.over), &result];
            invariants.add_row(row);
        }
        invariants.to_string()
    }

    /// What no word of this audit is about, although all that was read is right.
    fn not_checked(&self) -> Vec<String> {
        let legs_only = self.nodes.iter().filter(|node| node.reading == Reading::LegsOnly);
        legs_only.map(|node| format!("accounts and incidents of {}", node.province)).collect()
    }

    fn verdict(&self) -> String {
        let (found, parked) = (self.found(), self.open().count());
        match self.exit() {
            Exit::Done => format!("clean 一致{}", not_checked(&self.not_checked())),
            Exit::Unknown => "not known: not every server was read 结果未知".to_owned(),
            Exit::Refused | Exit::Usage => {
                format!("SOMETHING IS OFF 有误: {}, {}", plural(found, "finding"), plural(parked, "incident"))
            }
        }
    }

    /// One page; at most `limit` findings for each invariant.
    pub(super) fn to_text(&self, limit: usize) -> String {
        let Cut { transfers, settled, hub_seq, last_hub_seq } = self.cut;
        let mut text = format!("{}\n{}\n", self.servers(), self.invariants());
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "cut: {settled} of {transfers} transfers are recorded by both provinces, which were read; \
             hub_seq ≤ {hub_seq} of {last_hub_seq} without exception"
        );
        for checked in self.checked.iter().filter(|checked| !checked.violations.is_empty()) {
            for violation in checked.violations.iter().take(limit) {
                let _ = writeln!(text, "{violation}");
            }
            if checked.violations.len() > limit {
                let more = checked.violations.len() - limit;
                let _ = writeln!(text, "{}: {more} more; see them with --json", checked.invariant.id);
            }
        }
        for checked in &self.checked {
            for violation in checked.closed.iter().take(limit) {
                let _ = writeln!(text, "closed 已关闭: {violation}");
            }
        }
        for (server, incident) in self.open().take(limit) {
            let reason = incident.refusal.as_ref().map_or("", |refusal| refusal.reason.as_str());
            let side = side_name(incident.side());
            let _ = writeln!(text, "incident at {server}: {}: {side}: {reason}", incident.transfer_id);
        }
        text + &self.verdict()
    }

    /// All of it for programs.
    pub(super) fn to_json(&self) -> Value {
        let outcome = match self.exit() {
            Exit::Done => "clean",
            Exit::Unknown => "unknown",
            Exit::Refused | Exit::Usage => "violated",
        };
        json!({
            "outcome": outcome,
            "cut": {
                "transfers": self.cut.transfers,
                "settled": self.cut.settled,
                "hub_seq": self.cut.hub_seq,
                "last_hub_seq": self.cut.last_hub_seq,
            },
            "hub": { "sequence": self.hub_sequence },
            "not_checked": self.not_checked(),
            "nodes": self.nodes.iter().map(node_json).collect::<Vec<_>>(),
            "invariants": self.checked.iter().map(checked_json).collect::<Vec<_>>(),
            "incidents": self.incidents.iter().map(incident_json).collect::<Vec<_>>(),
        })
    }
}

fn node_json(node: &NodeRead) -> Value {
    let (read, why) = match &node.reading {
        Reading::Whole => ("whole", None),
        Reading::LegsOnly => ("legs_only", None),
        Reading::Not(why) => ("not", Some(why)),
    };
    json!({
        "province_code": node.province.to_string(),
        "read": read,
        "error": why,
        "sequence": node.sequence,
        "legs": node.legs,
        "accounts": node.accounts,
    })
}

fn checked_json(checked: &Checked) -> Value {
    let over: Map<String, Value> =
        checked.over.iter().map(|(count, what)| (what.replace(' ', "_"), json!(count))).collect();
    let violation = |it: &Violation| {
        let transfer_id = it.transfer_id.map(|id| id.to_string());
        json!({ "transfer_id": transfer_id, "found": it.found })
    };
    json!({
        "id": checked.invariant.id,
        "says": checked.invariant.says,
        "over": over,
        "violations": checked.violations.iter().map(violation).collect::<Vec<_>>(),
        "closed": checked.closed.iter().map(violation).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
