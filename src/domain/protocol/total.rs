//! What the commits of a window add up to, so that two servers compare them without reading them: how many they are,
//! their sum, and a digest that says whether they are the same.

use crate::domain::protocol::kind::Kind;
use crate::domain::value::{Digest, Money, Side, TransferId};
use sha2::{Digest as _, Sha256};

/// The digest of one committed leg: SHA-256 of `hub_seq` (8 bytes, big-endian), the id (16), the number of its kind
/// (1), its direction (1: paid, 2: received) and the amount in fen (8, big-endian).
pub fn row_digest(hub_seq: u64, id: TransferId, kind: Kind, side: Side, amount: Money) -> Digest {
    let mut hash = Sha256::new();
    hash.update(hub_seq.to_be_bytes());
    hash.update(id.0);
    hash.update([kind.number(), direction(side)]);
    hash.update(amount.fen().to_be_bytes());
    Digest(hash.finalize().into())
}

/// The digest of one committed leg in the totals of before: SHA-256 of the id, `hub_seq` and the amount in fen. They
/// are put together by exclusive or.
pub fn set_digest(hub_seq: u64, id: TransferId, amount: Money) -> Digest {
    let mut hash = Sha256::new();
    hash.update(id.0);
    hash.update(hub_seq.to_be_bytes());
    hash.update(amount.fen().to_be_bytes());
    Digest(hash.finalize().into())
}

fn direction(side: Side) -> u8 {
    match side {
        Side::Payer => 1,
        Side::Payee => 2,
    }
}

/// The sum of two digests modulo 2^256, both as big-endian numbers: a row that is there twice shows, and a total is
/// kept while rows come.
pub fn add_digest(sum: Digest, one: Digest) -> Digest {
    let (mut result, mut carry) = ([0u8; 32], 0u16);
    for at in (0..32).rev() {
        let digit = u16::from(sum.0[at]) + u16::from(one.0[at]) + carry;
        result[at] = digit.to_be_bytes()[1];
        carry = digit >> 8;
    }
    Digest(result)
}

/// The difference of two digests modulo 2^256: what is left of a sum once a part of it is known.
pub fn subtract_digest(sum: Digest, part: Digest) -> Digest {
    // −x is the complement of x, and one more.
    let mut one = Digest::default();
    one.0[31] = 1;
    add_digest(sum, add_digest(Digest(part.0.map(|byte| !byte)), one))
}

/// The exclusive or of two digests.
pub fn xor_digest(mut one: Digest, other: Digest) -> Digest {
    one.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte ^= other);
    one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_carry_and_end_at_two_to_the_256() {
        let number = |low: u8| {
            let mut bytes = [0; 32];
            bytes[31] = low;
            Digest(bytes)
        };
        let mut carried = [0; 32];
        carried[30] = 1;
        assert_eq!(add_digest(number(255), number(1)), Digest(carried));
        assert_eq!(add_digest(Digest([255; 32]), number(1)), Digest([0; 32]));
        let (a, b) = (Digest([0x9c; 32]), Digest([0x71; 32]));
        assert_eq!(add_digest(a, b), add_digest(b, a));
        assert_ne!(add_digest(add_digest(a, b), b), a, "twice is not never");
        assert_eq!(subtract_digest(add_digest(a, b), b), a);
        assert_eq!(subtract_digest(number(0), number(1)), Digest([255; 32]));
    }

    /// Worked by hand for those who write their own node: `printf` of the 34 bytes, and `sha256sum`.
    #[test]
    fn a_row_is_digested_as_the_contract_says() {
        let id = TransferId::parse("01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a").expect("an id");
        let amount = Money::from_fen(40_000);
        let digest = |side| row_digest(41, id, Kind::TRANSFER, side, amount);
        let (paid, received) = (digest(Side::Payer), digest(Side::Payee));
        assert_ne!(paid, received);
        assert_eq!(
            crate::domain::value::hex(&paid.0),
            "b67f78d62a247436cfcac2622e95dd304ed30360e8cbb4af5f207e5a349694bc"
        );
    }
}
