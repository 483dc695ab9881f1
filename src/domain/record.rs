//! What is journaled: one canonical (borsh), versioned encoding for each kind of record. Records are never edited;
//! a change of content is a new version, and the decoder of the old one stays.

use crate::domain::calendar::{Civil, Day};
use crate::domain::id::{Digest, MemberRef, StartId, TransferId};
use crate::domain::kinship::Kinship;
use crate::domain::member::{AccountState, InsuranceStatus, InsuranceType};
use crate::domain::money::Money;
use crate::domain::numbered::numbered;
use crate::domain::reason::RefusalRecord;
use crate::domain::region::{ProvinceCode, RegionCode};
use crate::domain::transfer::{Outcome, Side, TermsDigests};
use borsh::{BorshDeserialize, BorshSerialize};

numbered! {
    /// Where a leg stands at its node.
    LegState {
        /// Voted yes; bound until the decision comes.
        Prepared = 1 "prepared",
        /// Voted no.
        Refused = 2 "refused",
        /// Aborted before it was ever prepared here: a tombstone.
        Buried = 3 "buried",
        /// Committed.
        Committed = 4 "committed",
        /// Aborted after a yes.
        Aborted = 5 "aborted",
        /// Voted awaiting: nothing is reserved, and nothing is bound; known by its id when the payee accepts.
        Awaiting = 6 "awaiting",
    }
}

/// How far a server's journal had come when it spoke: travels in every message between hub and node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, BorshSerialize, BorshDeserialize)]
pub struct PeerMark {
    /// Which of its lives.
    pub incarnation: u64,
    /// Random id of that life.
    pub start_id: StartId,
    /// Journal sequence.
    pub sequence: u64,
    /// Chain hash at that sequence.
    pub head_hash: Digest,
}

/// A request of the province's own system, so that a repeat changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct RequestMark {
    /// Keyed digest of the id that the caller chose, in hexadecimal.
    pub request_id: String,
    /// Keyed digest of its content.
    pub digest: Digest,
}

/// A leg as its node prepared it: enough to bring it back (the content of a sealed `leg_record`).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PreparedLeg {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Whose part.
    pub side: Side,
    /// The member.
    pub member_ref: MemberRef,
    /// Amount.
    pub amount: Money,
    /// The other side's pooling area.
    pub counter_region: RegionCode,
    /// When the hub received the transfer; its day is the one whose limit it counts against.
    pub receipt_time: Civil,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
    /// Rulebook that judged it.
    pub rulebook: Digest,
    /// When.
    pub prepare_time: Civil,
    /// This node's incarnation at the time.
    pub incarnation: u64,
}

/// What only a committed transfer has.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CommitDetail {
    /// Settlement window.
    pub window: Day,
    /// Gapless number.
    pub hub_seq: u64,
    /// The payer's leg, sealed by its node.
    pub payer_leg: Vec<u8>,
    /// The payee's leg, sealed by its node.
    pub payee_leg: Vec<u8>,
}

