//! Starts of servers: what comes back is what their disks hold.

use super::journal::Journal;
use super::server::{Outputs, Server};
use gongji::domain::hub::tables::{PositionRow, TransferRow};
use gongji::domain::hub::{self, HubMachine};
use gongji::domain::machine::{SelfRow, TableRow};
use gongji::domain::node::{self, NodeMachine};
use gongji::domain::protocol::PeerMark;
use gongji::domain::value::{Mono, ProvinceCode, StartId};
use gongji::testkit::Country;

/// The start id of a server's nth life.
fn start_id(place: ProvinceCode, life: u8) -> StartId {
    let mut bytes = [place.number(); 16];
    bytes[15] = life;
    StartId(bytes)
}

/// A hub at its first start.
pub fn first_hub(country: &Country, journal: Option<Journal<HubMachine>>) -> Server<HubMachine> {
    let nothing = Server::new(country.hub(StartId::default()), journal);
    start_hub(country, &nothing, 1).0
}

/// A hub starts over a disk. One that was restored, and is marked so, hears the nodes first.
pub fn start_hub(
    country: &Country,
    before: &Server<HubMachine>,
    life: u8,
) -> (Server<HubMachine>, Outputs<HubMachine>) {
    let start_id = start_id(ProvinceCode::HUB, life);
    let open = before.rows().filter(|row| hub::unfinished_transfers().admits(*row));
    let unfinished: Vec<TransferRow> = open.filter_map(TableRow::of).cloned().collect();
    let mark = PeerMark { start_id, ..before.mark };
    let mut hub = before.with(country.hub(start_id), mark);
    let restored = hub.is_marked().then(|| country.provinces.clone());
    let first_window = before.rows().filter_map(PositionRow::of).map(|row| row.window).min();
    let outputs = hub.take(hub.at(Mono(0)), hub::Input::Start { unfinished, restored, first_window });
    hub.mark.incarnation = hub.get::<SelfRow>(&hub::Key::OWN).map_or(0, |own| own.incarnation);
    hub.seal();
    (hub, outputs)
}

impl Server<HubMachine> {
    /// The process ends and starts again over its rows.
    pub fn restart(&self, country: &Country) -> (Server<HubMachine>, Outputs<HubMachine>) {
        start_hub(country, self, self.life() + 1)
    }
}

/// A node at its first start, with its members.
pub fn first_node(
    country: &Country,
    province: ProvinceCode,
    journal: Option<Journal<NodeMachine>>,
) -> Server<NodeMachine> {
    let nothing = Server::new(country.node(province, StartId::default(), Vec::new()), journal);
    let mut node = start_node(country, province, &nothing, 1);
    for input in country.enrolment(province) {
        node.take(node.at(Mono(0)), input);
    }
    node.begin()
}

/// A node starts over a disk.
pub fn start_node(
    country: &Country,
    province: ProvinceCode,
    before: &Server<NodeMachine>,
    life: u8,
) -> Server<NodeMachine> {
    let start_id = start_id(province, life);
    let machine = country.node(province, start_id, before.in_doubt().cloned().collect());
    // Until it has joined, it is known by the incarnation that it last took.
    let incarnation = before.get::<SelfRow>(&node::Key::OWN).map_or(0, |own| own.incarnation);
    let mut node = before.with(machine, PeerMark { incarnation, start_id, ..before.mark });
    if node.is_marked() {
        node.take(node.at(Mono(0)), node::Input::Restored);
    }
    node.seal();
    node
}

impl Server<NodeMachine> {
    /// The process ends and starts again over its rows.
    pub fn restart(&self, country: &Country, province: ProvinceCode) -> Server<NodeMachine> {
        start_node(country, province, self, self.life() + 1)
    }

    /// The same node, as it speaks once it was given an incarnation.
    pub fn admitted(&self, incarnation: u64) -> Server<NodeMachine> {
        let mut node = self.clone();
        node.mark.incarnation = incarnation;
        node.seal();
        node
    }

    /// Whether this life has taken its incarnation.
    pub fn has_joined(&self) -> bool {
        self.get::<SelfRow>(&node::Key::OWN).is_some_and(|own| own.start_id == self.mark.start_id)
    }
}
