//! Starts of servers: what comes back is what their disks hold.

use super::journal::Journal;
use super::server::{Outputs, Server};
use gongji::domain::apply::SELF;
use gongji::domain::calendar::Mono;
use gongji::domain::coordinator::{self, Coordinator, Deadlines};
use gongji::domain::id::StartId;
use gongji::domain::participant::{self, Participant};
use gongji::domain::record::PeerMark;
use gongji::domain::region::ProvinceCode;
use gongji::domain::row::{LegRow, SelfRow, TableRow, TransferRow};
use gongji::domain::scan::Filter;
use gongji::sim::people::{Country, PlainVault};
use std::sync::Arc;

/// The start id of a server's nth life.
fn start_id(place: ProvinceCode, life: u8) -> StartId {
    let mut bytes = [place.number(); 16];
    bytes[15] = life;
    StartId(bytes)
}

/// A hub at its first start.
pub fn first_hub(country: &Country, journal: Option<Journal<Coordinator>>) -> Server<Coordinator> {
    let nothing = Server::new(coordinator(country, StartId::default()), journal);
    start_hub(country, &nothing, 1).0
}

fn coordinator(country: &Country, start_id: StartId) -> Coordinator {
    let (places, rulebook) = (Arc::clone(&country.places), Arc::clone(&country.rulebook));
    Coordinator::new(start_id, places, rulebook, Deadlines::default())
}

/// A hub starts over a disk. One that was put back, and is marked so, hears the nodes first.
pub fn start_hub(
    country: &Country,
    before: &Server<Coordinator>,
    life: u8,
) -> (Server<Coordinator>, Outputs<Coordinator>) {
    let start_id = start_id(ProvinceCode::HUB, life);
    let open = before.rows().filter(|row| Filter::UnsettledTransfers.admits(row));
    let unsettled: Vec<TransferRow> = open.filter_map(TableRow::of).cloned().collect();
    let mark = PeerMark { start_id, ..before.mark };
    let mut hub = before.with(coordinator(country, start_id), mark);
    let put_back = hub.is_marked().then(|| country.provinces.clone());
    let outputs = hub.take(hub.at(Mono(0)), coordinator::Input::Start { unsettled, put_back });
    hub.mark.incarnation = hub.get::<SelfRow>(&SELF).map_or(0, |own| own.incarnation);
    hub.seal();
    (hub, outputs)
}

impl Server<Coordinator> {
    /// The process ends and starts again over its rows.
    pub fn restart(&self, country: &Country) -> (Server<Coordinator>, Outputs<Coordinator>) {
        start_hub(country, self, self.life() + 1)
    }
}

/// A node at its first start, with its members.
pub fn first_node(
    country: &Country,
    province: ProvinceCode,
    journal: Option<Journal<Participant>>,
) -> Server<Participant> {
    let nothing = Server::new(participant(country, province, StartId::default(), Vec::new()), journal);
    let mut node = start_node(country, province, &nothing, 1);
    for input in country.enrolment(province) {
        node.take(node.at(Mono(0)), input);
    }
    node.begin()
}

fn participant(
    country: &Country,
    province: ProvinceCode,
    start_id: StartId,
    in_doubt: Vec<LegRow>,
) -> Participant {
    let (places, rulebook) = (Arc::clone(&country.places), Arc::clone(&country.rulebook));
    Participant::new(province, start_id, places, rulebook, Arc::new(PlainVault), in_doubt)
}

/// A node starts over a disk.
pub fn start_node(
    country: &Country,
    province: ProvinceCode,
    before: &Server<Participant>,
    life: u8,
) -> Server<Participant> {
    let start_id = start_id(province, life);
    let machine = participant(country, province, start_id, before.in_doubt().cloned().collect());
    // Until it has joined, it is known by the incarnation that it last took.
    let incarnation = before.get::<SelfRow>(&SELF).map_or(0, |own| own.incarnation);
    let mut node = before.with(machine, PeerMark { incarnation, start_id, ..before.mark });
    if node.is_marked() {
        node.take(node.at(Mono(0)), participant::Input::PutBack);
    }
    node.seal();
    node
}

impl Server<Participant> {
    /// The process ends and starts again over its rows.
    pub fn restart(&self, country: &Country, province: ProvinceCode) -> Server<Participant> {
        start_node(country, province, self, self.life() + 1)
    }

    /// The same node, as it speaks once it was given an incarnation.
    pub fn admitted(&self, incarnation: u64) -> Server<Participant> {
        let mut node = self.clone();
        node.mark.incarnation = incarnation;
        node.seal();
        node
    }

    /// Whether this life has taken its incarnation.
    pub fn has_joined(&self) -> bool {
        self.get::<SelfRow>(&SELF).is_some_and(|own| own.start_id == self.mark.start_id)
    }
}