/// Declares the records: number, version and content of each kind.
macro_rules! records {
    ($($(#[$meta:meta])* $name:ident $kind:literal v $version:literal {
        $($(#[$doc:meta])* $field:ident: $ty:ty),* $(,)?
    })+) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
            pub struct $name { $($(#[$doc])* pub $field: $ty),* }

            impl From<$name> for Record {
                fn from(record: $name) -> Record { Record::$name(record) }
            }
        )+

        /// One record of a journal.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Record { $($(#[$meta])* $name($name)),+ }

        impl Record {
            /// The number of its kind; never changes.
            pub fn kind(&self) -> u16 {
                match self { $(Record::$name(_) => $kind),+ }
            }

            /// The name of its kind, for people.
            pub fn name(&self) -> &'static str {
                match self { $(Record::$name(_) => stringify!($name)),+ }
            }

            /// The version of its content that is written today.
            pub fn version(&self) -> u8 {
                match self { $(Record::$name(_) => $version),+ }
            }

            /// Its canonical bytes.
            pub fn encode(&self) -> Vec<u8> {
                match self { $(Record::$name(record) => borsh::to_vec(record).unwrap_or_default()),+ }
            }

            /// The record that these bytes hold.
            pub fn decode(kind: u16, version: u8, bytes: &[u8]) -> Result<Record, DecodeError> {
                match (kind, version) {
                    $(($kind, $version) => borsh::from_slice(bytes).map(Record::$name)
                        .map_err(|_| DecodeError::Content { kind, version }),)+
                    _ => Err(DecodeError::Unknown { kind, version }),
                }
            }
        }
    };
}

/// Why bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A kind or version that this program does not know: a newer one wrote it, or it is damaged.
    #[error("record kind {kind} version {version} is unknown to this program")]
    Unknown {
        /// Number of the kind.
        kind: u16,
        /// Version of its content.
        version: u8,
    },
    /// The bytes do not fit.
    #[error("record kind {kind} version {version} does not hold what it should")]
    Content {
        /// Number of the kind.
        kind: u16,
        /// Version of its content.
        version: u8,
    },
}

records! {
    /// Hub: it started.
    HubStarted 1 v 1 {
        /// This life.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// When.
        time: Civil,
    }
    /// Hub: a transfer was received.
    TransferReceived 2 v 1 {
        /// Chosen by the first client.
        transfer_id: TransferId,
        /// URI SAN of the client that owns the id.
        owner: String,
        /// Payer's pooling area.
        payer_region: RegionCode,
        /// Payer's province.
        payer_province: ProvinceCode,
        /// Payee's pooling area.
        payee_region: RegionCode,
        /// Payee's province.
        payee_province: ProvinceCode,
        /// What the payee is to the payer.
        kinship: Kinship,
        /// Amount.
        amount: Money,
        /// Keyed digests of the content.
        digests: TermsDigests,
        /// The time that rules go by.
        receipt_time: Civil,
        /// How long it may stay undecided, in milliseconds.
        decide_within_ms: u64,
    }
    /// Hub: the one decision of a transfer, with what each province owes by it.
    TransferDecided 3 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// Commit or abort.
        outcome: Outcome,
        /// Why it was aborted.
        refusal: Option<RefusalRecord>,
        /// When.
        decide_time: Civil,
        /// Window, number and sealed legs of a commit.
        commit: Option<CommitDetail>,
        /// Payer's rulebook, if it judged.
        payer_rulebook: Option<Digest>,
        /// Payee's rulebook, if it judged.
        payee_rulebook: Option<Digest>,
        /// Whether the payer's province must be told (a side that was never asked, or voted no, need not be).
        payer_owed: bool,
        /// Whether the payee's province must be told.
        payee_owed: bool,
    }
    /// Hub: a province has recorded decisions.
    DecisionsRecorded 4 v 1 {
        /// The province.
        province: ProvinceCode,
        /// Which.
        legs: Vec<(TransferId, Side)>,
    }
    /// Hub: an id that a province asked for and the hub did not know; from now on it is aborted.
    TransferBuried 5 v 1 {
        /// The id.
        transfer_id: TransferId,
        /// Who asked.
        province: ProvinceCode,
        /// When.
        time: Civil,
    }
    /// Hub: a node's new life was admitted.
    NodeAdmitted 6 v 1 {
        /// The node.
        province: ProvinceCode,
        /// Where its journal stood, with the incarnation that it was given.
        mark: PeerMark,
    }
    /// Both: how far a peer's journal was seen to have come.
    PeerSeen 7 v 1 {
        /// The peer; 0 is the hub.
        province: ProvinceCode,
        /// How far.
        mark: PeerMark,
    }
    /// Both: a contrary order, parked for people. Nothing was changed.
    IncidentRaised 8 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// What was wrong.
        refusal: RefusalRecord,
        /// When.
        time: Civil,
    }
    /// Hub: a node was put back, and is told again what it lost before it may vote.
    ResyncMoved 9 v 1 {
        /// The node's province.
        province: ProvinceCode,
        /// Decisions up to this journal sequence are there again; nothing: it has everything.
        told: Option<u64>,
    }
    /// Hub, put back: a transfer that it had lost, as the nodes know it. Its decision follows.
    TransferAdopted 10 v 1 {
        /// The id.
        transfer_id: TransferId,
        /// Payer's pooling area.
        payer_region: RegionCode,
        /// Payer's province.
        payer_province: ProvinceCode,
        /// Payee's pooling area.
        payee_region: RegionCode,
        /// Payee's province.
        payee_province: ProvinceCode,
        /// Amount.
        amount: Money,
        /// Keyed digest of the whole terms.
        terms_digest: Digest,
        /// The time that rules went by.
        receipt_time: Civil,
    }
    /// Hub, put back: every province's later decisions are adopted; it serves again, as a new life.
    HubRecovered 11 v 1 {
        /// This life: higher than any that a node had seen.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// The highest number of a commit that any node has recorded, adopted or not: it is not given again.
        hub_seq: u64,
        /// When.
        time: Civil,
    }
    /// Hub: the payer's money is held, and the payee must accept.
    TransferAwaiting 12 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// What is not taken by then goes back.
        until: Civil,
        /// Payer's rulebook that judged it.
        payer_rulebook: Option<Digest>,
        /// Payee's rulebook that judged it.
        payee_rulebook: Option<Digest>,
        /// When.
        time: Civil,
    }
    /// Hub: the payee has accepted. Not the decision: both sides are asked once more.
    TransferAccepted 13 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// When.
        time: Civil,
    }
    /// Node: it joined the hub and was given an incarnation.
    NodeJoined 20 v 1 {
        /// This node's life.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// When.
        time: Civil,
    }
    /// Node: a member's insurance and account state, as the province's own system reports it.
    MemberRecorded 21 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// Pooling area.
        region: RegionCode,
        /// 310 or 390.
        insurance_type: InsuranceType,
        /// Whether it is in force.
        insurance_status: InsuranceStatus,
        /// 欠费.
        in_arrears: bool,
        /// 公费医疗.
        public_medical: bool,
        /// State of the personal account.
        account_state: AccountState,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: an allotment (划入) to a personal account.
    AccountCredited 22 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// How much.
        amount: Money,
        /// The month that it is for, as the number YYYYMM.
        period: u32,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a wallet was opened.
    WalletOpened 23 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// 使用地.
        use_region: RegionCode,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a leg voted yes: a hold, or a pending credit.
    LegPrepared 24 v 1 {
        /// All of it.
        leg: PreparedLeg,
    }
    /// Node: a leg voted no.
    LegRefused 25 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// Amount.
        amount: Money,
        /// The other side's pooling area, if it could be read.
        counter_region: Option<RegionCode>,
        /// When the hub received the transfer.
        receipt_time: Civil,
        /// Why.
        refusal: RefusalRecord,
        /// Rulebook that judged it, if it came so far.
        rulebook: Option<Digest>,
        /// When.
        time: Civil,
    }
    /// Node: an abort came for an id never seen: it may never be prepared.
    LegBuried 26 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// When.
        time: Civil,
    }
    /// Node: the decision on a leg that had voted yes.
    LegDecided 27 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// Commit or abort.
        outcome: Outcome,
        /// Settlement window of a commit.
        window: Option<Day>,
        /// Gapless number of a commit.
        hub_seq: Option<u64>,
        /// When it was recorded here.
        time: Civil,
    }
    /// Node, put back: a committed leg that it had lost, from its own `leg_record`.
    LegReplayed 28 v 1 {
        /// The leg as it was prepared.
        leg: PreparedLeg,
        /// Settlement window.
        window: Day,
        /// Gapless number.
        hub_seq: u64,
        /// When it was recorded here again.
        time: Civil,
        /// Whether it went to the suspense account: the member's own does not cover it, or is not there any more.
        suspense: bool,
    }
    /// Node, put back: the hub has told it all that it had lost; it serves again.
    NodeResynced 29 v 1 {
        /// When.
        time: Civil,
    }
    /// Node: a leg waits for the payee's acceptance. Nothing is reserved; until when follows from its receipt.
    LegAwaited 32 v 1 {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side,
        /// The member.
        member_ref: MemberRef,
        /// Amount.
        amount: Money,
        /// The other side's pooling area.
        counter_region: RegionCode,
        /// When the hub received the transfer.
        receipt_time: Civil,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// Rulebook that judged it.
        rulebook: Digest,
        /// When.
        time: Civil,
    }
    /// Node: a wallet was opened for a member by a relative (代开通).
    WalletOpenedFor 35 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// 使用地.
        use_region: RegionCode,
        /// What the relative is to the member. Who he is, and what was shown, is sealed in the vault.
        opened_by: Kinship,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a wallet's place of use (使用地) was changed.
    WalletMoved 36 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// The new one.
        use_region: RegionCode,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a wallet was frozen.
    WalletFrozen 37 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// The province's own code for why.
        code: String,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a frozen wallet may be used again.
    WalletUnfrozen 38 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// The province's own code for why.
        code: String,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a wallet with nothing in it was closed (注销).
    WalletClosed 39 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a member is excluded from the network settlement (暂停联网结算), or no longer.
    SettlementSuspended 40 v 1 {
        /// The member.
        member_ref: MemberRef,
        /// The day of the decision.
        from: Day,
        /// First day on which settlement is open again; none: it was lifted.
        until: Option<Day>,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
}

