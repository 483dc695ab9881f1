//! The hub and the nodes of a scenario: a cluster with a clock that the table sets, and votes that it may hold.

use gongji::domain::audit::invariant::violations;
use gongji::domain::hub;
use gongji::domain::hub::tables::TransferRow;
use gongji::domain::machine::{Caller, Output, Ticket};
use gongji::domain::node;
use gongji::domain::rules::rulebook::Rulebook;
use gongji::domain::value::{Civil, Mono, ProvinceCode, RegionDirectory, TransferId};
use gongji::privacy::key::VaultKey;
use gongji::testkit::{AtOnce, Cluster, Country};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Each row of a table takes so long, so that what is kept for a moment is done in the next row.
pub const ROW_MS: u64 = 200;

/// All servers of a scenario.
pub struct World {
    pub cluster: Cluster<AtOnce>,
    pub key: Arc<VaultKey>,
    last_caller: Caller,
    starts: u8,
}

fn key() -> VaultKey {
    VaultKey::from_bytes(&[7; 32])
}

impl World {
    /// A hub and a node for each of these provinces, joined, at this moment.
    pub fn new(
        (places, rulebook): (Arc<RegionDirectory>, Arc<Rulebook>),
        provinces: &BTreeSet<ProvinceCode>,
        civil: Civil,
    ) -> World {
        let (provinces, key) = (provinces.iter().copied().collect(), Arc::new(self::key()));
        let (vault, id_hash) = (key.clone(), |number: &_| self::key().id_hash(number));
        let country = Country { provinces, members: 0, opening: 0, places, rulebook, vault, id_hash };
        World { cluster: Cluster::started(country, civil), key, last_caller: 0, starts: 1 }
    }

    /// The time that the table says it is.
    pub fn civil(&self) -> Civil {
        self.cluster.network.now.civil
    }

    /// It is this time.
    pub fn set_civil(&mut self, civil: Civil) {
        self.cluster.network.now.civil = civil;
    }

    /// The hub's process dies and starts again over its store. What it told nobody is not known to anybody.
    pub fn restart_hub(&mut self) {
        self.starts += 1;
        let outputs = self.cluster.restart_hub(self.starts);
        drop(self.cluster.finish(outputs));
    }

    /// The line to a province is cut, or comes back.
    pub fn link(&mut self, province: ProvinceCode, up: bool) {
        let outputs = self.cluster.link(province, up);
        drop(self.cluster.finish(outputs));
    }

    /// Votes on this transfer stay under way until [`World::release`].
    pub fn hold(&mut self, transfer_id: TransferId) {
        self.cluster.network.holding.insert(transfer_id);
    }

    /// What was held goes on.
    pub fn release(&mut self) {
        drop(self.cluster.release());
    }

    /// Time passes, on the clock that nobody sets.
    pub fn wait(&mut self, ms: u64) {
        self.set_civil(Civil(self.civil().0.saturating_add_unsigned(ms)));
        self.pass(ms);
    }

    /// Time passes to this moment, and every server wakes whenever it wants to.
    pub fn wait_until(&mut self, at: Civil) {
        while self.civil() < at {
            let left = at.0.abs_diff(self.civil().0);
            let pause = self.cluster.wake_at().map_or(left, |Mono(wake)| wake.saturating_sub(self.mono()));
            self.wait(pause.clamp(1, left));
        }
    }

    /// A row has been carried out: what was put off for a moment is done.
    pub fn row_done(&mut self) {
        self.pass(ROW_MS);
    }

    fn mono(&self) -> u64 {
        self.cluster.network.now.mono.0
    }

    fn pass(&mut self, ms: u64) {
        self.cluster.network.now.mono = Mono(self.mono() + ms);
        self.cluster.tick();
        drop(self.cluster.finish(Vec::new()));
    }

    fn ticket<T>(&mut self) -> Ticket<T> {
        self.last_caller += 1;
        Ticket::new(self.last_caller)
    }

    /// Asks the hub and lets everything that follows from it happen; the answer may be missing while votes are held.
    pub fn hand_in<T>(&mut self, input: impl FnOnce(Ticket<T>) -> hub::Input) -> Option<hub::Answer> {
        let ticket = self.ticket();
        let outputs = self.cluster.run_hub(input(ticket));
        let mut told = self.cluster.finish(outputs).into_iter();
        told.find(|(caller, _)| *caller == ticket.caller()).map(|(_, answer)| answer)
    }

    /// Asks a node on behalf of its province's own system or of an app.
    pub fn ask_node<T>(
        &mut self,
        province: ProvinceCode,
        input: impl FnOnce(Ticket<T>) -> node::Input,
    ) -> node::Answer {
        let ticket = self.ticket();
        match self.cluster.run_node(province, input(ticket)).pop() {
            Some(Output::Answer(_, answer)) => answer,
            other => panic!("no answer of node {province}: {other:?}"),
        }
    }

    /// The transfer as the hub has it.
    pub fn transfer(&self, transfer_id: TransferId) -> Option<TransferRow> {
        self.cluster.hub.get(&hub::Key::Transfer(transfer_id))
    }

    /// What must hold whatever happens, does: over the books of all servers. Nobody is called.
    pub fn check(&self) {
        let found: Vec<String> = violations(&self.cluster.books()).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{}", found.join("\n"));
        assert_eq!(self.cluster.network.alarms, []);
    }

    /// Replaying each journal rebuilds its tables.
    pub fn check_replay(&self) {
        for (place, (same, _)) in self.cluster.rebuilds() {
            assert!(same, "{place}: tables are what the journal says");
        }
    }
}
