//! A node announces its start, and is admitted if it is the node that was seen last.

use super::clearing::last_number;
use super::{Effect, HubMachine, Key, Live, Step, TransferRow, refusal, send};
use crate::domain::hub::record::{NodeAdmitted, ResyncMoved};
use crate::domain::machine::lineage::{self, FROM_NOTHING, OtherLineage, same_lineage};
use crate::domain::machine::own::own;
use crate::domain::machine::{PeerRow, Ticket};
use crate::domain::protocol::{Announced, Announcement, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::{Digest, ProvinceCode, TransferId};
use std::cmp::Ordering;

/// What was seen of the node, and the transfers that hold its votes.
pub(super) fn needs(hub: &HubMachine, province: ProvinceCode, keys: &mut Vec<Key>) {
    keys.extend([Key::Peer(province), Key::Told(province)]);
    keys.extend(hub.live.keys().copied().map(Key::Transfer));
}

impl HubMachine {
    /// Gives a node's new start its incarnation. The node has to prove that its journal holds what was last seen of it;
    /// one that does not was restored, and is told again what it lost before it may vote.
    pub(super) fn announce(
        &mut self,
        ticket: Ticket<Announced>,
        (province, mark): (ProvinceCode, PeerMark),
        (announcement, knows_us_to, lineage): (&Announcement, Option<u64>, Option<Digest>),
        step: &mut Step<'_>,
    ) {
        self.note_seen(step);
        let hub_recovered = own(step.rows()).recovered;
        // What it knows of a life since the last recovery must be in this journal.
        let hub_incarnation = announcement.hub_seen.map_or(0, |seen| seen.incarnation);
        let known_since = hub_incarnation > 0 && hub_incarnation >= hub_recovered;
        if known_since && knows_us_to.is_none() {
            return step.refuse(ticket, refusal(Reason::HubBehind));
        }
        let seen = step.rows().get::<PeerRow>(&Key::Peer(province)).cloned();
        let standing =
            match seen.as_ref().map_or(StartCheck::Whole, |seen| standing(seen, &mark, announcement)) {
                // Its journal may hold what this hub has seen of it, since both were restored.
                StartCheck::Whole | StartCheck::Unproven if announcement.restored => StartCheck::Restored,
                standing => standing,
            };
        let admitted =
            |incarnation, resync| Announced::Admitted { incarnation, resync, hub_recovered, lineage };
        match (&seen, standing) {
            (Some(seen), StartCheck::SameStart) => {
                lineage::take_up(province, announcement.lineage, step);
                step.answer(ticket, admitted(seen.incarnation, seen.resync.is_some()));
                return self.go_on_telling(province, step);
            }
            (Some(seen), StartCheck::Unproven) => {
                return step.answer(ticket, Announced::Prove { sequence: seen.sequence });
            }
            (_, StartCheck::Superseded) => return step.refuse(ticket, refusal(Reason::SenderRefused)),
            (_, StartCheck::Whole | StartCheck::Restored | StartCheck::SameStart | StartCheck::Unproven) => {}
        }
        // A hub that was restored itself may have given higher ones.
        let incarnation = seen.as_ref().map_or(0, |seen| seen.incarnation).max(mark.incarnation) + 1;
        step.record(NodeAdmitted { province, mark: PeerMark { incarnation, ..mark } });
        lineage::take_up(province, announcement.lineage, step);
        if standing == StartCheck::Restored {
            let told = seen.as_ref().and_then(|seen| seen.resync).unwrap_or(u64::MAX);
            let told = Some(told.min(knows_us_to.unwrap_or(0)));
            step.record(ResyncMoved { province, told });
            self.tell_again(province);
        }
        let resync = standing == StartCheck::Restored || seen.is_some_and(|seen| seen.resync.is_some());
        step.answer(ticket, admitted(incarnation, resync));
        // Receipts of its last life that are still under way will not count: tell it again.
        send(province, self.outbox.again(province), step);
        self.drop_votes_of(province, step);
        self.go_on_telling(province, step);
    }

    /// Only yes votes of a node's present life may commit: transfers that hold one of an earlier life are aborted, or,
    /// if they were accepted, asked for again.
    fn drop_votes_of(&mut self, province: ProvinceCode, step: &mut Step<'_>) {
        let voted = |(transfer_id, live): (&TransferId, &Live)| {
            let transfer: Option<&TransferRow> = step.rows().get(&Key::Transfer(*transfer_id));
            transfer.is_some_and(|transfer| {
                live.votes.iter().any(|(side, vote)| vote.is_some() && transfer.provinces()[side] == province)
            })
        };
        let stale: Vec<TransferId> =
            self.live.iter().filter(|it| voted((it.0, it.1))).map(|(id, _)| *id).collect();
        for transfer_id in stale {
            self.lose_vote(transfer_id, province, step);
        }
    }

    /// A node announces itself to a hub that recovers. Once it knows that (its second announcement), it is asked: from
    /// then on nothing that an earlier life of this hub has sent can change what it tells.
    pub(super) fn announce_while_recovering(
        &mut self,
        ticket: Ticket<Announced>,
        (province, node): (ProvinceCode, PeerMark),
        announcement: &Announcement,
        step: &mut Step<'_>,
    ) {
        step.refuse(ticket, refusal(Reason::Recovering));
        let Some(recovery) = &mut self.recovery else { return };
        let seen = announcement.hub_seen.map_or(0, |seen| seen.incarnation);
        recovery.incarnation = recovery.incarnation.max(seen);
        if announcement.restored {
            recovery.restored.insert(province);
        }
        if let Some(start) = recovery.unheard.get_mut(&province) {
            let knows = start.replace(node.start_id) == Some(node.start_id);
            if knows {
                let above = (own(step.rows()).hub_seq, last_number(step.rows()));
                step.effect(Effect::AskWhatWasLost(province, above));
            }
        }
    }
}

/// Whether hub and node have the stores that they know of each other, whatever else stands against an announcement: a
/// hub that recovers must not ask a node of another hub, and a node that begins from nothing would pass for one that
/// was restored.
///
/// # Errors
/// One of them has another.
pub(super) fn same_stores(
    (province, mark): (ProvinceCode, &PeerMark),
    (announcement, lineage): (&Announcement, Option<Digest>),
    step: &Step<'_>,
) -> Result<(), OtherLineage> {
    same_lineage(ProvinceCode::HUB, announcement.hub_lineage, lineage)?;
    let Some(seen) = step.rows().get::<PeerRow>(&Key::Peer(province)) else { return Ok(()) };
    let is_empty = mark.sequence == 0;
    if is_empty && seen.sequence > 0 && seen.lineage.is_none() {
        return Err(OtherLineage { peer: province, known: None, found: FROM_NOTHING });
    }
    same_lineage(province, seen.lineage, if is_empty { Some(FROM_NOTHING) } else { announcement.lineage })
}

/// What an announcing node is, by what was last seen of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StartCheck {
    /// The life that is admitted already.
    SameStart,
    /// A life that was admitted, and is not the last any more: a copy of its store has taken its place.
    Superseded,
    /// It says that it has more than was seen of it, and has to prove that it has that too.
    Unproven,
    /// Its journal holds what was seen of it.
    Whole,
    /// Its journal does not hold what was seen of it: an older state of its store was restored.
    Restored,
}

fn standing(seen: &PeerRow, mark: &PeerMark, announcement: &Announcement) -> StartCheck {
    if seen.start_id == mark.start_id {
        return StartCheck::SameStart;
    }
    if announcement.again {
        return StartCheck::Superseded;
    }
    let hash = match mark.sequence.cmp(&seen.sequence) {
        Ordering::Less => return StartCheck::Restored,
        Ordering::Equal => Some(mark.head_hash),
        Ordering::Greater => announcement.proof.filter(|(at, _)| *at == seen.sequence).map(|(_, hash)| hash),
    };
    match hash {
        // Before its first record there is nothing to prove.
        _ if seen.sequence == 0 => StartCheck::Whole,
        None => StartCheck::Unproven,
        Some(hash) if hash == seen.head_hash => StartCheck::Whole,
        Some(_) => StartCheck::Restored,
    }
}
