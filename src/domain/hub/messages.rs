//! What can happen to the hub, what it tells those who wait, and what it wants done.

use super::breaks::BreakInput;
use super::clearing::{Cleared, ClearingRequest, HeardNotice};
use super::{AcceptRequest, CompensationRequest, Page};
use crate::domain::hub::tables::{
    BreakRow, ComparisonRow, CompensationRow, PartiesRow, Row, TransferRow, WindowRow,
};
use crate::domain::machine::operation::{OperationRequest, OperationRow};
use crate::domain::machine::step::answers;
use crate::domain::machine::{AssignRequest, IncidentRow, Kept, OtherAnswer, Ticket, VaultChange};
use crate::domain::protocol::{
    Ack, Announced, Announcement, Decision, HeardLeg, Leg, LegId, PeerMark, Posting, Question, Ruling, Terms,
    TermsDigests, Vote,
};
use crate::domain::reason::RefusalRecord;
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Digest, ProvinceCode, Side, TransferId, Window};
use std::sync::Arc;

/// What can happen to the hub.
#[derive(Clone, Debug)]
pub enum Input {
    /// A client hands in a transfer, or repeats one.
    Create {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Arc<TransferRow>>,
        /// The request, as the server read it.
        request: Box<CreateRequest>,
    },
    /// A payee takes a transfer, or declines it.
    Accept {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Arc<TransferRow>>,
        /// The request, as the server read it.
        request: AcceptRequest,
    },
    /// An operator speaks of money that is to be carried back.
    Compensate {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Compensated>,
        /// The request, as the server read it.
        request: CompensationRequest,
    },
    /// An operator speaks of what two must agree on.
    Operate {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<OperationRow>>,
        /// The request, as the server read it.
        request: OperationRequest,
        /// Whether every node is known to read the name of a further window of a day.
        reads_cuts: bool,
    },
    /// An operator says who looks into an incident.
    Assign {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<IncidentRow>>,
        /// The request, as the server read it.
        request: AssignRequest,
    },
    /// A province's votes.
    Votes {
        /// The province whose node it is.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// Its votes.
        votes: Vec<Vote>,
    },
    /// Prepares did not reach a province, or their answer did not come back.
    PrepareFailed {
        /// The province whose node it is.
        province: ProvinceCode,
        /// Which transfers.
        transfer_ids: Vec<TransferId>,
    },
    /// A call with decisions ended without an answer, or the node could not read them: they rest, and are told again.
    DecideFailed {
        /// The province whose node it is.
        province: ProvinceCode,
        /// Which decisions.
        legs: Vec<LegId>,
    },
    /// A node has given no vote that counts, or can give none.
    NoVote {
        /// The province whose node it is.
        province: ProvinceCode,
        /// Which transfers, and why.
        refusals: Vec<(TransferId, RefusalRecord)>,
    },
    /// A province's receipts.
    Acks {
        /// The province whose node it is.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// What it was told.
        told: Vec<(TransferId, Side)>,
        /// Its receipts.
        acks: Vec<Ack>,
    },
    /// A province can, or cannot, be reached.
    Link {
        /// The province whose node it is.
        province: ProvinceCode,
        /// Whether it can.
        up: bool,
    },
    /// A node announces its start.
    Announce {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Announced>,
        /// The province whose node it is.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// What it says of itself.
        announcement: Box<Announcement>,
        /// Up to where it knows this hub's journal; nothing when what it has seen is not in that.
        knows_us_to: Option<u64>,
        /// Which store this hub has: the chain hash of its journal's first record.
        lineage: Option<Digest>,
    },
    /// A page of this hub's journal, for a node that is told again what it lost.
    ReadBack {
        /// The node's province.
        province: ProvinceCode,
        /// Which page.
        page: Page,
        /// Its decisions were made up to this sequence.
        upto: u64,
        /// Whether none was made after it then, so that this page is the last.
        end: bool,
        /// Its decisions on legs of the province, in the order of the journal.
        decisions: Vec<Decision>,
    },
    /// A node asks about legs in doubt.
    Resolve {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Vec<Ruling>>,
        /// The province whose node it is.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// Its questions.
        questions: Vec<Question>,
    },
    /// A node tells what it has decided by itself.
    Post {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Vec<Ruling>>,
        /// The province whose node it is.
        province: ProvinceCode,
        /// The node as it spoke.
        node: PeerMark,
        /// What it tells, in order of their numbers.
        postings: Vec<Posting>,
    },
    /// The hub starts: decisions that were never made are made now.
    Start {
        /// Undecided transfers and those that a province has not recorded, as stored.
        unfinished: Vec<TransferRow>,
        /// The store was restored from an older state: every node that may know more. Nothing: it was not.
        restored: Option<Vec<ProvinceCode>>,
        /// The earliest window of its commits; see [`first_window`](super::first_window).
        first_window: Option<Window>,
    },
    /// An operator closes the open window before its day is over.
    CloseWindow {
        /// Gets the window, closed.
        ticket: Ticket<WindowRow>,
        /// The window.
        window: Window,
        /// URI SAN of the operator.
        operator: String,
        /// A province whose node is not known to read the name of a further cut.
        unread_by: Option<ProvinceCode>,
    },
    /// A person asks for something in clearing.
    Clear {
        /// Gets what became of it.
        ticket: Ticket<Cleared>,
        /// The request, as the server read it.
        request: Box<ClearingRequest>,
    },
    /// Something is found, or said, of breaks.
    Breaks(BreakInput),
    /// A node has told a hub that was restored what it may have lost.
    Heard {
        /// The node's province.
        province: ProvinceCode,
        /// Its committed legs with later numbers, and its legs in doubt.
        legs: Vec<HeardLeg>,
        /// What it was told of clearing that this hub does not have.
        notices: Vec<HeardNotice>,
    },
    /// A province has recorded what it was told of clearing.
    NoticesTold {
        /// Whose node it is.
        province: ProvinceCode,
        /// The number of the last event that it has.
        number: u64,
        /// Its node cannot be told: so far it counts as told.
        unread: bool,
    },
    /// Rows of the vault are to be written without a record: sealed anew, or a key that came or went.
    Keep {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Kept>,
        /// What stands there, and what is to.
        changes: Vec<VaultChange<Row>>,
    },
    /// Another rulebook is in force from here on; legs that are being decided keep what they were judged by.
    Rules(Arc<Rulebook>),
    /// Time has passed.
    Tick,
}

