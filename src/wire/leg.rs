//! Legs and what identifies them.

use crate::domain::kinds::{self, JudgedBy};
use crate::domain::protocol::{Ask, Demands, Kind, Leg, LegId, LegRead, LegRef, LegRefusal, LegTerms};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Digest, InsuranceType, Money, ProvinceCode, RegionCode, Side, TransferId};
use crate::proto::{node, types};
use crate::wire::account::insurance_type_to_proto;
use crate::wire::party::person_to_proto;
use crate::wire::reader::{Path, Reader, Violations, amount, choice, digest, number_in, transfer_id};
use crate::wire::status::Problem;
use crate::wire::terms::{kinship, kinship_to_proto};
use crate::wire::time::{duration, milliseconds, required_time, timestamp};

/// Whether a leg is to be prepared, or only checked: then it has no id, digest and time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Prepare,
    Check,
}

impl Reader<'_> {
    /// Reads a leg to prepare; `at` is its place in the request.
    ///
    /// # Errors
    /// The whole call is refused when a required field is missing (`FIELD_REQUIRED`), or when id, side or digest
    /// cannot be read, so that no vote could name the leg.
    pub fn leg(&self, at: &Path<'_>, leg: &node::Leg) -> Result<LegRead, Problem> {
        self.read_leg(at, leg, Purpose::Prepare)
    }

    /// Reads a leg to check. Its id and digest are zeros and no time is left.
    ///
    /// # Errors
    /// As [`Reader::leg`].
    pub fn leg_to_check(&self, at: &Path<'_>, leg: &node::Leg) -> Result<LegRead, Problem> {
        self.read_leg(at, leg, Purpose::Check)
    }

    /// The place of a party whose person is not named.
    fn place_of_party(
        &self,
        root: &Path<'_>,
        leg: &node::Leg,
        found: &mut Violations,
    ) -> Option<(RegionCode, ProvinceCode)> {
        let at = root.field("party");
        let party = found.need(&at, Reason::FieldRequired, leg.party.as_ref())?;
        self.place(&at.field("region_code"), &party.region_code, found)
    }

    fn read_leg(&self, at: &Path<'_>, leg: &node::Leg, purpose: Purpose) -> Result<LegRead, Problem> {
        let mut broken = Violations::default();
        let head = leg_head(at, leg, purpose, &mut broken);
        // Paths of the content begin at the leg: what is journaled of a refusal must not depend on its batch.
        let (root, mut found) = (Path::Root, Violations::default());
        let kind = kind_of(leg, purpose);
        let asked = match kind {
            Some((_, JudgedBy::Original)) => self.asked_by_original(leg, &mut found),
            Some((_, JudgedBy::Rules(_))) | None => self.asked_by_person_or_id(leg, purpose, &mut found),
        };
        let counter_region =
            counter_region(&root.field("counter_region_code"), &leg.counter_region_code, &mut found);
        let kinship = match kind {
            Some((_, JudgedBy::Original)) => None,
            Some((_, JudgedBy::Rules(_))) | None => kinship(&root.field("kinship"), leg.kinship, &mut found),
        };
        let amount = amount(&root.field("amount"), &leg.amount, &mut found);
        let unsupported = unsupported_field(leg, kind, &mut found);
        // Of a kind that is not known here nobody can say what it must have.
        if unsupported != Some("kind") {
            broken.take_missing(at, &found);
        }
        let Head { reference, receipt_time, time_left_ms } = broken.finish(head)?;

        let side = reference.id.side;
        let refusal = match (unsupported, found.first()) {
            (Some(field), _) => RefusalRecord::new(Reason::Unsupported, side).with("field", field),
            (None, Some(first)) => RefusalRecord::new(first.reason, side).with("field", &first.field),
            (None, None) => {
                if let (
                    Some((kind, judged_by)),
                    Some(((region, province), ask)),
                    Some(counter_region),
                    Some(amount),
                ) = (kind, asked, counter_region, amount)
                {
                    let demands = match judged_by {
                        JudgedBy::Rules(_) => demands(leg).unwrap_or_default(),
                        // What goes back is bound to no demand.
                        JudgedBy::Original => Demands::default(),
                    };
                    let terms = LegTerms {
                        kind,
                        region,
                        province,
                        counter_region,
                        kinship,
                        amount,
                        receipt_time,
                        demands,
                    };
                    return Ok(Ok(Leg { reference, terms, ask, time_left_ms }));
                }
                RefusalRecord::new(Reason::RequestMalformed, side)
            }
        };
        let amount = amount.unwrap_or(Money::ZERO);
        Ok(Err(LegRefusal { reference, amount, counter_region, receipt_time, refusal }))
    }

    /// Whose leg it is: named, or, once its payee has accepted, known by the id, with the place of insurance alone.
    fn asked_by_person_or_id(
        &self,
        leg: &node::Leg,
        purpose: Purpose,
        found: &mut Violations,
    ) -> Option<((RegionCode, ProvinceCode), Ask)> {
        let root = Path::Root;
        if leg.accepted && purpose == Purpose::Prepare {
            return self.place_of_party(&root, leg, found).map(|place| (place, Ask::ById));
        }
        let party = self.party(&root.field("party"), leg.party.as_ref(), found).whole()?;
        let ask = Ask::ByPerson { person: Box::new(party.person), id_hash: Digest::default() };
        Some(((party.region, party.province), ask))
    }

    /// Whose leg it is: known by the leg whose money it carries back.
    fn asked_by_original(
        &self,
        leg: &node::Leg,
        found: &mut Violations,
    ) -> Option<((RegionCode, ProvinceCode), Ask)> {
        let root = Path::Root;
        let place = self.place_of_party(&root, leg, found);
        let id = transfer_id(&root.field("original_transfer_id"), &leg.original_transfer_id, found);
        let terms = digest(&root.field("original_terms_digest"), &leg.original_terms_digest, found);
        Some((place?, Ask::ByOriginal { transfer_id: id?, terms_digest: terms? }))
    }
}

