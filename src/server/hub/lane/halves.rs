//! A call that a node cannot read, cut in halves until what it cannot read stands alone: the other items go on.

use std::ops::Range;

/// Most calls that one becomes. A node that refuses everything is not asked about each item.
const CALLS_MAX: usize = 200;

/// The parts of a call, in order.
#[derive(Debug)]
pub(super) struct Halves {
    todo: Vec<Range<usize>>,
    calls: usize,
}

impl Halves {
    /// Of a call with so many items.
    pub(super) fn of(items: usize) -> Halves {
        Halves { todo: std::iter::once(0..items).collect(), calls: 0 }
    }

    /// The items of the next call.
    pub(super) fn next(&mut self) -> Option<Range<usize>> {
        self.calls += 1;
        self.todo.pop()
    }

    /// The node could not read these: their halves come next. Gives them back if they cannot be cut any more.
    pub(super) fn refused(&mut self, part: Range<usize>) -> Option<Range<usize>> {
        if part.len() <= 1 || self.calls + self.todo.len() + 2 > CALLS_MAX {
            return Some(part);
        }
        let middle = part.start + part.len() / 2;
        self.todo.extend([middle..part.end, part.start..middle]);
        None
    }
    /// What is left when a call failed for another reason: its own part, and those that were not called yet.
    pub(super) fn rest(self, part: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        std::iter::once(part).chain(self.todo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a node that cannot read some items is asked in vain, and how many calls it takes.
    fn lost(items: usize, is_bad: impl Fn(usize) -> bool) -> (Vec<usize>, usize) {
        let (mut halves, mut lost, mut answered, mut calls) = (Halves::of(items), Vec::new(), 0, 0);
        while let Some(part) = halves.next() {
            calls += 1;
            match part.clone().any(&is_bad) {
                true => lost.extend(halves.refused(part).into_iter().flatten()),
                false => answered += part.len(),
            }
        }
        assert_eq!(answered + lost.len(), items);
        (lost, calls)
    }

    #[test]
    fn only_what_cannot_be_read_is_lost() {
        assert_eq!(lost(1_000, |_| false), (vec![], 1));
        let (bad, calls) = lost(1_000, |at| at == 617);
        assert_eq!(bad, [617]);
        assert!(calls <= 21, "{calls}");
        assert_eq!(lost(1_000, |at| at == 0 || at == 999).0, [0, 999]);
        assert_eq!(lost(1, |_| true), (vec![0], 1));
    }

    #[test]
    fn a_node_that_reads_nothing_is_not_asked_for_ever() {
        let (bad, calls) = lost(1_000, |_| true);
        assert!(bad.len() == 1_000 && calls <= CALLS_MAX, "{calls}");
    }
}
