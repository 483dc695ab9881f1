//! What the hub keeps of clearing.

use super::event::Scheme;
use crate::domain::machine::table::rows;
use crate::domain::protocol::Kind;
use crate::domain::value::{Civil, Day, Digest, Money, Period, ProvinceCode, TransferId};

rows! {
    /// A period whose windows are all closed.
    PeriodRow {
        /// The month.
        period: Period;
        /// How it is paid.
        scheme: Scheme,
        /// The provinces that take part, a byte each, ascending.
        provinces: Vec<u8>,
        /// When it was closed.
        close_time: Civil,
        /// URI SAN of the operator who closed it.
        closer: String,
    }
    /// The published table of two provinces for a period, as it stands.
    PairRow {
        /// The month.
        period: Period,
        /// The province with the lower code; 00: the national centre.
        first: ProvinceCode,
        /// The other province.
        second: ProvinceCode;
        /// 1, and one more after each objection.
        version: u64,
        /// Commits in it.
        count: u64,
        /// What the first owes the second.
        first_owes: Money,
        /// What the second owes the first.
        second_owes: Money,
        /// What is signed.
        digest: Digest,
        /// When this version was published.
        publish_time: Civil,
        /// URI SAN of the maker (制表) of the first, once he has signed this version.
        first_maker: Option<String>,
        /// The same of its checker (复核).
        first_checker: Option<String>,
        /// The same of the maker of the second.
        second_maker: Option<String>,
        /// The same of its checker.
        second_checker: Option<String>,
        /// Since when it is final: both have signed it, or there is nothing in it to sign.
        final_time: Option<Civil>,
    }
    /// What commits of a kind in one direction add up to in a period: what is carried into it before its table is
    /// published, and all of it since.
    LineRow {
        /// The month.
        period: Period,
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
        /// The sum of the digests of the payer's legs.
        payer_digest: Digest,
        /// The same of the payee's legs.
        payee_digest: Digest,
    }
    /// A commit that is cleared in another period than that of its window.
    CarriedRow {
        /// Id of the transfer.
        transfer_id: TransferId;
        /// The month in which it is cleared.
        period: Period,
        /// The month of its window.
        of_period: Period,
        /// How often a province objected to it; 0: it came late, when its own month was published.
        times: u64,
        /// Why a province objected last, as a code; empty when it came late.
        code: String,
        /// The same in words.
        note: String,
        /// URI SAN of who objected last.
        person: String,
        /// When it was carried last.
        carry_time: Civil,
    }
    /// What a province has to pay another one for a period.
    ObligationRow {
        /// The month.
        period: Period,
        /// The province that owes; 00: the national centre.
        debtor: ProvinceCode,
        /// The province that is owed.
        creditor: ProvinceCode;
        /// Amount, more than zero.
        amount: Money,
        /// The sum of the payments that were recorded and count.
        paid: Money,
        /// The sum of those that the creditor has confirmed.
        confirmed: Money,
        /// What was taken from the debtor's prefund and was not paid since.
        covered: Money,
        /// Since when it is owed.
        arise_time: Civil,
    }
    /// A payment for an obligation.
    PaymentRow {
        /// Chosen by the payer.
        payment_id: TransferId;
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
        /// URI SAN of who recorded it.
        recorder: String,
        /// When it was recorded.
        record_time: Civil,
        /// URI SAN of who confirmed it.
        confirmer: Option<String>,
        /// When the creditor confirmed it.
        confirm_time: Option<Civil>,
        /// How much of it went into the prefund that had covered the obligation.
        refilled: Money,
        /// Why it does not count, as a code; none: it counts.
        void_code: Option<String>,
        /// The same in words.
        void_note: String,
        /// URI SAN of who said so.
        voider: Option<String>,
        /// When that was said.
        void_time: Option<Civil>,
    }
    /// The payment that has a bank's serial number.
    SerialRow {
        /// The bank.
        bank: String,
        /// The serial number.
        serial: String;
        /// The payment that was recorded with it last.
        payment_id: TransferId,
    }
    /// What a province has deposited with another one, so that this one is paid in time (预付金).
    PrefundRow {
        /// The province whose money it is.
        debtor: ProvinceCode,
        /// The province that holds it.
        creditor: ProvinceCode;
        /// The year for which its figure was fixed last.
        year: u64,
        /// The figure of that year.
        figure: Money,
        /// What was deposited, carried and adjusted in all.
        deposited: Money,
        /// What covers obligations now.
        used: Money,
    }
    /// An event of clearing, as it is told to provinces.
    EventRow {
        /// Its number.
        number: u64;
        /// One of the two provinces that it concerns; none: it concerns all.
        first: Option<ProvinceCode>,
        /// The other one.
        second: Option<ProvinceCode>,
        /// The event and the request that led to it, as they stand in the journal.
        content: Vec<u8>,
        /// When it happened.
        time: Civil,
    }
    /// How far a province was told of events.
    ToldRow {
        /// Whose node it is.
        province: ProvinceCode;
        /// The number of the last event that its node has recorded.
        number: u64,
        /// Its node cannot be told: so far it counts as told.
        unread: bool,
    }
    /// A request that was carried out.
    ClearingRequestRow {
        /// Chosen by the caller.
        request_id: TransferId;
        /// URI SAN of the caller.
        caller: String,
        /// What it said.
        digest: Digest,
        /// The number of the event that it led to.
        event: u64,
    }
}
