//! Answers of the servers, for people (tables) and for programs (JSON: proto field names, enum values by name, times
//! as RFC 3339 in UTC, whole numbers as numbers).

mod wallet;

pub use wallet::{account_json, account_table, entries_table, entry_json, wallet_json, wallet_table};

use super::table::{align_right, facts, table};
use crate::domain::value::calendar::Civil;
use crate::proto::{hub, types};
use crate::wire::time::civil;
use comfy_table::Table;
use prost_types::Timestamp;
use serde_json::{Value, json};
use time::{OffsetDateTime, UtcOffset};

/// A time as people in China read it: "2026-11-21 12:00:03"; empty when there is none.
pub fn local_time(at: Option<&Timestamp>) -> String {
    at.and_then(civil).map_or_else(String::new, local)
}

/// The same of a time of the core.
pub fn local(at: Civil) -> String {
    let shanghai = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    let (date, clock) = parts(at, shanghai);
    format!("{date} {clock}")
}

/// A time as programs read it: "2026-11-21T04:00:03.250Z".
pub fn rfc3339(at: Civil) -> String {
    let (date, clock) = parts(at, UtcOffset::UTC);
    format!("{date}T{clock}.{:03}Z", at.0.rem_euclid(1000))
}

fn parts(at: Civil, offset: UtcOffset) -> (String, String) {
    let utc =
        OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let there = utc.to_offset(offset);
    let (hour, minute, second) = there.to_hms();
    (there.date().to_string(), format!("{hour:02}:{minute:02}:{second:02}"))
}

/// A time for programs; null when there is none.
pub fn time_json(at: Option<&Timestamp>) -> Value {
    at.and_then(civil).map_or(Value::Null, |at| rfc3339(at).into())
}

/// A state in English and 中文.
pub fn state_text(state: hub::TransferState) -> &'static str {
    match state {
        hub::TransferState::Unspecified => "?",
        hub::TransferState::Pending => "PENDING 处理中",
        hub::TransferState::AwaitingAcceptance => "AWAITING_ACCEPTANCE 待接收",
        hub::TransferState::Committed => "COMMITTED 已完成",
        hub::TransferState::Aborted => "ABORTED 已终止",
    }
}

/// What the payee is to the payer, in English and 中文.
pub fn kinship_text(kinship: types::Kinship) -> &'static str {
    match kinship {
        types::Kinship::Unspecified => "?",
        types::Kinship::Spouse => "spouse 配偶",
        types::Kinship::Parent => "parent 父母",
        types::Kinship::Child => "child 子女",
        types::Kinship::Sibling => "sibling 兄弟姐妹",
        types::Kinship::PaternalGrandparent => "paternal grandparent 祖父母",
        types::Kinship::MaternalGrandparent => "maternal grandparent 外祖父母",
        types::Kinship::SonsChild => "son's child 孙子女",
        types::Kinship::DaughtersChild => "daughter's child 外孙子女",
    }
}

fn side_text(side: types::RefusalSide) -> &'static str {
    match side {
        types::RefusalSide::Unspecified => "?",
        types::RefusalSide::Hub => "hub",
        types::RefusalSide::Payer => "payer's province",
        types::RefusalSide::Payee => "payee's province",
    }
}

/// Whose part of a transfer, as people and programs read it; empty when it is nobody's.
pub fn side_name(side: types::RefusalSide) -> &'static str {
    match side {
        types::RefusalSide::Payer => "payer",
        types::RefusalSide::Payee => "payee",
        types::RefusalSide::Hub | types::RefusalSide::Unspecified => "",
    }
}

/// What was ordered, where an incident is about an order: "commit" or "abort".
pub fn incident_outcome(it: &types::Incident) -> Option<&str> {
    it.refusal.as_ref().and_then(|refusal| refusal.metadata.get("outcome")).map(String::as_str)
}

/// An incident of a server for programs.
pub fn incident_json((server, it): &(String, types::Incident)) -> Value {
    json!({
        "server": server,
        "transfer_id": it.transfer_id,
        "side": side_name(it.side()),
        "reason": it.refusal.as_ref().map(|refusal| refusal.reason.as_str()),
        "outcome": incident_outcome(it),
        "raise_time": time_json(it.raise_time.as_ref()),
    })
}

fn party_text(party: Option<&types::MaskedParty>) -> String {
    let join =
        |party: &types::MaskedParty| format!("{} {} {}", party.name, party.id_number, party.region_code);
    party.map(join).unwrap_or_default().trim().to_owned()
}

/// "INSUFFICIENT_BALANCE: … (payer's province, limit=2000.00)" and 中文 on a line of its own.
pub fn refusal_text(refusal: &types::Refusal) -> String {
    let mut notes = vec![side_text(refusal.side()).to_owned()];
    notes.extend(refusal.metadata.iter().map(|(name, value)| format!("{name}={value}")));
    let (reason, message, chinese) = (&refusal.reason, &refusal.message, &refusal.message_zh);
    format!("{reason}: {message} ({})\n{chinese}", notes.join(", "))
}

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
        ("remark", it.remark.clone()),
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

/// Columns of a list of transfers.
pub const TRANSFER_COLUMNS: [&str; 7] =
    ["transfer", "created", "payer", "payee", "amount", "state", "refusal"];

