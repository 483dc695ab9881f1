//! Where a province's part of a transfer stands.

use crate::domain::value::stored_enum::stored_enum;

stored_enum! {
    /// Where a leg stands at its node.
    LegState {
        /// Voted yes; bound until the decision comes.
        Prepared = 1 "prepared",
        /// Voted no.
        Refused = 2 "refused",
        /// Aborted before it was ever prepared here: a tombstone.
        Tombstone = 3 "buried",
        /// Committed.
        Committed = 4 "committed",
        /// Aborted after a yes.
        Aborted = 5 "aborted",
        /// Voted awaiting: nothing is reserved, and nothing is bound; known by its id when the payee accepts.
        Awaiting = 6 "awaiting",
    }
}