impl Record {
    /// The one transfer that a record is about, for the journal's index; none for those about several or none.
    pub fn transfer_id(&self) -> Option<TransferId> {
        match self {
            Record::TransferReceived(record) => Some(record.transfer_id),
            Record::TransferDecided(record) => Some(record.transfer_id),
            Record::TransferBuried(record) => Some(record.transfer_id),
            Record::IncidentRaised(record) => Some(record.transfer_id),
            Record::TransferAwaiting(record) => Some(record.transfer_id),
            Record::TransferAccepted(record) => Some(record.transfer_id),
            Record::LegPrepared(record) => Some(record.leg.transfer_id),
            Record::LegRefused(record) => Some(record.transfer_id),
            Record::LegBuried(record) => Some(record.transfer_id),
            Record::LegDecided(record) => Some(record.transfer_id),
            Record::LegReplayed(record) => Some(record.leg.transfer_id),
            Record::TransferAdopted(record) => Some(record.transfer_id),
            Record::LegAwaited(record) => Some(record.transfer_id),
            Record::HubStarted(_)
            | Record::DecisionsRecorded(_)
            | Record::NodeAdmitted(_)
            | Record::PeerSeen(_)
            | Record::ResyncMoved(_)
            | Record::HubRecovered(_)
            | Record::NodeResynced(_)
            | Record::NodeJoined(_)
            | Record::MemberRecorded(_)
            | Record::AccountCredited(_)
            | Record::WalletOpened(_)
            | Record::SettlementSuspended(_)
            | Record::WalletOpenedFor(_)
            | Record::WalletMoved(_)
            | Record::WalletFrozen(_)
            | Record::WalletUnfrozen(_)
            | Record::WalletClosed(_) => None,
        }
    }
}
