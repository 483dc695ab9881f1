//! What the hub knows of a node since its start: what that says of itself, when it was heard, and which of its answers
//! did not count. For operators; nothing is decided by it but what the node cannot know.

use super::answers::Fault;
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, ProvinceCode, TransferId};
use crate::proto::hub::{AnnounceNodeRequest, AnswerKind, NodeView, UncountedAnswers};
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
        self.known().announced = Some(Announced {
            version: request.protocol_version.max(FIRST_VERSION),
            capabilities: request.capabilities.clone(),
            incarnation,
            resync,
        });
    }

    /// Version of the protocol up to which the node knows it; none before it was admitted.
    pub(super) fn version(&self) -> Option<u32> {
        self.known().announced.as_ref().map(|said| said.version)
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
        }
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
