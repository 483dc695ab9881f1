//! Reads the books of running servers, in the order that an audit needs: the hub, each node, the hub once more.

use crate::cli::pager;
use crate::domain::audit::Audit;
use crate::domain::audit::books::{HubBooks, NodeBooks};
use crate::domain::hub::Row as HubRow;
use crate::domain::hub::tables::TombstoneRow;
use crate::domain::machine::SelfRow;
use crate::domain::node::Row as NodeRow;
use crate::domain::value::{NumberRanges, ProvinceCode, TransferId};
use crate::proto::hub::audit_service_client::AuditServiceClient as HubClient;
use crate::proto::hub::{self, ReadTransfersRequest};
use crate::proto::node::audit_service_client::AuditServiceClient as NodeClient;
use crate::proto::node::inspect_request::Selector;
use crate::proto::node::{self, AuditLeg, InspectRequest, LegState};
use crate::proto::types::Incident;
use crate::transport::peer::{MESSAGE_MAX, Peer, call};
use crate::wire::audit::{
    account_from_proto, leg_from_proto, leg_total_from_proto, position_from_proto, transfer_from_proto,
    window_from_proto,
};
use crate::wire::status::Problem;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tonic::{Code, Request, Status, Streaming};

/// Ids of one question.
const PAGE: usize = 1_000;

/// Whom to read.
#[derive(Clone, Debug)]
pub struct Sources {
    /// The hub, called as an operator.
    pub hub: Peer,
    /// The nodes that can be called, as an operator.
    pub nodes: BTreeMap<ProvinceCode, Peer>,
    /// How long a server may take for the next part of its answer.
    pub patience: Duration,
}

/// How a node's books were read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// All of them.
    Whole,
    /// The node does not offer AuditService: its legs only, by Inspect.
    LegsOnly,
    /// Not at all, and why.
    Not(String),
}

/// A node, and what was read of it.
#[derive(Clone, Debug)]
pub struct NodeRead {
    /// The province whose node it is.
    pub province: ProvinceCode,
    /// How its books are read.
    pub reading: Reading,
    /// How far its journal had come; 0 where it did not say.
    pub sequence: u64,
    /// Legs.
    pub legs: u64,
    /// Accounts.
    pub accounts: u64,
}

/// What was read.
#[derive(Debug)]
pub struct Gathered {
    /// The books, ready to be checked.
    pub audit: Audit,
    /// How far the hub's journal had come.
    pub hub_sequence: u64,
    /// The nodes that the hub has, and those that were named.
    pub nodes: Vec<NodeRead>,
    /// Parked incidents: which server has them ("hub", "node 51").
    pub incidents: Vec<(String, Incident)>,
}

/// An error that comes from a server; boxed, since it is large and rare.
type Failed = Box<Status>;

fn problem(problem: Problem) -> Failed {
    Box::new(problem.into_status())
}

/// Waits for an answer, or for its next part.
async fn within<T>(patience: Duration, answer: impl Future<Output = Result<T, Status>>) -> Result<T, Failed> {
    let answer = tokio::time::timeout(patience, answer).await;
    let late = |_| Status::deadline_exceeded("no answer within the time given by --timeout");
    answer.map_err(late).and_then(|answer| answer).map_err(Box::new)
}

async fn next<T>(stream: &mut Streaming<T>, patience: Duration) -> Result<Option<T>, Failed> {
    within(patience, stream.message()).await
}

/// What was read of the hub.
struct Hub {
    books: HubBooks,
    sequence: u64,
    nodes: Vec<ProvinceCode>,
    incidents: Vec<Incident>,
}

fn hub_rows(part: &hub::ReadBooksResponse) -> Result<Vec<HubRow>, Failed> {
    let transfers = part.transfers.iter().map(|it| transfer_from_proto(it).map(HubRow::from));
    let positions = part.positions.iter().map(|it| position_from_proto(it).map(HubRow::from));
    let windows = part.closed_windows.iter().map(|it| window_from_proto(it).map(HubRow::from));
    transfers.chain(positions).chain(windows).collect::<Result<_, _>>().map_err(problem)
}

