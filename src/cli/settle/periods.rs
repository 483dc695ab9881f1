//! Months: closed, published, signed and objected to.

use super::super::Exit;
use super::super::client::{CallArgs, province};
use super::super::json::{all, to_json};
use super::super::table::{self, facts};
use super::super::time::local_time;
use crate::domain::value::{Digest, ProvinceCode, hex};
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::{
    ClearingTable, ClosePeriodRequest, ListPeriodsRequest, ListTablesRequest, ObjectToItemRequest, Period,
    PeriodState, PublishPeriodRequest, SettlementScheme, SignPeriodRequest, Signatures,
};
use serde_json::json;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List clearing periods (清算期), the latest first
    Periods {
        #[command(flatten)]
        call: CallArgs,
    },
    /// Publish the tables (清算表) of a closed month; those that cannot be published yet are named
    Publish {
        /// The month, for example 202611
        #[arg(value_name = "PERIOD")]
        period: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Show the published tables of a month, with the digests that are signed
    Tables {
        /// The month, for example 202611
        #[arg(value_name = "PERIOD")]
        period: String,
        /// Only those of this province
        #[arg(long, value_name = "NN", value_parser = province)]
        province: Option<ProvinceCode>,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Sign a table for your province: first as its maker (制表), then another person as its checker (复核)
    Sign(SignArgs),
    /// Object to an item of a table: it is cleared in a later month, and the table gets a new version
    Object(ObjectArgs),
}

#[derive(clap::Args)]
pub(in crate::cli) struct SignArgs {
    /// The month, for example 202611
    #[arg(value_name = "PERIOD")]
    period: String,
    /// The other province of the table; 00: the national centre
    #[arg(long, value_name = "NN")]
    with: String,
    /// The digest of the version that you have read, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", value_parser = digest)]
    digest: Digest,
    /// Id of this request, a UUID: give it again to repeat the request [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(clap::Args)]
pub(in crate::cli) struct ObjectArgs {
    /// The month, for example 202611
    #[arg(value_name = "PERIOD")]
    period: String,
    /// The other province of the table
    #[arg(long, value_name = "NN")]
    with: String,
    /// The committed transfer
    #[arg(long, value_name = "UUID")]
    item: String,
    /// Why, as a code: AMOUNT or DUPLICATE
    #[arg(long, value_name = "CODE")]
    code: String,
    /// Why, in words; name no person
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
    /// Id of this request, a UUID: give it again to repeat the request [default: a new one]
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    #[command(flatten)]
    call: CallArgs,
}

fn digest(text: &str) -> Result<Digest, String> {
    Digest::parse(text).ok_or_else(|| "write the digest as its 64 hexadecimal digits".to_owned())
}

/// The id that was given, or a new one.
pub(super) fn id_or_new(given: Option<&String>) -> String {
    given.cloned().unwrap_or_else(|| new_transfer_id().to_string())
}

pub(super) fn run(command: &Command) -> Exit {
    match command {
        Command::Periods { call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let request = |page_size, page_token| ListPeriodsRequest { page_size, page_token };
            let found = hub.list(usize::MAX, request, |it| (it.periods, it.next_page_token)).await?.rows;
            call.output.print(
                || json!({ "periods": all(&found) }),
                || table::list(PERIOD_HEADER, found.iter().map(cells), &[]),
            );
            Ok(Exit::Done)
        }),
        Command::Publish { period, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let found = hub.ask(PublishPeriodRequest { period_id: period.clone() }).await?;
            let held_up = found.held_up.clone();
            call.output.print(
                || to_json(&found),
                || {
                    let shown = [found.period.clone().unwrap_or_default()];
                    let mut text = table::list(PERIOD_HEADER, shown.iter().map(cells), &[]).to_string();
                    for it in &held_up {
                        let of = (&it.first_province_code, &it.second_province_code);
                        text +=
                            &format!("\n{}-{}: {}: {} {}", of.0, of.1, it.reason, it.message, it.message_zh);
                    }
                    text
                },
            );
            Ok(if held_up.is_empty() { Exit::Done } else { Exit::Refused })
        }),
        Command::Tables { period, province, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let request = |page_size, page_token| ListTablesRequest {
                period_id: period.clone(),
                province_code: province.map_or_else(String::new, |it| it.to_string()),
                page_size,
                page_token,
            };
            let found = hub.list(usize::MAX, request, |it| (it.tables, it.next_page_token)).await?.rows;
            call.output.print(
                || json!({ "tables": all(&found) }),
                || {
                    let header =
                        ["table", "version", "count", "first owes", "second owes", "signed", "digest"];
                    table::list(header, found.iter().map(table_cells), &[])
                },
            );
            Ok(Exit::Done)
        }),
        Command::Sign(args) => sign(args),
        Command::Object(args) => object(args),
    }
}

