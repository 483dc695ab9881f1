//! The rows that a node's inputs need.

use super::apply::{PROVINCE, account_of};
use super::decide::{Reaction, reaction, replayed_leg};
use super::{Input, compensation};

use crate::domain::kinds;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::tables::{Key, LegRow, PersonRow, Row};
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::{Ask, Leg, LegRead, LegState, named};
use crate::domain::protocol::message::{Decision, Ruling};
use crate::domain::value::id::MemberRef;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::region::ProvinceCode;
use crate::domain::value::side::Side;
use std::collections::BTreeSet;

/// What every booking moves beside a member's account.
const CLEARING: Key = Key::Account(PROVINCE, AccountKind::Clearing);

/// The keys that `input` needs and `rows` does not know yet.
pub fn needs(input: &Input, rows: &WorkingSet<Row>) -> Vec<Key> {
    let mut keys = Vec::new();
    match input {
        Input::Joined { .. } => own_and_hub(&mut keys),
        Input::Prepare { legs, .. } | Input::Check { legs, .. } => {
            own_and_hub(&mut keys);
            keys.push(CLEARING);
            legs.iter().for_each(|leg| asked(leg, rows, &mut keys));
        }
        Input::Decide { decisions, .. } => {
            own_and_hub(&mut keys);
            orders(decisions.iter(), rows, &mut keys);
        }
        Input::Rulings { rulings, .. } => {
            own_and_hub(&mut keys);
            let decisions = rulings.iter().filter_map(|ruling| match ruling {
                Ruling::Decided(decision) => Some(decision),
                Ruling::Pending { .. } => None,
            });
            orders(decisions, rows, &mut keys);
        }
        Input::Upsert { report, .. } => {
            keys.push(Key::Request(report.request.request_id.clone()));
            keys.push(Key::Person(report.person.id_hash));
            standing(report.person.member_ref, &mut keys);
        }
        Input::Credit { request, member_ref, .. } => {
            keys.push(Key::Request(request.request_id.clone()));
            keys.extend([Key::OWN, Key::Account(PROVINCE, AccountKind::Allotment)]);
            standing(*member_ref, &mut keys);
        }
        Input::OpenWallet { request, member_ref, .. }
        | Input::Suspend { request, member_ref, .. }
        | Input::ChangeWallet { request, member_ref, .. } => {
            keys.push(Key::Request(request.request_id.clone()));
            standing(*member_ref, &mut keys);
        }
        Input::Look { member_ref, .. } => standing(*member_ref, &mut keys),
        Input::Restored | Input::HubRecovers | Input::AskFailed { .. } | Input::Rules(_) | Input::Tick => {}
    }
    keys.retain(|key| !rows.knows(key));
    keys
}

fn own_and_hub(keys: &mut Vec<Key>) {
    keys.extend([Key::OWN, Key::Peer(ProvinceCode::HUB)]);
}

pub(super) fn standing(member_ref: MemberRef, keys: &mut Vec<Key>) {
    keys.extend([
        Key::Member(member_ref),
        Key::Account(member_ref, AccountKind::Personal),
        Key::Wallet(member_ref),
        Key::Account(member_ref, AccountKind::Wallet),
    ]);
}

/// First the leg, and by what it is asked for; once its member is known, what is judged of him.
fn asked(read: &LegRead, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let id = named(read).id;
    let row = Key::Leg(id.transfer_id, id.side);
    let Ok(leg) = read else { return keys.push(row) };
    match &leg.ask {
        Ask::ByPerson { id_hash, .. } => {
            let person = Key::Person(*id_hash);
            if !rows.knows(&person) {
                return keys.extend([row, person]);
            }
            keys.push(row);
            let member_ref = rows.get::<PersonRow>(&person).map(|row| row.member_ref);
            keys.extend(member_ref.into_iter().flat_map(|member_ref| judged(leg, member_ref)));
        }
        Ask::ById if !rows.knows(&row) => keys.push(row),
        Ask::ById => {
            let awaits = rows.get::<LegRow>(&row).filter(|row| row.state == LegState::Awaiting);
            keys.extend(awaits.into_iter().flat_map(|row| judged(leg, row.member_ref)));
        }
        Ask::ByOriginal { transfer_id, .. } => {
            keys.push(row);
            compensation::needs(*transfer_id, id.side, rows, keys);
        }
    }
}

/// What the rules of a leg look at of its member.
fn judged(leg: &Leg, member_ref: MemberRef) -> impl Iterator<Item = Key> {
    let side = leg.reference.id.side;
    let account = kinds::of(leg.terms.kind).legs[side].account;
    let wallet = (side == Side::Payee).then_some(Key::Wallet(member_ref));
    [Key::Member(member_ref), Key::Account(member_ref, account)].into_iter().chain(wallet)
}

/// What several orders need. Of two about one leg the second may contradict what the first has just made of it.
fn orders<'a>(decisions: impl Iterator<Item = &'a Decision>, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    keys.push(CLEARING);
    let mut legs = BTreeSet::new();
    for decision in decisions {
        decided(decision, rows, keys);
        if !legs.insert((decision.transfer_id, decision.side)) {
            keys.push(Key::Incident(decision.transfer_id, decision.side));
        }
    }
}

/// First the leg; once it is known, what its decision moves, or the incident that it may have raised before.
fn decided(decision: &Decision, rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let (transfer_id, side) = (decision.transfer_id, decision.side);
    let key = Key::Leg(transfer_id, side);
    if !rows.knows(&key) {
        keys.push(key);
        return;
    }
    let leg = rows.get::<LegRow>(&key);
    let differs = leg.is_some_and(|leg| leg.terms_digest != decision.terms_digest);
    let (replayed, lost) = (replayed_leg(decision), compensation::lost_return(decision));
    match reaction(leg.map(|leg| leg.state), decision.outcome, replayed.is_some() || lost.is_some()) {
        Reaction::Replay => {
            let whose = replayed.map(|leg| leg.member_ref);
            keys.extend(whose.into_iter().flat_map(|member_ref| {
                [Key::Account(member_ref, account_of(Kind::TRANSFER, side)), Key::Wallet(member_ref)]
            }));
            lost.iter().for_each(|lost| compensation::needs_of_lost(lost, keys));
            keys.extend([Key::Account(PROVINCE, AccountKind::Suspense), Key::Incident(transfer_id, side)]);
        }
        Reaction::Reject => keys.push(Key::Incident(transfer_id, side)),
        Reaction::CarryOut | Reaction::Confirm if differs => keys.push(Key::Incident(transfer_id, side)),
        Reaction::CarryOut | Reaction::Bury | Reaction::Confirm => {}
    }
    let Some(leg) = leg.filter(|leg| leg.state == LegState::Prepared) else {
        return;
    };
    keys.push(leg.account_key());
    keys.extend(leg.returns.map(|original| compensation::original_key(original, side)));
}
