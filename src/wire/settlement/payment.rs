//! Obligations, payments and prefunds, in the words of the wire.

use super::period::{party, period};
use crate::domain::hub::clearing::{Cover, Deposit, Payment, PaymentSays, PaymentWord, PrefundMove};
use crate::domain::hub::tables::{ObligationRow, PaymentRow, PrefundRow};
use crate::domain::reason::Reason::{
    AmountMalformed, FieldRequired, RequestMalformed, RoleNotAllowed, ValueUnsupported,
};
use crate::domain::value::due_dates::{PAY_DAYS, PaymentDates};
use crate::domain::value::{Day, Money, ProvinceCode, RegionDirectory, TransferId, WorkingDays};
use crate::proto::hub;
use crate::wire::operation::note;
use crate::wire::reader::{Path, Violations, amount, choice, reason_code, transfer_id, whole};
use crate::wire::status::Problem;
use crate::wire::time::{required_date, timestamp};

/// The longest name of a bank, in characters.
const BANK_CHARS_MAX: usize = 100;
/// The longest serial number or reference, in characters.
const REFERENCE_CHARS_MAX: usize = 64;
/// Use rates from which a prefund is on alarm, in percent (policy_facts §5.2, policy_facts_2 §5).
const YELLOW_PERCENT: u64 = 70;
/// See [`YELLOW_PERCENT`].
const RED_PERCENT: u64 = 90;

/// Reads a short text without anything hidden in it: `FIELD_REQUIRED`, `REQUEST_MALFORMED`.
fn short(at: &Path<'_>, text: &str, chars_max: usize, found: &mut Violations) -> Option<String> {
    let text = text.trim();
    let fits = (1..=chars_max).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    let reason = if text.is_empty() { FieldRequired } else { RequestMalformed };
    found.need(at, reason, fits.then(|| text.to_owned()))
}

/// Reads a payment that this province has made.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn payment_from_proto(
    request: &hub::RecordPaymentRequest,
    debtor: ProvinceCode,
    places: &RegionDirectory,
) -> Result<(TransferId, Payment), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("payment_id"), &request.payment_id, found);
        let period = period(&root.field("period_id"), &request.period_id, found);
        let at = root.field("creditor_province_code");
        let creditor = party(&at, &request.creditor_province_code, places, found);
        let bank = short(&root.field("bank"), &request.bank, BANK_CHARS_MAX, found);
        let at = root.field("serial_number");
        let serial = short(&at, &request.serial_number, REFERENCE_CHARS_MAX, found);
        let is_plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let serial = serial.and_then(|text| found.need(&at, RequestMalformed, Some(text).filter(is_plain)));
        // One number of a bank, however it is written.
        let serial = serial.map(|text| text.to_ascii_uppercase());
        let amount = amount(&root.field("amount"), &request.amount, found);
        let pay_day = required_date(&root.field("pay_date"), &request.pay_date, found);
        let payment = Payment {
            period: period?,
            debtor,
            creditor: creditor?,
            bank: bank?,
            serial: serial?,
            amount: amount?,
            pay_day: pay_day?,
            is_part: request.is_part,
        };
        Some((id?, payment))
    })
}

/// Reads that this province has received a payment.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn receipt_from_proto(
    request: &hub::ConfirmReceiptRequest,
    province: ProvinceCode,
) -> Result<(TransferId, PaymentWord), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let payment_id = transfer_id(&root.field("payment_id"), &request.payment_id, found);
        let amount = amount(&root.field("amount"), &request.amount, found);
        let says = PaymentSays::Received(amount?);
        Some((id?, PaymentWord { payment_id: payment_id?, province, says }))
    })
}

/// Reads that a payment of or to this province does not count.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn void_from_proto(
    request: &hub::VoidPaymentRequest,
    province: ProvinceCode,
) -> Result<(TransferId, PaymentWord), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let payment_id = transfer_id(&root.field("payment_id"), &request.payment_id, found);
        let code = reason_code(&root.field("reason_code"), &request.reason_code, found);
        let note = note(&root.field("note"), &request.note, found);
        let says = PaymentSays::Void { code: code?, note: note? };
        Some((id?, PaymentWord { payment_id: payment_id?, province, says }))
    })
}

/// Reads what this province takes from a prefund that it holds. The day until which it was in time is the server's to
/// say.
///
/// # Errors
/// Everything that is wrong, in the order of the fields.
pub fn cover_from_proto(
    request: &hub::CoverObligationRequest,
    creditor: ProvinceCode,
    places: &RegionDirectory,
) -> Result<(TransferId, Cover), Problem> {
    whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let period = period(&root.field("period_id"), &request.period_id, found);
        let at = root.field("debtor_province_code");
        let debtor = party(&at, &request.debtor_province_code, places, found);
        let due = Day::default();
        Some((id?, Cover { period: period?, debtor: debtor?, creditor, due }))
    })
}

