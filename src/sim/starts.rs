//! Starts and ends of servers: what comes back is what their disks hold.

use super::network::Event;
use super::world::World;
use crate::domain::value::{ProvinceCode, StartId};
use crate::domain::{hub, node};
use crate::engine::EngineError;
use crate::store::StoreError;
use crate::testkit::{HUB, Place};

impl World {
    /// The hub starts over its disk.
    pub(super) fn start_hub(&mut self) {
        if !self.unlock(HUB) {
            return;
        }
        let start_id = StartId(self.chance.bytes());
        match self.cluster.start_hub(start_id, self.at, self.hub_restored) {
            Ok(unfinished) => self.log(format_args!("hub starts, {unfinished} unsettled")),
            Err(error) => return self.complain(format!("the hub cannot start: {error}")),
        }
        let provinces = self.cluster.country.provinces.clone();
        let dark = |province: &ProvinceCode| hub::Input::Link { province: *province, up: false };
        self.cluster.hub.inbox.extend(provinces.iter().map(dark));
        self.up.clear();
        let incarnation = self.cluster.hub.incarnation + 1;
        self.run_hub();
        self.cluster.hub.incarnation = incarnation;
        for province in provinces {
            self.probe(province);
        }
    }

    /// A node starts over its disk.
    pub(super) fn start_node(&mut self, province: ProvinceCode) {
        if !self.unlock(province) {
            return;
        }
        self.cluster.country.vault = self.vault(province);
        let start_id = StartId(self.chance.bytes());
        let is_marked = self.is_marked(province);
        let started = self.cluster.start_node(province, start_id, self.at);
        if let Some(node) = self.cluster.nodes.get_mut(&province).filter(|_| is_marked) {
            node.inbox.push(node::Input::Restored);
        }
        match started {
            Ok(in_doubt) => {
                self.log(format_args!("node {province} starts, {in_doubt} in doubt"));
                self.run_node(province);
                self.announce_after(province, 1);
            }
            Err(error) => self.complain(format!("node {province} cannot start: {error}")),
        }
    }

    /// A store failed, or the process was killed: what was not durable is gone.
    pub(super) fn crash(&mut self, place: Place, why: &str) {
        self.log(format_args!("{place} crashes: {why}"));
        self.report.count("crash");
        self.break_at_crash(place);
        self.cluster.crash(place);
        if place == HUB {
            self.up.clear();
        }
        let after = self.at + self.chance.between(20, 3_000);
        self.cluster.network.at(after, Event::Restart(place));
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
