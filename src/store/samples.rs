//! Random rows and records for the tests of stores, made column by column so that every table takes part.

use crate::domain::hub::record::TransferTombstoned;
use crate::domain::machine::operation::Operation;
use crate::domain::machine::{Record, Row, Table};
use crate::domain::node::record::LegTombstoned;
use crate::domain::reason::{RefusalRecord, RefusalSide, TABLE as REASONS};
use crate::domain::value::column::{Column, Value};
use crate::domain::value::{Civil, Day, Digest, NumberRanges, ProvinceCode, Side, StartId, TransferId};
use crate::domain::{hub, node};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Columns that hold nothing where nothing is known.
const OPTIONAL: &[(&str, &[&str])] = &[
    ("member", &["settlement_suspended_until"]),
    (
        "transfer",
        &[
            "refusal",
            "decide_time",
            "window",
            "hub_seq",
            "decided_seq",
            "payer_recorded_seq",
            "payee_recorded_seq",
            "payer_rulebook",
            "payee_rulebook",
            "await_until",
            "awaiting_seq",
            "accept_time",
            "returns",
            "compensation",
            "number",
            "booked_after",
            "lost_side",
        ],
    ),
    ("compensation", &["answerer", "answer_time", "previous"]),
    (
        "window_break",
        &[
            "hub_amount",
            "node_amount",
            "equal_time",
            "owner",
            "note",
            "request_id",
            "correction",
            "proof",
            "propose_time",
            "closer",
            "close_time",
        ],
    ),
    ("operation", &["answerer", "answer_time"]),
    ("incident", &["close_code", "close_time", "owner", "note"]),
    ("peer", &["resync", "left_out", "lineage"]),
    ("entry", &["transfer_id", "counter_region", "period"]),
    ("pair_table", &["first_maker", "first_checker", "second_maker", "second_checker", "final_time"]),
    ("payment", &["confirmer", "confirm_time", "void_code", "voider", "void_time"]),
    ("clearing_event", &["first", "second"]),
    ("request", &["entry_id"]),
    (
        "leg",
        &["counter_region", "refusal", "decide_time", "window", "hub_seq", "rulebook", "returns", "number"],
    ),
];

/// A runner with a fixed seed.
pub(super) fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

/// The contents of a row's columns, in the table's order. Keys are few, so that rows meet.
pub(super) fn values<T: Table>(table: T) -> impl Strategy<Value = Vec<Value<'static>>> {
    let key = table.key_columns().iter().map(move |name| column(table.name(), name));
    let others = table.value_columns().iter().map(move |name| {
        let optional = OPTIONAL.iter().any(|(of, names)| *of == table.name() && names.contains(name));
        let there = column(table.name(), name);
        if optional { prop_oneof![Just(Value::Null), there].boxed() } else { there }
    });
    key.chain(others).collect::<Vec<_>>().prop_map(move |mut values| {
        let at = |name| table.key_columns().iter().chain(table.value_columns()).position(|it| *it == name);
        // What is approved was approved by somebody.
        if let ("compensation" | "operation", Some(state), Some(who)) =
            (table.name(), at("state"), at("answerer"))
            && values[who] == Value::Null
        {
            values[state] = Value::Int(1);
        }
        values
    })
}

/// Any row of any table.
pub(super) fn row<R: Row>() -> impl Strategy<Value = R> {
    let tables = R::Table::ALL
        .iter()
        .map(|table| values(*table).prop_map(|values| typed::<R>(*table, values)).boxed());
    proptest::strategy::Union::new(tables)
}

/// The row that these values are.
pub(super) fn typed<R: Row>(table: R::Table, values: Vec<Value<'_>>) -> R {
    R::from_values(table, values).unwrap_or_else(|| panic!("samples make no {}", table.name()))
}

/// A machine's records, of which samples can be made.
pub(super) trait Sample: Record {
    /// A record about a transfer (odd `n`) or about none (even `n`).
    fn sample(n: u8) -> Self;
}

impl Sample for hub::Record {
    fn sample(n: u8) -> hub::Record {
        let (time, province) = (Civil(i64::from(n)), ProvinceCode::new(13));
        if n.is_multiple_of(2) {
            let (incarnation, start_id) = (u64::from(n), StartId([n; 16]));
            return hub::record::HubStarted { incarnation, start_id, time }.into();
        }
        TransferTombstoned { transfer_id: TransferId([n; 16]), province, time }.into()
    }
}

