//! What the hub keeps beside its journal.

pub use super::clearing::{
    CarriedRow, ClearingRequestRow, EventRow, LineRow, ObligationRow, PairRow, PaymentRow, PeriodRow,
    PrefundRow, SerialRow,
};
use crate::domain::hub::breaks::{Bucket, Standing};
use crate::domain::machine::table::{rows, tables};
use crate::domain::machine::{
    Filter, IncidentRow, OperationRow, Order, PeerRow, Scan, SelfRow, Term, VaultKeyRow,
};
use crate::domain::protocol::{CompensationState, Kind, TransferState};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{
    BySide, Civil, Digest, Kinship, Money, Period, ProvinceCode, RegionCode, Side, Sides, TransferId, Window,
};

rows! {
    /// A transfer as everyone may see it but for the persons, who stand masked in the vault.
    TransferRow {
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
        /// Amount, more than zero.
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
        /// State of the transfer.
        state: TransferState,
        /// Why it was aborted.
        refusal: Option<RefusalRecord>,
        /// When it was decided.
        decide_time: Option<Civil>,
        /// Settlement window of a committed transfer.
        window: Option<Window>,
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
        /// What it does.
        kind: Kind,
        /// Its number among the postings of its original; none of a prepared kind.
        number: Option<u64>,
        /// The number of the posting that was booked before it; none of a prepared kind.
        booked_after: Option<u64>,
        /// The number of the last posting that it backs, booked or parked; 0 when there is none.
        last_posting: u64,
        /// The number of the last one that was booked.
        last_booked: u64,
        /// How much of it the postings that it backs have used.
        used: Money,
        /// The sides whose nodes may have lost their legs, when the hub had lost the sealed records of them too.
        lost_side: Option<Sides>,
    }
    /// A proposal of one operator to carry money of a committed transfer back, and what another has said to it.
    CompensationRow {
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
        /// State of the proposal.
        state: CompensationState,
        /// Identity (URI SAN) of the operator who proposed it.
        proposer: String,
        /// When the first operator proposed it.
        propose_time: Civil,
        /// Identity of the operator who approved it, who is another one, or withdrew it.
        answerer: Option<String>,
        /// When it was approved or withdrawn; none while it waits.
        answer_time: Option<Civil>,
        /// The compensation of the same transfer that was proposed before it.
        previous: Option<TransferId>,
    }
    /// An id that a province asked for and the hub did not know. It is aborted, whatever comes later.
    TombstoneRow {
        /// Id of the transfer.
        transfer_id: TransferId;
        /// Who asked.
        province: ProvinceCode,
        /// When the tombstone was written.
        bury_time: Civil,
    }
    /// What a province owes (+) or is owed (−) in a window. Over all provinces of a window the sum is 0.
    PositionRow {
        /// The settlement window.
        window: Window,
        /// The province whose node it is.
        province: ProvinceCode;
        /// Positive: it owes; negative: it is owed.
        owed: Money,
        /// Transfers that it sent.
        sent_count: u64,
        /// Transfers that it received.
        received_count: u64,
    }
    /// What the commits of a window add up to that one province pays to another one.
    TotalRow {
        /// The settlement window.
        window: Window,
        /// The payer's province.
        payer_province: ProvinceCode,
        /// The payee's province.
        payee_province: ProvinceCode,
        /// What they do.
        kind: Kind;
        /// How many.
        count: u64,
        /// Their sum.
        amount: Money,
        /// The sum of the digests of the payer's legs; see [`row_digest`](crate::domain::protocol::total::row_digest).
        payer_digest: Digest,
        /// The same of the payee's legs.
        payee_digest: Digest,
    }
    /// Where clearing stands.
    ClearingRow {
        /// Always 0: there is one.
        slot: u64;
        /// The window in which commits are counted now.
        open: Window,
        /// The number of the last event of clearing; 0 before the first.
        events: u64,
    }
    /// A closed window.
    WindowRow {
        /// The window.
        window: Window;
        /// When it was closed.
        close_time: Civil,
        /// URI SAN of the operator who closed it; empty when its day was over.
        closer: String,
    }
    /// What comparing a province's side of a closed window with its node has led to.
    ComparisonRow {
        /// The closed window.
        window: Window,
        /// The province whose side it is.
        province: ProvinceCode;
        /// What it has led to.
        state: Standing,
        /// There may be more commits that differ than have breaks.
        incomplete: bool,
        /// How many commits of the province the window had then.
        counted: u64,
        /// How many of them it had not recorded yet.
        pending_count: u64,
        /// How many of them were adopted after the window was closed.
        late_count: u64,
        /// When it was compared last.
        compare_time: Civil,
    }
    /// A break (差错): a commit that hub and node do not have alike.
    BreakRow {
        /// The closed window.
        window: Window,
        /// The province whose side differs.
        province: ProvinceCode,
        /// Id of the transfer; zeros: the node contradicts itself, and none is named.
        transfer_id: TransferId;
        /// In which way.
        bucket: Bucket,
        /// Province of the other side.
        counterpart: ProvinceCode,
        /// Payer: the province has paid; payee: it has received.
        side: Side,
        /// What the transfer does.
        kind: Kind,
        /// The hub's number, or the node's where the hub has none.
        hub_seq: u64,
        /// Amount at the hub; none: it has no such commit.
        hub_amount: Option<Money>,
        /// Amount at the node; none: it has no such commit.
        node_amount: Option<Money>,
        /// When it was found, as it is.
        find_time: Civil,
        /// By when it is to be closed.
        due_time: Civil,
        /// Since when hub and node have it alike again; none: they have not.
        equal_time: Option<Civil>,
        /// Who looks into it.
        owner: Option<String>,
        /// What he should know. No personal data.
        note: Option<String>,
        /// Id of the request that made him its owner.
        request_id: Option<String>,
        /// The transfer or compensation that corrects it, as was said last.
        correction: Option<TransferId>,
        /// What proves that nothing is open any more, as was said last. No personal data.
        proof: Option<String>,
        /// URI SAN of the operator who said so.
        proposer: Option<String>,
        /// When he said so.
        propose_time: Option<Civil>,
        /// URI SAN of the other operator, who closed it.
        closer: Option<String>,
        /// When it was closed; none: it is open.
        close_time: Option<Civil>,
    }
    /// Vault: masked parties and remark of a transfer, sealed. Erasable by period.
    PartiesRow {
        /// Id of the transfer.
        transfer_id: TransferId;
        /// Masked payer and payee, remark; sealed.
        sealed: Vec<u8>,
        /// When it was received.
        receipt_time: Civil,
    }
}

