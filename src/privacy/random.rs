//! Random ids and numbers. The only source of randomness outside cryptography libraries.

use crate::domain::value::TransferId;
use std::cell::RefCell;

/// Length of a nonce for sealing, in bytes: long enough that random ones never meet.
pub(crate) const NONCE: usize = 24;

/// Nonces taken from the system at once: one call for each costs more than the sealing itself.
const NONCES: usize = 64;

thread_local! {
    /// Random nonces of this thread; each is taken out once.
    static STOCK: RefCell<Vec<[u8; NONCE]>> = const { RefCell::new(Vec::new()) };
}

/// A nonce that was never given before.
pub(crate) fn nonce() -> [u8; NONCE] {
    STOCK.with_borrow_mut(|stock| {
        stock.pop().unwrap_or_else(|| {
            stock.resize(NONCES, [0; NONCE]);
            fill(stock.as_flattened_mut());
            stock.swap_remove(0)
        })
    })
}

/// Fills a buffer with random bytes of the operating system.
pub(crate) fn fill(buffer: &mut [u8]) {
    // It fails only where the system has no source of randomness at all; no key or id could be made there.
    getrandom::fill(buffer).expect("the operating system gives random bytes");
}

/// 16 random bytes, such as a `MemberRef` or a `StartId` has.
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
    use std::collections::BTreeSet;

    #[test]
    fn transfer_ids_are_version_7_distinct_and_in_order() {
        let ids: Vec<TransferId> = (0..1000).map(|_| new_transfer_id()).collect();
        assert!(ids.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(ids.iter().all(|id| id.to_string().as_bytes()[14] == b'7'));
        assert!(ids.iter().all(|id| TransferId::parse(&id.to_string()) == Some(*id)));
    }

    #[test]
    fn random_bytes_and_nonces_differ() {
        assert_ne!(random_16(), random_16());
        let here = (0..1000).map(|_| nonce());
        let there =
            std::thread::spawn(|| (0..1000).map(|_| nonce()).collect::<Vec<_>>()).join().expect("ended");
        let all: BTreeSet<[u8; NONCE]> = here.chain(there).collect();
        assert_eq!(all.len(), 2000);
        assert!(!all.contains(&[0; NONCE]));
    }
}
