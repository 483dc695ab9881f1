//! What a node journals.

use super::tables::Row;
use crate::domain::machine::record::{contents, records};
use crate::domain::machine::{
    IncidentAssigned, IncidentClosed, IncidentRaised, OperationAnswered, OperationProposed, PeerLineage,
    PeerSeen, TimeLowered, TimeNoted,
};
use crate::domain::protocol::{Kind, Outcome};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{
    AccountKind, Civil, Day, Digest, Insurance, Kinship, MemberRef, Money, RegionCode, Side, StartId,
    TransferId, Window,
};
use borsh::{BorshDeserialize, BorshSerialize};

contents! {
    /// A request of the province's own system, so that a repeat changes nothing.
    RequestMark {
        /// Keyed digest of the id that the caller chose, in hexadecimal.
        request_id: String,
        /// Keyed digest of its content.
        digest: Digest,
    }
    /// A leg as its node prepared it: enough to bring it back (the content of a sealed `leg_record`).
    PreparedLeg {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// Amount, more than zero.
        amount: Money,
        /// The other side's pooling area.
        counter_region: RegionCode,
        /// When the hub received the transfer; its day is the one whose limit it counts against.
        receipt_time: Civil,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// Rulebook that judged it.
        rulebook: Digest,
        /// When its node voted.
        prepare_time: Civil,
        /// This node's incarnation at the time.
        incarnation: u64,
    }
    /// It joined the hub and was given an incarnation.
    NodeJoined {
        /// This node's life.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A member's insurance and account state, as the province's own system reports it.
    MemberRecorded {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// How he is insured.
        insurance: Insurance,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// An allotment (划入) to a personal account.
    AccountCredited {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// Amount, more than zero.
        amount: Money,
        /// The month that it is for, as the number YYYYMM.
        period: u32,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A wallet was opened.
    WalletOpened {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// 使用地.
        use_region: RegionCode,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A leg voted yes: a hold, or a pending credit.
    LegPrepared {
        /// All of it.
        leg: PreparedLeg,
    }
    /// A leg voted no.
    LegRefused {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// Amount; zero where it could not be read.
        amount: Money,
        /// The other side's pooling area, if it could be read.
        counter_region: Option<RegionCode>,
        /// When the hub received the transfer.
        receipt_time: Civil,
        /// The reason of the refusal, with its details.
        refusal: RefusalRecord,
        /// Rulebook that judged it, if it came so far.
        rulebook: Option<Digest>,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// An abort came for an id never seen: it may never be prepared.
    LegTombstoned {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// The decision on a leg that had voted yes.
    LegDecided {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// Commit or abort.
        outcome: Outcome,
        /// Settlement window of a commit.
        window: Option<Window>,
        /// Gapless number of a commit.
        hub_seq: Option<u64>,
        /// When it was recorded here.
        time: Civil,
    }
    /// Restored: a committed leg that it had lost, from its own `leg_record`.
    LegReplayed {
        /// The leg as it was prepared.
        leg: PreparedLeg,
        /// Settlement window.
        window: Window,
        /// Gapless number.
        hub_seq: u64,
        /// When it was recorded here again.
        time: Civil,
        /// Whether it went to the province's suspense account, as it did before there was one for each member.
        suspense: bool,
    }
    /// Restored: the hub has told it all that it had lost; it serves again.
    NodeResynced {
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// With `NodeResynced`: from here on this store may lack legs that nobody could tell it yet.
    StoreRecovered {
        /// The incarnation in which it was whole again.
        incarnation: u64,
    }
    /// A request asked for what was so already. A repeat that comes late must not undo what others did since.
    RequestNoted {
        /// Id of the platform's request and digest of its content: a repeat changes nothing.
        request: RequestMark,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A leg waits for the payee's acceptance. Nothing is reserved; until when follows from its receipt.
    LegAwaited {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// Amount, more than zero.
        amount: Money,
        /// The other side's pooling area.
        counter_region: RegionCode,
        /// When the hub received the transfer.
        receipt_time: Civil,
        /// Digest of the whole terms.
        terms_digest: Digest,
        /// Rulebook that judged it.
        rulebook: Digest,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A leg that carries money back voted yes. Also how such a leg comes back after a loss: its decision
    /// follows then.
    ReturnPrepared {
        /// The leg, as any other that is prepared.
        leg: PreparedLeg,
        /// The committed transfer whose money it carries back.
        returns: TransferId,
        /// Which account it moves.
        account: AccountKind,
    }
    /// A leg of a kind that has no record of its own voted yes, or was posted. Also how such a leg comes back after a
    /// loss, or any that stands in suspense then, and how the payer's node records a posting: its decision follows.
    LegBound {
        /// The leg.
        leg: PreparedLeg,
        /// What the transfer does.
        kind: Kind,
        /// The committed transfer whose money it carries back, or that backs it, if there is one.
        original: Option<TransferId>,
        /// Which account it moves.
        account: AccountKind,
        /// Its number among the postings of that transfer: it was not voted on, but decided. None of a prepared kind.
        number: Option<u64>,
    }
    /// What stood in suspense of a member was set off against his account: paid out of it, or paid into it.
    SuspenseSetOff {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// His account beside which it stood.
        account: AccountKind,
        /// What it adds to that account. Negative: he owed it.
        amount: Money,
        /// The transfer that made it possible; none: an allotment, a report or an opened wallet did.
        transfer_id: Option<TransferId>,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A leg that was booked for nobody who was known is this member's: it stands in suspense of him from here on.
    LegNamed {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side,
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// The hub has told something of clearing.
    NoticeRecorded {
        /// Its number at the hub.
        number: u64,
        /// The number of the one before it; 0 of the first.
        previous: u64,
        /// What it says, as it came.
        content: Vec<u8>,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A wallet was opened for a member by a relative (代开通).
    WalletOpenedFor {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// 使用地.
        use_region: RegionCode,
        /// What the relative is to the member. Who he is, and what was shown, is sealed in the vault.
        opened_by: Kinship,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A wallet's place of use (使用地) was changed.
    WalletMoved {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// The new one.
        use_region: RegionCode,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A wallet was frozen.
    WalletFrozen {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// The province's own code for why.
        code: String,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A frozen wallet may be used again.
    WalletUnfrozen {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// The province's own code for why.
        code: String,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A wallet with nothing in it was closed (注销).
    WalletClosed {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
    /// A member is excluded from the network settlement (暂停联网结算), or no longer.
    SettlementSuspended {
        /// The member, by his random reference at this node.
        member_ref: MemberRef,
        /// The day of the decision.
        from: Day,
        /// First day on which settlement is open again; none: it was lifted.
        until: Option<Day>,
        /// The server's clock when it was journaled.
        time: Civil,
        /// The request that said so.
        request: RequestMark,
    }
}

// Numbers and versions; they never change, and the hub's are others.
records! { Row:
    PeerSeen 7 v 1, told back by Hub;
    IncidentRaised 8 v 1 about transfer_id, told back by Hub;
    NodeJoined 20 v 1, told back by Nobody;
    MemberRecorded 21 v 1, told back by Platform;
    AccountCredited 22 v 1, told back by Platform;
    WalletOpened 23 v 1, told back by Platform;
    LegPrepared 24 v 1 about leg.transfer_id, told back by Hub;
    LegRefused 25 v 1 about transfer_id, told back by Hub;
    LegTombstoned 26 v 1 about transfer_id, told back by Hub;
    LegDecided 27 v 1 about transfer_id, told back by Hub;
    LegReplayed 28 v 1 about leg.transfer_id, told back by Hub;
    NodeResynced 29 v 1, told back by Nobody;
    RequestNoted 30 v 1, told back by Platform;
    LegAwaited 32 v 1 about transfer_id, told back by Nobody;
    ReturnPrepared 34 v 1 about leg.transfer_id, told back by Hub;
    WalletOpenedFor 35 v 1, told back by Platform;
    WalletMoved 36 v 1, told back by Platform;
    WalletFrozen 37 v 1, told back by Platform;
    WalletUnfrozen 38 v 1, told back by Platform;
    WalletClosed 39 v 1, told back by Platform;
    SettlementSuspended 40 v 1, told back by Platform;
    LegBound 41 v 1 about leg.transfer_id, told back by Hub;
    TimeNoted 18 v 1, told back by Nobody;
    TimeLowered 19 v 1, told back by Nobody;
    OperationProposed 42 v 1 about operation_id, told back by Nobody;
    OperationAnswered 43 v 1 about operation_id, told back by Nobody;
    IncidentClosed 44 v 1 about transfer_id, told back by Nobody;
    SuspenseSetOff 45 v 1, told back by Nobody;
    LegNamed 47 v 1 about transfer_id, told back by Hub;
    NoticeRecorded 71 v 1, told back by Hub;
    StoreRecovered 48 v 1, told back by Nobody;
    IncidentAssigned 53 v 1 about transfer_id, told back by Nobody;
    PeerLineage 54 v 1, told back by Hub;
}
