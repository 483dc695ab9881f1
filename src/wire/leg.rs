//! Legs and what identifies them.

use crate::domain::kinds::{self, JudgedBy};
use crate::domain::protocol::{Ask, Demands, Kind, Leg, LegId, LegRead, LegRef, LegRefusal, LegTerms};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Digest, InsuranceType, Money, ProvinceCode, RegionCode, Side, TransferId};
use crate::proto::constraints::{KnownConstraints, LegConstraints};
use crate::proto::{node, types};
use crate::wire::account::insurance_type_to_proto;
use crate::wire::party::person_to_proto;
use crate::wire::reader::{
    Path, Reader, Violations, amount_between_servers, choice, digest, number_in, transfer_id_between_servers,
};
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
        let counter_region = self.counter_region(leg, kind.is_none_or(|(_, by)| by.is_rules()), &mut found);
        let kinship = match kind {
            Some((_, JudgedBy::Original)) => None,
            Some((_, JudgedBy::Rules(_))) | None => kinship(&root.field("kinship"), leg.kinship, &mut found),
        };
        let amount = amount_between_servers(&root.field("amount"), &leg.amount, &mut found);
        let unsupported = unsupported_field(leg, kind, &mut found);
        let demands = match kind {
            // What goes back is bound to no demand.
            None | Some((_, JudgedBy::Original)) => Ok(Demands::default()),
            Some((_, JudgedBy::Rules(_))) => demands(leg),
        };
        // Of a kind that is not known here nobody can say what it must have.
        if unsupported != Some("kind") {
            broken.take_missing(at, &found);
        }
        let Head { reference, receipt_time, time_left_ms } = broken.finish(head)?;

        let side = reference.id.side;
        let refusal = match (unsupported, demands, found.first()) {
            (Some(field), _, _) => RefusalRecord::new(Reason::Unsupported, side).with("field", field),
            (None, Err(Unread::Demand(number)), _) => {
                RefusalRecord::new(Reason::DemandUnknown, side).with("demand", number)
            }
            (None, Err(Unread::Field), _) => {
                RefusalRecord::new(Reason::DemandUnknown, side).with("demand", "unknown field")
            }
            (None, Err(Unread::Value), _) => {
                RefusalRecord::new(Reason::Unsupported, side).with("field", "constraints")
            }
            (None, Ok(_), Some(first)) => RefusalRecord::new(first.reason, side).with("field", &first.field),
            (None, Ok(demands), None) => {
                if let (
                    Some((kind, _)),
                    Some(((region, province), ask)),
                    Some(counter_region),
                    Some(amount),
                ) = (kind, asked, counter_region, amount)
                {
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
        let at = root.field("original_transfer_id");
        let id = transfer_id_between_servers(&at, &leg.original_transfer_id, found);
        let terms = digest(&root.field("original_terms_digest"), &leg.original_terms_digest, found);
        Some((place?, Ask::ByOriginal { transfer_id: id?, terms_digest: terms? }))
    }

    /// The other side's pooling area. A transfer from or to a place that is not known here is refused; what goes back,
    /// goes back to places that are not listed any more.
    fn counter_region(
        &self,
        leg: &node::Leg,
        must_be_known: bool,
        found: &mut Violations,
    ) -> Option<RegionCode> {
        let (root, text) = (Path::Root, &leg.counter_region_code);
        let at = root.field("counter_region_code");
        let reason = if text.is_empty() { Reason::FieldRequired } else { Reason::RegionMalformed };
        let code = found.need(&at, reason, RegionCode::parse(text))?;
        let known = !must_be_known || self.regions.locate(code).is_some();
        found.need(&at, Reason::UnknownRegion, known.then_some(code))
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
/// a demand of the other place that is not for this side.
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
            let acceptance = demands(leg).is_ok_and(|demands| demands.acceptance);
            (acceptance && leg.side == side_to_proto(Side::Payer)).then_some("constraints")
        }
    }
}

/// A demand that this program cannot follow. It must not be passed over in silence.
enum Unread {
    /// A number that is not known here.
    Demand(i32),
    /// A field that is not known here.
    Field,
    /// A value that is not known here, or the list says other than the fields.
    Value,
}

/// What the other place demands: by the list, and by the fields alone when a hub of before the list asks.
fn demands(leg: &node::Leg) -> Result<Demands, Unread> {
    let Some(constraints) = &leg.constraints else { return Ok(Demands::default()) };
    let known = &constraints.known;
    let by_fields = Demands {
        allowed_types: known
            .allowed_insurance_types
            .iter()
            .map(|number| {
                number_in(InsuranceType::ALL, insurance_type_to_proto, *number).ok_or(Unread::Value)
            })
            .collect::<Result<_, _>>()?,
        acceptance: known.acceptance,
    };
    if constraints.unknown {
        return Err(Unread::Field);
    }
    if known.demands.is_empty() {
        return Ok(by_fields);
    }
    let mut by_list = Demands::default();
    for one in &known.demands {
        match node::DemandKind::try_from(one.demand) {
            Ok(node::DemandKind::InsuranceTypes) => {
                let types = one.values.iter().map(|text| insurance_type(text).ok_or(Unread::Value));
                by_list.allowed_types = types.collect::<Result<_, _>>()?;
            }
            Ok(node::DemandKind::Acceptance) => by_list.acceptance = true,
            Ok(node::DemandKind::Unspecified) | Err(_) => return Err(Unread::Demand(one.demand)),
        }
    }
    if by_list == by_fields { Ok(by_list) } else { Err(Unread::Value) }
}

/// An insurance type as a demand's value: its number on the wire, in digits.
fn insurance_type(text: &str) -> Option<InsuranceType> {
    number_in(InsuranceType::ALL, insurance_type_to_proto, text.parse().ok()?)
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

/// Reads what identifies a leg, in the form of the contract: `FIELD_REQUIRED`, `TRANSFER_ID_MALFORMED`,
/// `VALUE_UNSUPPORTED`, `REQUEST_MALFORMED`.
pub fn leg_reference(
    at: &Path<'_>,
    id: &str,
    side_number: i32,
    terms_digest: &[u8],
    found: &mut Violations,
) -> Option<LegRef> {
    let transfer_id = transfer_id_between_servers(&at.field("transfer_id"), id, found);
    let side = side(&at.field("side"), side_number, found);
    let terms_digest = digest(&at.field("terms_digest"), terms_digest, found);
    Some(LegRef::new(transfer_id?, side?, terms_digest?))
}

/// What the other place demands, where it demands anything: in the fields, and in the list.
fn constraints_to_proto(demands: &Demands) -> Option<LegConstraints> {
    let types = demands.allowed_types.iter().map(|it| insurance_type_to_proto(*it));
    let by_type = (!demands.allowed_types.is_empty()).then(|| node::LegDemand {
        demand: node::DemandKind::InsuranceTypes.into(),
        values: types.clone().map(|number| number.to_string()).collect(),
    });
    let acceptance = demands
        .acceptance
        .then(|| node::LegDemand { demand: node::DemandKind::Acceptance.into(), values: Vec::new() });
    let list: Vec<node::LegDemand> = by_type.into_iter().chain(acceptance).collect();
    (!list.is_empty()).then(|| {
        let allowed_insurance_types = types.collect();
        KnownConstraints { allowed_insurance_types, acceptance: demands.acceptance, demands: list }.into()
    })
}

#[cfg(test)]
#[path = "leg_original_tests.rs"]
mod original_tests;
#[cfg(test)]
#[path = "leg_tests.rs"]
mod tests;
