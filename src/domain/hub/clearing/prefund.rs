//! Prefunds (预付金): what a province has deposited with another one, so that this one is paid in time.

use super::event::{ClearingEvent, PrefundMove, PrefundMoved};
use crate::domain::hub::tables::{Key, PrefundRow};
use crate::domain::hub::{Rows, refusal};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Money, ProvinceCode};

/// The unit of a year's figure: 万元, without decimals (policy_facts_2 §5).
const FIGURE_UNIT: i64 = 1_000_000;

/// What is to be recorded of a prefund.
#[derive(Clone, Debug, PartialEq, Eq, Hash, borsh::BorshSerialize)]
pub struct Deposit {
    /// The province whose money it is.
    pub debtor: ProvinceCode,
    /// The province that holds it.
    pub creditor: ProvinceCode,
    /// What moves it.
    pub what: PrefundMove,
    /// How much; less than zero only by an adjustment.
    pub amount: Money,
    /// The year for which.
    pub year: u64,
    /// Bank serial number, or number of the document.
    pub reference: String,
}

impl PrefundRow {
    /// A prefund of nothing.
    fn empty(debtor: ProvinceCode, creditor: ProvinceCode) -> PrefundRow {
        let (figure, deposited, used) = (Money::ZERO, Money::ZERO, Money::ZERO);
        PrefundRow { debtor, creditor, year: 0, figure, deposited, used }
    }

    /// What can cover obligations.
    pub fn left(&self) -> Money {
        self.deposited.checked_sub(self.used).unwrap_or(Money::ZERO)
    }
}

pub(super) fn needs(deposit: &Deposit, keys: &mut Vec<Key>) {
    keys.push(Key::Prefund(deposit.debtor, deposit.creditor));
}

/// Records what moves a prefund.
pub(super) fn deposit(deposit: &Deposit, person: &str, rows: &Rows) -> Result<ClearingEvent, RefusalRecord> {
    let Deposit { debtor, creditor, what, amount, year, ref reference } = *deposit;
    let key = Key::Prefund(debtor, creditor);
    let row = rows.get::<PrefundRow>(&key).cloned().unwrap_or_else(|| PrefundRow::empty(debtor, creditor));
    match what {
        PrefundMove::Figure if amount.fen() % FIGURE_UNIT != 0 || amount < Money::ZERO => {
            return Err(refusal(Reason::FigureNotWhole));
        }
        PrefundMove::Figure => {}
        PrefundMove::Payment | PrefundMove::Carried if !amount.is_positive() => {
            return Err(refusal(Reason::AmountMalformed));
        }
        PrefundMove::Payment | PrefundMove::Carried | PrefundMove::Adjustment => {
            let deposited = row.deposited.checked_add(amount);
            let deposited = deposited.ok_or_else(|| refusal(Reason::SumTooLarge))?;
            // What covers obligations cannot be taken away.
            if deposited < row.used {
                return Err(refusal(Reason::PrefundUsed).with("available", row.left()));
            }
        }
    }
    let (reference, person) = (reference.clone(), person.to_owned());
    Ok(ClearingEvent::PrefundMoved(PrefundMoved { debtor, creditor, what, amount, year, reference, person }))
}

/// A prefund was moved.
pub(super) fn moved(event: &PrefundMoved, rows: &mut Rows) {
    let PrefundMoved { debtor, creditor, what, amount, year, .. } = *event;
    let key = Key::Prefund(debtor, creditor);
    let row = rows.get::<PrefundRow>(&key).cloned().unwrap_or_else(|| PrefundRow::empty(debtor, creditor));
    rows.put(match what {
        PrefundMove::Figure => PrefundRow { figure: amount, year, ..row },
        PrefundMove::Payment | PrefundMove::Carried | PrefundMove::Adjustment => {
            let deposited = row.deposited.checked_add(amount);
            let deposited = deposited.expect("sums are checked before a record is made");
            PrefundRow { deposited, ..row }
        }
    });
}