tables! {
    Transfer = TransferRow "transfer" { transfer_id: TransferId }
    Compensation = CompensationRow "compensation" { compensation_id: TransferId }
    Tombstone = TombstoneRow "buried" { transfer_id: TransferId }
    Position = PositionRow "position" { window: Window, province: ProvinceCode }
    Total = TotalRow "window_total" {
        window: Window, payer_province: ProvinceCode, payee_province: ProvinceCode, kind: Kind
    }
    Clearing = ClearingRow "clearing" { slot: u64 }
    Window = WindowRow "closed_window" { window: Window }
    Period = PeriodRow "period" { period: Period }
    Pair = PairRow "pair_table" { period: Period, first: ProvinceCode, second: ProvinceCode }
    Line = LineRow "pair_line" {
        period: Period, payer_province: ProvinceCode, payee_province: ProvinceCode, kind: Kind
    }
    Carried = CarriedRow "carried" { transfer_id: TransferId }
    Obligation = ObligationRow "obligation" { period: Period, debtor: ProvinceCode, creditor: ProvinceCode }
    Payment = PaymentRow "payment" { payment_id: TransferId }
    Serial = SerialRow "bank_serial" { bank: String, serial: String }
    Prefund = PrefundRow "prefund" { debtor: ProvinceCode, creditor: ProvinceCode }
    Event = EventRow "clearing_event" { number: u64 }
    ClearingRequest = ClearingRequestRow "clearing_request" { request_id: TransferId }
    Comparison = ComparisonRow "window_comparison" { window: Window, province: ProvinceCode }
    Break = BreakRow "window_break" { window: Window, province: ProvinceCode, transfer_id: TransferId }
    Parties = PartiesRow "vault_parties" { transfer_id: TransferId }
}

impl Table {
    /// See [`crate::domain::machine::table::Table::is_vault`].
    pub fn is_vault(self) -> bool {
        matches!(self, Table::Parties | Table::Vault)
    }

