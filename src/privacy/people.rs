//! What the vault holds, sealed: a node's persons, and the masked parties of the hub's transfers.

use crate::domain::protocol::Terms;
use crate::domain::value::{IdNumber, MemberRef, Person, TransferId};
use crate::privacy::key::{Use, VaultKey};
use crate::privacy::names::stored_name;
use crate::privacy::seal::SealError;
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

#[derive(BorshSerialize, BorshDeserialize)]
struct SealedPerson {
    number: String,
    name: String,
    phone: Option<String>,
}

/// Masked payer and payee of a transfer, with its remark: all that the hub keeps of the persons.
#[derive(Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MaskedParties {
    /// Payer's name, 张\*三.
    pub payer_name: String,
    /// Payer's identity number, 1301\*\*\*\*\*\*\*\*1234.
    pub payer_id: String,
    /// Payee's name, masked.
    pub payee_name: String,
    /// Payee's identity number, masked.
    pub payee_id: String,
    /// The remark, in clear: people write names into it.
    pub remark: String,
}

impl MaskedParties {
    /// Of these terms and this normalised remark.
    pub fn of(terms: &Terms, remark: &str) -> MaskedParties {
        MaskedParties {
            payer_name: terms.payer.person.name.masked(),
            payer_id: terms.payer.person.id_number.masked(),
            payee_name: terms.payee.person.name.masked(),
            payee_id: terms.payee.person.id_number.masked(),
            remark: remark.to_owned(),
        }
    }
}

impl fmt::Debug for MaskedParties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskedParties(****)")
    }
}

impl VaultKey {
    /// Seals a person for the vault row of this member.
    pub fn seal_person(&self, member_ref: MemberRef, person: &Person, phone: Option<&str>) -> Vec<u8> {
        let plain = SealedPerson {
            number: person.id_number.reveal().to_owned(),
            name: person.name.reveal().to_owned(),
            phone: phone.map(str::to_owned),
        };
        self.seal_as(Use::Person, &member_ref.0, &bytes(&plain))
    }

    /// The person and phone in a vault row of this member.
    pub fn open_person(
        &self,
        member_ref: MemberRef,
        sealed: &[u8],
    ) -> Result<(Person, Option<String>), SealError> {
        let plain = self.open_as(Use::Person, &member_ref.0, sealed)?;
        let SealedPerson { number, name, phone } =
            borsh::from_slice(&plain).map_err(|_| SealError::Content)?;
        let id_number = IdNumber::parse(&number).map_err(|_| SealError::Content)?;
        // It may have been stored in an earlier form.
        let name = stored_name(&name).ok_or(SealError::Content)?;
        Ok((Person { id_number, name }, phone))
    }

    /// Seals masked parties for the vault row of this transfer.
    pub fn seal_parties(&self, transfer_id: TransferId, parties: &MaskedParties) -> Vec<u8> {
        self.seal_as(Use::Parties, &transfer_id.0, &bytes(parties))
    }

    /// The masked parties in the vault row of this transfer.
    pub fn open_parties(&self, transfer_id: TransferId, sealed: &[u8]) -> Result<MaskedParties, SealError> {
        let plain = self.open_as(Use::Parties, &transfer_id.0, sealed)?;
        borsh::from_slice(&plain).map_err(|_| SealError::Content)
    }
}

fn bytes(value: &impl BorshSerialize) -> Vec<u8> {
    // Writing to memory fails only for texts of 4 GiB and more.
    borsh::to_vec(value).expect("a short text is written to memory")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::PersonName;

    fn person() -> Person {
        Person {
            id_number: IdNumber::parse("11010519491231002X").expect("the published specimen"),
            name: PersonName::new("张三").expect("a name"),
        }
    }

    #[test]
    fn a_person_opens_for_his_own_reference_only() {
        let key = VaultKey::from_bytes(&[7; 32]);
        for phone in [None, Some("13800000000")] {
            let sealed = key.seal_person(MemberRef([1; 16]), &person(), phone);
            let expected = (person(), phone.map(str::to_owned));
            assert_eq!(key.open_person(MemberRef([1; 16]), &sealed), Ok(expected));
            assert_eq!(key.open_person(MemberRef([2; 16]), &sealed), Err(SealError::NotAuthentic));
            let shows = |text: &str| sealed.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!shows("11010519491231002X") && !shows("张三"));
        }
    }

    #[test]
    fn a_person_and_parties_are_never_taken_for_each_other() {
        let key = VaultKey::from_bytes(&[7; 32]);
        let sealed = key.seal_person(MemberRef([1; 16]), &person(), None);
        assert_eq!(key.open_parties(TransferId([1; 16]), &sealed), Err(SealError::NotAuthentic));
        let other = key.seal_as(Use::Person, &[1; 16], b"not a person");
        assert_eq!(key.open_person(MemberRef([1; 16]), &other), Err(SealError::Content));
    }

    #[test]
    fn parties_open_for_their_own_transfer_only_and_print_nothing() {
        let key = VaultKey::from_bytes(&[7; 32]);
        let parties = MaskedParties {
            payer_name: person().name.masked(),
            payer_id: person().id_number.masked(),
            payee_name: "李*".to_owned(),
            payee_id: "4405********0014".to_owned(),
            remark: "给妈妈".to_owned(),
        };
        let sealed = key.seal_parties(TransferId([1; 16]), &parties);
        assert_eq!(key.open_parties(TransferId([1; 16]), &sealed), Ok(parties.clone()));
        assert_eq!(key.open_parties(TransferId([2; 16]), &sealed), Err(SealError::NotAuthentic));
        assert_eq!(format!("{parties:?}"), "MaskedParties(****)");
    }
}
