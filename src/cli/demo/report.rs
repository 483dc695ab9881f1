//! The tables that people read.

use super::attempt::{Act, Expect, Twist};
use super::books::{Balance, Balances, Position, Positions};
use super::clearing::Step;
use super::perform::{Outcome, Played};
use crate::devkit::cast::Listed;
use crate::domain::reason::Reason;
use crate::domain::value::{Money, RegionCode, RegionDirectory};
use crate::proto::hub::{Transfer, TransferState};
use crate::proto::node::WalletState;
use crate::proto::types::{Party, RefusalSide};
use comfy_table::{Cell, CellAlignment, Color, ContentArrangement, Table, TableStyle, presets};
use std::collections::BTreeMap;

/// Width of tables where no terminal says its own.
const WIDTH: u16 = 132;
/// A wider terminal does not make a table easier to read.
const WIDTH_MAX: u16 = 160;

fn table(style: TableStyle, header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(style).set_content_arrangement(ContentArrangement::Dynamic);
    let width = table.width().map_or(WIDTH, |width| width.min(WIDTH_MAX));
    table.set_width(width).set_header(header.iter().map(Cell::new));
    table
}

fn mark(well: bool) -> (&'static str, Color) {
    if well { ("✓", Color::Green) } else { ("✗", Color::Red) }
}

fn right(text: impl ToString) -> Cell {
    Cell::new(text).set_alignment(CellAlignment::Right)
}

fn yuan(fen: i64) -> String {
    Money::from_fen(fen).to_string()
}

/// With its sign: what changed, what is owed.
fn signed(fen: i64) -> String {
    if fen > 0 { format!("+{}", yuan(fen)) } else { yuan(fen) }
}

/// What was tried, and what came of it.
pub(super) fn attempts(played: &[Played], places: &RegionDirectory) -> Table {
    // Rows have several lines each, so lines between them help here, and only here.
    let header = [
        "#",
        "From, to, amount\n转出人、接收人、金额",
        "What is tried\n尝试",
        "Result\n结果",
        "Reason\n原因",
    ];
    let mut table = table(presets::UTF8_FULL, &header);
    for (index, it) in played.iter().enumerate() {
        let (sign, color) = mark(it.as_expected);
        let mut result = format!("{sign} {}", result(it));
        if !it.as_expected {
            result.push_str(&format!("\nexpected 应为: {}", wanted(it.attempt.expect)));
        }
        table.add_row(vec![
            right(index + 1),
            Cell::new(parties(it, places)),
            Cell::new(format!("{}\n{}", it.attempt.english, it.attempt.chinese)),
            Cell::new(result).fg(color),
            Cell::new(why(&it.outcome)),
        ]);
    }
    table
}

/// Who pays whom how much, as it was sent; who says so to a transfer; whose wallet it is.
fn parties(played: &Played, places: &RegionDirectory) -> String {
    let shown = |party: Option<&Party>| {
        let code = party.map_or("", |party| party.region_code.as_str());
        let area = RegionCode::parse(code).and_then(|code| places.locate(code));
        let place = area.and_then(|area| places.province(area.province)).map_or(code, |it| it.name.as_str());
        let name = party.and_then(|party| party.person.as_ref()).map_or("", |person| person.name.as_str());
        format!("{name} {place}")
    };
    let request = &played.request;
    let (payer, payee) = (shown(request.payer.as_ref()), shown(request.payee.as_ref()));
    match played.attempt.act {
        Act::Transfer => format!("{payer}\n→ {payee}\n{}", request.amount),
        Act::Accept(number) | Act::Decline(number) => {
            format!("{payee}\n← {payer}\n{} (no. {number})", request.amount)
        }
        Act::OpenFor => format!("{payer}\nfor 代 {payee}"),
        Act::Freeze => payee,
    }
}

fn result(played: &Played) -> String {
    let again = if matches!(played.attempt.twist, Twist::IdOf(_)) { "\nas before 同前" } else { "" };
    match &played.outcome {
        Outcome::Transfer(it) if it.state() == TransferState::Committed => {
            format!("COMMITTED 已完成\nno. {}, {}{again}", it.hub_seq, it.window_id)
        }
        Outcome::Transfer(it) if it.state() == TransferState::AwaitingAcceptance => {
            "AWAITING 待接收\nuntil 至 06:00".to_owned()
        }
        Outcome::Wallet(state) => format!("wallet 钱包\n{}", wallet(*state)),
        Outcome::Transfer(it) => format!("ABORTED 已终止\n{}", side(it)),
        Outcome::Error(code, _) => format!("error 请求错误\n{code:?}"),
        Outcome::Unknown(_) => "not known 结果未定".to_owned(),
    }
}

fn side(transfer: &Transfer) -> &'static str {
    match transfer.refusal.as_ref().map(|refusal| refusal.side()) {
        Some(RefusalSide::Hub) => "hub 清算中心",
        Some(RefusalSide::Payer) => "payer's side 转出地",
        Some(RefusalSide::Payee) => "payee's side 接收地",
        Some(RefusalSide::Unspecified) | None => "?",
    }
}

fn wallet(state: WalletState) -> &'static str {
    match state {
        WalletState::Open => "OPEN 已开通",
        WalletState::Frozen => "FROZEN 已冻结",
        WalletState::Closed => "CLOSED 已注销",
        WalletState::Unspecified => "?",
    }
}