/// Reads what moves a prefund; `own`: the province of the person who says it, none of an operator.
///
/// # Errors
/// Everything that is wrong, in the order of the fields; `ROLE_NOT_ALLOWED` for what is an operator's to say.
pub fn deposit_from_proto(
    request: &hub::AdjustPrefundRequest,
    own: Option<ProvinceCode>,
    places: &RegionDirectory,
) -> Result<(TransferId, Deposit), Problem> {
    let read = whole(|found| {
        let root = Path::Root;
        let id = transfer_id(&root.field("request_id"), &request.request_id, found);
        let at = root.field("debtor_province_code");
        let debtor = party(&at, &request.debtor_province_code, places, found);
        let at = root.field("creditor_province_code");
        let creditor = party(&at, &request.creditor_province_code, places, found);
        let creditor = creditor
            .and_then(|it| found.need(&at, ValueUnsupported, Some(it).filter(|it| debtor != Some(*it))));
        let what = match hub::PrefundMove::try_from(request.r#move) {
            Ok(hub::PrefundMove::Figure) => Some(PrefundMove::Figure),
            Ok(hub::PrefundMove::Payment) => Some(PrefundMove::Payment),
            Ok(hub::PrefundMove::Carried) => Some(PrefundMove::Carried),
            Ok(hub::PrefundMove::Adjustment) => Some(PrefundMove::Adjustment),
            Ok(hub::PrefundMove::Unspecified) | Err(_) => None,
        };
        let what = choice(&root.field("move"), request.r#move, ValueUnsupported, what, found);
        let amount = signed(&root.field("amount"), &request.amount, what, found);
        let at = root.field("year");
        let year = Some(u64::from(request.year)).filter(|year| (2020..2100).contains(year));
        let reason = if request.year == 0 { FieldRequired } else { ValueUnsupported };
        let year = found.need(&at, reason, year);
        let reference = short(&root.field("reference"), &request.reference, REFERENCE_CHARS_MAX, found);
        let deposit = Deposit {
            debtor: debtor?,
            creditor: creditor?,
            what: what?,
            amount: amount?,
            year: year?,
            reference: reference?,
        };
        Some((id?, deposit))
    });
    let (id, deposit) = read?;
    let may = own.is_none_or(|own| own == deposit.debtor && deposit.what == PrefundMove::Payment);
    if may { Ok((id, deposit)) } else { Err(Problem::new(RoleNotAllowed)) }
}

/// Reads an amount that may have "-" in front where it is an adjustment.
fn signed(at: &Path<'_>, text: &str, what: Option<PrefundMove>, found: &mut Violations) -> Option<Money> {
    match text.strip_prefix('-').filter(|_| what == Some(PrefundMove::Adjustment)) {
        Some(less) => {
            let less = amount(at, less, found).and_then(|less| Money::ZERO.checked_sub(less));
            found.need(at, AmountMalformed, less)
        }
        None => amount(at, text, found),
    }
}

/// The last day on which an obligation is paid in time: counted from the day on which its table was final.
pub fn due_day(row: &ObligationRow, working: &WorkingDays) -> crate::domain::value::DueDay {
    PaymentDates::of(Day::of(row.arise_time), working, PAY_DAYS).paid
}

/// An obligation as it stands on a day, with its payments.
pub fn obligation_to_proto(
    row: &ObligationRow,
    payments: &[PaymentRow],
    (today, working): (Day, &WorkingDays),
) -> hub::Obligation {
    let due = due_day(row, working);
    let state = if row.confirmed == row.amount {
        hub::ObligationState::Settled
    } else if !row.open().is_positive() {
        hub::ObligationState::Covered
    } else if !row.to_pay().is_positive() {
        hub::ObligationState::Paid
    } else if today > due.day {
        hub::ObligationState::Late
    } else {
        hub::ObligationState::Due
    };
    hub::Obligation {
        period_id: row.period.to_string(),
        debtor_province_code: row.debtor.to_string(),
        creditor_province_code: row.creditor.to_string(),
        amount: row.amount.to_string(),
        paid: row.paid.to_string(),
        confirmed: row.confirmed.to_string(),
        covered: row.covered.to_string(),
        open: row.open().to_string(),
        state: state.into(),
        due_date: due.day.to_string(),
        due_date_provisional: due.provisional,
        arise_time: Some(timestamp(row.arise_time)),
        payments: payments.iter().map(payment_to_proto).collect(),
    }
}

fn payment_to_proto(row: &PaymentRow) -> hub::Payment {
    hub::Payment {
        payment_id: row.payment_id.to_string(),
        period_id: row.period.to_string(),
        debtor_province_code: row.debtor.to_string(),
        creditor_province_code: row.creditor.to_string(),
        bank: row.bank.clone(),
        serial_number: row.serial.clone(),
        amount: row.amount.to_string(),
        pay_date: row.pay_day.to_string(),
        recorder: row.recorder.clone(),
        record_time: Some(timestamp(row.record_time)),
        confirmer: row.confirmer.clone().unwrap_or_default(),
        confirm_time: row.confirm_time.map(timestamp),
        refilled: row.refilled.to_string(),
        void_code: row.void_code.clone().unwrap_or_default(),
        void_note: row.void_note.clone(),
        voider: row.voider.clone().unwrap_or_default(),
        void_time: row.void_time.map(timestamp),
    }
}

/// A prefund as it stands, beside what its debtor owes its creditor: by commits whose table is not final, and by
/// obligations.
pub fn prefund_to_proto(row: &PrefundRow, open_position: i128, unpaid: i128) -> hub::Prefund {
    let deposited = i128::from(row.deposited.fen());
    let used = if deposited > 0 { (open_position + unpaid).max(0) * 100 / deposited } else { 0 };
    let use_percent = u64::try_from(used).unwrap_or(u64::MAX);
    let alarm = match use_percent {
        RED_PERCENT.. => hub::PrefundAlarm::Red,
        YELLOW_PERCENT.. => hub::PrefundAlarm::Yellow,
        _ => hub::PrefundAlarm::Unspecified,
    };
    let yuan = super::yuan;
    hub::Prefund {
        debtor_province_code: row.debtor.to_string(),
        creditor_province_code: row.creditor.to_string(),
        year: u32::try_from(row.year).unwrap_or(0),
        figure: row.figure.to_string(),
        deposited: row.deposited.to_string(),
        used: row.used.to_string(),
        available: row.left().to_string(),
        open_position: yuan(open_position),
        unpaid: yuan(unpaid),
        use_percent,
        alarm: alarm.into(),
    }
}
