//! Legs that carry money of a committed transfer back. None of the rules for transfers applies to them (hours, limits,
//! kinship, insurance, floors): what two operators return must have been booked here, must still be there, and must
//! have an account to go to.

use super::account::SUSPENSE;
use super::prepare::{clearing_takes_more, refuse};
use super::prepared::original_key;
use super::suspense::{self, account_back};
use super::tables::{Key, LegRow, Row};
use super::{NodeMachine, Step};
use crate::domain::kinds;
use crate::domain::machine::WorkingSet;
use crate::domain::protocol::{Kind, Leg, LegState, Verdict};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, Digest, MemberRef, Side, TransferId};

/// What judging a leg of a side needs that carries money of this transfer back.
pub(super) fn needs(original: TransferId, leg: (Kind, Side), rows: &WorkingSet<Row>, keys: &mut Vec<Key>) {
    let original = original_key(original, leg);
    if !rows.knows(&original) {
        return keys.push(original);
    }
    if let Some(original) = rows.get::<LegRow>(&original) {
        suspense::needs(original.member_ref, keys);
        keys.push(SUSPENSE);
    }
}

impl NodeMachine {
    /// The vote on a leg that carries money of a transfer (with these terms) back, made durable. No rulebook judges it.
    pub(super) fn vote_by_original(
        &mut self,
        leg: &Leg,
        original: (TransferId, Digest),
        step: &mut Step<'_>,
    ) -> Verdict {
        match self.judge_by_original(leg, original, step) {
            Ok(account) => self.bind(leg, account, Some(original.0), Digest::default(), step),
            Err(reason) => {
                let refusal = RefusalRecord::new(reason, leg.reference.id.side);
                refuse(leg.refused(refusal), None, step)
            }
        }
    }

    /// Whose account moves, and which. Check order: place, original, how much of it is left, sums, account.
    fn judge_by_original(
        &self,
        leg: &Leg,
        (original, digest): (TransferId, Digest),
        step: &Step<'_>,
    ) -> Result<(MemberRef, AccountKind), Reason> {
        let (side, terms) = (leg.reference.id.side, &leg.terms);
        // An area that is not listed any more is no other province's: the original says whose it was.
        if self.places.locate(terms.region).is_some_and(|area| area.province != self.province) {
            return Err(Reason::RegionElsewhere);
        }
        let is_it = |row: &&LegRow| {
            row.state == LegState::Committed
                && row.terms_digest == digest
                && kinds::of(row.kind).corrected_by == Some(terms.kind)
        };
        let original = step.rows().get::<LegRow>(&original_key(original, (terms.kind, side))).filter(is_it);
        let original = original.ok_or(Reason::OriginalNotHere)?;
        let left = original.amount.checked_sub(original.returned);
        if left.is_none_or(|left| left < terms.amount) {
            return Err(Reason::OverCompensated);
        }
        if !clearing_takes_more(step.rows()) {
            return Err(Reason::Overflow);
        }
        let account = account_back(original, (terms.kind, side), terms.amount, step.rows())?;
        Ok((original.member_ref, account))
    }
}

#[cfg(test)]
#[path = "compensation_tests.rs"]
mod tests;
