//! Wallets, personal accounts and their entries, as a node answers them.

use crate::cli::json::{take, to_json};
use crate::cli::show::{kinship_text, party_text};
use crate::cli::table::{facts, list};
use crate::cli::time::local_time;
use crate::proto::{node, types};
use comfy_table::Table;
use serde_json::Value;

/// Everything of a wallet.
pub fn wallet_table(it: &node::Wallet) -> Table {
    let state = match it.state() {
        node::WalletState::Unspecified => "?",
        node::WalletState::Open => "OPEN 已开通",
        node::WalletState::Frozen => "FROZEN 已冻结",
        node::WalletState::Closed => "CLOSED 已注销",
    };
    let mut pairs = vec![
        ("wallet of", party_text(it.party.as_ref())),
        ("state", state.to_owned()),
        ("place of use", it.use_region_code.clone()),
        ("balance", it.balance.clone()),
        ("pending", it.pending.clone()),
        ("held", it.held.clone()),
        ("opened", local_time(it.open_time.as_ref())),
    ];
    if it.opened_by() != types::Kinship::Unspecified {
        pairs.push(("opened for him by", kinship_text(it.opened_by()).to_owned()));
    }
    if it.state_time != it.open_time {
        pairs.push(("state since", local_time(it.state_time.as_ref())));
    }
    if !it.state_code.is_empty() {
        pairs.push(("reason code", it.state_code.clone()));
    }
    facts(&pairs)
}

/// A member's personal account. Name and number are left out: the caller knows them, and a screen is not private.
pub fn account_table(it: &node::Member) -> Table {
    facts(&[
        ("place", it.party.as_ref().map_or_else(String::new, |party| party.region_code.clone())),
        ("insurance", it.insurance_type().as_str_name().trim_start_matches("INSURANCE_TYPE_").to_owned()),
        ("status", it.insurance_status().as_str_name().trim_start_matches("INSURANCE_STATUS_").to_owned()),
        ("account", it.account_state().as_str_name().trim_start_matches("ACCOUNT_STATE_").to_owned()),
        ("balance", it.balance.clone()),
        ("held", it.held.clone()),
        ("changed", local_time(it.update_time.as_ref())),
    ])
}

/// The same for programs: of the person only where he is insured.
pub fn account_json(it: &node::Member) -> Value {
    let mut value = to_json(it);
    value["region_code"] = take(&mut value, "party")["region_code"].take();
    value
}

/// A statement.
pub fn entries_table(entries: &[node::Entry]) -> Table {
    let row = |it: &node::Entry| {
        let kind = match it.kind() {
            node::EntryKind::Unspecified => "?",
            node::EntryKind::Allotment => "allotment 划入",
            node::EntryKind::TransferOut => "sent 转出",
            node::EntryKind::TransferIn => "received 转入",
            node::EntryKind::ReturnOut => "given back 退回转出",
            node::EntryKind::ReturnIn => "came back 退回转入",
            node::EntryKind::SetOff => "set off 抵扣",
        };
        let sign = if it.direction() == node::EntryDirection::Debit { "-" } else { "+" };
        [
            it.entry_no.to_string(),
            local_time(it.entry_time.as_ref()),
            kind.to_owned(),
            format!("{sign}{}", it.amount),
            it.balance_after.clone(),
            if it.transfer_id.is_empty() { it.period.clone() } else { it.transfer_id.clone() },
            it.counter_region_code.clone(),
            it.window_id.clone(),
        ]
    };
    let header = ["no", "time", "kind", "amount", "balance", "transfer or month", "other place", "window"];
    list(header, entries.iter().map(row), &[0, 3, 4])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debit_has_its_sign() {
        let entry = node::Entry {
            amount: "400.00".to_owned(),
            direction: node::EntryDirection::Debit.into(),
            kind: node::EntryKind::TransferOut.into(),
            window_id: "20261121-2".to_owned(),
            ..node::Entry::default()
        };
        let text = entries_table(std::slice::from_ref(&entry)).to_string();
        assert!(text.contains("-400.00") && text.contains("转出") && text.contains("20261121-2"), "{text}");
    }
}
