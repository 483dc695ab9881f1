//! Legs and what identifies them, and the mark that every message between hub and node carries.

use crate::domain::machine::own::PeerMark;
use crate::domain::protocol::acceptance::{AcceptedLeg, LegTerms};
use crate::domain::protocol::returns::ReturnLeg;
use crate::domain::protocol::transfer::{Leg, Party};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::RefusedLeg;
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::{Digest, StartId, TransferId};
use crate::domain::value::kinship::Kinship;
use crate::domain::value::member::InsuranceType;
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::domain::value::side::Side;
use crate::proto::{node, types};
use crate::wire::account::{insurance_type_from_proto, insurance_type_to_proto};
use crate::wire::party::party_to_proto;
use crate::wire::reader::{Path, Reader, Violations, amount, choice, digest, transfer_id};
use crate::wire::returns::{is_return, kind_to_proto};
use crate::wire::status::Problem;
use crate::wire::terms::{kinship, kinship_to_proto};
use crate::wire::time::{duration, milliseconds, required_time, timestamp};

/// What every message about one leg names: the transfer, whose part, and the terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LegName {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Whose part.
    pub side: Side,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
}

/// A leg as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegReading {
    /// It can be judged.
    Asked(Leg),
    /// It can be judged, for the member that the first vote on this id was about.
    Accepted(AcceptedLeg),
    /// It can be judged: it carries money of a committed transfer back.
    Return(ReturnLeg),
    /// It says what this program cannot carry out: vote no. A newer hub, or a place that this node does not list
    /// yet, must not take the other legs of the call down with it.
    Refused(RefusedLeg),
}

/// Whether a leg is to be prepared, or only checked: then it has no id, digest and time.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Prepare,
    Check,
}

impl Reader<'_> {
    /// Reads a leg to prepare; `at` is its place in the request.
    ///
    /// # Errors
    /// The whole call is refused when a required field is missing (`FIELD_REQUIRED`), or when id, side or digest
    /// cannot be read, so that no vote could name the leg.
    pub fn leg(&self, at: &Path<'_>, leg: &node::Leg) -> Result<LegReading, Problem> {
        self.read_leg(at, leg, Purpose::Prepare)
    }

    /// Reads a leg to check. Its id and digest are zeros and no time is left.
    ///
    /// # Errors
    /// As [`Reader::leg`].
    pub fn leg_to_check(&self, at: &Path<'_>, leg: &node::Leg) -> Result<LegReading, Problem> {
        self.read_leg(at, leg, Purpose::Check)
    }

    /// The place of a party whose person is known by the id.
    pub(super) fn place_of_party(
        &self,
        root: &Path<'_>,
        leg: &node::Leg,
        found: &mut Violations,
    ) -> Option<(RegionCode, ProvinceCode)> {
        let at = root.field("party");
        let party = found.need(&at, Reason::FieldRequired, leg.party.as_ref())?;
        self.place(&at.field("region_code"), &party.region_code, found)
    }

    fn read_leg(&self, at: &Path<'_>, leg: &node::Leg, purpose: Purpose) -> Result<LegReading, Problem> {
        if is_return(leg) && purpose == Purpose::Prepare {
            return self.return_leg(at, leg);
        }
        let mut broken = Violations::default();
        let head = leg_head(at, leg, purpose, &mut broken);
        // Paths of the content begin at the leg: what is journaled of a refusal must not depend on its batch.
        let (root, mut found) = (Path::Root, Violations::default());
        let known = leg.accepted && purpose == Purpose::Prepare;
        let party = if known {
            self.place_of_party(&root, leg, &mut found).map(Who::Known)
        } else {
            self.party(&root.field("party"), leg.party.as_ref(), &mut found).whole().map(Who::Named)
        };
        let counter_region =
            counter_region(&root.field("counter_region_code"), &leg.counter_region_code, &mut found);
        let kinship = kinship(&root.field("kinship"), leg.kinship, &mut found);
        let amount = amount(&root.field("amount"), &leg.amount, &mut found);
        let unsupported = unsupported_field(leg, head.as_ref().map(|head| head.name.side), &mut found);
        // Of a kind that is not known here nobody can say what it must have.
        if unsupported != Some("kind") {
            broken.take_missing(at, &found);
        }
        let head = broken.finish(head)?;
        let LegHead { name, receipt_time, .. } = head;

        let refusal = match (unsupported, found.first()) {
            (Some(field), _) => RefusalRecord::new(Reason::Unsupported, name.side).with("field", field),
            (None, Some(first)) => RefusalRecord::new(first.reason, name.side).with("field", &first.field),
            (None, None) => {
                if let (Some(party), Some(counter_region), Some(kinship), Some(amount)) =
                    (party, counter_region, kinship, amount)
                {
                    return Ok(readable(&head, party, (counter_region, kinship, amount), leg));
                }
                RefusalRecord::new(Reason::RequestMalformed, name.side)
            }
        };
        let amount = amount.unwrap_or(Money::ZERO);
        Ok(LegReading::Refused(RefusedLeg {
            transfer_id: name.transfer_id,
            side: name.side,
            terms_digest: name.terms_digest,
            amount,
            counter_region,
            receipt_time,
            refusal,
        }))
    }
}

