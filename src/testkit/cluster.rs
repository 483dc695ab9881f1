//! The hub and the nodes of a country: their starts and ends, and the calls that reach them.

use super::calls::{asked_of_hub, asked_of_node, heard, heard_by_hub, heard_by_node, notice_of};
use super::country::Country;
use super::disk::Disk;
use super::marks::Marks;
use super::server::{Asker, Call, Place, Server};
use crate::domain::audit::books::{Books, HubBooks, NodeBooks};
use crate::domain::hub::clearing::tellings;
use crate::domain::hub::tables::{PositionRow, TransferRow};
use crate::domain::hub::{self, HubMachine, Page, ReadBack};
use crate::domain::machine::{PeerRow, Scan, TableRow};
use crate::domain::node::tables::{AccountRow, LegRow, NoticeRow};
use crate::domain::node::{self, NodeMachine};
use crate::domain::protocol::{
    Announced, Announcement, HubReply, HubRequest, NodeReply, NodeRequest, Notice, PeerMark,
};
use crate::domain::reason::Reason;
use crate::domain::value::{ProvinceCode, Side, StartId, TransferId};
use crate::engine::EngineError;
use crate::store::Tables;
use std::collections::BTreeMap;

/// The hub's place.
pub const HUB: Place = ProvinceCode::HUB;

/// All servers of a country.
#[derive(Debug)]
pub struct Cluster<N> {
    /// Places, rules and people.
    pub country: Country,
    /// The hub.
    pub hub: Server<HubMachine>,
    /// The nodes.
    pub nodes: BTreeMap<ProvinceCode, Server<NodeMachine>>,
    /// Nodes that this life's announcement admitted, and whether they are told again what they lost.
    pub joined: BTreeMap<ProvinceCode, bool>,
    /// Which message found which state.
    pub marks: Marks,
    /// Who carries what they say to each other.
    pub network: N,
}

impl<N> Cluster<N> {
    /// Servers with empty disks, all of them down, whose civil clocks are off by so much.
    pub fn down(country: Country, skew: i64, network: N) -> Cluster<N> {
        let nodes = country.provinces.iter().map(|province| (*province, Server::new(skew))).collect();
        let (hub, joined, marks) = (Server::new(skew), BTreeMap::new(), Marks::default());
        Cluster { country, hub, nodes, joined, marks, network }
    }

    /// The life that a server is in, if it is up.
    pub fn life(&self, place: Place) -> Option<u64> {
        if place == HUB {
            return self.hub.core.as_ref().map(|_| self.hub.life);
        }
        self.nodes.get(&place).filter(|node| node.core.is_some()).map(|node| node.life)
    }

    /// The disk of a place; none where there is no server.
    pub fn disk(&self, place: Place) -> Option<Disk> {
        if place == HUB {
            return Some(Disk::Hub(self.hub.disk.clone()));
        }
        self.nodes.get(&place).map(|node| Disk::Node(node.disk.clone()))
    }

    /// A server's process is gone, with all that it held.
    pub fn crash(&mut self, place: Place) {
        if place == HUB {
            self.hub.crash();
        } else if let Some(node) = self.nodes.get_mut(&place) {
            node.crash();
            self.joined.remove(&place);
        }
    }

    /// The hub starts over its disk, and its start waits in its inbox; `restored`: it first hears every node. Gives how
    /// many transfers are not settled.
    pub fn start_hub(&mut self, start_id: StartId, at: u64, restored: bool) -> Result<usize, EngineError> {
        let machine = self.country.hub(start_id);
        let everything = Scan { filter: hub::unfinished_transfers(), after: None, limit: usize::MAX };
        let rows = self.hub.disk.open().scan(&everything).unwrap_or_default();
        let unfinished: Vec<TransferRow> = rows.iter().filter_map(TableRow::of).cloned().collect();
        let first = self.hub.disk.open().scan(&hub::first_window()).unwrap_or_default();
        let first_window = first.iter().find_map(|row| PositionRow::of(row).map(|row| row.window));
        let count = unfinished.len();
        self.hub.start(machine, (start_id, at), &self.marks)?;
        let restored = restored.then(|| self.country.provinces.clone());
        self.hub.inbox.push(hub::Input::Start { unfinished, restored, first_window });
        Ok(count)
    }

    /// A node starts over its disk. Gives how many legs are in doubt.
    pub fn start_node(
        &mut self,
        province: ProvinceCode,
        start_id: StartId,
        at: u64,
    ) -> Result<usize, EngineError> {
        self.joined.remove(&province);
        let Some(node) = self.nodes.get_mut(&province) else { return Ok(0) };
        let open = |filter| {
            node.disk.open().scan(&Scan { filter, after: None, limit: usize::MAX }).unwrap_or_default()
        };
        let rows: Vec<node::Row> = node::open_legs().into_iter().flat_map(&open).collect();
        let in_doubt: Vec<LegRow> = rows.iter().filter_map(TableRow::of).cloned().collect();
        let count = in_doubt.len();
        let waiting: Vec<AccountRow> =
            open(node::in_suspense()).iter().filter_map(TableRow::of).cloned().collect();
        let machine = self.country.node(province, start_id, in_doubt).with_suspense(waiting);
        node.start(machine, (start_id, at), &self.marks)?;
        Ok(count)
    }

