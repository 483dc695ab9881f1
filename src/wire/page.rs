//! Pages: how many rows, and tokens that say where the last page ended.

use crate::domain::reason::Reason;
use crate::domain::value::hex;
use crate::wire::status::Problem;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

/// Rows of a page when the caller says nothing.
pub const PAGE_DEFAULT: usize = 50;
/// Most rows of a page; who asks for more gets so many.
pub const PAGE_MAX: usize = 1000;

const CHECK_BYTES: usize = 8;

/// How many rows a page has.
///
/// # Errors
/// `PAGE_SIZE_INVALID` when negative.
pub fn page_size(asked: i32) -> Result<usize, Problem> {
    match usize::try_from(asked) {
        Ok(0) => Ok(PAGE_DEFAULT),
        Ok(size) => Ok(size.min(PAGE_MAX)),
        Err(_) => Err(Problem::field("page_size", Reason::PageSizeInvalid)),
    }
}

/// The token of a place in a list. `scope` names the method and its filters: a token is good only where it was given.
/// The checksum is no secret; it keeps made-up and mixed-up tokens from being taken for a place.
pub fn token(scope: &[u8], key: &[u8]) -> String {
    hex(&[key, &checksum(scope, key)[..CHECK_BYTES]].concat())
}

/// The place that a token names; nothing for the empty token, which is the beginning.
///
/// # Errors
/// `PAGE_TOKEN_INVALID`, about `field`, when this server did not give it for this scope.
pub fn read_token(field: &str, scope: &[u8], text: &str) -> Result<Option<Vec<u8>>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let genuine = HEXLOWER.decode(text.as_bytes()).ok().and_then(|mut bytes| {
        let check = bytes.split_off(bytes.len().checked_sub(CHECK_BYTES)?);
        (checksum(scope, &bytes)[..CHECK_BYTES] == check[..]).then_some(bytes)
    });
    genuine.map(Some).ok_or_else(|| Problem::field(field, Reason::PageTokenInvalid))
}

/// The same for a token whose place is one number, such as a journal sequence.
///
/// # Errors
/// As [`read_token`].
pub fn read_number_token(field: &str, scope: &[u8], text: &str) -> Result<Option<u64>, Problem> {
    match read_token(field, scope, text)? {
        None => Ok(None),
        Some(key) => match <[u8; 8]>::try_from(key) {
            Ok(bytes) => Ok(Some(u64::from_be_bytes(bytes))),
            Err(_) => Err(Problem::field(field, Reason::PageTokenInvalid)),
        },
    }
}

/// The token of a place that is one number.
pub fn number_token(scope: &[u8], number: u64) -> String {
    token(scope, &number.to_be_bytes())
}

fn checksum(scope: &[u8], key: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"gongji.page.v1\0");
    // The length keeps scope and key apart.
    hash.update(u64::try_from(scope.len()).unwrap_or(u64::MAX).to_be_bytes());
    hash.update(scope);
    hash.update(key);
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes() {
        assert_eq!(
            [0, 1, 1000, 1001, i32::MAX].map(|asked| page_size(asked).ok()),
            [50, 1, 1000, 1000, 1000].map(Some)
        );
        for negative in [-1, i32::MIN] {
            assert_eq!(page_size(negative).map_err(|problem| problem.reason), Err(Reason::PageSizeInvalid));
        }
    }

    #[test]
    fn a_token_is_good_only_where_it_was_given() {
        let given = number_token(b"list 13", 77);
        assert_eq!(read_number_token("page_token", b"list 13", &given), Ok(Some(77)));
        assert_eq!(read_number_token("page_token", b"list 13", ""), Ok(None));
        let refused = |scope: &[u8], text: &str| {
            read_number_token("page_token", scope, text)
                .map_err(|problem| (problem.reason, problem.violations.len()))
        };
        let invalid = Err((Reason::PageTokenInvalid, 1));
        assert_eq!(refused(b"list 14", &given), invalid);
        assert_eq!(refused(b"list 13", &given.to_uppercase().replace('0', "O")), invalid);
        for made_up in ["1", "00", "77", "zz", "é", "0000000000000000", &given[2..], &format!("{given}00")] {
            assert_eq!(refused(b"list 13", made_up), invalid, "{made_up}");
        }
        let longer = token(b"list 13", b"nine bytes");
        assert_eq!(read_token("page_token", b"list 13", &longer), Ok(Some(b"nine bytes".to_vec())));
        assert_eq!(refused(b"list 13", &longer), invalid);
    }

    #[test]
    fn every_changed_digit_is_noticed() {
        let given = token(b"entries", b"key");
        for at in 0..given.len() {
            let mut changed = given.clone().into_bytes();
            changed[at] = if changed[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(read_token("page_token", b"entries", &changed).is_err(), "{at}");
        }
    }
}