/// What a leg does, if this program knows it and it belongs to the leg's side. What is judged by its original can be
/// prepared only: there is nothing to check.
fn kind_of(leg: &node::Leg, purpose: Purpose) -> Option<(Kind, JudgedBy)> {
    let (row, side) = kinds::by_wire(leg.kind)?;
    let judged_by = row.asked(side)?.judged_by;
    let can_be = purpose == Purpose::Prepare || matches!(judged_by, JudgedBy::Rules(_));
    (side_to_proto(side) == leg.side && can_be).then_some((row.kind, judged_by))
}

/// What a leg must have before anything can be answered about it.
struct Head {
    reference: LegRef,
    receipt_time: Civil,
    time_left_ms: u64,
}

fn leg_head(at: &Path<'_>, leg: &node::Leg, purpose: Purpose, broken: &mut Violations) -> Option<Head> {
    let reference = match purpose {
        Purpose::Prepare => leg_reference(at, &leg.transfer_id, leg.side, &leg.terms_digest, broken),
        Purpose::Check => side(&at.field("side"), leg.side, broken)
            .map(|side| LegRef::new(TransferId::default(), side, Digest::default())),
    };
    let receipt_time = required_time(&at.field("receipt_time"), leg.receipt_time.as_ref(), broken);
    let time_left_ms = match (&leg.time_left, purpose) {
        (Some(left), _) => Some(milliseconds(left)),
        (None, Purpose::Check) => Some(0),
        (None, Purpose::Prepare) => broken.need(&at.field("time_left"), Reason::FieldRequired, None),
    };
    Some(Head { reference: reference?, receipt_time: receipt_time?, time_left_ms: time_left_ms? })
}

/// What of a leg this program cannot carry out: a kind that it does not know or that does not belong to the side, or
/// a demand of the other place, which must not be passed over in silence.
fn unsupported_field(
    leg: &node::Leg,
    kind: Option<(Kind, JudgedBy)>,
    found: &mut Violations,
) -> Option<&'static str> {
    if leg.kind == i32::from(node::LegKind::Unspecified) {
        found.add(&Path::Root.field("kind"), Reason::FieldRequired);
        return None;
    }
    match kind {
        None => Some("kind"),
        // What goes back is bound to no demand.
        Some((_, JudgedBy::Original)) => None,
        Some((_, JudgedBy::Rules(_))) => {
            // Only a payee can accept.
            let acceptance = leg.constraints.as_ref().is_some_and(|demand| demand.acceptance);
            let by_payer = acceptance && leg.side == side_to_proto(Side::Payer);
            (by_payer || demands(leg).is_none()).then_some("constraints")
        }
    }
}

