//! What can happen to a node, what it tells those who wait, and what it wants done.

use super::notices::Noticed;
use super::suspend::Suspension;
use super::{PostRequest, WalletChange};
use crate::domain::machine::operation::{OperationRequest, OperationRow};
use crate::domain::machine::step::answers;
use crate::domain::machine::{AssignRequest, IncidentRow, Kept, OtherAnswer, Ticket, VaultChange};
use crate::domain::node::record::RequestMark;
use crate::domain::node::tables::{AccountRow, HolderRow, LegRow, MemberRow, PersonRow, Row, WalletRow};
use crate::domain::protocol::{Ack, Decision, LegRead, Notice, PeerMark, Posting, Question, Ruling, Vote};
use crate::domain::reason::RefusalRecord;
use crate::domain::rules::rulebook::Rulebook;
use crate::domain::value::{Digest, Insurance, Kinship, MemberRef, Money, RegionCode, Side, TransferId};
use std::sync::Arc;

/// What can happen to a node.
#[derive(Clone, Debug)]
pub enum Input {
    /// The hub gave this start its incarnation.
    Joined {
        /// The incarnation.
        incarnation: u64,
        /// The hub as it spoke.
        hub: PeerMark,
        /// Which store it has, if it says so.
        lineage: Option<Digest>,
        /// Whether the hub tells again what was lost here first.
        resync: bool,
        /// The life in which the hub last recovered from being restored; 0 when it never was.
        hub_recovered: u64,
    },
    /// The hub was restored and is hearing what it lost: what its earlier lives have sent means nothing from now on.
    HubRecovers,
    /// This store was restored from a backup: nothing is served until the hub has said that nothing is missing.
    Restored,
    /// The hub asks to prepare legs.
    Prepare {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Vec<Vote>>,
        /// The hub as it spoke.
        hub: PeerMark,
        /// The legs, each with the hash of its person's number.
        legs: Vec<LegRead>,
    },
    /// The hub tells decisions.
    Decide {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Vec<Ack>>,
        /// The hub as it spoke.
        hub: PeerMark,
        /// The decisions.
        decisions: Vec<Decision>,
    },
    /// The hub tells what has happened in clearing.
    Notices {
        /// Gets how far its notices are here.
        ticket: Ticket<Noticed>,
        /// The hub as it spoke.
        hub: PeerMark,
        /// What it tells, in order; none: it only asks.
        notices: Vec<Notice>,
    },
    /// The hub answered our questions.
    Rulings {
        /// The hub as it spoke.
        hub: PeerMark,
        /// Its answers.
        rulings: Vec<Ruling>,
    },
    /// What stands against legs, without preparing them.
    Check {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Vec<Vec<RefusalRecord>>>,
        /// The legs, each with the hash of its person's number.
        legs: Vec<LegRead>,
    },
    /// The province's system reports a member.
    Upsert {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Upserted>,
        /// The report.
        report: Box<MemberReport>,
    },
    /// The province's system credits a personal account.
    Credit {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<Standing>>,
        /// Id of the platform's request and digest of its content: a repeat changes nothing.
        request: RequestMark,
        /// Whose account.
        member_ref: MemberRef,
        /// More than zero.
        amount: Money,
        /// The month that it is for, as the number YYYYMM.
        period: u32,
    },
    /// A wallet is to be opened.
    OpenWallet {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<Standing>>,
        /// Id of the platform's request and digest of its content: a repeat changes nothing.
        request: RequestMark,
        /// The member whose wallet it is, by his random reference at this node.
        member_ref: MemberRef,
        /// 使用地, a pooling area.
        use_region: RegionCode,
        /// What the relative is to the member who opens it for him (代开通), if one does.
        opened_by: Option<Kinship>,
        /// What is said beside, for the vault.
        holder: Option<HolderRow>,
    },
    /// An opened wallet is to be changed.
    ChangeWallet {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<Standing>>,
        /// Id of the platform's request and digest of its content: a repeat changes nothing.
        request: RequestMark,
        /// The member whose wallet it is, by his random reference at this node.
        member_ref: MemberRef,
        /// What becomes of the wallet.
        change: WalletChange,
    },
    /// How a member stands.
    Look {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<Standing>>,
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
    },
    /// A movement of a posted kind: this node decides it by itself.
    Post {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Arc<LegRow>>,
        /// What is to move.
        request: PostRequest,
    },
    /// An operator speaks of what two must agree on.
    Operate {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<OperationRow>>,
        /// The request, as the server read it.
        request: OperationRequest,
    },
    /// An operator says who looks into an incident.
    Assign {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<IncidentRow>>,
        /// The request, as the server read it.
        request: AssignRequest,
    },
    /// The questions could not be asked: ask again later.
    AskFailed {
        /// What was to be asked.
        questions: Vec<Question>,
    },
    /// The province's system reports a suspension from the network settlement, or its lifting.
    Suspend {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Box<Standing>>,
        /// Id of the platform's request and digest of its content: a repeat changes nothing.
        request: RequestMark,
        /// Whom.
        member_ref: MemberRef,
        /// From when and until when.
        suspension: Suspension,
    },
    /// Rows of the vault are to be written without a record: sealed anew, or a key that came or went.
    Keep {
        /// Names the caller that waits for the answer.
        ticket: Ticket<Kept>,
        /// What stands there, and what is to.
        changes: Vec<VaultChange<Row>>,
    },
    /// Another rulebook is in force from here on; legs that voted yes stay as they are.
    Rules(Arc<Rulebook>),
    /// Time has passed.
    Tick,
}

