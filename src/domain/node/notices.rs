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
mod tests {
    use super::*;
    use crate::domain::machine::Output;
    use crate::domain::node::{Answer, Input};
    use crate::testkit::{PAYER, Pair};

    fn tell(pair: &mut Pair, notices: &[(u64, u64)]) -> u64 {
        let notices = notices.iter().map(|(number, previous)| Notice {
            number: *number,
            previous: *previous,
            content: vec![1],
        });
        let (hub, notices) = (pair.hub.mark(), notices.collect());
        let outputs = pair.run_node(PAYER, Input::Notices { ticket: Ticket::new(9), hub, notices });
        let answer = outputs.into_iter().find_map(|output| match output {
            Output::Answer(9, Answer::Noticed(Noticed(last))) => Some(last),
            _ => None,
        });
        answer.expect("an answer")
    }

    #[test]
    fn notices_are_kept_once_in_order_and_without_a_gap() {
        let mut pair = Pair::new();
        assert_eq!(tell(&mut pair, &[]), 0, "how far are you");
        assert_eq!(tell(&mut pair, &[(5, 3)]), 0, "3 is not here");
        assert_eq!(tell(&mut pair, &[(3, 0), (5, 3)]), 5);
        assert_eq!(tell(&mut pair, &[(3, 0), (5, 3), (9, 5)]), 9, "told again from the beginning");
        let kept: Vec<u64> = pair
            .node(PAYER)
            .rows()
            .iter()
            .filter_map(|row| match row {
                Row::Notice(row) => Some(row.number),
                _ => None,
            })
            .collect();
        assert_eq!(kept, [3, 5, 9]);
        assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
    }
}