fn id(text: &str) -> Result<TransferId, Failed> {
    crate::wire::reader::only_transfer_id(text).map_err(problem)
}

fn tombstone(text: &str) -> Result<HubRow, Failed> {
    let (province, bury_time) = (ProvinceCode::HUB, crate::domain::value::calendar::Civil::default());
    Ok(TombstoneRow { transfer_id: id(text)?, province, bury_time }.into())
}

async fn read_hub(sources: &Sources) -> Result<Hub, Failed> {
    let mut client = HubClient::new(sources.hub.service()).max_decoding_message_size(MESSAGE_MAX);
    let call = client.read_books(Request::new(hub::ReadBooksRequest {}));
    let mut stream = within(sources.patience, call).await?.into_inner();
    let mut hub = Hub { books: HubBooks::default(), sequence: 0, nodes: Vec::new(), incidents: Vec::new() };
    while let Some(part) = next(&mut stream, sources.patience).await? {
        if let Some(sender) = &part.sender {
            hub.sequence = sender.sequence;
            hub.nodes = part.node_province_codes.iter().filter_map(|it| ProvinceCode::parse(it)).collect();
            // How many there are is all that counts.
            let mut skipped = NumberRanges::default();
            skipped.push_range(1, part.skipped_hub_seqs);
            let (hub_seq, recovered) = (part.last_hub_seq, u64::from(part.has_recovered));
            hub.books.add([SelfRow { hub_seq, skipped, recovered, ..nobody() }.into()]);
        }
        hub.books.add(hub_rows(&part)?);
        for it in &part.buried_transfer_ids {
            hub.books.add([tombstone(it)?]);
        }
        for it in &part.decided_transfer_ids {
            hub.books.note_decision(id(it)?);
        }
        hub.incidents.extend(part.incidents);
    }
    Ok(hub)
}

fn nobody() -> SelfRow {
    SelfRow {
        slot: 0,
        incarnation: 0,
        start_id: Default::default(),
        hub_seq: 0,
        entry_id: 0,
        civil: Default::default(),
        recovered: 0,
        skipped: NumberRanges::default(),
    }
}

/// A node's books while they are read.
struct Node {
    read: NodeRead,
    books: NodeBooks,
    incidents: Vec<Incident>,
}

impl Node {
    fn new(province: ProvinceCode, reading: Reading) -> Node {
        let read = NodeRead { province, reading, sequence: 0, legs: 0, accounts: 0 };
        Node { read, books: NodeBooks::of(province, []), incidents: Vec::new() }
    }

    fn add_leg(&mut self, leg: &AuditLeg) -> Result<(), Failed> {
        self.read.legs += 1;
        let row = leg_from_proto(leg).map_err(problem)?;
        self.books.add(row.map(NodeRow::from));
        Ok(())
    }
}

async fn read_whole(province: ProvinceCode, peer: &Peer, patience: Duration) -> Result<Node, Failed> {
    let mut client = NodeClient::new(peer.service()).max_decoding_message_size(MESSAGE_MAX);
    let call = client.read_books(Request::new(node::ReadBooksRequest {}));
    let mut stream = within(patience, call).await?.into_inner();
    let mut node = Node::new(province, Reading::Whole);
    while let Some(part) = next(&mut stream, patience).await? {
        node.read.sequence = part.sender.map_or(node.read.sequence, |sender| sender.sequence);
        for leg in &part.legs {
            node.add_leg(leg)?;
        }
        node.read.accounts += part.accounts.len() as u64;
        for account in &part.accounts {
            node.books.add([account_from_proto(account).map_err(problem)?.into()]);
        }
        for total in &part.totals {
            node.books.add([leg_total_from_proto(total).map_err(problem)?.into()]);
        }
        node.incidents.extend(part.incidents);
    }
    Ok(node)
}

