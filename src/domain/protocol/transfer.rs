//! A transfer: its content, its states, and the table states × events, total.

use crate::domain::protocol::kind::Kind;
use crate::domain::value::stored_enum::stored_enum;
use crate::domain::value::{Digest, Kinship, Money, Person, ProvinceCode, RegionCode};

stored_enum! {
    /// Where a transfer stands at the hub.
    TransferState {
        /// Received, not decided.
        Pending = 1 "pending",
        /// The payee has been asked to accept; the payer's hold stays.
        AwaitingAcceptance = 2 "awaiting_acceptance",
        /// Decided: both sides record it.
        Committed = 3 "committed",
        /// Decided: neither side records it.
        Aborted = 4 "aborted",
        /// The payee has accepted; both sides are asked once more, by the id, for votes that bind.
        Accepted = 5 "accepted",
    }
}

stored_enum! {
    /// Where a proposed compensation stands. Once it is approved, its transfer says the rest.
    CompensationState {
        /// One operator has proposed it. Nothing was moved, and no province knows of it.
        Proposed = 1 "proposed",
        /// A second operator has approved it: its transfer has begun.
        Approved = 2 "approved",
        /// Withdrawn before anybody had approved it.
        Withdrawn = 3 "withdrawn",
    }
}

stored_enum! {
    /// The hub's decision.
    Outcome {
        /// Both sides record it.
        Commit = 1 "commit",
        /// Neither side records it.
        Abort = 2 "abort",
    }
}

/// What can happen to a transfer at the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEvent {
    /// A binding vote was the last one missing.
    AllVotedYes,
    /// The payee's side awaits acceptance.
    AcceptanceAsked,
    /// The payee accepts.
    Accepted,
    /// The payee declines, or has not taken it by the rule's hour.
    NotTaken,
    /// A refusal, the deadline, a restart, an inquiry for an unknown id.
    Refused,
}

/// What a transfer does about an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transition {
    /// It moves.
    To(TransferState),
    /// It was decided before; whoever comes second reports the first.
    Stays,
}

impl TransferState {
    /// The table states × events. Every cell is defined.
    pub fn on(self, event: TransferEvent) -> Transition {
        use TransferEvent::{AcceptanceAsked, AllVotedYes, NotTaken, Refused};
        use TransferState::{Aborted, AwaitingAcceptance, Committed, Pending};
        match (self, event) {
            (Pending | TransferState::Accepted, AllVotedYes) => Transition::To(Committed),
            (Pending, AcceptanceAsked) => Transition::To(AwaitingAcceptance),
            (AwaitingAcceptance, TransferEvent::Accepted) => Transition::To(TransferState::Accepted),
            (AwaitingAcceptance, NotTaken)
            | (Pending | AwaitingAcceptance | TransferState::Accepted, Refused) => Transition::To(Aborted),
            // An acceptance that came first stands: whoever declines, or finds the hour over, reports it.
            (Pending, TransferEvent::Accepted | NotTaken)
            | (AwaitingAcceptance, AllVotedYes | AcceptanceAsked)
            | (TransferState::Accepted, AcceptanceAsked | TransferEvent::Accepted | NotTaken)
            | (
                Committed | Aborted,
                AllVotedYes | AcceptanceAsked | TransferEvent::Accepted | NotTaken | Refused,
            ) => Transition::Stays,
        }
    }

    /// Whether nothing can change it any more.
    pub fn is_decided(self) -> bool {
        match self {
            TransferState::Committed | TransferState::Aborted => true,
            TransferState::Pending | TransferState::AwaitingAcceptance | TransferState::Accepted => false,
        }
    }
}

/// A person with his place of insurance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// The person, by number and name.
    pub person: Person,
    /// His pooling area, found from the code that was stated.
    pub region: RegionCode,
    /// The province whose node serves it.
    pub province: ProvinceCode,
}

/// What a transfer says, checked as far as its bytes and the region list allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// What it does.
    pub kind: Kind,
    /// The payer.
    pub payer: Party,
    /// The relative.
    pub payee: Party,
    /// What the payee is to the payer.
    pub kinship: Kinship,
    /// More than zero.
    pub amount: Money,
}

/// Keyed digests of what a repeat must say again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, borsh::BorshSerialize, borsh::BorshDeserialize)]
pub struct TermsDigests {
    /// Payer: number, name, region.
    pub payer: Digest,
    /// Payee: number, name, region.
    pub payee: Digest,
    /// The remark, normalised.
    pub remark: Digest,
    /// All of it, with kinship and amount: what travels to both provinces.
    pub whole: Digest,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decided_transfer_never_changes() {
        for state in [TransferState::Committed, TransferState::Aborted] {
            for event in EVENTS {
                assert_eq!(state.on(event), Transition::Stays);
            }
        }
    }

    /// Accept, decline and the hour contend: the first one wins, whatever comes second.
    #[test]
    fn an_acceptance_and_what_contends_with_it_exclude_each_other() {
        use TransferState::{Aborted, AwaitingAcceptance};
        assert_eq!(AwaitingAcceptance.on(TransferEvent::Accepted), Transition::To(TransferState::Accepted));
        assert_eq!(TransferState::Accepted.on(TransferEvent::NotTaken), Transition::Stays);
        assert_eq!(AwaitingAcceptance.on(TransferEvent::NotTaken), Transition::To(Aborted));
        assert_eq!(Aborted.on(TransferEvent::Accepted), Transition::Stays);
        // Money moves by votes that bind only: not before the acceptance, and not by it alone.
        assert_eq!(AwaitingAcceptance.on(TransferEvent::AllVotedYes), Transition::Stays);
    }

    const EVENTS: [TransferEvent; 5] = [
        TransferEvent::AllVotedYes,
        TransferEvent::AcceptanceAsked,
        TransferEvent::Accepted,
        TransferEvent::NotTaken,
        TransferEvent::Refused,
    ];
}