/// One line of a list of transfers.
pub fn transfer_cells(it: &hub::Transfer) -> [String; 7] {
    let short =
        |party: &types::MaskedParty| format!("{} {}", party.name, party.region_code).trim().to_owned();
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
    let mut list = table(&TRANSFER_COLUMNS);
    list.add_rows(transfers.iter().map(transfer_cells));
    align_right(&mut list, &[4]);
    list
}

fn party_json(party: Option<&types::MaskedParty>) -> Value {
    party.map_or(
        Value::Null,
        |it| json!({ "name": it.name, "id_number": it.id_number, "region_code": it.region_code }),
    )
}

/// A refusal for programs.
pub fn refusal_json(it: &types::Refusal) -> Value {
    json!({
        "reason": it.reason,
        "side": it.side().as_str_name(),
        "message": it.message,
        "message_zh": it.message_zh,
        "metadata": it.metadata,
    })
}

/// A transfer for programs.
pub fn transfer_json(it: &hub::Transfer) -> Value {
    json!({
        "transfer_id": it.transfer_id,
        "payer": party_json(it.payer.as_ref()),
        "payee": party_json(it.payee.as_ref()),
        "kinship": it.kinship().as_str_name(),
        "amount": it.amount,
        "state": it.state().as_str_name(),
        "refusal": it.refusal.as_ref().map_or(Value::Null, refusal_json),
        "window_id": it.window_id,
        "hub_seq": it.hub_seq,
        "create_time": time_json(it.create_time.as_ref()),
        "decide_time": time_json(it.decide_time.as_ref()),
        "payer_recorded": it.payer_recorded,
        "payee_recorded": it.payee_recorded,
        "rulebook_hashes": it.rulebook_hashes,
        "remark": it.remark,
        "accept_by_time": time_json(it.accept_by_time.as_ref()),
        "original_transfer_id": it.original_transfer_id,
        "compensation_id": it.compensation_id,
    })
}

/// When a place's wallet is open: "2025-01-16 →, …".
pub fn periods_text(it: &hub::Region) -> String {
    let period = |it: &hub::OpenPeriod| format!("{} → {}", it.from_date, it.until_date).trim_end().to_owned();
    it.open_periods.iter().map(period).collect::<Vec<_>>().join(", ")
}

/// A place for programs.
pub fn region_json(it: &hub::Region) -> Value {
    let periods: Vec<Value> = it
        .open_periods
        .iter()
        .map(|period| json!({ "from_date": period.from_date, "until_date": period.until_date }))
        .collect();
    json!({
        "region_code": it.region_code,
        "name": it.name,
        "province_code": it.province_code,
        "province_name": it.province_name,
        "wallet_open": it.wallet_open,
        "open_periods": periods,
        "node": it.node,
        "source": it.source.as_ref().map_or(Value::Null, |source| {
            json!({ "grade": source.grade, "citation": source.citation })
        }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::node;

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

    #[test]
    fn json_has_the_names_of_the_contract() {
        let value = transfer_json(&refused());
        assert_eq!(value["state"], "TRANSFER_STATE_ABORTED");
        assert_eq!(value["kinship"], "KINSHIP_PARENT");
        assert_eq!(value["refusal"]["side"], "REFUSAL_SIDE_PAYEE");
        assert_eq!(value["create_time"], "2026-11-21T04:00:00.250Z");
        assert_eq!(value["decide_time"], Value::Null);
        assert_eq!(value["hub_seq"], 0);
        assert_eq!(value["payer"]["name"], "张*三");
    }

    #[test]
    fn an_incident_has_one_form_wherever_it_is_listed() {
        let incident = types::Incident {
            transfer_id: "id".to_owned(),
            side: types::RefusalSide::Payee.into(),
            refusal: Some(types::Refusal {
                reason: "CONTRARY_ORDER".to_owned(),
                metadata: [("outcome".to_owned(), "commit".to_owned())].into(),
                ..types::Refusal::default()
            }),
            raise_time: Some(Timestamp { seconds: 1_795_233_600, nanos: 0 }),
        };
        let mut expected = json!({
            "server": "node 51", "transfer_id": "id", "side": "payee", "reason": "CONTRARY_ORDER",
            "outcome": "commit", "raise_time": "2026-11-21T04:00:00.000Z",
        });
        assert_eq!(incident_json(&("node 51".to_owned(), incident.clone())), expected);
        expected["outcome"] = Value::Null;
        let refusal =
            incident.refusal.clone().map(|it| types::Refusal { metadata: Default::default(), ..it });
        let without = types::Incident { refusal, ..incident };
        assert_eq!(
            incident_json(&("node 51".to_owned(), without)),
            expected,
            "not every incident is about an order"
        );
    }

    #[test]
    fn a_debit_has_its_sign() {
        let entry = node::Entry {
            amount: "400.00".to_owned(),
            direction: node::EntryDirection::Debit.into(),
            kind: node::EntryKind::TransferOut.into(),
            ..node::Entry::default()
        };
        let text = entries_table(std::slice::from_ref(&entry)).to_string();
        assert!(text.contains("-400.00") && text.contains("转出"), "{text}");
        assert_eq!(entry_json(&entry)["direction"], "ENTRY_DIRECTION_DEBIT");
    }
}