fn sign(args: &SignArgs) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let request = SignPeriodRequest {
            request_id: id_or_new(args.id.as_ref()),
            period_id: args.period.clone(),
            counter_province_code: args.with.clone(),
            digest: args.digest.0.to_vec(),
        };
        let table = hub.ask(request).await?.table.unwrap_or_default();
        args.call.output.print(|| json!({ "table": to_json(&table) }), || facts(&shown(&table)));
        Ok(Exit::Done)
    })
}

fn object(args: &ObjectArgs) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let request = ObjectToItemRequest {
            request_id: id_or_new(args.id.as_ref()),
            period_id: args.period.clone(),
            counter_province_code: args.with.clone(),
            transfer_id: args.item.clone(),
            reason_code: args.code.clone(),
            note: args.note.clone(),
        };
        let found = hub.ask(request).await?;
        let table = found.table.clone().unwrap_or_default();
        args.call.output.print(
            || to_json(&found),
            || {
                let mut pairs = shown(&table).to_vec();
                pairs.push(("item goes to 顺延至", found.to_period_id.clone()));
                facts(&pairs)
            },
        );
        Ok(Exit::Done)
    })
}

/// Closes a month.
pub(super) fn close(period: &str, net: bool, call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let scheme = if net { SettlementScheme::Net } else { SettlementScheme::Gross };
        let request_id = new_transfer_id().to_string();
        let request = ClosePeriodRequest { request_id, period_id: period.to_owned(), scheme: scheme.into() };
        let closed = hub.ask(request).await?.period.unwrap_or_default();
        call.output.print(
            || json!({ "period": to_json(&closed) }),
            || table::list(PERIOD_HEADER, [cells(&closed)], &[]),
        );
        Ok(Exit::Done)
    })
}

const PERIOD_HEADER: [&str; 7] = ["period", "state", "scheme", "published", "final", "unpaid", "publish by"];

fn cells(it: &Period) -> [String; 7] {
    let state = match it.state() {
        PeriodState::Unspecified => "?",
        PeriodState::Closed => "CLOSED 已关闭",
        PeriodState::Published => "PUBLISHED 已发布",
        PeriodState::Signed => "SIGNED 已签署",
        PeriodState::Settled => "SETTLED 已清算",
    };
    let scheme = match it.scheme() {
        SettlementScheme::Unspecified => "?",
        SettlementScheme::Gross => "gross 全额",
        SettlementScheme::Net => "net 差额",
    };
    [
        it.period_id.clone(),
        state.to_owned(),
        scheme.to_owned(),
        format!("{}/{}", it.published_count, it.table_count),
        format!("{}/{}", it.final_count, it.table_count),
        it.open_obligation_count.to_string(),
        it.publish_due_date.clone(),
    ]
}

/// "13: maker, checker".
fn signed(province: &str, it: Option<&Signatures>) -> String {
    let signed = it.map_or(0, |it| usize::from(!it.maker.is_empty()) + usize::from(!it.checker.is_empty()));
    format!("{province}: {signed}/2")
}

fn both_signed(it: &ClearingTable) -> String {
    let first = signed(&it.first_province_code, it.first_signatures.as_ref());
    let second = signed(&it.second_province_code, it.second_signatures.as_ref());
    let is_final = if it.final_time.is_some() { " final" } else { "" };
    format!("{first}, {second}{is_final}")
}

fn table_cells(it: &ClearingTable) -> [String; 7] {
    [
        format!("{}-{}", it.first_province_code, it.second_province_code),
        it.version.to_string(),
        it.count.to_string(),
        it.first_owes.clone(),
        it.second_owes.clone(),
        both_signed(it),
        hex(&it.digest),
    ]
}

fn shown(it: &ClearingTable) -> [(&'static str, String); 8] {
    let pair = format!("{}-{}", it.first_province_code, it.second_province_code);
    [
        ("period 清算期", it.period_id.clone()),
        ("table 清算表", pair),
        ("version 版本", it.version.to_string()),
        ("first owes 前者应付", it.first_owes.clone()),
        ("second owes 后者应付", it.second_owes.clone()),
        ("signed 签署", both_signed(it)),
        ("final 生效时间", local_time(it.final_time.as_ref())),
        ("digest 摘要", hex(&it.digest)),
    ]
}