/// A member as the province's system reports him, and how the vault is to keep him.
#[derive(Clone, Debug)]
pub struct MemberReport {
    /// Id of the platform's request and digest of its content: a repeat changes nothing.
    pub request: RequestMark,
    /// How he is insured.
    pub insurance: Insurance,
    /// Whether the vault holds just this person already: then only what is said above can change.
    pub person_known: bool,
    /// The vault's row: a new reference, or the one that the vault holds already, which the bytes are sealed for.
    pub person: PersonRow,
}

/// What a node tells a waiting caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// To a prepare: a vote a leg, in order.
    Votes(Vec<Vote>),
    /// To decisions: a receipt each, in order.
    Acks(Vec<Ack>),
    /// To a check: what stands against each leg.
    Refusals(Vec<Vec<RefusalRecord>>),
    /// To a report, a credit, an opening or a look: how the member stands now.
    Standing(Box<Standing>),
    /// An operation as it stands.
    Operation(Box<OperationRow>),
    /// An incident as it stands.
    Incident(Box<IncidentRow>),
    /// To a posting: its leg.
    Posted(Arc<LegRow>),
    /// How far the hub's notices are here.
    Noticed(Noticed),
    /// How many rows of the vault were written.
    Kept(Kept),
    /// The vault has this reference for him, from another request meanwhile or from before it was restored: look him up
    /// again, and repeat with it.
    PersonChanged(MemberRef),
    /// Refused, nothing changed.
    Refused(RefusalRecord),
}

answers! {
    Answer {
        Votes(Vec<Vote>),
        Acks(Vec<Ack>),
        Refusals(Vec<Vec<RefusalRecord>>),
        Standing(Box<Standing>),
        Posted(Arc<LegRow>),
        Operation(Box<OperationRow>),
        Incident(Box<IncidentRow>),
        Noticed(Noticed),
        Kept(Kept),
    }
}

/// What becomes of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upserted {
    /// How the member stands now.
    Standing(Box<Standing>),
    /// See [`Answer::PersonChanged`].
    PersonChanged(MemberRef),
}

impl From<Box<Standing>> for Upserted {
    fn from(standing: Box<Standing>) -> Upserted {
        Upserted::Standing(standing)
    }
}

impl From<Upserted> for Answer {
    fn from(upserted: Upserted) -> Answer {
        match upserted {
            Upserted::Standing(standing) => Answer::Standing(standing),
            Upserted::PersonChanged(member_ref) => Answer::PersonChanged(member_ref),
        }
    }
}

impl TryFrom<Answer> for Result<Upserted, RefusalRecord> {
    type Error = OtherAnswer;

    fn try_from(answer: Answer) -> Result<Self, OtherAnswer> {
        match answer {
            Answer::Standing(standing) => Ok(Ok(Upserted::Standing(standing))),
            Answer::PersonChanged(member_ref) => Ok(Ok(Upserted::PersonChanged(member_ref))),
            Answer::Refused(refusal) => Ok(Err(refusal)),
            _ => Err(OtherAnswer),
        }
    }
}

/// How a member stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Whether the request changed anything.
    pub changed: bool,
    /// The entry that the request made, now or when it came first.
    pub entry_id: Option<u64>,
    /// Insurance.
    pub member: Option<MemberRow>,
    /// 个人账户.
    pub account: AccountRow,
    /// 医保钱包.
    pub wallet: Option<WalletRow>,
    /// What is in the wallet.
    pub wallet_account: AccountRow,
    /// What stands in suspense beside the account. Negative: he owes it.
    pub suspense: Money,
    /// The same beside the wallet.
    pub wallet_suspense: Money,
}

/// What a node wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask the hub about legs in doubt.
    Ask(Vec<Question>),
    /// Tell the hub what was decided here, in this order.
    Post(Vec<Posting>),
    /// Show this start to the hub at once: it speaks as a life that has not admitted it.
    Announce,
    /// Two operators have said that the civil clock is right.
    AcceptClock,
    /// People must look: the hub that admits this node is older than what was seen of it, or a copy.
    HubRefused,
    /// People must look: a contrary order was parked.
    Alarm(TransferId, Side),
}
