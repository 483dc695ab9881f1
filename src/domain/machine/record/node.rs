//! What a node journals.

use super::declare::contents;
use super::parts::{PreparedLeg, RequestMark};
use crate::domain::protocol::transfer::Outcome;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, MemberRef, StartId, TransferId};
use crate::domain::value::kinship::Kinship;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::{AccountState, InsuranceStatus, InsuranceType};
use crate::domain::value::money::Money;
use crate::domain::value::region::RegionCode;
use crate::domain::value::side::Side;
use borsh::{BorshDeserialize, BorshSerialize};

contents! {
    /// Node: it joined the hub and was given an incarnation.
    NodeJoined {
        /// This node's life.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// When.
        time: Civil,
    }
    /// Node: a member's insurance and account state, as the province's own system reports it.
    MemberRecorded {
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
    AccountCredited {
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
    WalletOpened {
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
    LegPrepared {
        /// All of it.
        leg: PreparedLeg,
    }
    /// Node: a leg voted no.
    LegRefused {
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
    LegBuried {
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
    LegDecided {
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
    LegReplayed {
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
    NodeResynced {
        /// When.
        time: Civil,
    }
    /// Node: a request asked for what was so already. A repeat that comes late must not undo what others did since.
    RequestNoted {
        /// The request.
        request: RequestMark,
        /// When.
        time: Civil,
    }
    /// Node: a leg waits for the payee's acceptance. Nothing is reserved; until when follows from its receipt.
    LegAwaited {
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
    /// Node: a leg that carries money back voted yes. Also how such a leg comes back after a loss: its decision
    /// follows then.
    ReturnPrepared {
        /// The leg, as any other that is prepared.
        leg: PreparedLeg,
        /// The committed transfer whose money it carries back.
        returns: TransferId,
        /// Which account it moves.
        account: AccountKind,
    }
    /// Node: a wallet was opened for a member by a relative (代开通).
    WalletOpenedFor {
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
    WalletMoved {
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
    WalletFrozen {
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
    WalletUnfrozen {
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
    WalletClosed {
        /// The member.
        member_ref: MemberRef,
        /// When.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// Node: a member is excluded from the network settlement (暂停联网结算), or no longer.
    SettlementSuspended {
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
