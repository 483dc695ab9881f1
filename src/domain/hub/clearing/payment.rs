//! Obligations are paid. Money moves nowhere by itself: what banks have done is recorded by the debtor, and confirmed
//! by the creditor.

use super::event::{ClearingEvent, ObligationCovered, PaymentConfirmed, PaymentRecorded, PaymentVoided};
use crate::domain::hub::tables::{Key, ObligationRow, PaymentRow, PrefundRow, SerialRow};
use crate::domain::hub::{Rows, refusal};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Day, Money, Period, ProvinceCode, TransferId};

/// What a debtor has paid for an obligation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub struct Payment {
    /// The obligation's month.
    pub period: Period,
    /// The province that owes; 00: the national centre.
    pub debtor: ProvinceCode,
    /// The province that is owed.
    pub creditor: ProvinceCode,
    /// The bank that carried it.
    pub bank: String,
    /// Its serial number there.
    pub serial: String,
    /// Amount, more than zero.
    pub amount: Money,
    /// When it was paid.
    pub pay_day: Day,
    /// Whether others follow: else it has to be all that is left to pay.
    pub is_part: bool,
}

/// What a creditor, or a debtor, says of a payment.
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub struct PaymentWord {
    /// The payment.
    pub payment_id: TransferId,
    /// The province that says it; 00: the national centre.
    pub province: ProvinceCode,
    /// Whether it came, or does not count.
    pub says: PaymentSays,
}

/// See [`PaymentWord`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub enum PaymentSays {
    /// So much was received.
    Received(Money),
    /// It does not count.
    Void {
        /// Why, as a code.
        code: String,
        /// Why, in words. No personal data.
        note: String,
    },
}

/// A creditor takes what is late from the debtor's prefund.
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub struct Cover {
    /// The obligation's month.
    pub period: Period,
    /// The province that owes.
    pub debtor: ProvinceCode,
    /// The province that is owed, and says it.
    pub creditor: ProvinceCode,
    /// The last day on which it could be paid in time, by the calendar.
    pub due: Day,
}

pub(super) fn needs_to_record(id: TransferId, payment: &Payment, rows: &Rows, keys: &mut Vec<Key>) {
    let serial = Key::Serial(payment.bank.clone(), payment.serial.clone());
    if rows.knows(&serial) {
        keys.extend(rows.get::<SerialRow>(&serial).map(|row| Key::Payment(row.payment_id)));
    }
    keys.extend([
        Key::Obligation(payment.period, payment.debtor, payment.creditor),
        Key::Payment(id),
        serial,
    ]);
}

pub(super) fn needs_of_word(word: &PaymentWord, rows: &Rows, keys: &mut Vec<Key>) {
    let key = Key::Payment(word.payment_id);
    if let Some(row) = rows.knows(&key).then(|| rows.get::<PaymentRow>(&key)).flatten() {
        keys.push(Key::Obligation(row.period, row.debtor, row.creditor));
        keys.push(Key::Prefund(row.debtor, row.creditor));
    }
    keys.push(key);
}

/// What adopting a recorded payment needs.
pub(super) fn needs_to_adopt(it: &PaymentRecorded, rows: &Rows, keys: &mut Vec<Key>) {
    let payment = Payment::of(it);
    needs_to_record(it.payment_id, &payment, rows, keys);
    keys.push(Key::Prefund(it.debtor, it.creditor));
}

/// What is told of a payment needs, whether it is here or is told as well.
pub(super) fn needs_of(
    payment_id: TransferId,
    (debtor, creditor): (ProvinceCode, ProvinceCode),
    rows: &Rows,
    keys: &mut Vec<Key>,
) {
    keys.push(Key::Prefund(debtor, creditor));
    let says = PaymentSays::Received(Money::ZERO);
    needs_of_word(&PaymentWord { payment_id, province: ProvinceCode::HUB, says }, rows, keys);
}

/// Whether a payment that is told can have been recorded.
pub(super) fn can_adopt(it: &PaymentRecorded, rows: &Rows) -> bool {
    let is_new = rows.get::<PaymentRow>(&Key::Payment(it.payment_id)).is_none();
    is_new && record(it.payment_id, &Payment::of(it), &it.person, rows).is_ok()
}