impl Sample for node::Record {
    fn sample(n: u8) -> node::Record {
        let (time, terms_digest) = (Civil(i64::from(n)), Digest([n; 32]));
        if n.is_multiple_of(2) {
            let (incarnation, start_id) = (u64::from(n), StartId([n; 16]));
            return node::record::NodeJoined { incarnation, start_id, time }.into();
        }
        LegTombstoned { transfer_id: TransferId([n; 16]), side: Side::Payee, terms_digest, time }.into()
    }
}

fn ranges(last: u64) -> Value<'static> {
    let mut ranges = NumberRanges::default();
    ranges.push_range(1, last);
    ranges.to_value().into_owned()
}

/// Columns of comparisons and breaks that no other table has so.
fn of_breaks(table: &str, name: &str) -> Option<BoxedStrategy<Value<'static>>> {
    if !["window_comparison", "window_break"].contains(&table) {
        return None;
    }
    let int = |from: i64, to: i64| (from..=to).prop_map(Value::Int).boxed();
    Some(match name {
        "incomplete" => int(0, 1),
        "counted" => int(0, i64::MAX),
        "bucket" => int(1, 8),
        "counterpart" => int(1, 6),
        "hub_amount" | "node_amount" => int(i64::MIN, i64::MAX),
        // Two operators: never one name for both.
        "proposer" => "a[a-c]{0,2}".prop_map(text).boxed(),
        "closer" => "b[a-c]{0,2}".prop_map(text).boxed(),
        "proof" => any::<String>().prop_map(text).boxed(),
        "correction" => (0u8..5).prop_map(|byte| Value::Blob(vec![byte; 16].into())).boxed(),
        _ => return None,
    })
}

fn column(table: &str, name: &str) -> BoxedStrategy<Value<'static>> {
    clearing_column(table, name).unwrap_or_else(|| other_column(table, name))
}

fn other_column(table: &str, name: &str) -> BoxedStrategy<Value<'static>> {
    of_breaks(table, name).unwrap_or_else(|| of_others(table, name))
}

fn of_others(table: &str, name: &str) -> BoxedStrategy<Value<'static>> {
    let int = |from: i64, to: i64| (from..=to).prop_map(Value::Int).boxed();
    let blob = |len: usize| (0u8..5).prop_map(move |byte| Value::Blob(vec![byte; len].into())).boxed();
    match (table, name) {
        ("vault_key", "key_id") => "[0-9a-f]{0,2}".prop_map(text).boxed(),
        // An account must cover what is held.
        ("account", "posted") => int(1_000, i64::MAX),
        ("account", "held" | "pending") => int(0, 1_000),
        ("transfer" | "leg" | "compensation", "amount") => int(1, i64::MAX),
        ("leg", "returned") => int(0, i64::MAX),
        ("leg", "account") => int(1, 5),
        ("self", "skipped") => (0..5u64).prop_map(ranges).boxed(),
        ("transfer", "used") => int(0, 1),
        (_, "number" | "booked_after" | "last_posting" | "last_booked") => int(0, i64::MAX),
        ("peer", "left_out") => int(0, i64::MAX),
        // Two operators: never one name for both.
        ("operation", "operation") => {
            let bytes = |id| borsh::to_vec(&Operation::BuryId(TransferId([id; 16]))).unwrap_or_default();
            (0u8..5).prop_map(move |id| Value::Blob(bytes(id).into())).boxed()
        }
        ("compensation" | "operation", "proposer") => "a[a-c]{0,2}".prop_map(text).boxed(),
        ("compensation" | "operation", "answerer") => "b[a-c]{0,2}".prop_map(text).boxed(),
        ("compensation", "reason") | (_, "note") => any::<String>().prop_map(text).boxed(),
        ("account" | "entry", "kind") => int(1, 4),
        ("transfer" | "leg", "kind") => int(1, 2),
        ("transfer", "state") => int(1, 5),
        ("leg", "state") => int(1, 6),
        (_, "state" | "account_state" | "entry_kind") => int(1, 3),
        (_, "side" | "insurance_type") => int(1, 2),
        (_, "lost_side") => int(1, 3),
        (_, "insurance_status") => int(1, 4),
        (_, "state_code" | "reason_code" | "close_code") => "[A-Z_]{1,9}".prop_map(text).boxed(),
        (_, "kinship" | "opened_by") => int(1, 8),
        (_, "in_arrears" | "public_medical") => int(0, 1),
        (_, "slot") => int(0, 0),
        (_, "entry_id" | "entry_no" | "province" | "payer_province" | "payee_province") => int(1, 6),
        (_, "payer_region" | "payee_region" | "counter_region" | "region" | "use_region") => {
            int(100_000, 999_999)
        }
        (_, "window" | "open" | "day" | "earlier_day" | "settlement_suspended_until") => {
            (1..=6i64).prop_map(|day| Value::Int(20_261_120 + day)).boxed()
        }
        ("window_total" | "pair_line", "payer_digest" | "payee_digest") => blob(32),
        ("window_total" | "leg_total" | "window_break", "kind") => int(1, 2),
        (_, "amount" | "balance" | "owed") => any::<i64>().prop_map(Value::Int).boxed(),
        // Of so many every filter takes some and leaves some.
        ("transfer", "transfer_id") => (0u8..20).prop_map(|byte| Value::Blob(vec![byte; 16].into())).boxed(),
        (
            _,
            "transfer_id" | "first_transfer_id" | "last_transfer_id" | "operation_id" | "compensation_id"
            | "original_id" | "returns" | "compensation",
        ) => blob(16),
        ("compensation", "previous") => blob(16),
        (_, "member_ref" | "start_id") => blob(16),
        (_, "refusal") => any::<u8>().prop_map(refusal).boxed(),
        (_, "since") => any::<i64>().prop_map(Value::Int).boxed(),
        (_, "sealed") => vec(any::<u8>(), 0..99).prop_map(|bytes| Value::Blob(bytes.into())).boxed(),
        (_, "owner" | "closer") => any::<String>().prop_map(text).boxed(),
        (_, "request_id") => "[a-cé医]{0,2}".prop_map(text).boxed(),
        (_, name) if name.ends_with("_time") || name == "civil" || name == "await_until" => {
            any::<i64>().prop_map(Value::Int).boxed()
        }
        (_, name) if name.ends_with("_seq") || name.ends_with("count") => int(0, i64::MAX),
        (_, "period") => int(202_501, 203_012),
        (_, "incarnation" | "resync" | "recovered" | "sequence" | "last_entry" | "previous") => {
            int(0, i64::MAX)
        }
        (_, _) => blob(32),
    }
}