    /// How a node shows itself to the hub, and proves what its journal holds at a sequence.
    pub fn announcement(&self, province: ProvinceCode, prove: Option<u64>) -> Option<(PeerMark, HubRequest)> {
        let again = self.joined.contains_key(&province);
        let node = self.nodes.get(&province)?;
        let hub = node.get::<PeerRow>(&node::Key::Peer(HUB));
        let (hub_seen, hub_lineage) = (hub.as_ref().map(PeerRow::mark), hub.and_then(|hub| hub.lineage));
        let proof = prove.map(|sequence| (sequence, node.hash_at(sequence).unwrap_or_default()));
        let (restored, lineage) = (node.machine().is_restored(), node.hash_at(1));
        let announcement = Announcement { hub_seen, proof, again, restored, lineage, hub_lineage };
        Some((node.mark(), HubRequest::Announce(Box::new(announcement))))
    }

    /// A node's call reaches the hub: it waits in its inbox.
    pub fn hub_is_asked(&mut self, (province, node): (ProvinceCode, PeerMark), call: Call, it: HubRequest) {
        let caller = self.hub.caller(Asker::Peer(province, call));
        let knows = |seen: &PeerMark| self.hub.hash_at(seen.sequence) == Some(seen.head_hash);
        let input = asked_of_hub(it, (province, node, caller), (knows, self.hub.hash_at(1)));
        self.hub.inbox.push(input);
    }

    /// A call of the hub's reaches a node: it waits in its inbox, or is answered at once.
    pub fn node_is_asked(
        &mut self,
        province: ProvinceCode,
        (hub, call): (PeerMark, Call),
        request: NodeRequest,
    ) -> Option<NodeReply> {
        let joined = self.joined.contains_key(&province);
        let node = self.nodes.get_mut(&province)?;
        match request {
            NodeRequest::Probe => Some(NodeReply::Alive(joined)),
            NodeRequest::WhatWasLost(above) => {
                let rows = node.disk.rows();
                let found_by = |leg: &LegRow| node.get(&node::Key::FoundBy(leg.member_ref));
                let legs = rows.iter().filter_map(LegRow::of);
                let legs = legs.filter_map(|leg| heard(leg, found_by(leg), above.0)).collect();
                let kept = rows.iter().filter_map(NoticeRow::of).filter(|row| row.number > above.1);
                let notices = kept.map(|row| Notice {
                    number: row.number,
                    previous: row.previous,
                    content: row.content.clone(),
                });
                Some(NodeReply::Lost(legs, notices.collect()))
            }
            request => {
                let caller = node.caller(Asker::Peer(HUB, call));
                node.inbox.extend(asked_of_node(request, (hub, caller), self.country.id_hash));
                None
            }
        }
    }

    /// A node's reply reaches the hub: it waits in its inbox. `told`: the decisions that it is about. False: it is none
    /// that the hub's machine goes by.
    pub fn hub_hears(
        &mut self,
        node: (ProvinceCode, PeerMark),
        reply: NodeReply,
        told: Vec<(TransferId, Side)>,
    ) -> bool {
        let input = heard_by_hub(reply, node, told);
        let is_heard = input.is_some();
        self.hub.inbox.extend(input);
        is_heard
    }

    /// The hub's reply to an announcement or a question reaches a node: it waits in its inbox. False: it is none that
    /// the node's machine goes by.
    pub fn node_hears(&mut self, province: ProvinceCode, hub: PeerMark, reply: HubReply) -> bool {
        let Some(node) = self.nodes.get_mut(&province) else { return false };
        if let HubReply::Announced(Announced::Admitted { incarnation, resync, .. }) = reply {
            node.incarnation = incarnation;
            self.joined.insert(province, resync);
        }
        let input = match reply {
            HubReply::Refused(Reason::Recovering) => {
                self.joined.remove(&province);
                Some(node::Input::HubRecovers)
            }
            reply => heard_by_node(reply, hub),
        };
        let is_heard = input.is_some();
        node.inbox.extend(input);
        is_heard
    }

    /// A page that the hub reads in its own journal.
    pub fn read_back(&self, province: ProvinceCode, page: Page) -> hub::Input {
        let page = ReadBack::new(province, page).whole(&mut self.hub.disk.open_for_reading());
        page.expect("a store in memory does not fail to be read")
    }

    /// What a province is to be told of clearing now.
    pub fn notices(&self, province: ProvinceCode) -> Vec<Notice> {
        let told = tellings(province, 10, &mut self.hub.disk.open_for_reading());
        told.expect("a store in memory does not fail to be read").into_iter().map(notice_of).collect()
    }

    /// The books of all servers, with the hub's journal.
    pub fn books(&self) -> Books {
        let nodes = self.nodes.iter().map(|(province, node)| NodeBooks::of(*province, node.disk.rows()));
        Books {
            hub: HubBooks::of(self.hub.disk.rows()).with_journal(&self.hub.disk.records()),
            nodes: nodes.collect(),
            told: Vec::new(),
            restored: BTreeMap::new(),
            hub_lost: false,
            closed_numbers: 0,
            at_rest: false,
        }
    }

    /// Whether replaying each journal makes the tables beside it, and of how many records it is.
    pub fn rebuilds(&self) -> Vec<(Place, (bool, u64))> {
        let nodes = self.nodes.iter().map(|(province, node)| (*province, node.rebuilds()));
        std::iter::once((HUB, self.hub.rebuilds())).chain(nodes).collect()
    }
}
