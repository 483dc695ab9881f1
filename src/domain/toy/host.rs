//! One machine of the toy, over rows in memory.

use super::*;

/// One machine with its rows and journal.
#[derive(Debug)]
pub struct Host<M: Machine> {
    pub machine: M,
    pub rows: WorkingSet<M::Row>,
    pub journal: Vec<M::Record>,
    pub vault: Vec<M::Row>,
    pub mark: PeerMark,
}

impl<M: Machine> Host<M> {
    pub(super) fn new(machine: M, start: u8) -> Host<M> {
        let mark = PeerMark { incarnation: 1, start_id: StartId([start; 16]), ..PeerMark::default() };
        Host { machine, rows: WorkingSet::complete(), journal: Vec::new(), vault: Vec::new(), mark }
    }

    /// Runs one input. Every key that the step reads must have been asked for: a set that is not complete sees to it.
    pub fn run(&mut self, now: Now, input: M::Input) -> Vec<Output<M::Answer, M::Effect>> {
        let mut loaded = WorkingSet::default();
        loop {
            let needs = self.machine.needs(now, &input, &loaded);
            if needs.is_empty() {
                break;
            }
            for key in needs.keys {
                let kept = || self.vault.iter().rev().find(|row| row.key() == key).cloned();
                let row = self.rows.row(&key).cloned().or_else(kept);
                loaded.learn(key, row);
            }
            for prefix in needs.prefixes {
                let under = self.rows.rows().filter(|row| prefix.covers(&row.key())).cloned().collect();
                loaded.learn_all(prefix, under);
            }
        }
        let mut batch = Batch::after(self.journal.len() as u64);
        self.machine.step(input, &mut Step::new(now, &mut loaded, &mut batch));
        for change in loaded.take_changed() {
            self.rows.put(change.row);
        }
        self.journal.extend(batch.records);
        self.vault.extend(batch.vault);
        self.mark.sequence = self.journal.len() as u64;
        batch.outputs
    }

    pub fn get<T: TableRow<M::Row> + Clone>(&self, key: &<M::Row as Row>::Key) -> Option<T> {
        self.rows.get::<T>(key).cloned()
    }
}
