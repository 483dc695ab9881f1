//! What happens in clearing: each event is journaled by the hub, numbered, and told to the provinces that it concerns.

use super::pair::{Line, Pair};
use crate::domain::machine::describe::{Describe, Details};
use crate::domain::machine::record::contents;
use crate::domain::value::stored_enum::stored_enum;
use crate::domain::value::{Day, Digest, Money, Period, ProvinceCode, TransferId, Window};
use borsh::{BorshDeserialize, BorshSerialize};

stored_enum! {
    /// How the provinces pay what they owe each other for a period.
    Scheme {
        /// Each pays each other one what it owes (按月全额清算).
        Gross = 1 "gross",
        /// Each pays, or is paid by, the national centre what is left of all it owes and is owed (差额清算).
        Net = 2 "net",
    }
}

stored_enum! {
    /// What moves a prefund (预付金).
    PrefundMove {
        /// The figure of a year is fixed. Moves no money.
        Figure = 1 "figure",
        /// The debtor has paid so much in: the year's figure, or a top-up (紧急调增).
        Payment = 2 "payment",
        /// What was left of the year before counts for this one.
        Carried = 3 "carried",
        /// The figure on the books was wrong: more, or less.
        Adjustment = 4 "adjustment",
    }
}

contents! {
    /// A window is closed.
    WindowEnded {
        /// The window.
        window: Window,
        /// The window in which commits are counted from then on.
        next: Window,
    }
    /// All windows of a month are closed, and it is cleared by this scheme.
    PeriodClosed {
        /// The month.
        period: Period,
        /// How it is paid.
        scheme: Scheme,
        /// The provinces that take part: each two of them have a table.
        provinces: Vec<ProvinceCode>,
        /// URI SAN of the operator.
        operator: String,
    }
    /// What two provinces owe each other for a period is published (清算表).
    TablePublished {
        /// The month.
        period: Period,
        /// The two.
        pair: Pair,
        /// 1, and one more after each objection.
        version: u64,
        /// What was carried between them, by direction and kind; none without a commit.
        lines: Vec<Line>,
        /// What the first owes the second.
        first_owes: Money,
        /// What the second owes the first.
        second_owes: Money,
        /// What is signed; see [`Pair::digest`].
        digest: Digest,
    }
    /// A person has signed a table for his province.
    TableSigned {
        /// The month.
        period: Period,
        /// The two provinces of the table.
        pair: Pair,
        /// Which version.
        version: u64,
        /// The digest that he names.
        digest: Digest,
        /// His province; 00: the national centre.
        province: ProvinceCode,
        /// His URI SAN.
        person: String,
        /// Whether he is the checker (复核), after the maker (制表).
        checks: bool,
    }
    /// An item of a table is cleared in a later period, since a province objects to it. A new version of the table
    /// follows.
    ItemCarried {
        /// The committed transfer.
        transfer_id: TransferId,
        /// What it adds to a line.
        line: Line,
        /// The month in whose table it was.
        from: Period,
        /// The month in which it is cleared.
        to: Period,
        /// How often it was carried, this time included.
        times: u64,
        /// The province that objects.
        province: ProvinceCode,
        /// URI SAN of the person.
        person: String,
        /// Why, as a code.
        code: String,
        /// Why, in his words. No personal data.
        note: String,
    }
    /// A payment for an obligation was made.
    PaymentRecorded {
        /// Chosen by the payer.
        payment_id: TransferId,
        /// The obligation's month.
        period: Period,
        /// The province that owes.
        debtor: ProvinceCode,
        /// The province that is owed.
        creditor: ProvinceCode,
        /// The bank that carried it.
        bank: String,
        /// Its serial number there.
        serial: String,
        /// Amount, more than zero.
        amount: Money,
        /// When it was paid.
        pay_day: Day,
        /// URI SAN of the person.
        person: String,
    }
    /// The creditor has received a payment.
    PaymentConfirmed {
        /// The payment.
        payment_id: TransferId,
        /// The province that has paid.
        debtor: ProvinceCode,
        /// The province that was paid.
        creditor: ProvinceCode,
        /// URI SAN of the person.
        person: String,
    }
    /// A payment does not count: it came back (退汇), or was recorded wrongly.
    PaymentVoided {
        /// The payment.
        payment_id: TransferId,
        /// The province that has paid, as was recorded.
        debtor: ProvinceCode,
        /// The province that was to be paid.
        creditor: ProvinceCode,
        /// Why, as a code.
        code: String,
        /// Why, in words. No personal data.
        note: String,
        /// URI SAN of the person.
        person: String,
    }
    /// What is owed and late is taken from the debtor's prefund that the creditor holds.
    ObligationCovered {
        /// The obligation's month.
        period: Period,
        /// The province that owes.
        debtor: ProvinceCode,
        /// The province that is owed, and holds the prefund.
        creditor: ProvinceCode,
        /// What the prefund has left, at most what is open.
        amount: Money,
        /// The last day on which it could be paid in time.
        due: Day,
        /// URI SAN of the person.
        person: String,
    }
    /// A prefund was moved, or its figure fixed.
    PrefundMoved {
        /// The province whose money it is.
        debtor: ProvinceCode,
        /// The province that holds it.
        creditor: ProvinceCode,
        /// What moves it.
        what: PrefundMove,
        /// How much; less than zero only by an adjustment.
        amount: Money,
        /// The year for which.
        year: u64,
        /// Bank serial number, or number of the document.
        reference: String,
        /// URI SAN of the person.
        person: String,
    }
}

