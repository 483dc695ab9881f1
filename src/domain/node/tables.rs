//! What a node keeps beside its journal.

use crate::domain::machine::table::{rows, tables};
use crate::domain::machine::{Filter, IncidentRow, OperationRow, PeerRow, SelfRow, Term, VaultKeyRow};
use crate::domain::protocol::{Kind, LegState};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{
    AccountKind, AccountState, Civil, Day, Digest, EntryKind, Insurance, InsuranceStatus, InsuranceType,
    Kinship, MemberRef, Money, ProvinceCode, RegionCode, Side, TransferId, WalletState, Window,
};

rows! {
    /// A member's insurance.
    MemberRow {
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
    /// The balance of one account. `posted − held` is never negative for a member's accounts.
    AccountRow {
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
    /// One line of an account's statement. Appended in order of booking, whoever's it is: statements of many
    /// members are never read together, but entries of many are always written together.
    EntryRow {
        /// 1, 2, 3 … over all accounts of the node.
        entry_id: u64;
        /// The member whose it is, by his random reference at this node.
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
        /// When it was booked.
        entry_time: Civil,
    }
    /// A member's 医保钱包.
    WalletRow {
        /// The member whose it is, by his random reference at this node.
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
    /// This province's part of a transfer; also the tombstone of an id that must never be prepared.
    LegRow {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg it is: the payer's or the payee's.
        side: Side;
        /// State of the leg at this node.
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
        /// When it was prepared, refused, or aborted unseen.
        prepare_time: Civil,
        /// When the decision was recorded here.
        decide_time: Option<Civil>,
        /// Settlement window, from the decision.
        window: Option<Window>,
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
        /// What the transfer does; a transfer's where that is not known (a tombstone, a refusal).
        kind: Kind,
        /// Its number among the postings of its original; none of a prepared kind.
        number: Option<u64>,
        /// The number of the last posting that it backs; 0 when there is none.
        last_posting: u64,
    }
    /// What the committed legs of a window add up to that this province has had with one pooling area.
    LegTotalRow {
        /// The settlement window.
        window: Window,
        /// Pooling area of the other side.
        counter_region: RegionCode,
        /// Payer: paid; payee: received.
        side: Side,
        /// What the transfers do.
        kind: Kind;
        /// How many.
        count: u64,
        /// Their sum.
        amount: Money,
        /// The sum of their digests; see [`row_digest`](crate::domain::protocol::total::row_digest).
        digest: Digest,
        /// As totals of before had it; see [`set_digest`](crate::domain::protocol::total::set_digest).
        set_digest: Digest,
        /// The smallest id.
        first_transfer_id: TransferId,
        /// The largest id.
        last_transfer_id: TransferId,
    }
    /// Answered requests of the province's own system, for repeats.
    RequestRow {
        /// Keyed digest of the id that the caller chose, in hexadecimal.
        request_id: String;
        /// Keyed digest of its content.
        digest: Digest,
        /// The entry that it made, if it made one.
        entry_id: Option<u64>,
        /// When it was carried out.
        done_time: Civil,
    }
    /// Vault: who is behind a reference. Mutable, sealed, outside the journal; deleting it forgets the person.
    PersonRow {
        /// Keyed hash of the identity number.
        id_hash: Digest;
        /// The random reference.
        member_ref: MemberRef,
        /// Number, name and phone, sealed. Empty: nobody has reported him since a restore, and a leg of his that came
        /// back keeps the reference for him.
        sealed: Vec<u8>,
    }
    /// Vault: what was said when a wallet was opened. Mutable, sealed, outside the journal.
    HolderRow {
        /// The member whose wallet it is, by his random reference at this node.
        member_ref: MemberRef;
        /// Phone; the relative who opened it for him and what the calling platform stated. Sealed.
        sealed: Vec<u8>,
    }
    /// Vault: what the person behind a reference is found by. Goes with his [`PersonRow`].
    FoundByRow {
        /// The random reference.
        member_ref: MemberRef;
        /// Keyed hash of the identity number.
        id_hash: Digest,
    }
}

tables! {
    Member = MemberRow "member" { member_ref: MemberRef }
    Account = AccountRow "account" { member_ref: MemberRef, kind: AccountKind }
    Entry = EntryRow "entry" { entry_id: u64 }
    Wallet = WalletRow "wallet" { member_ref: MemberRef }
    Leg = LegRow "leg" { transfer_id: TransferId, side: Side }
    LegTotal = LegTotalRow "leg_total" { window: Window, counter_region: RegionCode, side: Side, kind: Kind }
    Request = RequestRow "request" { request_id: String }
    Person = PersonRow "vault_person" { id_hash: Digest }
    Holder = HolderRow "vault_holder" { member_ref: MemberRef }
    FoundBy = FoundByRow "vault_found_by" { member_ref: MemberRef }
}

impl Table {
    /// See [`crate::domain::machine::table::Table::is_vault`].
    pub fn is_vault(self) -> bool {
        self.holds_persons() || matches!(self, Table::FoundBy | Table::Vault)
    }

    /// See [`crate::domain::machine::table::Table::holds_persons`].
    pub fn holds_persons(self) -> bool {
        matches!(self, Table::Person | Table::Holder)
    }
}

impl Row {
    /// See [`crate::domain::machine::table::Row::is_finished`].
    pub fn is_finished(&self) -> bool {
        match self {
            Row::Entry(_) | Row::Request(_) | Row::Incident(_) | Row::Operation(_) => true,
            Row::Leg(row) => !matches!(row.state, LegState::Prepared | LegState::Awaiting | LegState::Posted),
            Row::Peer(_)
            | Row::Own(_)
            | Row::Member(_)
            | Row::Account(_)
            | Row::LegTotal(_)
            | Row::Wallet(_)
            | Row::Person(_)
            | Row::Holder(_)
            | Row::FoundBy(_)
            | Row::Vault(_) => false,
        }
    }

    /// See [`crate::domain::machine::table::Row::violated`].
    pub fn violated(&self) -> Option<&'static str> {
        match self {
            Row::Leg(row) if row.amount.fen() < 0 => Some("leg_amount_not_negative"),
            Row::Account(row) if row.held.fen() < 0 => Some("account_held_not_negative"),
            Row::Account(row) if row.pending.fen() < 0 => Some("account_pending_not_negative"),
            Row::Account(row)
                if matches!(row.kind, AccountKind::Personal | AccountKind::Wallet)
                    && row.posted < row.held =>
            {
                Some("account_covers_holds")
            }
            _ => None,
        }
    }
}

/// Legs of which a node asks the hub from its start on: those in doubt, and those that were decided here and that the
/// hub has not booked yet.
pub fn open_legs() -> [Filter<Table>; 2] {
    [LegState::Prepared, LegState::Posted].map(|state| legs_in([state]))
}

/// Legs that voted yes and do not know the decision.
pub fn legs_in_doubt() -> Filter<Table> {
    legs_in([LegState::Prepared])
}

/// Legs in one of these states.
pub fn legs_in(states: impl IntoIterator<Item = LegState>) -> Filter<Table> {
    let states = states.into_iter().map(LegState::number).collect();
    Filter::all(Table::Leg).and(Term::OneOf("state", states))
}

impl PersonRow {
    /// Of a person who is known by this hash alone: the reference is kept for him until he is reported.
    pub fn awaited(id_hash: Digest, member_ref: MemberRef) -> PersonRow {
        PersonRow { id_hash, member_ref, sealed: Vec::new() }
    }

    /// Whether nobody has reported him yet.
    pub fn is_awaited(&self) -> bool {
        self.sealed.is_empty()
    }

    /// By what the person behind its reference is found.
    pub fn found_by(&self) -> FoundByRow {
        FoundByRow { member_ref: self.member_ref, id_hash: self.id_hash }
    }
}

impl MemberRow {
    /// A member who is insured so.
    pub fn new(member_ref: MemberRef, insurance: Insurance, update_time: Civil) -> MemberRow {
        MemberRow {
            member_ref,
            region: insurance.region,
            insurance_type: insurance.insurance_type,
            insurance_status: insurance.insurance_status,
            in_arrears: insurance.in_arrears,
            public_medical: insurance.public_medical,
            account_state: insurance.account_state,
            update_time,
            settlement_suspended_until: None,
        }
    }

    /// What rules look at of a member.
    pub fn insurance(&self) -> Insurance {
        Insurance {
            region: self.region,
            insurance_type: self.insurance_type,
            insurance_status: self.insurance_status,
            in_arrears: self.in_arrears,
            public_medical: self.public_medical,
            account_state: self.account_state,
        }
    }
}