/// Whose leg it is: named, or known by the id, with the place of insurance alone.
enum Who {
    Named(Party),
    Known((RegionCode, ProvinceCode)),
}

/// A leg of which everything could be read.
fn readable(
    head: &LegHead,
    party: Who,
    (counter_region, kinship, amount): (RegionCode, Kinship, Money),
    leg: &node::Leg,
) -> LegReading {
    let LegHead { name: LegName { transfer_id, side, terms_digest }, receipt_time, time_left_ms } = *head;
    let allowed_types = allowed_types(leg).unwrap_or_default();
    let acceptance = leg.constraints.as_ref().is_some_and(|demand| demand.acceptance);
    match party {
        Who::Named(party) => LegReading::Asked(Leg {
            transfer_id,
            side,
            party,
            counter_region,
            kinship,
            amount,
            terms_digest,
            receipt_time,
            allowed_types,
            acceptance,
            time_left_ms,
        }),
        Who::Known((region, province)) => {
            let terms = LegTerms {
                side,
                region,
                province,
                counter_region,
                kinship,
                amount,
                receipt_time,
                allowed_types,
                acceptance,
                accepted: true,
            };
            LegReading::Accepted(AcceptedLeg { transfer_id, terms_digest, terms, time_left_ms })
        }
    }
}

/// What a leg must have before anything can be answered about it.
pub(super) struct LegHead {
    pub(super) name: LegName,
    pub(super) receipt_time: Civil,
    pub(super) time_left_ms: u64,
}

pub(super) fn leg_head(
    at: &Path<'_>,
    leg: &node::Leg,
    purpose: Purpose,
    broken: &mut Violations,
) -> Option<LegHead> {
    let name = match purpose {
        Purpose::Prepare => leg_name(at, &leg.transfer_id, leg.side, &leg.terms_digest, broken),
        Purpose::Check => side(&at.field("side"), leg.side, broken).map(|side| LegName {
            transfer_id: TransferId::default(),
            side,
            terms_digest: Digest::default(),
        }),
    };
    let receipt_time = required_time(&at.field("receipt_time"), leg.receipt_time.as_ref(), broken);
    let time_left_ms = match (&leg.time_left, purpose) {
        (Some(left), _) => Some(milliseconds(left)),
        (None, Purpose::Check) => Some(0),
        (None, Purpose::Prepare) => broken.need(&at.field("time_left"), Reason::FieldRequired, None),
    };
    Some(LegHead { name: name?, receipt_time: receipt_time?, time_left_ms: time_left_ms? })
}

/// What of a leg this program cannot carry out: a kind that it does not know or that does not belong to the side, or
/// a demand of the other place, which must not be passed over in silence.
fn unsupported_field(leg: &node::Leg, side: Option<Side>, found: &mut Violations) -> Option<&'static str> {
    let fits = match (node::LegKind::try_from(leg.kind), side) {
        (Ok(node::LegKind::Unspecified), _) => {
            found.add(&Path::Root.field("kind"), Reason::FieldRequired);
            return None;
        }
        (Ok(node::LegKind::DebitAccount), side) => side == Some(Side::Payer),
        (Ok(node::LegKind::CreditWallet), side) => side == Some(Side::Payee),
        // Of these there is nothing to check, and each belongs to one side.
        (Ok(node::LegKind::DebitWallet | node::LegKind::CreditAccount) | Err(_), _) => false,
    };
    if !fits {
        return Some("kind");
    }
    // Only a payee can accept.
    let acceptance = leg.constraints.as_ref().is_some_and(|demand| demand.acceptance);
    ((acceptance && side == Some(Side::Payer)) || allowed_types(leg).is_none()).then_some("constraints")
}

/// The insurance types that the other place allows; nothing when it names one that is not known here.
fn allowed_types(leg: &node::Leg) -> Option<Vec<InsuranceType>> {
    let demanded = leg.constraints.iter().flat_map(|demand| demand.allowed_insurance_types.iter());
    demanded.map(|number| insurance_type_from_proto(*number)).collect()
}