fn wanted(expect: Expect) -> String {
    match expect {
        Expect::Committed => "COMMITTED".to_owned(),
        Expect::Awaiting => "AWAITING".to_owned(),
        Expect::Wallet(state) => wallet(state).to_owned(),
        Expect::Refused(reason) => format!("ABORTED, {}", reason.code()),
        Expect::Error(reason) => format!("error, {}", reason.code()),
        Expect::ErrorIn(reason, field) => format!("error, {} ({field})", reason.code()),
        Expect::SameAs(number) => format!("the answer of no. {number}"),
    }
}

fn why(outcome: &Outcome) -> String {
    let facts = |metadata: &BTreeMap<String, String>| {
        let shown = metadata.iter().filter(|(name, _)| name.as_str() != "retry");
        let shown: Vec<String> = shown.map(|(name, value)| format!("{name}={value}")).collect();
        if shown.is_empty() { String::new() } else { format!(" ({})", shown.join(", ")) }
    };
    match outcome {
        Outcome::Transfer(transfer) => transfer.refusal.as_ref().map_or_else(String::new, |refusal| {
            let metadata = refusal.metadata.clone().into_iter().collect();
            let head = format!("{}{}", refusal.reason, facts(&metadata));
            format!("{head}\n{}\n{}", refusal.message, refusal.message_zh)
        }),
        Outcome::Error(_, said) => {
            // The message repeats code and facts; the table of reasons has the bare text.
            let english = Reason::from_code(&said.code).map_or(said.message.as_str(), |it| it.row().english);
            format!("{}{}\n{english}\n{}", said.code, facts(&said.metadata), said.chinese)
        }
        Outcome::Wallet(_) => String::new(),
        Outcome::Unknown(said) => said.clone(),
    }
}

/// Everyone involved, before and after.
pub(super) fn balances(
    people: &[&Listed],
    before: &Balances,
    after: &Balances,
    places: &RegionDirectory,
) -> Table {
    let mut table = table(
        presets::UTF8_FULL_CONDENSED,
        &[
            "Person\n姓名",
            "Insured in\n参保地",
            "Personal account\n个人账户",
            "change\n变动",
            "Wallet\n医保钱包",
            "change\n变动",
        ],
    );
    let mut sums = [0, 0];
    for member in people {
        let get = |balances: &Balances| balances.get(&member.key).copied().unwrap_or_default();
        let (was, is): (Balance, Balance) = (get(before), get(after));
        let area = RegionCode::parse(&member.region_code);
        let area = area.and_then(|code| places.locate(code)).map_or("", |area| area.name.as_str());
        let mut row = vec![Cell::new(&member.name), Cell::new(format!("{} {area}", member.region_code))];
        for (sum, was, is) in [(0, was.account, is.account), (1, was.wallet, is.wallet)] {
            let change = is.unwrap_or(0) - was.unwrap_or(0);
            sums[sum] += change;
            row.push(right(movement(was, is)));
            row.push(right(if change == 0 { String::new() } else { signed(change) }));
        }
        table.add_row(row);
    }
    let [accounts, wallets] = sums;
    table.add_row(vec![
        Cell::new("Sum 合计"),
        Cell::new(format!("together 合计 {}", signed(accounts + wallets))),
        Cell::new(""),
        right(signed(accounts)),
        Cell::new(""),
        right(signed(wallets)),
    ]);
    table
}

fn movement(was: Option<i64>, is: Option<i64>) -> String {
    match (was, is) {
        (Some(was), Some(is)) if was != is => format!("{} → {}", yuan(was), yuan(is)),
        (None, Some(is)) => format!("none 无 → {}", yuan(is)),
        (_, Some(is)) => yuan(is),
        (_, None) => "none 无".to_owned(),
    }
}

/// What each province owes the others.
pub(super) fn positions(positions: &Positions, places: &RegionDirectory) -> Table {
    let mut table = table(
        presets::UTF8_FULL_CONDENSED,
        &[
            "Province\n省份",
            "Sent today\n今日转出",
            "Received today\n今日转入",
            "Position today\n今日应付(+)应收(-)",
            "Position since the first start\n累计应付(+)应收(-)",
            "Hub's ledger\n清算中心账",
            "Province's clearing\n省级清算账",
            "Agree\n一致",
        ],
    );
    let cells = |name: String, it: &Position| {
        let (sign, color) = mark(it.agrees());
        vec![
            Cell::new(name),
            right(yuan(it.sent)),
            right(yuan(it.received)),
            right(signed(it.today())),
            right(signed(it.listed)),
            right(signed(it.hub)),
            right(signed(it.node)),
            Cell::new(sign).fg(color),
        ]
    };
    let mut sum = Position::default();
    for (code, it) in positions {
        sum.sent += it.sent;
        sum.received += it.received;
        sum.listed += it.listed;
        sum.hub += it.hub;
        sum.node += it.node;
        let name = places.province(*code).map_or("", |province| province.name.as_str());
        table.add_row(cells(format!("{code} {name}"), it));
    }
    table.add_row(cells("Sum 合计".to_owned(), &sum));
    table
}

/// What was done to clear a month, and what came of it.
pub(super) fn clearing(steps: &[Step]) -> Table {
    let mut table = table(presets::UTF8_FULL, &["#", "By whom\n经办", "What is done\n步骤", "Result\n结果"]);
    for (index, it) in steps.iter().enumerate() {
        let (sign, color) = mark(it.well);
        table.add_row(vec![
            right(index + 1),
            Cell::new(&it.who),
            Cell::new(format!("{}\n{}", it.english, it.chinese)),
            Cell::new(format!("{sign} {}", it.result)).fg(color),
        ]);
    }
    table
}
