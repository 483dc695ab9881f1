//! Transfers that are being decided: their votes so far, and when they are given up. A crash takes them.

use super::{AwaitingVote, HubMachine};
use crate::domain::value::{BySide, Digest, Mono, TransferId};

/// A transfer that is being decided.
#[derive(Clone, Debug, Hash)]
pub(super) struct Live {
    pub(super) votes: BySide<Option<YesVote>>,
    /// Rulebooks by which each side was judged, whatever the vote.
    pub(super) judged_by: BySide<Option<Digest>>,
    /// The rulebook of the payer's place at the hub: what it demands of the payee travels in his leg.
    pub(super) demands: Digest,
    /// The payee's first vote, when he must accept.
    pub(super) awaiting: Option<AwaitingVote>,
    /// When it is aborted; an accepted transfer is asked for again then.
    pub(super) abort_at: Mono,
}

/// A yes that binds its node.
#[derive(Clone, Debug, Hash)]
pub(super) struct YesVote {
    pub(super) leg_record: Vec<u8>,
    pub(super) rulebook: Digest,
}

impl HubMachine {
    /// Both sides are asked; `demands`: the rulebook of the payer's place, by which the payee is asked.
    pub(super) fn begin_live(&mut self, transfer_id: TransferId, demands: Digest, abort_at: Mono) {
        let (votes, judged_by) = (BySide::default(), BySide::default());
        self.live.insert(transfer_id, Live { votes, judged_by, demands, awaiting: None, abort_at });
        self.expiries.insert((abort_at, transfer_id));
    }

    /// It is given up, or asked for again, at another time.
    pub(super) fn expire_at(&mut self, transfer_id: TransferId, at: Mono) {
        if let Some(live) = self.live.get_mut(&transfer_id) {
            self.expiries.remove(&(live.abort_at, transfer_id));
            live.abort_at = at;
            self.expiries.insert((at, transfer_id));
        }
    }

    /// No votes of the transfer are expected any more.
    pub(super) fn end_live(&mut self, transfer_id: TransferId) {
        if let Some(Live { abort_at, .. }) = self.live.remove(&transfer_id) {
            self.expiries.remove(&(abort_at, transfer_id));
        }
    }

    /// Those whose time is up.
    pub(super) fn expired(&self, now: Mono) -> Vec<TransferId> {
        self.expiries.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
    }
}