/// The other place is only recorded, so a code that this node does not list yet is good.
pub(super) fn counter_region(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<RegionCode> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RegionMalformed };
    found.need(at, reason, RegionCode::parse(text))
}

/// A leg in the words of the wire, for Prepare.
pub fn leg_to_proto(leg: &Leg) -> node::Leg {
    node::Leg {
        transfer_id: leg.transfer_id.to_string(),
        side: side_to_proto(leg.side),
        kind: kind_to_proto(leg.side, false),
        party: Some(party_to_proto(&leg.party)),
        counter_region_code: leg.counter_region.to_string(),
        kinship: kinship_to_proto(leg.kinship),
        amount: leg.amount.to_string(),
        terms_digest: leg.terms_digest.0.to_vec(),
        receipt_time: Some(timestamp(leg.receipt_time)),
        time_left: Some(duration(leg.time_left_ms)),
        constraints: constraints_to_proto(&leg.allowed_types, leg.acceptance),
        accepted: false,
        ..node::Leg::default()
    }
}

/// A leg in the words of the wire, for Check: without id, digest and time left.
pub fn leg_to_check_to_proto(leg: &Leg) -> node::Leg {
    node::Leg { transfer_id: String::new(), terms_digest: Vec::new(), time_left: None, ..leg_to_proto(leg) }
}

/// A side as the wire's number.
pub fn side_to_proto(side: Side) -> i32 {
    match side {
        Side::Payer => node::LegSide::Payer.into(),
        Side::Payee => node::LegSide::Payee.into(),
    }
}

/// Reads a side: `FIELD_REQUIRED`, `VALUE_UNSUPPORTED`.
pub fn side(at: &Path<'_>, number: i32, found: &mut Violations) -> Option<Side> {
    choice(at, number, Reason::ValueUnsupported, Side::from_number(i64::from(number)), found)
}

/// Reads what identifies a leg: `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`, `VALUE_UNSUPPORTED`, `REQUEST_MALFORMED`.
pub fn leg_name(
    at: &Path<'_>,
    id: &str,
    side_number: i32,
    terms_digest: &[u8],
    found: &mut Violations,
) -> Option<LegName> {
    let transfer_id = transfer_id(&at.field("transfer_id"), id, found);
    let side = side(&at.field("side"), side_number, found);
    let terms_digest = digest(&at.field("terms_digest"), terms_digest, found);
    Some(LegName { transfer_id: transfer_id?, side: side?, terms_digest: terms_digest? })
}

/// What the other place demands, where it demands anything.
pub(super) fn constraints_to_proto(
    allowed: &[InsuranceType],
    acceptance: bool,
) -> Option<node::LegConstraints> {
    let allowed_insurance_types: Vec<i32> = allowed.iter().map(|it| insurance_type_to_proto(*it)).collect();
    let demands = !allowed.is_empty() || acceptance;
    demands.then_some(node::LegConstraints { allowed_insurance_types, acceptance })
}

/// How far the sender's journal has come, in the words of the wire.
pub fn sender_to_proto(mark: &PeerMark) -> types::Sender {
    types::Sender {
        incarnation: mark.incarnation,
        start_id: mark.start_id.0.to_vec(),
        sequence: mark.sequence,
        head_hash: mark.head_hash.0.to_vec(),
    }
}

/// No counter of a server comes near it; one that says so could bring the other side's to its end.
pub const COUNTER_END: u64 = 1 << 62;

/// Reads the field `sender`: `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
pub fn sender(sender: Option<&types::Sender>, found: &mut Violations) -> Option<PeerMark> {
    let at = Path::Root.field("sender");
    let sender = found.need(&at, Reason::FieldRequired, sender)?;
    let reason = if sender.start_id.is_empty() { Reason::FieldRequired } else { Reason::RequestMalformed };
    let start_id = found.need(&at.field("start_id"), reason, StartId::from_slice(&sender.start_id));
    let head_hash = digest(&at.field("head_hash"), &sender.head_hash, found);
    let mut counter = |name, number| {
        found.need(&at.field(name), Reason::RequestMalformed, Some(number).filter(|it| *it < COUNTER_END))
    };
    let incarnation = counter("incarnation", sender.incarnation);
    let sequence = counter("sequence", sender.sequence);
    Some(PeerMark {
        incarnation: incarnation?,
        start_id: start_id?,
        sequence: sequence?,
        head_hash: head_hash?,
    })
}

/// Reads the sender of an answer, where it is all that is wanted.
///
/// # Errors
/// Those of [`sender`].
pub fn sender_from_proto(mark: Option<&types::Sender>) -> Result<PeerMark, Problem> {
    let mut found = Violations::default();
    let mark = sender(mark, &mut found);
    found.finish(mark)
}

#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
