//! Keyed hashes: what stands for a person or a content where neither may be stored. Equal for equal content under one
//! key, and worthless to who does not have the key, however short the content is.

use crate::domain::protocol::{Kind, Party, Terms, TermsDigests};
use crate::domain::value::{Digest, IdNumber, Money, TransferId};
use crate::privacy::key::{KeyedHash, VaultKey};
use crate::privacy::names::Form;
use hmac::Mac;

/// What a digest of a part of the terms is about; never changed, never given twice.
#[derive(Clone, Copy)]
enum Part {
    Payer = 1,
    Payee = 2,
    Remark = 3,
    Whole = 4,
    Compensation = 5,
}

/// Canonical bytes: the part, then each field behind its length, so that no two contents have the same bytes.
struct Fields(KeyedHash);

impl Fields {
    fn new(key: &KeyedHash, part: Part) -> Fields {
        Fields(key.clone().chain_update([part as u8]))
    }

    fn field(mut self, bytes: &[u8]) -> Fields {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
        self
    }

    /// The number of the form that the texts are in; the first one had none.
    fn form(self, form: Form) -> Fields {
        if form == Form::First { self } else { self.field(&[form.number()]) }
    }

    fn digest(self) -> Digest {
        Digest(self.0.finalize().into_bytes().into())
    }
}

impl VaultKey {
    /// What the vault finds a person by: keyed hash of the identity number.
    pub fn id_hash(&self, number: &IdNumber) -> Digest {
        let hash = self.id_hash.clone().chain_update(number.reveal().as_bytes());
        Digest(hash.finalize().into_bytes().into())
    }

    /// Digests of a transfer's terms and of its remark, both in this form, for comparing repeats field by field;
    /// `whole` covers payer, payee, kinship, amount, remark and kind. The id is part of each, so that a
    /// journal does not show which transfers one person made.
    pub fn terms_digests(
        &self,
        form: Form,
        transfer_id: TransferId,
        terms: &Terms,
        remark: &str,
    ) -> TermsDigests {
        let payer = self.party_digest(Part::Payer, form, transfer_id, &terms.payer);
        let payee = self.party_digest(Part::Payee, form, transfer_id, &terms.payee);
        let remark = Fields::new(&self.terms, Part::Remark)
            .field(&transfer_id.0)
            .field(remark.as_bytes())
            .form(form)
            .digest();
        let mut whole = Fields::new(&self.terms, Part::Whole)
            .field(&payer.0)
            .field(&payee.0)
            .field(&terms.kinship.number().to_be_bytes())
            .field(&terms.amount.fen().to_be_bytes())
            .field(&remark.0);
        // From before a transfer named its kind.
        if terms.kind != Kind::TRANSFER {
            whole = whole.field(&[terms.kind.number()]);
        }
        TermsDigests { payer, payee, remark, whole: whole.digest() }
    }

    /// Digest of a compensation's whole terms: its id, the transfer whose money goes back, and how much.
    pub fn compensation_digest(&self, id: TransferId, original: TransferId, amount: Money) -> Digest {
        Fields::new(&self.terms, Part::Compensation)
            .field(&id.0)
            .field(&original.0)
            .field(&amount.fen().to_be_bytes())
            .digest()
    }

    /// Keyed digest of a person as the payee of this transfer, in this form: that of its terms, if he is.
    pub fn payee_digest(&self, form: Form, transfer_id: TransferId, payee: &Party) -> Digest {
        self.party_digest(Part::Payee, form, transfer_id, payee)
    }

    fn party_digest(&self, part: Part, form: Form, transfer_id: TransferId, party: &Party) -> Digest {
        Fields::new(&self.terms, part)
            .field(&transfer_id.0)
            .field(party.person.id_number.reveal().as_bytes())
            .field(party.person.name.reveal().as_bytes())
            .field(&party.region.number().to_be_bytes())
            .form(form)
            .digest()
    }

