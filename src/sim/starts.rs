//! Starts and ends of servers: what comes back is what their disks hold.

use super::network::{Event, Place};
use super::people::PlainVault;
use super::watched::Watched;
use super::world::{HUB, World};
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{self, Deadlines, HubMachine};
use crate::domain::machine::scan::Scan;
use crate::domain::machine::table::TableRow;
use crate::domain::node::tables::LegRow;
use crate::domain::node::{self, NodeMachine};
use crate::domain::value::id::StartId;
use crate::domain::value::region::ProvinceCode;
use crate::engine::EngineError;
use crate::store::{StoreError, Tables};
use std::sync::Arc;

impl World {
    /// The hub starts over its disk.
    pub(super) fn start_hub(&mut self) {
        let start_id = StartId(self.chance.bytes());
        let (places, rulebook) = (Arc::clone(&self.country.places), Arc::clone(&self.country.rulebook));
        let machine = HubMachine::new(start_id, places, rulebook, Deadlines::default());
        let everything = Scan { filter: hub::unsettled_transfers(), after: None, limit: usize::MAX };
        let rows = self.hub.disk.open().scan(&everything).unwrap_or_default();
        let unsettled: Vec<TransferRow> = rows.iter().filter_map(TableRow::of).cloned().collect();
        self.log(format_args!("hub starts, {} unsettled", unsettled.len()));
        let machine = Watched::new(machine, &self.hub.disk, &self.marks);
        if let Err(error) = self.hub.start(machine, start_id, self.at) {
            return self.complain(format!("the hub cannot start: {error}"));
        }
        let restored = self.hub_restored.then(|| self.country.provinces.clone());
        self.hub.inbox.push(hub::Input::Start { unsettled, restored });
        let provinces = self.country.provinces.clone();
        let dark = |province: &ProvinceCode| hub::Input::Link { province: *province, up: false };
        self.hub.inbox.extend(provinces.iter().map(dark));
        self.up.clear();
        let incarnation = self.hub.incarnation() + 1;
        self.run_hub();
        self.hub.set_incarnation(incarnation);
        for province in provinces {
            self.probe(province);
        }
    }

    /// A node starts over its disk.
    pub(super) fn start_node(&mut self, province: ProvinceCode) {
        let start_id = StartId(self.chance.bytes());
        let (places, rulebook) = (Arc::clone(&self.country.places), Arc::clone(&self.country.rulebook));
        let (at, everything) =
            (self.at, Scan { filter: node::legs_in_doubt(), after: None, limit: usize::MAX });
        let is_marked = self.is_marked(province);
        let Some(node) = self.nodes.get_mut(&province) else { return };
        let rows = node.disk.open().scan(&everything).unwrap_or_default();
        let in_doubt: Vec<LegRow> = rows.iter().filter_map(TableRow::of).cloned().collect();
        let count = in_doubt.len();
        let vault = Arc::new(PlainVault);
        let machine = NodeMachine::new(province, start_id, places, rulebook, vault, in_doubt);
        let machine = Watched::new(machine, &node.disk, &self.marks);
        let started = node.start(machine, start_id, at);
        if is_marked {
            node.inbox.push(node::Input::Restored);
        }
        self.joined.remove(&province);
        self.log(format_args!("node {province} starts, {count} in doubt"));
        match started {
            Ok(()) => self.announce_after(province, 1),
            Err(error) => self.complain(format!("node {province} cannot start: {error}")),
        }
    }

    /// A store failed, or the process was killed: what was not durable is gone.
    pub(super) fn crash(&mut self, place: Place, why: &str) {
        self.log(format_args!("{place} crashes: {why}"));
        self.report.count("crash");
        self.break_at_crash(place);
        if place == HUB {
            self.hub.crash();
            self.up.clear();
        } else if let Some(node) = self.nodes.get_mut(&place) {
            node.crash();
            self.joined.remove(&place);
        }
        let after = self.at + self.chance.between(20, 3_000);
        self.agenda.at(after, Event::Restart(place));
    }

    /// A batch could not be made durable.
    pub(super) fn failed(&mut self, place: Place, error: &EngineError) {
        match error {
            // What chance had in store. Anything else, such as a constraint that held a batch back, is a bug.
            EngineError::Store(StoreError::Io(what)) if what.starts_with("injected fault") => {
                self.crash(place, "its store failed");
            }
            EngineError::Store(_) | EngineError::Apply | EngineError::Outlet | EngineError::Thread(_) => {
                self.complain(format!("{place}: {error}"));
            }
        }
    }
}
