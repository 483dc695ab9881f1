//! Transfers for people.

use crate::cli::show::{kinship_text, one_line, party_text, refusal_text, state_text};
use crate::cli::table::{facts, list};
use crate::cli::time::local_time;
use crate::proto::{hub, types};
use comfy_table::Table;

/// Everything of one transfer.
pub fn transfer_table(it: &hub::Transfer) -> Table {
    let recorded = match (it.payer_recorded, it.payee_recorded) {
        (true, true) => "both provinces",
        (true, false) => "payer's province",
        (false, true) => "payee's province",
        (false, false) => "",
    };
    facts(&[
        ("transfer", it.transfer_id.clone()),
        ("state", state_text(it.state()).to_owned()),
        ("refusal", it.refusal.as_ref().map_or_else(String::new, refusal_text)),
        ("amount", it.amount.clone()),
        ("payer", party_text(it.payer.as_ref())),
        ("payee", party_text(it.payee.as_ref())),
        ("kinship", kinship_text(it.kinship()).to_owned()),
        ("remark", one_line(&it.remark)),
        ("carries back", it.original_transfer_id.clone()),
        ("compensation", it.compensation_id.clone()),
        ("created", local_time(it.create_time.as_ref())),
        ("take by", local_time(it.accept_by_time.as_ref())),
        ("decided", local_time(it.decide_time.as_ref())),
        ("window", it.window_id.clone()),
        ("number", if it.hub_seq == 0 { String::new() } else { it.hub_seq.to_string() }),
        ("recorded by", recorded.to_owned()),
    ])
}

fn cells(it: &hub::Transfer) -> [String; 7] {
    let short = |party: &types::MaskedParty| one_line(format!("{} {}", party.name, party.region_code).trim());
    [
        it.transfer_id.clone(),
        local_time(it.create_time.as_ref()),
        it.payer.as_ref().map(short).unwrap_or_default(),
        it.payee.as_ref().map(short).unwrap_or_default(),
        it.amount.clone(),
        state_text(it.state()).to_owned(),
        it.refusal.as_ref().map_or_else(String::new, |refusal| refusal.reason.clone()),
    ]
}

/// A list of transfers.
pub fn transfers_table(transfers: &[hub::Transfer]) -> Table {
    let header = ["transfer", "created", "payer", "payee", "amount", "state", "refusal"];
    list(header, transfers.iter().map(cells), &[4])
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost_types::Timestamp;

    fn refused() -> hub::Transfer {
        hub::Transfer {
            transfer_id: "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a".to_owned(),
            amount: "400.00".to_owned(),
            state: hub::TransferState::Aborted.into(),
            kinship: types::Kinship::Parent.into(),
            payer: Some(types::MaskedParty {
                name: "张*三".to_owned(),
                id_number: "1301********1234".to_owned(),
                region_code: "130100".to_owned(),
            }),
            refusal: Some(types::Refusal {
                reason: "PAYEE_SUSPENDED".to_owned(),
                side: types::RefusalSide::Payee.into(),
                message: "the payee's insurance is suspended".to_owned(),
                message_zh: "接收人处于暂停参保状态".to_owned(),
                metadata: [("limit".to_owned(), "3".to_owned())].into(),
            }),
            create_time: Some(Timestamp { seconds: 1_795_233_600, nanos: 250_000_000 }),
            ..hub::Transfer::default()
        }
    }

    #[test]
    fn a_refused_transfer_says_why_in_both_languages() {
        let text = transfer_table(&refused()).to_string();
        for part in [
            "PAYEE_SUSPENDED: the payee's insurance is suspended (payee's province, limit=3)",
            "接收人处于暂停参保状态",
            "ABORTED 已终止",
            "张*三 1301********1234 130100",
            "2026-11-21 12:00:00",
        ] {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
        assert!(!text.contains("window"), "what it does not have is left out");
        assert!(transfers_table(&[refused()]).to_string().contains("PAYEE_SUSPENDED"));
    }
}