/// A transfer as a client hands it in, checked as far as bytes and region list allow.
#[derive(Clone, Debug)]
pub struct CreateRequest {
    /// Chosen by the first client.
    pub transfer_id: TransferId,
    /// URI SAN of the client.
    pub owner: String,
    /// The terms of the transfer.
    pub terms: Terms,
    /// How the payer proved himself, as the client states it; no part of the content.
    pub verification: Option<Verification>,
    /// Keyed digests of it.
    pub digests: TermsDigests,
    /// Masked parties and remark for the vault.
    pub parties: PartiesRow,
    /// When to answer.
    pub wait: WaitMode,
    /// How long the client waits, in milliseconds.
    pub deadline_ms: u64,
}

/// When a client wants its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum WaitMode {
    /// At the decision.
    Decided,
    /// When both provinces have recorded it.
    Recorded,
}

/// What the hub tells a waiting caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The transfer as it stands.
    Transfer(Arc<TransferRow>),
    /// A compensation as it stands: proposed, or withdrawn. An approved one is answered with its transfer.
    Compensation(Box<CompensationRow>),
    /// An operation as it stands.
    Operation(Box<OperationRow>),
    /// An incident as it stands.
    Incident(Box<IncidentRow>),
    /// Whether a node's start is admitted.
    Announced(Announced),
    /// A ruling for each question, in order.
    Rulings(Vec<Ruling>),
    /// How many rows of the vault were written.
    Kept(Kept),
    /// A window, closed.
    Closed(WindowRow),
    /// What became of a request in clearing.
    Cleared(Cleared),
    /// What comparing a window has led to.
    Compared(ComparisonRow),
    /// A break as it stands.
    Break(Box<BreakRow>),
    /// Refused, nothing changed.
    Refused(RefusalRecord),
}

answers! {
    Answer {
        Transfer(Arc<TransferRow>),
        Operation(Box<OperationRow>),
        Incident(Box<IncidentRow>),
        Announced(Announced),
        Rulings(Vec<Ruling>),
        Kept(Kept),
        Closed(WindowRow),
        Cleared(Cleared),
        Compared(ComparisonRow),
        Break(Box<BreakRow>),
    }
}

/// What becomes of a compensation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Compensated {
    /// It is proposed, or withdrawn.
    Said(Box<CompensationRow>),
    /// It is approved: its transfer as it stands.
    Approved(Arc<TransferRow>),
}

impl From<Arc<TransferRow>> for Compensated {
    fn from(transfer: Arc<TransferRow>) -> Compensated {
        Compensated::Approved(transfer)
    }
}

impl From<Compensated> for Answer {
    fn from(compensated: Compensated) -> Answer {
        match compensated {
            Compensated::Said(row) => Answer::Compensation(row),
            Compensated::Approved(transfer) => Answer::Transfer(transfer),
        }
    }
}

impl TryFrom<Answer> for Result<Compensated, RefusalRecord> {
    type Error = OtherAnswer;

    fn try_from(answer: Answer) -> Result<Self, OtherAnswer> {
        match answer {
            Answer::Compensation(row) => Ok(Ok(Compensated::Said(row))),
            Answer::Transfer(transfer) => Ok(Ok(Compensated::Approved(transfer))),
            Answer::Refused(refusal) => Ok(Err(refusal)),
            _ => Err(OtherAnswer),
        }
    }
}

/// What the hub wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a province to prepare a leg.
    Prepare(ProvinceCode, Box<Leg>),
    /// Tell a province a decision.
    Decide(ProvinceCode, Decision),
    /// Somebody waits for the record of what the province was just told to decide.
    Flush(ProvinceCode),
    /// Read in this hub's journal, for a node that is told again what it lost.
    ReadBack(ProvinceCode, Page),
    /// Ask a node for what a hub that was restored may have lost: commits with a number above the first, what is in
    /// doubt there, and what it was told of clearing above the second.
    AskWhatWasLost(ProvinceCode, (u64, u64)),
    /// Something has happened in clearing of which provinces are to be told.
    News,
    /// What provinces tell of clearing under this number cannot be, and is not taken.
    NoticeRefused(u64),
    /// Two operators have said that the civil clock is right.
    AcceptClock,
    /// The hub has recovered, and speaks as this life from now on.
    Recovered(u64),
    /// People must look: a province rejected a decision, or a recovery had to decide.
    Alarm(TransferId, Side),
}