/// The legs of a node that offers Inspect only, state by state. Whoever moves between two states meanwhile was not
/// settled when the hub was read; what is prepared comes last, so that nothing is seen as held that was not.
async fn read_legs(province: ProvinceCode, peer: &Peer, patience: Duration) -> Result<Node, Failed> {
    let (mut node, mut sequence) = (Node::new(province, Reading::LegsOnly), 0);
    for state in [LegState::Committed, LegState::Aborted, LegState::Refused, LegState::Prepared] {
        let legs = pager::read(usize::MAX, async |page_size, page_token| {
            let selector = Some(Selector::State(state.into()));
            let request = InspectRequest { selector, page_size, page_token, ..InspectRequest::default() };
            let page = within(patience, call(peer.service(), Request::new(request))).await?;
            sequence = page.sender.map_or(sequence, |sender| sender.sequence);
            Ok::<_, Failed>((page.legs, page.next_page_token))
        });
        for leg in legs.await?.rows {
            node.add_leg(&AuditLeg { leg: Some(leg), ..AuditLeg::default() })?;
        }
    }
    node.read.sequence = sequence;
    Ok(node)
}

async fn read_node(province: ProvinceCode, peer: Option<&Peer>, patience: Duration) -> Node {
    let Some(peer) = peer else {
        let why = format!("no address is given; give --node {province}=HOST:PORT");
        return Node::new(province, Reading::Not(why));
    };
    let read = match read_whole(province, peer, patience).await {
        Err(status) if status.code() == Code::Unimplemented => read_legs(province, peer, patience).await,
        read => read,
    };
    // A part of its books is as good as none.
    read.unwrap_or_else(|status| Node::new(province, Reading::Not(reason(&status))))
}

fn reason(status: &Status) -> String {
    let cause =
        std::error::Error::source(status).map_or_else(String::new, crate::transport::tls::with_sources);
    if cause.is_empty() { status.message().to_owned() } else { cause }
}

/// Transfers of which every incident is closed.
fn closed(incidents: &[(String, Incident)]) -> Result<BTreeSet<TransferId>, Failed> {
    let (mut closed, mut open) = (BTreeSet::new(), BTreeSet::new());
    for (_, incident) in incidents {
        let to = if incident.close_time.is_some() { &mut closed } else { &mut open };
        to.insert(id(&incident.transfer_id)?);
    }
    Ok(closed.difference(&open).copied().collect())
}

/// Reads all of them.
///
/// # Errors
/// When the hub cannot be read; a node that cannot is noted.
pub async fn gather(sources: &Sources) -> Result<Gathered, Failed> {
    let hub = read_hub(sources).await?;
    let mut audit = Audit::new(hub.books);
    let mut incidents: Vec<_> = hub.incidents.into_iter().map(|it| ("hub".to_owned(), it)).collect();
    let provinces: BTreeSet<ProvinceCode> =
        hub.nodes.into_iter().chain(sources.nodes.keys().copied()).collect();
    let mut nodes = Vec::new();
    for province in provinces {
        let node = read_node(province, sources.nodes.get(&province), sources.patience).await;
        incidents.extend(node.incidents.into_iter().map(|it| (format!("node {province}"), it)));
        match node.read.reading {
            Reading::Whole => audit.add_node(node.books, true),
            Reading::LegsOnly => audit.add_node(node.books, false),
            Reading::Not(_) => {}
        }
        nodes.push(node.read);
    }
    for ids in audit.missing().chunks(PAGE) {
        let transfer_ids = ids.iter().map(ToString::to_string).collect();
        let read = call(sources.hub.service(), Request::new(ReadTransfersRequest { transfer_ids }));
        for transfer in within(sources.patience, read).await?.transfers {
            audit.add_late(transfer_from_proto(&transfer).map_err(problem)?);
        }
    }
    audit.add_closed(closed(&incidents)?);
    Ok(Gathered { audit, hub_sequence: hub.sequence, nodes, incidents })
}
