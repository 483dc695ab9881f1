//! Members, accounts, wallets and statements as a node shows them.

use crate::domain::node::tables::{AccountRow, EntryRow, MemberRow, WalletRow};
use crate::domain::value::{
    AccountState, EntryKind, InsuranceStatus, InsuranceType, Money, Person, RegionCode, WalletState, Window,
};
use crate::proto::{node, types};
use crate::wire::party::{masked_to_proto, person_to_proto};
use crate::wire::terms::kinship_to_proto;
use crate::wire::time::timestamp;

/// A member as his province's own system sees him. No account row: nothing was ever booked.
pub fn member_to_proto(row: &MemberRow, account: Option<&AccountRow>, person: &Person) -> node::Member {
    node::Member {
        party: Some(types::Party {
            person: Some(person_to_proto(person)),
            region_code: row.region.to_string(),
        }),
        insurance_type: insurance_type_to_proto(row.insurance_type),
        insurance_status: insurance_status_to_proto(row.insurance_status),
        in_arrears: row.in_arrears,
        public_medical: row.public_medical,
        account_state: account_state_to_proto(row.account_state),
        balance: account.map_or(Money::ZERO, |account| account.posted).to_string(),
        held: account.map_or(Money::ZERO, |account| account.held).to_string(),
        update_time: Some(timestamp(row.update_time)),
        settlement_suspended_until: row
            .settlement_suspended_until
            .map_or_else(String::new, |day| day.to_string()),
        suspense: String::new(),
    }
}

/// A sum in suspense, as a member is shown it; empty when there is none.
pub fn suspense_text(sum: Money) -> String {
    if sum == Money::ZERO { String::new() } else { sum.to_string() }
}

/// A wallet as an app sees it; `region` is the member's place of insurance.
pub fn wallet_to_proto(
    row: &WalletRow,
    account: Option<&AccountRow>,
    person: &Person,
    region: RegionCode,
) -> node::Wallet {
    let state = match row.state {
        WalletState::Open => node::WalletState::Open,
        WalletState::Frozen => node::WalletState::Frozen,
        WalletState::Closed => node::WalletState::Closed,
    };
    node::Wallet {
        party: Some(masked_to_proto(person, region)),
        state: state.into(),
        use_region_code: row.use_region.to_string(),
        balance: account.map_or(Money::ZERO, |account| account.posted).to_string(),
        pending: account.map_or(Money::ZERO, |account| account.pending).to_string(),
        held: account.map_or(Money::ZERO, |account| account.held).to_string(),
        open_time: Some(timestamp(row.open_time)),
        opened_by: row.opened_by.map_or(0, kinship_to_proto),
        state_code: row.state_code.clone().unwrap_or_default(),
        state_time: Some(timestamp(row.state_time)),
        suspense: String::new(),
    }
}

/// A line of a statement; `window`: that of the transfer behind it.
pub fn entry_to_proto(row: &EntryRow, window: Option<Window>) -> node::Entry {
    let kind = match row.entry_kind {
        EntryKind::Allotment => node::EntryKind::Allotment,
        EntryKind::TransferOut => node::EntryKind::TransferOut,
        EntryKind::TransferIn => node::EntryKind::TransferIn,
        EntryKind::ReturnOut => node::EntryKind::ReturnOut,
        EntryKind::ReturnIn => node::EntryKind::ReturnIn,
        EntryKind::SetOff => node::EntryKind::SetOff,
    };
    let rose = row.amount >= Money::ZERO;
    let direction = if rose { node::EntryDirection::Credit } else { node::EntryDirection::Debit };
    // Negating i64::MIN is the one thing that fails, and no amount comes near it.
    let unsigned = if rose { row.amount } else { Money::ZERO.checked_sub(row.amount).unwrap_or(row.amount) };
    node::Entry {
        entry_no: row.entry_no,
        direction: direction.into(),
        amount: unsigned.to_string(),
        balance_after: row.balance.to_string(),
        transfer_id: row.transfer_id.map_or_else(String::new, |id| id.to_string()),
        kind: kind.into(),
        entry_time: Some(timestamp(row.entry_time)),
        counter_region_code: row.counter_region.map_or_else(String::new, |region| region.to_string()),
        period: row.period.map_or_else(String::new, |period| format!("{period:06}")),
        window_id: window.map_or_else(String::new, |window| window.to_string()),
    }
}

/// 310 or 390, as the wire's number.
pub fn insurance_type_to_proto(insurance_type: InsuranceType) -> i32 {
    let insurance_type = match insurance_type {
        InsuranceType::Employee => types::InsuranceType::Employee,
        InsuranceType::Resident => types::InsuranceType::Resident,
    };
    insurance_type.into()
}

/// A status of insurance, as the wire writes it.
pub fn insurance_status_to_proto(insurance_status: InsuranceStatus) -> i32 {
    let insurance_status = match insurance_status {
        InsuranceStatus::None => types::InsuranceStatus::None,
        InsuranceStatus::Active => types::InsuranceStatus::Active,
        InsuranceStatus::Suspended => types::InsuranceStatus::Suspended,
        InsuranceStatus::Ended => types::InsuranceStatus::Ended,
    };
    insurance_status.into()
}

/// A state of a personal account, as the wire writes it.
pub fn account_state_to_proto(account_state: AccountState) -> i32 {
    let account_state = match account_state {
        AccountState::Absent => node::AccountState::None,
        AccountState::Normal => node::AccountState::Normal,
        AccountState::Frozen => node::AccountState::Frozen,
    };
    account_state.into()
}

#[cfg(test)]
#[path = "account_tests.rs"]
mod tests;
