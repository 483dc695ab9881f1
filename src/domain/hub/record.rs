//! What the hub journals.

use super::clearing::{self, ClearingEvent, RequestMark};
use super::{
    Row, Rows, accept, acks, awaiting, breaks, compensation, create, decide, heard, left_out, post, resolve,
    resync, windows,
};
use crate::domain::hub::breaks::{FoundBreak, Standing};
use crate::domain::machine::assign::assigned;
use crate::domain::machine::own::{began, close_incident, lower_time, note_time, put_incident, put_peer};
use crate::domain::machine::record::{contents, records};
use crate::domain::machine::{
    IncidentAssigned, IncidentClosed, IncidentRaised, OperationAnswered, OperationProposed, PeerLineage,
    PeerSeen, TimeLowered, TimeNoted, lineage, operation,
};
use crate::domain::protocol::{Kind, Outcome, PeerMark, TermsDigests};
use crate::domain::reason::RefusalRecord;
use crate::domain::value::{
    Civil, Digest, Kinship, Money, NumberRanges, ProvinceCode, RegionCode, Side, StartId, TransferId, Window,
};
use borsh::{BorshDeserialize, BorshSerialize};

contents! {
    /// What only a committed transfer has.
    CommitDetail {
        /// Settlement window.
        window: Window,
        /// Gapless number.
        hub_seq: u64,
        /// The payer's leg, sealed by its node.
        payer_leg: Vec<u8>,
        /// The payee's leg, sealed by its node.
        payee_leg: Vec<u8>,
    }
    /// It started.
    HubStarted {
        /// This life.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A transfer was received.
    TransferReceived {
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
        /// Amount, more than zero.
        amount: Money,
        /// Keyed digests of the content.
        digests: TermsDigests,
        /// The time that rules go by.
        receipt_time: Civil,
        /// How long it may stay undecided, in milliseconds.
        decide_within_ms: u64,
    }
    /// The one decision of a transfer, with what each province owes by it.
    TransferDecided {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// Commit or abort.
        outcome: Outcome,
        /// Why it was aborted.
        refusal: Option<RefusalRecord>,
        /// When the hub decided.
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
    /// A province has recorded decisions.
    DecisionsRecorded {
        /// The province whose node it is.
        province: ProvinceCode,
        /// The legs, by transfer and side.
        legs: Vec<(TransferId, Side)>,
    }
    /// An id that a province asked for and the hub did not know; from now on it is aborted.
    TransferTombstoned {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// Who asked.
        province: ProvinceCode,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A node's new life was admitted.
    NodeAdmitted {
        /// The node.
        province: ProvinceCode,
        /// Where its journal stood, with the incarnation that it was given.
        mark: PeerMark,
    }
    /// A node was restored, and is told again what it lost before it may vote.
    ResyncMoved {
        /// The node's province.
        province: ProvinceCode,
        /// Decisions up to this journal sequence are there again; nothing: it has everything.
        told: Option<u64>,
    }
    /// Restored: a transfer that it had lost, as the nodes know it. Its decision follows.
    TransferAdopted {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// Payer's pooling area.
        payer_region: RegionCode,
        /// Payer's province.
        payer_province: ProvinceCode,
        /// Payee's pooling area.
        payee_region: RegionCode,
        /// Payee's province.
        payee_province: ProvinceCode,
        /// Amount, more than zero.
        amount: Money,
        /// Keyed digest of the whole terms.
        terms_digest: Digest,
        /// The time that rules went by.
        receipt_time: Civil,
    }
    /// Restored together with a node: of a transfer that is adopted from the other side alone, that node's leg is lost,
    /// and its sealed record with it.
    LegLost {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg is lost.
        side: Side,
    }
    /// The node that had lost its leg has booked it to its member, whom the client of the transfer has named again.
    LegNamed {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The side whose leg was lost.
        side: Side,
        /// The leg, sealed by its node anew.
        leg_record: Vec<u8>,
    }
    /// Restored: every province's later decisions are adopted; it serves again, as a new life.
    HubRecovered {
        /// This life: higher than any that a node had seen.
        incarnation: u64,
        /// Its random id.
        start_id: StartId,
        /// The highest number of a commit that any node has recorded, adopted or not: it is not given again.
        hub_seq: u64,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Restored: a transfer that it has adopted carries money of another one back.
    ReturnAdopted {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The transfer whose money it carries back.
        returns: TransferId,
    }
    /// The payer's money is held, and the payee must accept.
    TransferAwaiting {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// What is not taken by then goes back.
        until: Civil,
        /// Payer's rulebook that judged it.
        payer_rulebook: Option<Digest>,
        /// Payee's rulebook that judged it.
        payee_rulebook: Option<Digest>,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// The payee has accepted. Not the decision: both sides are asked once more.
    TransferAccepted {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A transfer of a kind that has no record of its own was received.
    TransferBegun {
        /// What it does.
        kind: Kind,
        /// All else of it.
        received: TransferReceived,
    }
    /// A node has decided by itself what uses a committed transfer. Its decision by the hub follows.
    TransferPosted {
        /// Id of the posting.
        transfer_id: TransferId,
        /// What it does.
        kind: Kind,
        /// The transfer that backs it, whose places are its own.
        original: TransferId,
        /// Its number among the postings of that transfer.
        number: u64,
        /// Amount, more than zero where it is booked.
        amount: Money,
        /// Keyed digest of the whole terms.
        terms_digest: Digest,
        /// When its node decided it, by that node's clock.
        post_time: Civil,
        /// The leg, sealed by its node.
        leg_record: Vec<u8>,
    }
    /// Restored: a transfer that it has adopted is of this kind, which has no record of its own.
    KindAdopted {
        /// Id of the transfer.
        transfer_id: TransferId,
        /// What it does.
        kind: Kind,
        /// The transfer whose money it carries back, if it does.
        original: Option<TransferId>,
    }
    /// Two operators have left a province out of a recovery: it may hold commits with a higher number than this that
    /// the hub has lost.
    ProvinceLeftOut {
        /// The province that stays dark.
        province: ProvinceCode,
        /// Numbers of commits up to here are known.
        above: u64,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A province that was left out has told what it has recorded.
    ProvinceHeard {
        /// The province that is back.
        province: ProvinceCode,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Numbers of commits that the hub does not give: only provinces that were left out can have recorded them.
    NumbersSkipped {
        /// All of them, those of before included.
        numbers: NumberRanges,
        /// The next commit's number is higher than this.
        hub_seq: u64,
    }
    /// Commits are counted in this window from now on: the first one of this store, or that of an earlier day since a
    /// clock that was ahead is lowered.
    WindowOpened {
        /// The window.
        window: Window,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A window is closed: no commit is counted in it any more.
    WindowClosed {
        /// The window.
        window: Window,
        /// The window in which commits are counted from now on.
        next: Window,
        /// URI SAN of the operator who closed it; empty when its day was over.
        closer: String,
        /// The number of this event of clearing, as provinces are told it; none: they are told of later ones only.
        number: Option<u64>,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// See [`WindowClosed`]: before provinces were told.
    WindowClosedV1 {
        /// The window.
        window: Window,
        /// The window in which commits are counted from now on.
        next: Window,
        /// URI SAN of the operator who closed it; empty when its day was over.
        closer: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// A province has recorded what it was told of clearing.
    NoticesTold {
        /// Whose node it is.
        province: ProvinceCode,
        /// The number of the last event that it has.
        number: u64,
        /// Its node cannot be told: so far it counts as told.
        unread: bool,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Restored: events of clearing have lower numbers than the next one, adopted or not.
    EventsKept {
        /// The last number that is not given again.
        number: u64,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// An event of clearing.
    ClearingNoted {
        /// Its number: one more than that of the event before it.
        number: u64,
        /// What happened.
        event: ClearingEvent,
        /// The request that led to it; none: another event of the same request stands before it.
        request: Option<RequestMark>,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// An operator proposes to carry money of a committed transfer back. Nothing is moved yet.
    CompensationProposed {
        /// Chosen by the proposer.
        compensation_id: TransferId,
        /// The committed transfer.
        original_id: TransferId,
        /// Amount, more than zero.
        amount: Money,
        /// Why, in his words. No personal data.
        reason: String,
        /// Keyed digest of the whole terms.
        terms_digest: Digest,
        /// URI SAN of the operator.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Another operator has approved a compensation, which begins its transfer; or it was withdrawn.
    CompensationAnswered {
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
    /// A province's side of a closed window was compared with its node.
    WindowCompared {
        /// The window.
        window: Window,
        /// The province whose side it is.
        province: ProvinceCode,
        /// What it has led to.
        state: Standing,
        /// There may be more commits that differ than were found.
        incomplete: bool,
        /// How many commits of the province the window had.
        counted: u64,
        /// How many of them it had not recorded yet.
        pending_count: u64,
        /// How many of them were adopted after the window was closed.
        late_count: u64,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Hub and node do not have a commit alike.
    BreakFound {
        /// The window.
        window: Window,
        /// The province whose side differs.
        province: ProvinceCode,
        /// What differs.
        found: FoundBreak,
        /// By when it is to be closed.
        due_time: Civil,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Hub and node have a commit alike again.
    BreakEqual {
        /// The window.
        window: Window,
        /// The province whose side it is.
        province: ProvinceCode,
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Somebody looks into a break.
    BreakAssigned {
        /// The window.
        window: Window,
        /// The province whose side it is.
        province: ProvinceCode,
        /// Id of the transfer.
        transfer_id: TransferId,
        /// Who does.
        owner: String,
        /// What he should know.
        note: String,
        /// Chosen by the operator: a repeat changes nothing.
        request_id: String,
        /// URI SAN of the operator who said so.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// One operator would close a break.
    BreakCloseProposed {
        /// The window.
        window: Window,
        /// The province whose side it is.
        province: ProvinceCode,
        /// Id of the transfer.
        transfer_id: TransferId,
        /// The transfer or compensation that corrects it.
        correction: Option<TransferId>,
        /// What proves that nothing is open any more.
        proof: String,
        /// Chosen by the operator: a repeat changes nothing.
        request_id: String,
        /// URI SAN of the operator.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
    /// Another operator has said the same: the break is closed.
    BreakClosed {
        /// The window.
        window: Window,
        /// The province whose side it is.
        province: ProvinceCode,
        /// Id of the transfer.
        transfer_id: TransferId,
        /// URI SAN of the operator.
        operator: String,
        /// The server's clock when it was journaled.
        time: Civil,
    }
}

// Numbers and versions; they never change, and a node's are others.
records! { Row:
    HubStarted 1 v 1, told back by Nobody;
    TransferReceived 2 v 1 about transfer_id, told back by Node;
    TransferDecided 3 v 1 about transfer_id, told back by Node;
    DecisionsRecorded 4 v 1, told back by Node;
    TransferTombstoned 5 v 1 about transfer_id, told back by Nobody;
    NodeAdmitted 6 v 1, told back by Node;
    PeerSeen 7 v 1, told back by Node;
    IncidentRaised 8 v 1 about transfer_id, told back by Node;
    ResyncMoved 9 v 1, told back by Nobody;
    TransferAdopted 10 v 1 about transfer_id, told back by Node;
    HubRecovered 11 v 1, told back by Nobody;
    TransferAwaiting 12 v 1 about transfer_id, told back by Nobody;
    TransferAccepted 13 v 1 about transfer_id, told back by Nobody;
    ReturnAdopted 14 v 1 about transfer_id, told back by Node;
    TransferBegun 15 v 1 about received.transfer_id, told back by Node;
    TransferPosted 17 v 1 about transfer_id, told back by Node;
    KindAdopted 16 v 1 about transfer_id, told back by Node;
    CompensationProposed 31 v 1 about compensation_id, told back by Nobody;
    CompensationAnswered 33 v 1 about compensation_id, told back by Nobody;
    LegLost 46 v 1 about transfer_id, told back by Node;
    LegNamed 55 v 1 about transfer_id, told back by Node;
    ProvinceLeftOut 50 v 1, told back by Nobody;
    ProvinceHeard 51 v 1, told back by Nobody;
    NumbersSkipped 52 v 1, told back by Nobody;
    WindowOpened 60 v 1, told back by Nobody;
    WindowClosed 61 v 2 (v 1 WindowClosedV1), told back by Node;
    ClearingNoted 70 v 1, told back by Node;
    NoticesTold 72 v 1, told back by Node;
    EventsKept 73 v 1, told back by Nobody;
    WindowCompared 62 v 1, told back by Nobody;
    BreakFound 63 v 1 about found.transfer_id, told back by Nobody;
    BreakEqual 64 v 1 about transfer_id, told back by Nobody;
    BreakAssigned 65 v 1 about transfer_id, told back by Nobody;
    BreakCloseProposed 66 v 1 about transfer_id, told back by Nobody;
    BreakClosed 67 v 1 about transfer_id, told back by Nobody;
    TimeNoted 18 v 1, told back by Nobody;
    TimeLowered 19 v 1, told back by Nobody;
    OperationProposed 42 v 1 about operation_id, told back by Nobody;
    OperationAnswered 43 v 1 about operation_id, told back by Nobody;
    IncidentClosed 44 v 1 about transfer_id, told back by Nobody;
    IncidentAssigned 53 v 1 about transfer_id, told back by Nobody;
    PeerLineage 54 v 1, told back by Node;
}

impl From<WindowClosedV1> for WindowClosed {
    fn from(record: WindowClosedV1) -> WindowClosed {
        let WindowClosedV1 { window, next, closer, time } = record;
        WindowClosed { window, next, closer, number: None, time }
    }
}

impl Record {
    /// See [`crate::domain::machine::record::Record::apply`]. Each stands beside what makes the record.
    fn apply_to(&self, sequence: u64, rows: &mut Rows) {
        match self {
            Record::HubStarted(record) => began(record.incarnation, record.start_id, record.time, rows),
            Record::TransferReceived(record) => create::received(record, Kind::TRANSFER, sequence, rows),
            Record::TransferBegun(record) => create::received(&record.received, record.kind, sequence, rows),
            Record::TransferDecided(record) => decide::decided(record, sequence, rows),
            Record::DecisionsRecorded(record) => acks::recorded(record, sequence, rows),
            Record::TransferTombstoned(record) => resolve::tombstoned(record, rows),
            Record::NodeAdmitted(record) => put_peer(record.province, record.mark, rows),
            Record::PeerSeen(record) => put_peer(record.province, record.mark, rows),
            Record::ResyncMoved(record) => resync::moved(record, rows),
            Record::TransferAdopted(record) => heard::adopted(record, sequence, rows),
            Record::ReturnAdopted(record) => heard::return_adopted(record, rows),
            Record::TransferPosted(record) => post::recorded(record, sequence, rows),
            Record::LegLost(record) => heard::leg_lost(record, rows),
            // It says how the leg is brought back, and nothing of the transfer.
            Record::LegNamed(_) => {}
            Record::KindAdopted(record) => heard::kind_adopted(record, rows),
            Record::ProvinceLeftOut(record) => left_out::left_out(record, rows),
            Record::ProvinceHeard(record) => left_out::heard(record, rows),
            Record::NumbersSkipped(record) => left_out::skipped(record, rows),
            Record::HubRecovered(record) => heard::recovered(record, rows),
            Record::IncidentRaised(record) => put_incident(record, rows),
            Record::TimeNoted(record) => note_time(record.time, rows),
            Record::WindowOpened(record) => windows::opened(record, rows),
            Record::WindowClosed(record) => windows::closed(record, rows),
            Record::ClearingNoted(record) => clearing::noted(record, rows),
            Record::NoticesTold(record) => clearing::told_recorded(record, rows),
            Record::EventsKept(record) => clearing::kept(record, rows),
            Record::WindowCompared(record) => breaks::was_compared(record, rows),
            Record::BreakFound(record) => breaks::found(record, rows),
            Record::BreakEqual(record) => breaks::equal(record, rows),
            Record::BreakAssigned(record) => breaks::assigned(record, rows),
            Record::BreakCloseProposed(record) => breaks::close_proposed(record, rows),
            Record::BreakClosed(record) => breaks::closed(record, rows),
            Record::TimeLowered(record) => lower_time(record, rows),
            Record::OperationProposed(record) => operation::proposed(record, rows),
            Record::OperationAnswered(record) => operation::answered(record, rows),
            Record::IncidentClosed(record) => close_incident(record, rows),
            Record::IncidentAssigned(record) => assigned(record, rows),
            Record::PeerLineage(record) => lineage::told(record, rows),
            Record::TransferAwaiting(record) => awaiting::awaits(record, sequence, rows),
            Record::TransferAccepted(record) => accept::accepted(record, rows),
            Record::CompensationProposed(record) => compensation::proposed(record, rows),
            Record::CompensationAnswered(record) => compensation::answered(record, sequence, rows),
        }
    }
}