    /// Keyed digest of a request's canonical bytes, for comparing repeats of a `request_id`.
    pub fn request_digest(&self, canonical: &[u8]) -> Digest {
        Digest(self.request.clone().chain_update(canonical).finalize().into_bytes().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::{Kinship, Person, ProvinceCode, RegionCode};
    use crate::privacy::names::normalise_name;

    const ID: TransferId = TransferId([5; 16]);

    fn party(number: &str, name: &str, region: u32) -> Party {
        Party {
            person: Person {
                id_number: IdNumber::parse(number).expect("a published specimen"),
                name: normalise_name(name).expect("a name"),
            },
            region: RegionCode::new(region).expect("six digits"),
            province: ProvinceCode::new(u8::try_from(region / 10_000).expect("two digits")),
        }
    }

    fn terms() -> Terms {
        Terms {
            kind: Kind::TRANSFER,
            payer: party("11010519491231002X", "张三", 130_100),
            payee: party("440524188001010014", "李四", 510_100),
            kinship: Kinship::Parent,
            amount: Money::from_fen(40_000),
        }
    }

    fn key() -> VaultKey {
        VaultKey::from_bytes(&[7; 32])
    }

    /// Stored digests must be found again by every later version.
    #[test]
    fn digests_never_change() {
        never_change(Form::First, include_str!("../../tests/golden/digests_1.txt"));
        never_change(Form::Second, include_str!("../../tests/golden/digests_2.txt"));
    }

    fn never_change(form: Form, expected: &str) {
        let digests = key().terms_digests(form, ID, &terms(), "给妈妈");
        let number = &terms().payer.person.id_number;
        let found = [
            ("id", key().id_hash(number)),
            ("payer", digests.payer),
            ("payee", digests.payee),
            ("remark", digests.remark),
            ("whole", digests.whole),
            ("request", key().request_digest(b"request")),
            ("compensation", key().compensation_digest(ID, TransferId([6; 16]), Money::from_fen(40_000))),
        ];
        let lines: Vec<String> = found.iter().map(|(what, digest)| format!("{what} {digest:?}")).collect();
        assert_eq!(lines.join("\n"), expected.trim());
    }

    #[test]
    fn each_field_changes_its_digest_and_the_whole_and_no_other() {
        let before = key().terms_digests(Form::TODAY, ID, &terms(), "a");
        let mut payer = terms();
        payer.payer = party("11010519491231002X", "张三", 130_200);
        let mut payee = terms();
        payee.payee = party("440524188001010014", "李五", 510_100);
        let mut kinship = terms();
        kinship.kinship = Kinship::Child;
        let mut amount = terms();
        amount.amount = Money::from_fen(40_001);
        let cases =
            [(payer, "a", 0), (payee, "a", 1), (terms(), "b", 2), (kinship, "a", 3), (amount, "a", 3)];
        for (terms, remark, changed) in cases {
            let after = key().terms_digests(Form::TODAY, ID, &terms, remark);
            let differs =
                [after.payer != before.payer, after.payee != before.payee, after.remark != before.remark];
            assert!(differs.iter().enumerate().all(|(at, differs)| *differs == (at == changed)), "{changed}");
            assert_ne!(after.whole, before.whole, "{changed}");
        }
    }

    #[test]
    fn the_same_terms_look_different_under_another_id() {
        let (first, second) = (
            key().terms_digests(Form::TODAY, ID, &terms(), "a"),
            key().terms_digests(Form::TODAY, TransferId([6; 16]), &terms(), "a"),
        );
        assert_ne!(first.payer, second.payer);
        assert_ne!(first.payee, second.payee);
        assert_ne!(first.remark, second.remark);
        assert_ne!(first.whole, second.whole);
    }

    #[test]
    fn the_same_person_looks_different_on_each_side_and_under_each_key() {
        let mut terms = terms();
        terms.payee = terms.payer.clone();
        let digests = key().terms_digests(Form::TODAY, ID, &terms, "");
        assert_ne!(digests.payer, digests.payee);
        assert_ne!(
            VaultKey::from_bytes(&[8; 32]).terms_digests(Form::TODAY, ID, &terms, "").payer,
            digests.payer
        );
    }
}
