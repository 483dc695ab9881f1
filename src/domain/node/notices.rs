//! What the hub tells of clearing is kept in order, so that a hub that lost it can be told.

use super::{Life, NodeMachine, Step, needs_of_hub};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::NoticeRecorded;
use crate::domain::node::tables::{Key, NoticeRow, NoticesRow, Row};
use crate::domain::protocol::{Notice, PeerMark};

/// How far the hub's notices are here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Noticed(pub u64);

/// The hub, and how far its notices are here.
pub(super) fn needs(keys: &mut Vec<Key>) {
    needs_of_hub(keys);
    keys.push(Key::NOTICES);
}

impl NodeMachine {
    /// Keeps what follows the last notice that is here, and answers with the last one: whoever has more, or less, goes
    /// on from there.
    pub(super) fn note(
        &mut self,
        ticket: Ticket<Noticed>,
        hub: PeerMark,
        notices: Vec<Notice>,
        step: &mut Step<'_>,
    ) {
        let admitted = self.admitted(Life::Behind).and_then(|()| self.meet_admitting_hub(hub, step));
        if let Err(refusal) = admitted {
            return step.refuse(ticket, refusal);
        }
        for Notice { number, previous, content } in notices {
            let last = last(step.rows());
            // One that is here already, or that leaves a gap, is told again from the last one on.
            if number > last && previous == last {
                step.record(NoticeRecorded { number, previous, content, time: step.now.civil });
            }
        }
        step.answer(ticket, Noticed(last(step.rows())));
    }
}

fn last(rows: &WorkingSet<Row>) -> u64 {
    rows.get::<NoticesRow>(&Key::NOTICES).map_or(0, |row| row.last)
}

/// A notice is kept.
pub(super) fn recorded(record: &NoticeRecorded, rows: &mut WorkingSet<Row>) {
    let NoticeRecorded { number, previous, ref content, time } = *record;
    rows.put(NoticeRow { number, previous, content: content.clone(), record_time: time });
    rows.put(NoticesRow { slot: 0, last: number });
}

#[cfg(test)]
#[path = "notices_tests.rs"]
mod tests;