/// What the other place demands; nothing when it names an insurance type that is not known here.
fn demands(leg: &node::Leg) -> Option<Demands> {
    let named = leg.constraints.iter().flat_map(|demand| demand.allowed_insurance_types.iter());
    let allowed_types: Option<Vec<InsuranceType>> =
        named.map(|number| number_in(InsuranceType::ALL, insurance_type_to_proto, *number)).collect();
    let acceptance = leg.constraints.as_ref().is_some_and(|demand| demand.acceptance);
    Some(Demands { allowed_types: allowed_types?, acceptance })
}

/// The other place is only recorded, so a code that this node does not list yet is good.
fn counter_region(at: &Path<'_>, text: &str, found: &mut Violations) -> Option<RegionCode> {
    let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RegionMalformed };
    found.need(at, reason, RegionCode::parse(text))
}

/// A leg in the words of the wire, for Prepare.
pub fn leg_to_proto(leg: &Leg) -> node::Leg {
    let (LegRef { id: LegId { transfer_id, side }, terms_digest }, terms) = (leg.reference, &leg.terms);
    let person = match &leg.ask {
        Ask::ByPerson { person, .. } => Some(person_to_proto(person)),
        Ask::ById | Ask::ByOriginal { .. } => None,
    };
    let (original_transfer_id, original_terms_digest) = match &leg.ask {
        Ask::ByOriginal { transfer_id, terms_digest } => (transfer_id.to_string(), terms_digest.0.to_vec()),
        Ask::ByPerson { .. } | Ask::ById => Default::default(),
    };
    node::Leg {
        transfer_id: transfer_id.to_string(),
        side: side_to_proto(side),
        kind: kind_to_proto(terms.kind, side),
        party: Some(types::Party { person, region_code: terms.region.to_string() }),
        counter_region_code: terms.counter_region.to_string(),
        kinship: terms.kinship.map_or(0, kinship_to_proto),
        amount: terms.amount.to_string(),
        terms_digest: terms_digest.0.to_vec(),
        receipt_time: Some(timestamp(terms.receipt_time)),
        time_left: Some(duration(leg.time_left_ms)),
        constraints: constraints_to_proto(&terms.demands),
        accepted: leg.is_accepted(),
        original_transfer_id,
        original_terms_digest,
    }
}

/// A leg in the words of the wire, for Check: without id, digest and time left.
pub fn leg_to_check_to_proto(leg: &Leg) -> node::Leg {
    node::Leg { transfer_id: String::new(), terms_digest: Vec::new(), time_left: None, ..leg_to_proto(leg) }
}

/// What the leg of a side does, as the wire's number; unspecified where no node is ever asked for it.
pub fn kind_to_proto(kind: Kind, side: Side) -> i32 {
    kinds::of(kind).asked(side).map_or(node::LegKind::Unspecified.into(), |asked| asked.wire)
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
pub fn leg_reference(
    at: &Path<'_>,
    id: &str,
    side_number: i32,
    terms_digest: &[u8],
    found: &mut Violations,
) -> Option<LegRef> {
    let transfer_id = transfer_id(&at.field("transfer_id"), id, found);
    let side = side(&at.field("side"), side_number, found);
    let terms_digest = digest(&at.field("terms_digest"), terms_digest, found);
    Some(LegRef::new(transfer_id?, side?, terms_digest?))
}

/// What the other place demands, where it demands anything.
fn constraints_to_proto(demands: &Demands) -> Option<node::LegConstraints> {
    let allowed_insurance_types: Vec<i32> =
        demands.allowed_types.iter().map(|it| insurance_type_to_proto(*it)).collect();
    let any = !demands.allowed_types.is_empty() || demands.acceptance;
    any.then_some(node::LegConstraints { allowed_insurance_types, acceptance: demands.acceptance })
}

#[cfg(test)]
#[path = "leg_original_tests.rs"]
mod original_tests;
#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
