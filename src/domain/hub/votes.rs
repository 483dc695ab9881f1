//! A province's votes: the second yes commits, a no aborts.

use super::windows::window_at;
use super::{AwaitingVote, HubMachine, Key, Rows, Step, TransferRow, YesVote, position, row};
use crate::domain::protocol::{PeerMark, TransferState, Verdict, Vote};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{BySide, Now, ProvinceCode, Side, TransferId};
use std::collections::BTreeSet;

/// First the live transfers; once they are known, the positions that their commits would move. And those whose receipts
/// go with a decision.
pub(super) fn needs(
    hub: &HubMachine,
    now: Now,
    (province, votes): (ProvinceCode, &[Vote]),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    keys.push(Key::Peer(province));
    let mut pairs = BTreeSet::new();
    let voted = votes.iter().map(|vote| vote.transfer_id);
    for key in voted.filter(|id| hub.live.contains_key(id)).map(Key::Transfer) {
        if !rows.knows(&key) {
            keys.push(key);
        } else if let Some(transfer) = rows.get::<TransferRow>(&key) {
            pairs.insert((transfer.payer_province, transfer.payee_province, transfer.kind));
        }
    }
    if let Some(window) = window_at(now.civil, rows) {
        for (payer, payee, kind) in pairs {
            keys.extend(position::keys(window, BySide { payer, payee }, kind));
        }
    }
    keys.extend(hub.receipts.ready(now.mono).map(Key::Transfer));
}

impl HubMachine {
    /// Counts the votes of a node's present life; those of another one count as failed.
    pub(super) fn votes(
        &mut self,
        province: ProvinceCode,
        node: PeerMark,
        votes: Vec<Vote>,
        step: &mut Step<'_>,
    ) {
        if !self.meet_node(province, node, step) {
            let ids: Vec<TransferId> = votes.iter().map(|vote| vote.transfer_id).collect();
            return self.prepare_failed(province, &ids, step);
        }
        for vote in votes {
            self.vote(province, vote, step);
        }
        if step.has_records() {
            self.journal_receipts(step);
        }
    }

    /// Counts a vote of a live transfer; votes for what is decided, from who is no party, or on other terms do not
    /// count.
    fn vote(&mut self, province: ProvinceCode, vote: Vote, step: &mut Step<'_>) {
        let Some(live) = self.live.get_mut(&vote.transfer_id) else { return };
        let Some(transfer) = row(vote.transfer_id, step) else { return };
        if transfer.provinces()[vote.side] != province || vote.terms_digest != transfer.terms_digest {
            return;
        }
        match vote.verdict {
            Verdict::Yes { leg_record, rulebook } => {
                live.votes[vote.side] = Some(YesVote { leg_record, rulebook });
                live.judged_by[vote.side] = Some(rulebook);
                let BySide { payer, payee } = std::mem::take(&mut live.votes);
                match (payer, payee, live.awaiting) {
                    (Some(payer), Some(payee), _) => self.commit(&transfer, BySide { payer, payee }, step),
                    (Some(payer), None, Some(awaiting)) => {
                        live.votes.payer = Some(payer.clone());
                        self.begin_awaiting(&transfer, &payer, awaiting, step);
                    }
                    (payer, payee, _) => live.votes = BySide { payer, payee },
                }
            }
            Verdict::No { refusal, rulebook } => {
                if refusal.reason == Reason::PayeeTypeNotAllowed {
                    live.judged_by.payer = Some(live.demands);
                }
                live.judged_by[vote.side] = rulebook;
                self.refuse(vote.transfer_id, refusal, Some(vote.side), step);
            }
            Verdict::Conflict { refusal } => {
                self.refuse(vote.transfer_id, refusal, Some(vote.side), step);
            }
            // The first vote again, late: it binds nothing, and was heard.
            Verdict::Awaiting { .. } if transfer.state == TransferState::Accepted => {}
            Verdict::Awaiting { until, rulebook } if vote.side == Side::Payee => {
                let awaiting = AwaitingVote { until, rulebook };
                live.awaiting = Some(awaiting);
                if let Some(payer) = live.votes.payer.clone() {
                    self.begin_awaiting(&transfer, &payer, awaiting, step);
                }
            }
            // A payer has nothing to accept: a node that answers so speaks of what was not agreed.
            Verdict::Awaiting { .. } => {
                let refusal = RefusalRecord::new(Reason::Unsupported, vote.side);
                self.refuse(vote.transfer_id, refusal, None, step);
            }
        }
    }
}
