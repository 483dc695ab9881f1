//! Legs that carry money of a committed transfer back, in the words of the wire.

use crate::domain::protocol::returns::{ReturnLeg, account_kind};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::RefusedLeg;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::money::Money;
use crate::domain::value::side::Side;
use crate::proto::{node, types};
use crate::wire::leg::{LegHead, LegReading, Purpose, counter_region, leg_head, side_to_proto};
use crate::wire::reader::{Path, Reader, Violations, amount, digest, transfer_id};
use crate::wire::status::Problem;
use crate::wire::time::{duration, timestamp};

/// What the leg of a side does, by the account that it moves.
pub fn kind_to_proto(side: Side, is_return: bool) -> i32 {
    let kind = match (side, account_kind(side, is_return)) {
        (Side::Payer, AccountKind::Wallet) => node::LegKind::DebitWallet,
        (Side::Payee, AccountKind::Personal) => node::LegKind::CreditAccount,
        (Side::Payer, _) => node::LegKind::DebitAccount,
        (Side::Payee, _) => node::LegKind::CreditWallet,
    };
    kind.into()
}

/// Whether a leg says that it carries money back, on the side on which its kind does so.
pub(super) fn is_return(leg: &node::Leg) -> bool {
    let back = |side| (leg.side, leg.kind) == (side_to_proto(side), kind_to_proto(side, true));
    back(Side::Payer) || back(Side::Payee)
}

/// A leg that carries money back, for Prepare: without a person.
pub fn return_leg_to_proto(leg: &ReturnLeg) -> node::Leg {
    node::Leg {
        transfer_id: leg.transfer_id.to_string(),
        side: side_to_proto(leg.side),
        kind: kind_to_proto(leg.side, true),
        party: Some(types::Party { person: None, region_code: leg.region.to_string() }),
        counter_region_code: leg.counter_region.to_string(),
        kinship: 0,
        amount: leg.amount.to_string(),
        terms_digest: leg.terms_digest.0.to_vec(),
        receipt_time: Some(timestamp(leg.receipt_time)),
        time_left: Some(duration(leg.time_left_ms)),
        constraints: None,
        accepted: false,
        original_transfer_id: leg.original.to_string(),
        original_terms_digest: leg.original_digest.0.to_vec(),
    }
}

impl Reader<'_> {
    /// Reads a leg that carries money back. Errors as of [`Reader::leg`].
    pub(super) fn return_leg(&self, at: &Path<'_>, leg: &node::Leg) -> Result<LegReading, Problem> {
        let mut broken = Violations::default();
        let head = leg_head(at, leg, Purpose::Prepare, &mut broken);
        let (root, mut found) = (Path::Root, Violations::default());
        let place = self.place_of_party(&root, leg, &mut found);
        let counter =
            counter_region(&root.field("counter_region_code"), &leg.counter_region_code, &mut found);
        let amount = amount(&root.field("amount"), &leg.amount, &mut found);
        let original =
            transfer_id(&root.field("original_transfer_id"), &leg.original_transfer_id, &mut found);
        let original_digest =
            digest(&root.field("original_terms_digest"), &leg.original_terms_digest, &mut found);
        broken.take_missing(at, &found);
        let LegHead { name, receipt_time, time_left_ms } = broken.finish(head)?;
        if let (Some((region, province)), Some(counter_region), Some(amount)) = (place, counter, amount)
            && let Some((original, original_digest)) = original.zip(original_digest)
        {
            return Ok(LegReading::Return(ReturnLeg {
                transfer_id: name.transfer_id,
                side: name.side,
                original,
                original_digest,
                region,
                province,
                counter_region,
                amount,
                terms_digest: name.terms_digest,
                receipt_time,
                time_left_ms,
            }));
        }
        let first = found.first().map(|first| (first.reason, first.field.as_str()));
        let (reason, field) = first.unwrap_or((Reason::RequestMalformed, "party"));
        Ok(LegReading::Refused(RefusedLeg {
            transfer_id: name.transfer_id,
            side: name.side,
            terms_digest: name.terms_digest,
            amount: amount.unwrap_or(Money::ZERO),
            counter_region: counter,
            receipt_time,
            refusal: RefusalRecord::new(reason, name.side).with("field", field),
        }))
    }
}

#[cfg(test)]
#[path = "returns_tests.rs"]
mod tests;
