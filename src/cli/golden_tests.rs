//! What `--json` prints of every message of the contract, all fields set and none set: programs go by it.
//! `BLESS=1` writes the file anew; a change in it then shows in review.

use super::failure::Failure;
use super::json::to_json;
use super::members::csv::BadRow;
use super::members::report::Report;
use super::output::OutputArgs;
use super::servers::in_flight::{in_doubt_json, in_flight_json};
use super::servers::incidents::incident_json;
use super::servers::suspense::suspense_json;
use crate::config::rulebook::cited::Setting;
use crate::config::rulebook::report::FileReport;
use crate::proto::{FILE_DESCRIPTOR_SET, hub, node, types};
use crate::wire::status::Problem;
use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor, Value,
};
use serde_json::{Map, json};
use std::path::Path;

/// A message of which every field is set: texts say their own names, numbers need 64 bits, of an enum the last value.
pub(super) fn full<M: Message + Default>(name: &str) -> M {
    let pool = DescriptorPool::decode(FILE_DESCRIPTOR_SET).expect("our own descriptors");
    let message = pool.get_message_by_name(name).expect("a message of the contract");
    filled(&message).transcode_to().expect("the same message")
}

fn filled(message: &MessageDescriptor) -> DynamicMessage {
    let mut made = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let one = one(&field, &field.kind());
        let value = if field.is_map() {
            Value::Map([(MapKey::String("limit".to_owned()), Value::String("2000.00".to_owned()))].into())
        } else if field.is_list() {
            Value::List(vec![one])
        } else {
            one
        };
        made.set_field(&field, value);
    }
    made
}

fn one(field: &FieldDescriptor, kind: &Kind) -> Value {
    let number = field.number();
    match kind {
        Kind::String => Value::String(field.name().to_owned()),
        Kind::Bool => Value::Bool(true),
        Kind::Int32 => Value::I32(250_000_000),
        Kind::Int64 if field.name() == "seconds" => Value::I64(1_795_233_600),
        Kind::Uint64 => Value::U64((1 << 53) + u64::from(number)),
        Kind::Bytes => Value::Bytes(vec![1, 2, 255].into()),
        Kind::Enum(it) => Value::EnumNumber(it.values().last().expect("a value").number()),
        Kind::Message(it) => Value::Message(filled(it)),
        other => panic!("{}: no sample of a {other:?}", field.full_name()),
    }
}

/// What is printed of one message, with all fields and with none.
fn both<M: Message + Default>(name: &str, print: impl Fn(&M) -> serde_json::Value) -> serde_json::Value {
    json!({ "full": print(&full(name)), "empty": print(&M::default()) })
}

fn messages() -> serde_json::Value {
    let server = |incident: &types::Incident| ("node 51".to_owned(), incident.clone());
    let node = |leg: &node::InDoubtLeg| (crate::domain::value::region::ProvinceCode::new(51), leg.clone());
    json!({
        "refusal": both("gongji.type.v1.Refusal", to_json::<types::Refusal>),
        "transfer": both("gongji.hub.v1.Transfer", to_json::<hub::Transfer>),
        "change": both("gongji.hub.v1.WatchTransfersResponse", to_json::<hub::WatchTransfersResponse>),
        "check": both("gongji.hub.v1.CheckTransferResponse", to_json::<hub::CheckTransferResponse>),
        "compensation": both("gongji.hub.v1.Compensation", super::compensations::compensation_json),
        "region": both("gongji.hub.v1.Region", to_json::<hub::Region>),
        "wallet": both("gongji.node.v1.Wallet", to_json::<node::Wallet>),
        "member": both("gongji.node.v1.Member", super::wallet::show::account_json),
        "entry": both("gongji.node.v1.Entry", to_json::<node::Entry>),
        "statement": both("gongji.node.v1.GetStatementResponse", |it: &node::GetStatementResponse| {
            super::wallet::statement::statement_json("2026-01-01", "2026-12-31", it, &it.entries)
        }),
        "in_flight": both("gongji.hub.v1.InFlightTransfer", in_flight_json),
        "in_doubt": both("gongji.node.v1.InDoubtLeg", |it| in_doubt_json(&node(it))),
        "suspense": both("gongji.node.v1.SuspenseAccount", |it: &node::SuspenseAccount| {
            suspense_json(&(crate::domain::value::region::ProvinceCode::new(51), it.clone()))
        }),
        "incident": both("gongji.type.v1.Incident", |it| incident_json(&server(it))),
    })
}