    /// See [`crate::domain::machine::table::Table::holds_persons`].
    pub fn holds_persons(self) -> bool {
        false
    }
}

impl Key {
    /// Where clearing stands.
    pub const CLEARING: Key = Key::Clearing(0);
}

impl Row {
    /// See [`crate::domain::machine::table::Row::is_finished`].
    pub fn is_finished(&self) -> bool {
        match self {
            Row::Tombstone(_)
            | Row::Incident(_)
            | Row::Operation(_)
            | Row::Compensation(_)
            | Row::Window(_)
            | Row::Carried(_)
            | Row::Payment(_)
            | Row::Serial(_)
            | Row::Event(_)
            | Row::ClearingRequest(_)
            | Row::Parties(_) => true,
            Row::Pair(row) => row.final_time.is_some(),
            Row::Obligation(row) => row.confirmed == row.amount,
            Row::Transfer(row) => row.state.is_decided() && row.is_recorded_by_both(),
            Row::Position(_)
            | Row::Total(_)
            | Row::Comparison(_)
            | Row::Break(_)
            | Row::Clearing(_)
            | Row::Period(_)
            | Row::Line(_)
            | Row::Prefund(_)
            | Row::Peer(_)
            | Row::Own(_)
            | Row::Vault(_) => false,
        }
    }

    /// See [`crate::domain::machine::table::Row::violated`].
    pub fn violated(&self) -> Option<&'static str> {
        match self {
            Row::Transfer(row) if row.amount.fen() <= 0 => Some("transfer_amount_positive"),
            Row::Transfer(row) if row.used < Money::ZERO || row.used > row.amount => {
                Some("transfer_used_within_amount")
            }
            Row::Obligation(row) if row.confirmed > row.paid || row.paid > row.amount => {
                Some("obligation_paid_within_amount")
            }
            Row::Prefund(row) if row.used < Money::ZERO || row.used > row.deposited => {
                Some("prefund_used_within_deposited")
            }
            Row::Break(row)
                if row.close_time.is_some()
                    && (row.proposer.is_none() || row.closer.is_some() && row.closer == row.proposer) =>
            {
                Some("break_closed_by_two")
            }
            _ => None,
        }
    }
}

/// Transfers whose decision one side has not recorded, so also all that are undecided.
pub fn unfinished_transfers() -> Filter<Table> {
    Filter::all(Table::Transfer).and(Term::EitherMissing("payer_recorded_seq", "payee_recorded_seq"))
}

/// The earliest window of the commits in a store, by this scan's first row: a store of a program that closed no windows
/// begins with it.
pub fn first_window() -> Scan<Row> {
    Scan { filter: Filter::all(Table::Position), after: None, limit: 1 }
}

/// Transfers for which all terms of one of these hold, the newest first. What must hold of each branch comes by
/// [`Filter::and`].
pub fn transfers_where(branches: Vec<Vec<Term>>) -> Filter<Table> {
    Filter { table: Table::Transfer, branches, order: Order::Falling("receipt_time") }
}

impl TransferRow {
    /// Whether the hub had lost it, and has it back from the nodes.
    pub fn is_adopted(&self) -> bool {
        self.owner.is_empty()
    }

    /// The pooling area of each side.
    pub fn regions(&self) -> BySide<RegionCode> {
        BySide { payer: self.payer_region, payee: self.payee_region }
    }

    /// The province of each side.
    pub fn provinces(&self) -> BySide<ProvinceCode> {
        BySide { payer: self.payer_province, payee: self.payee_province }
    }

    /// The journal sequence at which each side's province had recorded the decision.
    pub fn recorded(&self) -> BySide<Option<u64>> {
        BySide { payer: self.payer_recorded_seq, payee: self.payee_recorded_seq }
    }
    /// Whether both provinces had recorded the decision.
    pub fn is_recorded_by_both(&self) -> bool {
        self.recorded().iter().all(|(_, sequence)| sequence.is_some())
    }

    /// The same once a side's province has recorded the decision.
    pub(super) fn recorded_by(self, side: Side, sequence: u64) -> TransferRow {
        let mut recorded = self.recorded();
        recorded[side] = Some(sequence);
        TransferRow { payer_recorded_seq: recorded.payer, payee_recorded_seq: recorded.payee, ..self }
    }
}
