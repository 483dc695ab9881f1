//! What the hub knows of a node since its start: what that says of itself, when it was heard, and which of its answers
//! did not count. For operators; nothing is decided by it but what the node cannot know.

use super::answers::Fault;
use crate::domain::machine::lineage::role_of;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Digest, ProvinceCode, TransferId, hex};
use crate::proto::hub::{AnnounceNodeRequest, AnswerKind, NodeCapability, NodeView, UncountedAnswers};
use crate::transport::backoff::Rarely;
use crate::wire::sender::lineage_of;
use crate::wire::time::timestamp;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Answers that do not count for one reason are logged once in so long: a node may make the same mistake for ever.
const SAY_EVERY: Duration = Duration::from_secs(60);

/// The version of nodes that say none.
const FIRST_VERSION: u32 = 1;

/// A node as it has announced itself.
#[derive(Clone, Debug)]
struct Announced {
    version: u32,
    capabilities: Vec<i32>,
    incarnation: u64,
    resync: bool,
    lineage: Option<Digest>,
}

/// Answers that did not count for one reason.
#[derive(Clone, Debug)]
struct Uncounted {
    count: u64,
    last_time: Civil,
    last_transfer: Option<TransferId>,
    /// When it was logged, and how many there were then.
    said: Option<Instant>,
}

#[derive(Debug, Default)]
struct Known {
    announced: Option<Announced>,
    heard: Option<Civil>,
    uncounted: BTreeMap<(AnswerKind, String, Reason), Uncounted>,
    /// The lineage for which its last announcement was refused.
    refused_lineage: Option<String>,
    refusals: Rarely,
}

/// What the hub knows of a node.
#[derive(Debug, Default)]
pub(super) struct NodeStatus(Mutex<Known>);

impl NodeStatus {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The node was heard.
    pub(super) fn heard(&self, now: Civil) {
        self.known().heard = Some(now);
    }

    /// The node was admitted.
    pub(super) fn announced(&self, request: &AnnounceNodeRequest, incarnation: u64, resync: bool) {
        let mut known = self.known();
        known.announced = Some(Announced {
            version: request.protocol_version.max(FIRST_VERSION),
            capabilities: request.capabilities.clone(),
            incarnation,
            resync,
            lineage: lineage_of(request.sender.as_ref()),
        });
        known.refused_lineage = None;
        known.refusals.reset();
    }

    /// The node was refused, since it or this hub has another store than the other knows. It is logged at a bounded
    /// rate.
    pub(super) fn refused_lineage(&self, province: ProvinceCode, refusal: &RefusalRecord) {
        let fact = |name: &str| refusal.metadata.iter().find(|it| it.0 == name).map(|it| it.1.clone());
        let [peer, known, found] = ["peer", "known", "found"].map(|name| fact(name).unwrap_or_default());
        let is_node = peer != role_of(ProvinceCode::HUB);
        let mut status = self.known();
        status.refused_lineage = Some(found.clone()).filter(|_| is_node);
        if let Some(count) = status.refusals.count(&found, Instant::now()) {
            if is_node {
                tracing::error!(
                    %province, peer, known, found, count,
                    "ALARM: the node's store is another one than before: it is refused until two operators accept it \
                     here (`gongji operations propose accept-lineage`)"
                );
            } else {
                tracing::error!(
                    %province, peer, known, found, count,
                    "ALARM: the node has joined a hub with another store: it is refused until two operators accept \
                     this one at the node (`gongji operations propose accept-lineage hub --province NN`)"
                );
            }
        }
    }

    /// Version of the protocol up to which the node knows it; none before it was admitted.
    pub(super) fn version(&self) -> Option<u32> {
        self.known().announced.as_ref().map(|said| said.version)
    }

    /// Whether it has said that it can do this, since the hub's start.
    pub(super) fn can(&self, capability: NodeCapability) -> bool {
        let number = i32::from(capability);
        self.known().announced.as_ref().is_some_and(|said| said.capabilities.contains(&number))
    }

    /// Whether what was sent as this incarnation comes from the start that was admitted last, as far as is known.
    pub(super) fn is_admitted(&self, incarnation: u64) -> bool {
        self.known().announced.as_ref().is_none_or(|said| said.incarnation == incarnation)
    }

    /// Notes what did not count, and logs it at a bounded rate.
    pub(super) fn note(&self, province: ProvinceCode, faults: Vec<Fault>, now: Civil) {
        let mut known = self.known();
        for Fault { kind, transfer_id, field, reason } in faults {
            let none = Uncounted { count: 0, last_time: now, last_transfer: None, said: None };
            let noted = known.uncounted.entry((kind, field.clone(), reason)).or_insert(none);
            noted.count += 1;
            (noted.last_time, noted.last_transfer) = (now, transfer_id);
            if noted.said.is_none_or(|said| said.elapsed() >= SAY_EVERY) {
                noted.said = Some(Instant::now());
                let transfer_id = transfer_id.map(|id| id.to_string()).unwrap_or_default();
                let (kind, reason, in_all) = (kind.as_str_name(), reason.code(), noted.count);
                tracing::error!(
                    %province, kind, field, reason, transfer_id, in_all,
                    "ALARM: an answer of the node does not count: `gongji hub nodes` lists them"
                );
            }
        }
    }

    /// What operators are shown.
    pub(super) fn view(&self, province: ProvinceCode, reached: bool) -> NodeView {
        let known = self.known();
        let mut view = NodeView {
            province_code: province.to_string(),
            reached,
            heard_time: known.heard.map(timestamp),
            ..NodeView::default()
        };
        if let Some(said) = known.announced.clone() {
            view.protocol_version = said.version;
            view.capabilities = said.capabilities;
            view.incarnation = said.incarnation;
            view.resync = said.resync;
            view.lineage = said.lineage.map_or_else(String::new, |it| hex(&it.0));
        }
        view.refused_lineage = known.refused_lineage.clone().unwrap_or_default();
        let uncounted = known.uncounted.iter().map(|((kind, field, reason), noted)| UncountedAnswers {
            kind: (*kind).into(),
            field: field.clone(),
            reason: reason.code().to_owned(),
            count: noted.count,
            last_time: Some(timestamp(noted.last_time)),
            last_transfer_id: noted.last_transfer.map(|id| id.to_string()).unwrap_or_default(),
        });
        view.uncounted = uncounted.collect();
        view
    }
}