/// A column of what the hub keeps of clearing.
fn clearing_column(table: &str, name: &str) -> Option<BoxedStrategy<Value<'static>>> {
    let int = |from: i64, to: i64| (from..=to).prop_map(Value::Int).boxed();
    let blob = |len: usize| (0u8..5).prop_map(move |byte| Value::Blob(vec![byte; len].into())).boxed();
    Some(match (table, name) {
        ("pair_line" | "window_total", "kind") => int(1, 2),
        ("obligation" | "prefund" | "payment", "amount" | "deposited") => int(2_000, i64::MAX),
        (_, "paid") => int(1_000, 2_000),
        (_, "confirmed" | "covered" | "used" | "refilled" | "first_owes" | "second_owes" | "figure") => {
            int(0, 1_000)
        }
        (_, "first" | "second" | "debtor" | "creditor") => int(1, 6),
        (_, "scheme") => int(1, 2),
        (_, "version" | "times" | "year" | "event" | "events") => int(0, i64::MAX),
        (_, "of_period") => int(202_501, 203_012),
        (_, "pay_day") => (1..=6i64).prop_map(|day| Value::Int(20_261_120 + day)).boxed(),
        (
            _,
            "bank" | "serial" | "person" | "recorder" | "confirmer" | "voider" | "void_note" | "caller"
            | "code",
        ) => "[a-cé医]{0,3}".prop_map(text).boxed(),
        (_, name) if name.ends_with("_maker") || name.ends_with("_checker") => {
            "[a-c]{1,3}".prop_map(text).boxed()
        }
        (_, "void_code") => "[A-Z_]{1,9}".prop_map(text).boxed(),
        (_, "content" | "provinces") => {
            vec(any::<u8>(), 0..99).prop_map(|bytes| Value::Blob(bytes.into())).boxed()
        }
        ("payment" | "bank_serial", "payment_id") | ("clearing_request", "request_id") => blob(16),
        ("clearing_event", "time") => any::<i64>().prop_map(Value::Int).boxed(),
        (_, _) => return None,
    })
}

fn text(text: String) -> Value<'static> {
    Value::Text(text.into())
}

fn refusal(n: u8) -> Value<'static> {
    let reason = REASONS[usize::from(n) % REASONS.len()].reason;
    let metadata = vec![("limit".to_owned(), Day::from_number(u32::from(n)).to_string())];
    let refusal = RefusalRecord { metadata, ..RefusalRecord::new(reason, RefusalSide::Hub) };
    Value::Blob(borsh::to_vec(&refusal).unwrap().into())
}