/// Whether a payment between these is confirmed; nothing when it does not count, or is not known.
pub(super) fn counts(
    payment_id: TransferId,
    between: (ProvinceCode, ProvinceCode),
    rows: &Rows,
) -> Option<bool> {
    let row = rows.get::<PaymentRow>(&Key::Payment(payment_id))?;
    let is_its = row.void_code.is_none() && (row.debtor, row.creditor) == between;
    is_its.then_some(row.confirm_time.is_some())
}

/// Whether a prefund can have covered so much of an obligation.
pub(super) fn can_cover(it: &ObligationCovered, rows: &Rows) -> bool {
    let owed = rows.get::<ObligationRow>(&Key::Obligation(it.period, it.debtor, it.creditor));
    let prefund = rows.get::<PrefundRow>(&Key::Prefund(it.debtor, it.creditor));
    it.amount.is_positive()
        && owed.is_some_and(|row| row.open() >= it.amount)
        && prefund.is_some_and(|row| row.left() >= it.amount)
}

impl Payment {
    /// The payment of an event, as a part: what else was paid for the obligation then is not said.
    fn of(it: &PaymentRecorded) -> Payment {
        let PaymentRecorded { period, debtor, creditor, amount, pay_day, .. } = *it;
        let (bank, serial) = (it.bank.clone(), it.serial.clone());
        Payment { period, debtor, creditor, bank, serial, amount, pay_day, is_part: true }
    }
}

pub(super) fn needs_to_cover(cover: &Cover, keys: &mut Vec<Key>) {
    keys.push(Key::Obligation(cover.period, cover.debtor, cover.creditor));
    keys.push(Key::Prefund(cover.debtor, cover.creditor));
}

impl ObligationRow {
    /// What is not yet recorded as paid.
    pub fn to_pay(&self) -> Money {
        self.amount.checked_sub(self.paid).unwrap_or(Money::ZERO)
    }

    /// What the creditor has neither been paid nor taken from the prefund.
    pub fn open(&self) -> Money {
        let had = self.confirmed.checked_add(self.covered).unwrap_or(self.amount);
        self.amount.checked_sub(had).unwrap_or(Money::ZERO)
    }
}

fn obligation(
    (period, debtor, creditor): (Period, ProvinceCode, ProvinceCode),
    rows: &Rows,
) -> Result<&ObligationRow, RefusalRecord> {
    let none = || {
        let refusal = refusal(Reason::ObligationNotFound).with("period", period);
        refusal.with("debtor", debtor).with("creditor", creditor)
    };
    rows.get::<ObligationRow>(&Key::Obligation(period, debtor, creditor)).ok_or_else(none)
}

/// Two amounts that should be the same: the refusal names what they are apart.
fn differs(reason: Reason, is: Money, should: Money) -> RefusalRecord {
    let difference = is.checked_sub(should).unwrap_or(Money::ZERO);
    refusal(reason).with("expected", should).with("difference", difference)
}

/// Records a payment.
pub(super) fn record(
    payment_id: TransferId,
    payment: &Payment,
    person: &str,
    rows: &Rows,
) -> Result<ClearingEvent, RefusalRecord> {
    let Payment { period, debtor, creditor, ref bank, ref serial, amount, pay_day, is_part } = *payment;
    if rows.get::<PaymentRow>(&Key::Payment(payment_id)).is_some() {
        return Err(refusal(Reason::ContentDiffers).with("field", "payment_id"));
    }
    let left = obligation((period, debtor, creditor), rows)?.to_pay();
    if !left.is_positive() {
        return Err(refusal(Reason::ObligationPaid));
    }
    if amount > left || (amount < left && !is_part) {
        return Err(differs(Reason::PaymentDiffers, amount, left));
    }
    let used = rows.get::<SerialRow>(&Key::Serial(bank.clone(), serial.clone()));
    let used = used.and_then(|used| rows.get::<PaymentRow>(&Key::Payment(used.payment_id)));
    if let Some(used) = used.filter(|used| used.void_code.is_none()) {
        return Err(refusal(Reason::SerialUsed).with("payment_id", used.payment_id));
    }
    let (bank, serial, person) = (bank.clone(), serial.clone(), person.to_owned());
    Ok(ClearingEvent::PaymentRecorded(PaymentRecorded {
        payment_id,
        period,
        debtor,
        creditor,
        bank,
        serial,
        amount,
        pay_day,
        person,
    }))
}

