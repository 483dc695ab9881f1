//! A request to exclude a member from the network settlement.

use crate::domain::node::Suspension;
use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::rules::settlement_suspended::has_lawful_length;
use crate::domain::value::Day;
use crate::proto::node;
use crate::wire::reader::{Path, Reader, whole};
use crate::wire::status::Problem;
use crate::wire::time::required_date;

/// A suspension from the network settlement as a platform reports it, as far as its bytes allow to check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuspensionInput {
    /// Against doing it twice.
    pub request_id: String,
    /// Whom.
    pub party: Party,
    /// From when and until when.
    pub suspension: Suspension,
}

impl Reader<'_> {
    /// Reads it.
    ///
    /// # Errors
    /// In this order: `request_id`; `party`; `from_date`; `until_date` (and its distance from `from_date`).
    pub fn suspension(&self, request: &node::SuspendSettlementRequest) -> Result<SuspensionInput, Problem> {
        whole(|found| {
            let root = Path::Root;
            let (id, party) = self.asked_for(&request.request_id, request.party.as_ref(), found);
            let from = required_date(&root.field("from_date"), &request.from_date, found);
            let until_at = root.field("until_date");
            let until = match (request.lift, request.until_date.is_empty()) {
                (true, true) => Some(None),
                (true, false) => found.need::<Option<Day>>(&until_at, Reason::ValueUnsupported, None),
                (false, _) => required_date(&until_at, &request.until_date, found).map(Some),
            };
            if let (Some(from), Some(Some(until))) = (from, until)
                && !has_lawful_length(from, until)
            {
                found.add(&until_at, Reason::SuspensionLength);
            }
            let suspension = Suspension { from: from?, until: until? };
            Some(SuspensionInput { request_id: id?, party: party?, suspension })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::test_kit::*;

    fn request(from: &str, until: &str, lift: bool) -> node::SuspendSettlementRequest {
        node::SuspendSettlementRequest {
            request_id: "one".to_owned(),
            party: Some(payer()),
            from_date: from.to_owned(),
            until_date: until.to_owned(),
            lift,
        }
    }

    #[test]
    fn a_suspension_has_two_days_and_a_lifting_one() {
        let regions = regions();
        let day = |text| Day::parse(text).unwrap();
        let read = |from, until, lift| {
            reader(&regions).suspension(&request(from, until, lift)).map(|it| it.suspension)
        };
        let suspension = Suspension { from: day("2026-11-21"), until: Some(day("2027-02-21")) };
        assert_eq!(read("2026-11-21", "2027-02-21", false), Ok(suspension));
        assert_eq!(read("2026-11-21", "", true), Ok(Suspension { until: None, ..suspension }));
        for (from, until, lift, field, reason) in [
            ("2026-11-21", "2027-02-20", false, "until_date", Reason::SuspensionLength),
            ("2026-11-21", "", false, "until_date", Reason::FieldRequired),
            ("2026-11-21", "2027-02-30", false, "until_date", Reason::DateMalformed),
            ("2026-11-21", "2027-02-21", true, "until_date", Reason::ValueUnsupported),
            ("", "2027-02-21", false, "from_date", Reason::FieldRequired),
            ("21.11.2026", "2027-02-21", false, "from_date", Reason::DateMalformed),
        ] {
            assert_eq!(found(read(from, until, lift)), one(field, reason), "{from} {until}");
        }
    }
}
