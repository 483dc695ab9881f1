//! Persons and parties.

use crate::domain::protocol::Party;
use crate::domain::reason::Reason;
use crate::domain::value::{IdNumber, IdNumberError, Person, PersonName, ProvinceCode, RegionCode};
use crate::proto::types;
use crate::wire::reader::{Path, Reader, Violations, request_id, whole};
use crate::wire::status::Problem;

/// As much of a party as could be read, so that what needs two parties is checked even when a third thing is wrong.
#[derive(Debug, Default)]
pub struct PartyParts {
    /// Identity number.
    pub id_number: Option<IdNumber>,
    /// Name, normalised.
    pub name: Option<PersonName>,
    /// Pooling area and its province.
    pub place: Option<(RegionCode, ProvinceCode)>,
}

impl PartyParts {
    /// The party, if all of it could be read.
    pub fn whole(self) -> Option<Party> {
        let (id_number, name, (region, province)) = (self.id_number?, self.name?, self.place?);
        Some(Party { person: Person { id_number, name }, region, province })
    }
}

impl Reader<'_> {
    /// Reads a party: number, name, place, in this order.
    pub fn party(&self, at: &Path<'_>, party: Option<&types::Party>, found: &mut Violations) -> PartyParts {
        let Some(party) = found.need(at, Reason::FieldRequired, party) else {
            return PartyParts::default();
        };
        let (id_number, name) = self.person(&at.field("person"), party.person.as_ref(), found);
        PartyParts { id_number, name, place: self.place(&at.field("region_code"), &party.region_code, found) }
    }

    /// Reads what every request has that changes something about a person: its id, and who it is about.
    pub(super) fn asked_for(
        &self,
        id: &str,
        party: Option<&types::Party>,
        found: &mut Violations,
    ) -> (Option<String>, Option<Party>) {
        let id = request_id(&Path::Root.field("request_id"), id, found);
        (id, self.party(&Path::Root.field("party"), party, found).whole())
    }

    /// Reads a party that is all a request is about, as in `GetWallet`, under the field `party`.
    ///
    /// # Errors
    /// Those of [`Reader::party`], all of them.
    pub fn only_party(&self, party: Option<&types::Party>) -> Result<Party, Problem> {
        whole(|found| self.party(&Path::Root.field("party"), party, found).whole())
    }

    /// Reads a person: number and name.
    pub(super) fn person(
        &self,
        at: &Path<'_>,
        person: Option<&types::Person>,
        found: &mut Violations,
    ) -> (Option<IdNumber>, Option<PersonName>) {
        let Some(person) = found.need(at, Reason::FieldRequired, person) else {
            return (None, None);
        };
        let id_number = match IdNumber::parse(&person.id_number) {
            Ok(id_number) => Some(id_number),
            Err(error) => {
                let reason = match error {
                    IdNumberError::Malformed if person.id_number.is_empty() => Reason::FieldRequired,
                    IdNumberError::Malformed => Reason::IdNumberMalformed,
                    IdNumberError::CheckDigit => Reason::IdNumberCheckDigit,
                };
                found.add(&at.field("id_number"), reason);
                None
            }
        };
        let reason = if person.name.is_empty() { Reason::FieldRequired } else { Reason::NameMalformed };
        let name = (self.texts.name)(&person.name);
        let name = found.text(&at.field("name"), (reason, Reason::NameMalformed), name);
        (id_number, name)
    }
}

/// A person in clear; see [`party_to_proto`].
pub fn person_to_proto(person: &Person) -> types::Person {
    types::Person { id_number: person.id_number.reveal().to_owned(), name: person.name.reveal().to_owned() }
}

/// A person as everyone may see him.
pub fn masked_to_proto(person: &Person, region: RegionCode) -> types::MaskedParty {
    types::MaskedParty {
        name: person.name.masked(),
        id_number: person.id_number.masked(),
        region_code: region.to_string(),
    }
}
