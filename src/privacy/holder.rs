//! What was said when a wallet was opened: the phone number and, when a relative did it (代开通), who he is and what the
//! calling platform stated. All of it personal, so it stands sealed in the vault and in no journal.

use crate::domain::value::MemberRef;
use crate::privacy::key::{Use, VaultKey};
use crate::privacy::seal::SealError;
use borsh::{BorshDeserialize, BorshSerialize};
use std::fmt;

/// What was said.
#[derive(Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Holder {
    /// Phone number.
    pub phone: String,
    /// The relative who opened it, if one did.
    pub relative: Option<RelativeSaid>,
}

/// A relative, and what the calling platform stated of him.
#[derive(Clone, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RelativeSaid {
    /// Identity number.
    pub number: String,
    /// Name.
    pub name: String,
    /// What was seen and checked, by the platform's own words.
    pub statement: String,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder(****)")
    }
}

impl fmt::Debug for RelativeSaid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RelativeSaid(****)")
    }
}

impl VaultKey {
    /// Seals it for this member's row.
    pub fn seal_holder(&self, member_ref: MemberRef, holder: &Holder) -> Vec<u8> {
        // Writing to memory fails only for texts of 4 GiB and more.
        let plain = borsh::to_vec(holder).expect("a short text is written to memory");
        self.seal_as(Use::Holder, &member_ref.0, &plain)
    }

    /// What stands in this member's row.
    pub fn open_holder(&self, member_ref: MemberRef, sealed: &[u8]) -> Result<Holder, SealError> {
        let plain = self.open_as(Use::Holder, &member_ref.0, sealed)?;
        borsh::from_slice(&plain).map_err(|_| SealError::Content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_holder_opens_for_his_own_reference_only_and_shows_nothing() {
        let said = RelativeSaid {
            number: "11010519491231002X".to_owned(),
            name: "张三".to_owned(),
            statement: "已核验双方身份证影像".to_owned(),
        };
        let key = VaultKey::from_bytes(&[7; 32]);
        for relative in [None, Some(said)] {
            let holder = Holder { phone: "13800000000".to_owned(), relative };
            let sealed = key.seal_holder(MemberRef([1; 16]), &holder);
            assert_eq!(key.open_holder(MemberRef([1; 16]), &sealed), Ok(holder.clone()));
            assert_eq!(key.open_holder(MemberRef([2; 16]), &sealed), Err(SealError::NotAuthentic));
            let shows = |text: &str| sealed.windows(text.len()).any(|part| part == text.as_bytes());
            assert!(!shows("13800000000") && !shows("11010519491231002X") && !shows("身份证"));
            assert!(!format!("{holder:?}").contains("138"));
        }
    }
}
