//! Random ids. The only source of randomness outside cryptography libraries.

use crate::domain::id::TransferId;

/// Fills a buffer with random bytes of the operating system.
pub(crate) fn fill(buffer: &mut [u8]) {
    // It fails only where the system has no source of randomness at all; no key or id could be made there.
    getrandom::fill(buffer).expect("the operating system gives random bytes");
}

/// 16 random bytes, for a [`MemberRef`](crate::domain::id::MemberRef) or a [`StartId`](crate::domain::id::StartId).
pub fn random_16() -> [u8; 16] {
    let mut bytes = [0; 16];
    fill(&mut bytes);
    bytes
}

/// A new transfer id for our own clients: a UUID version 7, so that ids are in time order and indexes only grow.
pub fn new_transfer_id() -> TransferId {
    TransferId(uuid::Uuid::now_v7().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transfer_ids_are_version_7_distinct_and_in_order() {
        let ids: Vec<TransferId> = (0..1000).map(|_| new_transfer_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.to_string().as_bytes()[14] == b'7'));
        assert!(
            ids.iter()
                .all(|id| TransferId::parse(&id.to_string()) == Some(*id))
        );
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random_16(), random_16());
    }
}
