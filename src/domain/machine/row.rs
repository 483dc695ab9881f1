//! What tables hold: typed rows and their keys, declared once. Stores know tables only by the column lists here.

use crate::domain::machine::table::tables;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::transfer::{CompensationState, TransferState};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::calendar::{Civil, Day};
use crate::domain::value::id::{Digest, MemberRef, StartId, TransferId};
use crate::domain::value::kinship::Kinship;
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::member::{AccountState, InsuranceStatus, InsuranceType, WalletState};
use crate::domain::value::money::Money;
use crate::domain::value::region::{ProvinceCode, RegionCode};
use crate::domain::value::side::Side;
use std::sync::Arc;

pub use crate::domain::machine::table::{Change, Stored, TableRow};
pub use crate::domain::value::column::{Column, Value};

tables! {
    /// Hub: a transfer as everyone may see it but for the persons, who stand masked in the vault.
    TransferRow "transfer" {
        /// Chosen by the first client.
        transfer_id: TransferId;
        /// Identity (URI SAN) of the client that the id belongs to.
        owner: String,
        /// Journal sequence of its reception: the order of lists.
        received_seq: u64,
        /// Payer's pooling area.
        payer_region: RegionCode,
        /// Payee's pooling area.
        payee_region: RegionCode,
        /// Payer's province.
        payer_province: ProvinceCode,
        /// Payee's province.
        payee_province: ProvinceCode,
        /// What the payee is to the payer; nothing when the hub lost it with its store (see `TransferAdopted`).
        kinship: Option<Kinship>,
        /// Amount.
        amount: Money,
        /// Keyed digest of the payer (number, name, region).
        payer_digest: Digest,
        /// Keyed digest of the payee.
        payee_digest: Digest,
        /// Keyed digest of the remark.
        remark_digest: Digest,
        /// Keyed digest of the whole terms; travels to both provinces.
        terms_digest: Digest,
        /// When the hub received it: the time that rules go by.
        receipt_time: Civil,
        /// Where it stands.
        state: TransferState,
        /// Why it was aborted.
        refusal: Option<RefusalRecord>,
        /// When it was decided.
        decide_time: Option<Civil>,
        /// Settlement window of a committed transfer.
        window: Option<Day>,
        /// Gapless number of a committed transfer.
        hub_seq: Option<u64>,
        /// Journal sequence of the decision.
        decided_seq: Option<u64>,
        /// Journal sequence at which the payer's province had recorded the decision.
        payer_recorded_seq: Option<u64>,
        /// Journal sequence at which the payee's province had recorded the decision.
        payee_recorded_seq: Option<u64>,
        /// Content hash of the payer's rulebook that judged it.
        payer_rulebook: Option<Digest>,
        /// Content hash of the payee's rulebook that judged it.
        payee_rulebook: Option<Digest>,
        /// By when the payee must take it; set once it awaits acceptance.
        await_until: Option<Civil>,
        /// Journal sequence from which it awaited acceptance.
        awaiting_seq: Option<u64>,
        /// When the payee accepted.
        accept_time: Option<Civil>,
        /// The committed transfer whose money it carries back; none: it carries nothing back.
        returns: Option<TransferId>,
        /// The latest compensation that was proposed for it; each names the one before it.
        compensation: Option<TransferId>,
    }
    /// Hub: a proposal of one operator to carry money of a committed transfer back, and what another has said to it.
    CompensationRow "compensation" {
        /// Chosen by the proposer; once it is approved, a transfer of its own has this id.
        compensation_id: TransferId;
        /// The committed transfer.
        original_id: TransferId,
        /// How much goes back.
        amount: Money,
        /// Why, in an operator's words. No personal data.
        reason: String,
        /// Keyed digest of its whole terms; travels to both provinces.
        terms_digest: Digest,
        /// Where it stands.
        state: CompensationState,
        /// Identity (URI SAN) of the operator who proposed it.
        proposer: String,
        /// When.
        propose_time: Civil,
        /// Identity of the operator who approved it, who is another one, or withdrew it.
        answerer: Option<String>,
        /// When.
        answer_time: Option<Civil>,
        /// The compensation of the same transfer that was proposed before it.
        previous: Option<TransferId>,
    }
    /// Hub: an id that a province asked for and the hub did not know. It is aborted, whatever comes later.
    BuriedRow "buried" {
        /// The id.
        transfer_id: TransferId;
        /// Who asked.
        province: ProvinceCode,
        /// When.
        bury_time: Civil,
    }
    /// Both: a contrary order, parked for people.
    IncidentRow "incident" {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side;
        /// What was wrong.
        refusal: RefusalRecord,
        /// When.
        raise_time: Civil,
    }
    /// Hub: what a province owes (+) or is owed (−) in a window. Over all provinces of a window the sum is 0.
    PositionRow "position" {
        /// The settlement window.
        window: Day,
        /// The province.
        province: ProvinceCode;
        /// Positive: it owes; negative: it is owed.
        owed: Money,
        /// Transfers that it sent.
        sent_count: u64,
        /// Transfers that it received.
        received_count: u64,
    }
    /// Both: the highest that was seen of a peer's journal, so that a restored or copied peer is noticed.
    PeerRow "peer" {
        /// The province; 0 at a node stands for the hub.
        province: ProvinceCode;
        /// The incarnation that it was last given.
        incarnation: u64,
        /// Its start id within that incarnation.
        start_id: StartId,
        /// Highest journal sequence seen.
        sequence: u64,
        /// Chain hash at that sequence.
        head_hash: Digest,
        /// Hub: the node was put back; decisions up to this journal sequence are told again. Nothing: it has all.
        resync: Option<u64>,
    }
    /// Both: this server's own counters.
    SelfRow "self" {
        /// Always 0: there is one.
        slot: u64;
        /// This start's incarnation (a node's is given by the hub).
        incarnation: u64,
        /// This start's random id.
        start_id: StartId,
        /// The last `hub_seq` given (hub) or the highest applied (node).
        hub_seq: u64,
        /// The number of the last line of any statement (node).
        entry_id: u64,
        /// The latest civil time used, so that time never runs backwards.
        civil: Civil,
        /// Hub: the incarnation in which it last recovered from being put back; 0 when it never was.
        recovered: u64,
    }
    /// Node: a member's insurance.
    MemberRow "member" {
        /// Who, without saying who.
        member_ref: MemberRef;
        /// Pooling area of insurance.
        region: RegionCode,
        /// 310 or 390.
        insurance_type: InsuranceType,
        /// Whether it is in force.
        insurance_status: InsuranceStatus,
        /// 欠费: behind with contributions.
        in_arrears: bool,
        /// 公费医疗: publicly funded, has no part in sharing.
        public_medical: bool,
        /// State of the personal account.
        account_state: AccountState,
        /// When any of this last changed.
        update_time: Civil,
        /// First day on which he is part of the network settlement again (暂停联网结算 until then); none: he is.
        settlement_suspended_until: Option<Day>,
    }
    /// Node: the balance of one account. `posted − held` is never negative for a member's accounts.
    AccountRow "account" {
        /// Whose; the zero reference owns the province's own accounts.
        member_ref: MemberRef,
        /// Which of his accounts.
        kind: AccountKind;
        /// What is there.
        posted: Money,
        /// What prepared payer legs have set aside.
        held: Money,
        /// What prepared payee legs will bring. Never spendable.
        pending: Money,
        /// How many entries it has; the last one's number in this account.
        entry_count: u64,
        /// The last entry's id; 0 when there is none. Each entry names the one before it.
        last_entry: u64,
        /// The latest day on which a transfer of this account was received.
        day: Day,
        /// Live and committed transfers of that day; holds included.
        day_count: u64,
        /// The day before it on which there was one.
        earlier_day: Day,
        /// Live and committed transfers of the earlier day.
        earlier_count: u64,
    }
    /// Node: one line of an account's statement. Appended in order of booking, whoever's it is: statements of many
    /// members are never read together, but entries of many are always written together.
    EntryRow "entry" {
        /// 1, 2, 3 … over all accounts of the node.
        entry_id: u64;
        /// Whose.
        member_ref: MemberRef,
        /// Which account.
        kind: AccountKind,
        /// 1, 2, 3 … in this account.
        entry_no: u64,
        /// The account's entry before this one; 0 when this is its first.
        previous: u64,
        /// Positive: in; negative: out.
        amount: Money,
        /// Posted balance after it.
        balance: Money,
        /// What it is.
        entry_kind: EntryKind,
        /// The transfer that made it.
        transfer_id: Option<TransferId>,
        /// The other place.
        counter_region: Option<RegionCode>,
        /// The month that an allotment is for, as the number YYYYMM.
        period: Option<u64>,
        /// When.
        entry_time: Civil,
    }
    /// Node: a member's 医保钱包.
    WalletRow "wallet" {
        /// Whose.
        member_ref: MemberRef;
        /// Open, frozen, closed.
        state: WalletState,
        /// 使用地: where its money may be used.
        use_region: RegionCode,
        /// When it was opened.
        open_time: Civil,
        /// What the relative is to the member who opened it for him (代开通); none when he did it himself.
        opened_by: Option<Kinship>,
        /// The province's own code for why it was last frozen or unfrozen; none when it was not since it was opened.
        state_code: Option<String>,
        /// When its state last changed.
        state_time: Civil,
    }
    /// Node: this province's part of a transfer; also the tombstone of an id that must never be prepared.
    LegRow "leg" {
        /// The transfer.
        transfer_id: TransferId,
        /// Whose part.
        side: Side;
        /// Where it stands.
        state: LegState,
        /// Digest of the terms that were voted on.
        terms_digest: Digest,
        /// The member; zero for a tombstone or a refusal before he was known.
        member_ref: MemberRef,
        /// Amount; zero for a tombstone.
        amount: Money,
        /// The other side's pooling area, if known.
        counter_region: Option<RegionCode>,
        /// The day whose limit it counts against.
        day: Day,
        /// When the hub received the transfer.
        receipt_time: Civil,
        /// Why it was refused.
        refusal: Option<RefusalRecord>,
        /// When it was prepared, refused or buried here.
        prepare_time: Civil,
        /// When the decision was recorded here.
        decide_time: Option<Civil>,
        /// Settlement window, from the decision.
        window: Option<Day>,
        /// The hub's number, from the decision.
        hub_seq: Option<u64>,
        /// Rulebook that judged it.
        rulebook: Option<Digest>,
        /// Incarnation of this node when it voted.
        incarnation: u64,
        /// Which account it moves: the member's, or the suspense account where none of his could take it.
        account: AccountKind,
        /// The committed transfer whose money it carries back; none: it carries nothing back.
        returns: Option<TransferId>,
        /// How much of it goes back, or has gone back, by later transfers that voted yes here and were not aborted.
        returned: Money,
    }
    /// Node: answered requests of the province's own system, for repeats.
    RequestRow "request" {
        /// Keyed digest of the id that the caller chose, in hexadecimal.
        request_id: String;
        /// Keyed digest of its content.
        digest: Digest,
        /// The entry that it made, if it made one.
        entry_id: Option<u64>,
        /// When it was carried out.
        done_time: Civil,
    }
    /// Node, vault: who is behind a reference. Mutable, sealed, outside the journal; deleting it forgets the person.
    PersonRow "vault_person" {
        /// Keyed hash of the identity number.
        id_hash: Digest;
        /// The random reference.
        member_ref: MemberRef,
        /// Number, name and phone, sealed.
        sealed: Vec<u8>,
    }
    /// Node, vault: what was said when a wallet was opened. Mutable, sealed, outside the journal.
    HolderRow "vault_holder" {
        /// Whose wallet.
        member_ref: MemberRef;
        /// Phone; the relative who opened it for him and what the calling platform stated. Sealed.
        sealed: Vec<u8>,
    }
    /// Hub, vault: masked parties and remark of a transfer, sealed. Erasable by period.
    PartiesRow "vault_parties" {
        /// The transfer.
        transfer_id: TransferId;
        /// Masked payer and payee, remark; sealed.
        sealed: Vec<u8>,
        /// When it was received.
        receipt_time: Civil,
    }
}
