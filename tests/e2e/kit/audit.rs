//! The audit that operators run, over the servers of a test: the same reading, the same invariants.

use super::site::{Site, server};
use gongji::cli::audit::gather::{Gathered, Reading, Sources, gather};
use gongji::domain::audit::Cut;
use gongji::domain::audit::invariant::INVARIANTS;
use gongji::domain::protocol::transfer::TransferState as Stored;
use gongji::domain::value::{ProvinceCode, TransferId};
use gongji::proto::hub::{Transfer, TransferState};
use gongji::transport::peer::Peer;
use std::time::Duration;

/// The hub and these provinces' nodes, called by an operator.
pub fn sources(site: &Site, provinces: &[&str]) -> Sources {
    let tls = site.tls("operator:ops");
    let dial = |name: &str| {
        let server = server(name);
        let peer = Peer::new(&site.layout().url(&server), Some(&tls), server.clone(), tls.role());
        (server.province(), peer.expect("an address"))
    };
    let node = |name: &&str| {
        let (province, peer) = dial(name);
        (province.expect("a province"), peer)
    };
    Sources {
        hub: dial("hub").1,
        nodes: provinces.iter().map(node).collect(),
        patience: Duration::from_secs(30),
    }
}

/// What a caller was told, if that can never change.
pub fn final_answer(transfer: &Transfer) -> Option<(TransferId, Stored)> {
    let state = match transfer.state() {
        TransferState::Committed => Stored::Committed,
        TransferState::Aborted => Stored::Aborted,
        TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Unspecified => {
            return None;
        }
    };
    Some((TransferId::parse(&transfer.transfer_id).expect("an id"), state))
}

/// Reads the books of all servers of a site.
pub async fn read(site: &Site) -> Gathered {
    gather(&sources(site, &site.options().provinces)).await.expect("the hub's books")
}

/// Demands that every node was read whole and every invariant holds, with these answers that callers were given before;
/// gives how far the books reached.
pub async fn demand_clean(site: &Site, told: &[Transfer]) -> Cut {
    demand_noted(site, told, &[]).await
}

/// The same, where incidents of these reasons are noted.
pub async fn demand_noted(site: &Site, told: &[Transfer], noted: &[&str]) -> Cut {
    let mut gathered = read(site).await;
    gathered.audit.add_told(told.iter().filter_map(final_answer));
    // A stranger of which only the hub knows is no node of ours.
    let ours: Vec<ProvinceCode> = sources(site, &site.options().provinces).nodes.into_keys().collect();
    for node in gathered.nodes.iter().filter(|node| ours.contains(&node.province)) {
        assert_eq!(node.reading, Reading::Whole, "node {}", node.province);
    }
    let open = gathered.incidents.iter().filter(|(_, incident)| incident.close_time.is_none());
    let refusals = open.filter_map(|(_, it)| it.refusal.as_ref());
    assert_eq!(refusals.map(|it| it.reason.as_str()).collect::<Vec<_>>(), noted, "{:?}", gathered.incidents);
    let cut = gathered.audit.cut();
    let checked = gathered.audit.conclude();
    assert_eq!(checked.len(), INVARIANTS.len(), "every invariant");
    let found: Vec<String> = checked.iter().flat_map(|it| &it.violations).map(ToString::to_string).collect();
    assert_eq!(found, Vec::<String>::new());
    cut
}

/// The same, once nothing is on its way: both provinces have recorded every transfer.
pub async fn demand_settled(site: &Site, told: &[Transfer]) -> Cut {
    let cut = demand_clean(site, told).await;
    assert_eq!((cut.settled, cut.hub_seq), (cut.transfers, cut.last_hub_seq), "everything is recorded");
    cut
}
