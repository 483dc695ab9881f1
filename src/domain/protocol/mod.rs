//! What hub and nodes say to each other about a transfer, and the states that it goes through.

pub mod call;
pub mod kind;
pub mod leg;
pub mod message;
pub mod notice;
pub mod total;
pub mod transfer;

pub use call::{
    Announced, Announcement, HubReply, HubRequest, NodeReply, NodeRequest, PROTOCOL_VERSION, PeerMark,
};
pub use kind::Kind;
pub use leg::{Ask, Demands, HeardLeg, Leg, LegId, LegRead, LegRef, LegRefusal, LegState, LegTerms};
pub use message::{
    Ack, AckResult, Decision, LostLeg, Posting, PostingTerms, Question, REFUSED_ASK_MS, Ruling, Verdict,
    Vote, Whose,
};
pub use notice::Notice;
pub use transfer::{
    CompensationState, Outcome, Party, Terms, TermsDigests, TransferEvent, TransferState, Transition,
};
