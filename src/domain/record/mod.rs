//! What is journaled: one canonical (borsh), versioned encoding for each kind of record. Records are never edited;
//! a change of content is a new version, and the decoder of the old one stays.

mod about;
mod declare;
mod parts;

use crate::domain::calendar::{Civil, Day};
use crate::domain::id::{Digest, MemberRef, StartId, TransferId};
use crate::domain::kinship::Kinship;
use crate::domain::ledger::AccountKind;
use crate::domain::member::{AccountState, InsuranceStatus, InsuranceType};
use crate::domain::money::Money;
use crate::domain::reason::RefusalRecord;
use crate::domain::region::{ProvinceCode, RegionCode};
use crate::domain::transfer::{Outcome, Side, TermsDigests};
use borsh::{BorshDeserialize, BorshSerialize};
pub use declare::DecodeError;
use declare::records;
pub use parts::{CommitDetail, LegState, PeerMark, PreparedLeg, RequestMark};

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
    /// Node: a request asked for what was so already. A repeat that comes late must not undo what others did since.
    RequestNoted 30 v 1 {
        /// The request.
        request: RequestMark,
        /// When.
        time: Civil,
    }
    /// Hub: an operator proposes to carry money of a committed transfer back. Nothing is moved yet.
    CompensationProposed 31 v 1 {
        /// Chosen by the proposer.
        compensation_id: TransferId,
        /// The committed transfer.
        original_id: TransferId,
        /// How much.
        amount: Money,
        /// Why, in his words. No personal data.
        reason: String,
        /// Keyed digest of the whole terms.
        terms_digest: Digest,
        /// URI SAN of the operator.
        operator: String,
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
    /// Hub: another operator has approved a compensation, which begins its transfer; or it was withdrawn.
    CompensationAnswered 33 v 1 {
        /// The compensation, and its transfer.
        compensation_id: TransferId,
        /// Approved; else withdrawn.
        approved: bool,
        /// URI SAN of the operator.
        operator: String,
        /// When; the receipt time of the transfer.
        time: Civil,
        /// How long the transfer may stay undecided, in milliseconds; 0 when it was withdrawn.
        decide_within_ms: u64,
    }
    /// Node: a leg that carries money back voted yes. Also how such a leg comes back after a loss: its decision
    /// follows then.
    ReturnPrepared 34 v 1 {
        /// The leg, as any other that is prepared.
        leg: PreparedLeg,
        /// The committed transfer whose money it carries back.
        returns: TransferId,
        /// Which account it moves.
        account: AccountKind,
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
