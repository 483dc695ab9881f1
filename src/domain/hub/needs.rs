//! The rows that the hub's inputs need.

use super::peers::needs_if_parked;
use super::{HubMachine, Input, compensation};

use crate::domain::hub::tables::{Key, Row, TransferRow};
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::protocol::message::AckResult;
use crate::domain::value::calendar::{Day, Now};
use crate::domain::value::id::TransferId;
use crate::domain::value::side::Side;
use std::collections::BTreeSet;

impl HubMachine {
    /// The keys that `input` needs and `rows` does not know yet.
    pub(super) fn needed(&self, now: Now, input: &Input, rows: &WorkingSet<Row>) -> Vec<Key> {
        let mut keys = vec![Key::OWN];
        // Marks that were seen since the last record go with the next one, whatever it is about.
        keys.extend(self.seen.keys().map(|province| Key::Peer(*province)));
        match input {
            Input::Create { request, .. } => {
                begun_or_not(request.transfer_id, rows, &mut keys);
            }
            Input::Accept { request, .. } => {
                keys.push(Key::Transfer(request.transfer_id));
                needs_if_parked(request.transfer_id, rows, &mut keys);
            }
            Input::Compensate { request, .. } => compensation::needs(request, rows, &mut keys),
            Input::Get { transfer_ids, .. } => {
                keys.extend(transfer_ids.iter().flat_map(|id| [Key::Transfer(*id), Key::Parties(*id)]));
            }
            Input::Votes { province, votes, .. } => {
                keys.push(Key::Peer(*province));
                let voted = votes.iter().map(|vote| vote.transfer_id);
                decided(voted.filter(|id| self.live.contains_key(id)), now, rows, &mut keys);
                keys.extend(self.receipts.ready(now.mono).map(Key::Transfer));
            }
            Input::PrepareFailed { transfer_ids, .. } => {
                let live = transfer_ids.iter().filter(|id| self.live.contains_key(id));
                keys.extend(live.map(|id| Key::Transfer(*id)));
            }
            Input::Acks { province, acks, .. } => {
                keys.push(Key::Peer(*province));
                keys.extend(acks.iter().map(|ack| Key::Transfer(ack.transfer_id)));
                keys.extend(self.receipts.ready(now.mono).map(Key::Transfer));
                let rejected = acks.iter().filter(|ack| ack.result == AckResult::Rejected);
                keys.extend(rejected.map(|ack| Key::Incident(ack.transfer_id, ack.side)));
            }
            Input::Link { .. } => keys.extend(self.waits.transfers().map(Key::Transfer)),
            Input::Heard { province, legs } => {
                if let Some(recovery) = &self.recovery {
                    recovery.needs(now, (*province, legs), &mut keys);
                }
            }
            Input::ReadBack { province, decisions, .. } => {
                keys.push(Key::Peer(*province));
                keys.extend(decisions.iter().map(|decision| Key::Transfer(decision.transfer_id)));
            }
            Input::Announce { province, .. } => {
                keys.push(Key::Peer(*province));
                keys.extend(self.live.keys().map(|id| Key::Transfer(*id)));
            }
            Input::Resolve { province, questions, .. } => {
                keys.push(Key::Peer(*province));
                questions.iter().for_each(|question| begun_or_not(question.transfer_id, rows, &mut keys));
            }
            Input::Start { unsettled, .. } => {
                let ids = unsettled.iter().map(|transfer| transfer.transfer_id);
                keys.extend(ids.flat_map(|id| [Key::Transfer(id), Key::Incident(id, Side::Payer)]));
                keys.extend(self.places.provinces().map(|province| Key::Peer(province.code)));
            }
            Input::Rules(_) => {}
            Input::Tick => {
                let expired = self.expired(now.mono);
                let due = self.waits.due(now.mono).chain(self.receipts.ready(now.mono));
                let swept = self.awaiting.round(now);
                keys.extend(expired.into_iter().chain(swept).chain(due).map(Key::Transfer));
            }
        }
        keys.retain(|key| !rows.knows(key));
        keys
    }
}

/// What says whether an id has begun, was a tombstone, or is left to people.
fn begun_or_not(id: TransferId, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    keys.extend([Key::Transfer(id), Key::Tombstone(id)]);
    needs_if_parked(id, rows, keys);
}

/// First the transfers; once they are known, the positions that their commits would move.
fn decided(ids: impl Iterator<Item = TransferId>, now: Now, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let mut provinces = BTreeSet::new();
    for id in ids {
        let key = Key::Transfer(id);
        if !rows.knows(&key) {
            keys.push(key);
        } else if let Some(transfer) = rows.get::<TransferRow>(&key) {
            provinces.extend([transfer.payer_province, transfer.payee_province]);
        }
    }
    let window = Day::of(now.civil);
    keys.extend(provinces.into_iter().map(|province| Key::Position(window, province)));
}