/// A payment is recorded.
pub(super) fn recorded(event: &PaymentRecorded, time: Civil, rows: &mut Rows) {
    let PaymentRecorded { payment_id, period, debtor, creditor, amount, pay_day, .. } = *event;
    let (bank, serial, recorder) = (event.bank.clone(), event.serial.clone(), event.person.clone());
    change((period, debtor, creditor), rows, |row| row.paid = plus(row.paid, amount));
    rows.put(SerialRow { bank: bank.clone(), serial: serial.clone(), payment_id });
    rows.put(PaymentRow {
        payment_id,
        period,
        debtor,
        creditor,
        bank,
        serial,
        amount,
        pay_day,
        recorder,
        record_time: time,
        confirmer: None,
        confirm_time: None,
        refilled: Money::ZERO,
        void_code: None,
        void_note: String::new(),
        voider: None,
        void_time: None,
    });
}

/// A creditor confirms a payment, or one of both sides says that it does not count. None: it is so already.
pub(super) fn say(
    word: &PaymentWord,
    person: &str,
    rows: &Rows,
) -> Result<Option<ClearingEvent>, RefusalRecord> {
    let PaymentWord { payment_id, province, ref says } = *word;
    let not_found = || refusal(Reason::PaymentNotFound).with("payment_id", payment_id);
    let row = rows.get::<PaymentRow>(&Key::Payment(payment_id)).ok_or_else(not_found)?;
    let PaymentRow { debtor, creditor, .. } = *row;
    if province != debtor && province != creditor {
        return Err(not_found());
    }
    if let Some(code) = &row.void_code {
        return Err(refusal(Reason::PaymentVoid).with("code", code));
    }
    let is_confirmed = row.confirm_time.is_some();
    let person = person.to_owned();
    match says {
        PaymentSays::Received(_) if province != creditor => Err(refusal(Reason::CreditorOnly)),
        PaymentSays::Received(amount) if *amount != row.amount => {
            Err(differs(Reason::PaymentDiffers, *amount, row.amount))
        }
        PaymentSays::Received(_) if is_confirmed => Ok(None),
        PaymentSays::Received(_) => {
            let confirmed = PaymentConfirmed { payment_id, debtor, creditor, person };
            Ok(Some(ClearingEvent::PaymentConfirmed(confirmed)))
        }
        // What the creditor has confirmed only he can say never stayed with him.
        PaymentSays::Void { .. } if is_confirmed && province != creditor => {
            Err(refusal(Reason::CreditorOnly))
        }
        PaymentSays::Void { code, note } => {
            let (code, note) = (code.clone(), note.clone());
            let voided = PaymentVoided { payment_id, debtor, creditor, code, note, person };
            Ok(Some(ClearingEvent::PaymentVoided(voided)))
        }
    }
}

/// A payment is confirmed. What the prefund had covered meanwhile goes back into it.
pub(super) fn confirmed(event: &PaymentConfirmed, time: Civil, rows: &mut Rows) {
    let Some(row) = rows.get::<PaymentRow>(&Key::Payment(event.payment_id)).cloned() else { return };
    let of @ (_, debtor, creditor) = (row.period, row.debtor, row.creditor);
    let mut refilled = Money::ZERO;
    change(of, rows, |obligation| {
        obligation.confirmed = plus(obligation.confirmed, row.amount);
        let had = plus(obligation.confirmed, obligation.covered);
        refilled = minus(had, obligation.amount).max(Money::ZERO).min(obligation.covered);
        obligation.covered = minus(obligation.covered, refilled);
    });
    use_prefund((debtor, creditor), rows, |used| minus(used, refilled));
    let (confirmer, confirm_time) = (Some(event.person.clone()), Some(time));
    rows.put(PaymentRow { confirmer, confirm_time, refilled, ..row });
}