/// One event. A new one is added at the end: journals hold their places.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum ClearingEvent {
    /// See [`WindowEnded`].
    WindowEnded(WindowEnded),
    /// See [`PeriodClosed`].
    PeriodClosed(PeriodClosed),
    /// See [`TablePublished`].
    TablePublished(TablePublished),
    /// See [`TableSigned`].
    TableSigned(TableSigned),
    /// See [`ItemCarried`].
    ItemCarried(ItemCarried),
    /// See [`PaymentRecorded`].
    PaymentRecorded(PaymentRecorded),
    /// See [`PaymentConfirmed`].
    PaymentConfirmed(PaymentConfirmed),
    /// See [`PaymentVoided`].
    PaymentVoided(PaymentVoided),
    /// See [`ObligationCovered`].
    ObligationCovered(ObligationCovered),
    /// See [`PrefundMoved`].
    PrefundMoved(PrefundMoved),
}

impl ClearingEvent {
    /// Whom it concerns; none: every province.
    pub fn concerns(&self) -> Option<Pair> {
        match self {
            ClearingEvent::WindowEnded(_) | ClearingEvent::PeriodClosed(_) => None,
            ClearingEvent::TablePublished(it) => Some(it.pair),
            ClearingEvent::TableSigned(it) => Some(it.pair),
            ClearingEvent::ItemCarried(it) => Pair::of(it.line.payer, it.line.payee),
            ClearingEvent::PaymentRecorded(it) => Pair::of(it.debtor, it.creditor),
            ClearingEvent::PaymentConfirmed(it) => Pair::of(it.debtor, it.creditor),
            ClearingEvent::PaymentVoided(it) => Pair::of(it.debtor, it.creditor),
            ClearingEvent::ObligationCovered(it) => Pair::of(it.debtor, it.creditor),
            ClearingEvent::PrefundMoved(it) => Pair::of(it.debtor, it.creditor),
        }
    }
}

impl Describe for ClearingEvent {
    fn describe(&self, name: &'static str, to: &mut Details) {
        let (event, content): (&str, &dyn Describe) = match self {
            ClearingEvent::WindowEnded(it) => ("WINDOW_ENDED", it),
            ClearingEvent::PeriodClosed(it) => ("PERIOD_CLOSED", it),
            ClearingEvent::TablePublished(it) => ("TABLE_PUBLISHED", it),
            ClearingEvent::TableSigned(it) => ("TABLE_SIGNED", it),
            ClearingEvent::ItemCarried(it) => ("ITEM_CARRIED", it),
            ClearingEvent::PaymentRecorded(it) => ("PAYMENT_RECORDED", it),
            ClearingEvent::PaymentConfirmed(it) => ("PAYMENT_CONFIRMED", it),
            ClearingEvent::PaymentVoided(it) => ("PAYMENT_VOIDED", it),
            ClearingEvent::ObligationCovered(it) => ("OBLIGATION_COVERED", it),
            ClearingEvent::PrefundMoved(it) => ("PREFUND_MOVED", it),
        };
        event.to_owned().describe(name, to);
        content.describe(name, to);
    }
}

impl Describe for Scheme {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.name().to_owned().describe(name, to);
    }
}

impl Describe for PrefundMove {
    fn describe(&self, name: &'static str, to: &mut Details) {
        self.name().to_owned().describe(name, to);
    }
}
