//! Breaks (差错): commits that hub and node do not have alike, found when a closed window is compared.

use crate::domain::protocol::Kind;
use crate::domain::value::stored_enum::stored_enum;
use crate::domain::value::{Money, ProvinceCode, Side, TransferId};

stored_enum! {
    /// In which way they do not.
    Bucket {
        /// The hub knows no such transfer.
        MissingAtHub = 1 "MISSING_AT_HUB",
        /// The payer's node knows no such leg.
        MissingAtPayer = 2 "MISSING_AT_PAYER",
        /// The payee's node knows no such leg.
        MissingAtPayee = 3 "MISSING_AT_PAYEE",
        /// Both have it, with two amounts.
        Amount = 4 "AMOUNT",
        /// Both know it; one has not committed it, or under another number or in another window.
        State = 5 "STATE",
        /// One has committed it, the other does not know the decision.
        InDoubt = 6 "IN_DOUBT",
        /// It was adopted after its window had closed.
        Late = 7 "LATE",
        /// The node's totals are not those of the legs that it shows.
        Contradiction = 8 "CONTRADICTION",
    }
}

/// A commit that differs, as a comparison finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundBreak {
    /// Id of the transfer; zeros of a contradiction, which names none.
    pub transfer_id: TransferId,
    /// In which way.
    pub bucket: Bucket,
    /// Province of the other side.
    pub counterpart: ProvinceCode,
    /// Payer: the province has paid; payee: it has received.
    pub side: Side,
    /// What the transfer does.
    pub kind: Kind,
    /// The hub's number, or the node's where the hub has none.
    pub hub_seq: u64,
    /// Amount at the hub; none: it has no such commit.
    pub hub_amount: Option<Money>,
    /// Amount at the node; none: it has no such commit.
    pub node_amount: Option<Money>,
}