/// A payment does not count: what it had paid is owed again, and what it had refilled is used again.
pub(super) fn voided(event: &PaymentVoided, time: Civil, rows: &mut Rows) {
    let Some(row) = rows.get::<PaymentRow>(&Key::Payment(event.payment_id)).cloned() else { return };
    let of @ (_, debtor, creditor) = (row.period, row.debtor, row.creditor);
    let confirmed = row.confirm_time.map_or(Money::ZERO, |_| row.amount);
    // What it had refilled may have been taken out since: then less is covered than before.
    let prefund = rows.get::<PrefundRow>(&Key::Prefund(debtor, creditor));
    let refilled = row.refilled.min(prefund.map_or(Money::ZERO, PrefundRow::left));
    change(of, rows, |obligation| {
        obligation.paid = minus(obligation.paid, row.amount);
        obligation.confirmed = minus(obligation.confirmed, confirmed);
        obligation.covered = plus(obligation.covered, refilled);
    });
    use_prefund((debtor, creditor), rows, |used| plus(used, refilled));
    let (void_code, void_note) = (Some(event.code.clone()), event.note.clone());
    let (voider, void_time) = (Some(event.person.clone()), Some(time));
    rows.put(PaymentRow { void_code, void_note, voider, void_time, refilled: Money::ZERO, ..row });
}

/// Takes what is late from the prefund, as far as that goes. None: nothing is open.
pub(super) fn cover(
    cover: &Cover,
    (person, today): (&str, Day),
    rows: &Rows,
) -> Result<Option<ClearingEvent>, RefusalRecord> {
    let Cover { period, debtor, creditor, due } = *cover;
    let open = obligation((period, debtor, creditor), rows)?.open();
    if !open.is_positive() {
        return Ok(None);
    }
    // No day: the server did not know of the obligation yet.
    if today <= due || due == Day::default() {
        return Err(refusal(Reason::NotDue).with("due", due));
    }
    let prefund = rows.get::<PrefundRow>(&Key::Prefund(debtor, creditor));
    let amount = prefund.map_or(Money::ZERO, PrefundRow::left).min(open);
    if !amount.is_positive() {
        return Err(refusal(Reason::PrefundEmpty).with("debtor", debtor));
    }
    let person = person.to_owned();
    let covered = ObligationCovered { period, debtor, creditor, amount, due, person };
    Ok(Some(ClearingEvent::ObligationCovered(covered)))
}

/// The prefund has covered an obligation.
pub(super) fn covered(event: &ObligationCovered, rows: &mut Rows) {
    let ObligationCovered { period, debtor, creditor, amount, .. } = *event;
    change((period, debtor, creditor), rows, |row| row.covered = plus(row.covered, amount));
    use_prefund((debtor, creditor), rows, |used| plus(used, amount));
}

fn plus(sum: Money, more: Money) -> Money {
    sum.checked_add(more).expect("payments of an obligation are not more than it is")
}

fn minus(sum: Money, less: Money) -> Money {
    sum.checked_sub(less).expect("payments of an obligation are not more than it is")
}

fn change(
    (period, debtor, creditor): (Period, ProvinceCode, ProvinceCode),
    rows: &mut Rows,
    how: impl FnOnce(&mut ObligationRow),
) {
    let row = rows.get::<ObligationRow>(&Key::Obligation(period, debtor, creditor));
    if let Some(mut row) = row.cloned() {
        how(&mut row);
        rows.put(row);
    }
}

fn use_prefund(
    (debtor, creditor): (ProvinceCode, ProvinceCode),
    rows: &mut Rows,
    used: impl FnOnce(Money) -> Money,
) {
    if let Some(row) = rows.get::<PrefundRow>(&Key::Prefund(debtor, creditor)).cloned() {
        let used = used(row.used);
        rows.put(PrefundRow { used, ..row });
    }
}