/// Enum values by name, of all numbers that the contract gives and one that it does not.
fn enums() -> serde_json::Value {
    let state = |state: i32| to_json(&hub::Transfer { state, ..Default::default() })["state"].clone();
    let entry = |kind: i32| to_json(&node::Entry { kind, ..Default::default() })["kind"].clone();
    let side = |side: i32| {
        let waiting = vec![hub::Waiting { side, reason: side, ..Default::default() }];
        let it = hub::InFlightTransfer { waiting, state: side, ..Default::default() };
        in_flight_json(&it)
    };
    let leg = |side: i32| {
        let it = node::InDoubtLeg { side, ..Default::default() };
        in_doubt_json(&(crate::domain::value::region::ProvinceCode::new(13), it))["side"].clone()
    };
    let all: Vec<i32> = (0..7).chain([99]).collect();
    let named = |print: &dyn Fn(i32) -> serde_json::Value| -> Map<String, serde_json::Value> {
        all.iter().map(|number| (number.to_string(), print(*number))).collect()
    };
    json!({
        "transfer state": named(&state),
        "entry kind": named(&entry),
        "in flight": named(&side),
        "in doubt side": named(&leg),
    })
}

/// What is made here and not sent by a server: failures, lines of a file, rules.
fn own() -> serde_json::Value {
    use crate::domain::reason::Reason;
    let call = |status| Failure::Call { address: "https://hub:1".to_owned(), status: Box::new(status) };
    let refused = Problem::field("amount", Reason::AmountMalformed).into_status();
    let mut report = Report::new(OutputArgs { json: true }, 10);
    report.count(3, 1);
    report.credited(crate::domain::value::money::Money::from_fen(15_000));
    report.bad(BadRow::new(17, "id_number", Reason::IdNumberCheckDigit, "a note"));
    let file = FileReport {
        path: "rulebooks/hebei-13.toml".into(),
        code: "13".to_owned(),
        name: "河北省".to_owned(),
        versions: vec![("2024-12-02".to_owned(), vec!["transfer_max".to_owned()])],
        examples: vec!["closed_hours".to_owned()],
        hash: Some(crate::domain::value::id::Digest([7; 32])),
    };
    let setting = Setting {
        key: "transfer_max".to_owned(),
        value: "2000.00".to_owned(),
        grade: "A".to_owned(),
        source: "notice".to_owned(),
        file: "national.toml".to_owned(),
        effective_from: "2024-12-02".to_owned(),
    };
    json!({
        "wrong use": Failure::Usage("what".to_owned()).to_json(),
        "refused": call(refused).to_json(),
        "not of the service": call(tonic::Status::unavailable("gone")).to_json(),
        "import": report.to_json(None),
        "import that failed": report.to_json(Some(&Failure::Local("what".to_owned()))),
        "rule file": super::rulebook::file_json(&file),
        "rule file without hash": super::rulebook::file_json(&FileReport { hash: None, ..file }),
        "rule": setting,
    })
}

#[test]
fn what_programs_read_is_as_it_was() {
    let now = format!("{:#}\n", json!({ "messages": messages(), "enums": enums(), "own": own() }));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cli.json");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&file, &now).expect("written");
    }
    let golden = std::fs::read_to_string(&file).expect("the golden file; BLESS=1 makes it");
    for (number, (now, then)) in now.lines().zip(golden.lines()).enumerate() {
        assert_eq!(
            now,
            then,
            "line {} of tests/golden/cli.json (BLESS=1 if the change is meant)",
            number + 1
        );
    }
    assert_eq!(now.lines().count(), golden.lines().count());
}
