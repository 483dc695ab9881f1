//! Rows about clearing (清算): a month is closed, compared, published, signed, objected to and paid. Finance offices and
//! operators say what they say over the wire; the hub answers as it does everywhere.

use super::steps::{Outcome, Session};
use super::table::Row;
use super::{places, project};
use gongji::config::calendar;
use gongji::domain::audit::totals::{Counted, Group, differences, side_of};
use gongji::domain::hub::breaks::{BreakInput, Comparison, Standing};
use gongji::domain::hub::clearing::{Cleared, ClearingEvent, ClearingRequest, Command, Pair};
use gongji::domain::hub::tables::{
    CarriedRow, Key, ObligationRow, PairRow, PaymentRow, PeriodRow, PrefundRow, TotalRow, WindowRow,
};
use gongji::domain::hub::{Answer, Input, Record};
use gongji::domain::machine::TableRow;
use gongji::domain::node::tables::LegTotalRow;
use gongji::domain::reason::RefusalRecord;
use gongji::domain::value::{Day, Digest, Period, ProvinceCode, TransferId, Window, WorkingDays};
use gongji::proto::hub::{self as proto, ObligationState, PeriodState, PrefundMove, SettlementScheme};
use gongji::wire::settlement::payment::{
    cover_from_proto, deposit_from_proto, due_day, obligation_to_proto, payment_from_proto,
    receipt_from_proto, void_from_proto,
};
use gongji::wire::settlement::period::{
    Progress, close_from_proto, objection_from_proto, period_to_proto, signature_from_proto,
};
use gongji::wire::status::Problem;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// What rows about clearing are about.
pub const CLEARING: &[&str] = &[
    "关闭清算期",
    "核对",
    "发布清算表",
    "签署",
    "提出异议",
    "付款",
    "确认到账",
    "付款作废",
    "预付金抵付",
    "预付金",
    "查清算期",
    "查应付",
];

const OPERATOR: &str = "urn:gongji:operator:甲";

/// Why something is not done: it cannot be read, or the hub refuses it.
enum No {
    Unread(Problem),
    Refused(RefusalRecord),
}

impl From<Problem> for No {
    fn from(problem: Problem) -> No {
        No::Unread(problem)
    }
}

type Done = Result<Outcome, No>;

fn working() -> &'static WorkingDays {
    static WORKING: OnceLock<WorkingDays> = OnceLock::new();
    let file = |year| project().join(format!("deploy/calendar/{year}.toml"));
    WORKING.get_or_init(|| calendar::load(&[2025, 2026].map(file)).expect("the calendars"))
}

fn period(text: &str) -> Period {
    Period::parse(text).unwrap_or_else(|| panic!("`{text}` is no month"))
}

fn province(text: &str) -> ProvinceCode {
    ProvinceCode::parse(text).unwrap_or_else(|| panic!("`{text}` is no province"))
}

/// "13-51".
fn pair(text: &str) -> Pair {
    let pair = text.split_once('-').and_then(|(one, other)| Pair::of(province(one), province(other)));
    pair.unwrap_or_else(|| panic!("`{text}` is no pair"))
}

fn other(pair: Pair, than: ProvinceCode) -> ProvinceCode {
    if pair.first == than { pair.second } else { pair.first }
}

/// "13 付 51".
fn two(text: &str, word: char) -> (ProvinceCode, ProvinceCode) {
    let two = text.split_once(word).map(|(one, other)| (province(one.trim()), province(other.trim())));
    two.unwrap_or_else(|| panic!("`{text}` is not `13 {word} 51`"))
}

/// "13 制表": the province, and the URI SAN of the person.
fn person(text: &str) -> (ProvinceCode, String) {
    let (of, name) =
        text.split_once(' ').unwrap_or_else(|| panic!("`{text}` is no person of a finance office"));
    let name = match name {
        "制表" => "maker",
        "复核" => "checker",
        other => panic!("`{other}` is neither 制表 nor 复核"),
    };
    (province(of), format!("urn:gongji:finance:{of}:{name}"))
}

impl Session {
    /// Carries out what stands in a row about clearing.
    pub fn clears(&mut self, row: &Row) -> Outcome {
        let parts: Vec<&str> = row.get("内容").split('；').collect();
        let done = match row.get("事项") {
            "关闭清算期" => self.close_period(parts[0], parts.get(1) == Some(&"差额")),
            "核对" => Ok(self.compare(period(parts[0]))),
            "发布清算表" => self.publish(period(parts[0])),
            "签署" => self.sign((period(parts[0]), pair(parts[1])), &parts[2..]),
            "提出异议" => self.objects(row, &parts),
            "付款" => self.pays(row, &parts),
            "确认到账" | "付款作废" => self.says(row, &parts),
            "预付金抵付" => self.covers(&parts),
            "预付金" => self.moves_prefund(row, &parts),
            "查清算期" => Ok(self.period_stands(parts[0])),
            _ => {
                let (debtor, creditor) = two(parts[1], '欠');
                Ok(self.owed((period(parts[0]), debtor, creditor)))
            }
        };
        done.unwrap_or_else(|no| match no {
            No::Unread(problem) => Outcome::of_problem(&problem),
            No::Refused(refusal) => Outcome::of_refusal("拒绝", &refusal),
        })
    }

    fn hub_row<T: TableRow<gongji::domain::hub::Row> + Clone>(&self, key: &Key) -> Option<T> {
        self.world.cluster.hub.get(key)
    }

    fn hub_rows<T: TableRow<gongji::domain::hub::Row> + Clone>(&self, of: impl Fn(&T) -> bool) -> Vec<T> {
        let rows = self.world.cluster.hub.disk.rows();
        rows.iter().filter_map(T::of).filter(|row| of(row)).cloned().collect()
    }

    /// The hub does what a person asks for, or refuses.
    fn ask(&mut self, id: Option<TransferId>, caller: &str, command: Command) -> Result<Cleared, No> {
        let request = Box::new(ClearingRequest { request_id: id, caller: caller.to_owned(), command });
        match self.world.hand_in(|ticket| Input::Clear { ticket, request }) {
            Some(Answer::Cleared(cleared)) => Ok(cleared),
            Some(Answer::Refused(refusal)) => Err(No::Refused(refusal)),
            other => panic!("an answer of clearing, not {other:?}"),
        }
    }

    fn close_period(&mut self, text: &str, net: bool) -> Done {
        let scheme = if net { SettlementScheme::Net } else { SettlementScheme::Gross };
        let request = proto::ClosePeriodRequest {
            request_id: self.transfer_id("").to_string(),
            period_id: text.to_owned(),
            scheme: scheme.into(),
        };
        let (id, period, scheme) = close_from_proto(&request)?;
        let provinces = self.world.cluster.country.provinces.clone();
        self.ask(Some(id), OPERATOR, Command::Close(period, scheme, provinces))?;
        Ok(self.period_stands(text))
    }

    /// What the hub has counted in each window of the month is what its nodes have.
    fn compare(&mut self, period: Period) -> Outcome {
        let windows = self.hub_rows::<WindowRow>(|row| Period::from(row.window) == period);
        for WindowRow { window, .. } in &windows {
            let totals = self.hub_rows::<TotalRow>(|row| row.window == *window);
            for province in self.world.cluster.country.provinces.clone() {
                let at_hub = side_of(province, &totals);
                assert_eq!(differences(&at_hub, &self.at_node(province, *window)), [], "{window} {province}");
                let comparison = Comparison {
                    window: *window,
                    province,
                    state: Standing::Agrees,
                    incomplete: false,
                    counted: at_hub.values().map(|it| it.count).sum(),
                    pending_count: 0,
                    late_count: 0,
                    found: Vec::new(),
                    due_within_ms: 1,
                };
                let input = |ticket| Input::Breaks(BreakInput::Compared { ticket, comparison });
                assert!(matches!(self.world.hand_in(input), Some(Answer::Compared(_))), "{window}");
            }
        }
        Outcome { text: format!("窗口 {} 个", windows.len()), ..Outcome::plain("一致") }
    }

    /// What a node has counted in a window.
    fn at_node(&self, province: ProvinceCode, window: Window) -> BTreeMap<Group, Counted> {
        let rows = self.world.cluster.node(province).disk.rows();
        let mut counted: BTreeMap<Group, Counted> = BTreeMap::new();
        for row in rows.iter().filter_map(LegTotalRow::of).filter(|row| row.window == window) {
            let counterpart = places().locate(row.counter_region).expect("a place").province;
            let one = Counted { count: row.count, amount: row.amount, digest: Some(row.digest) };
            let sum = counted.entry((counterpart, row.side, row.kind));
            sum.and_modify(|sum| *sum = sum.and(one)).or_insert(one);
        }
        counted
    }

    fn publish(&mut self, period: Period) -> Done {
        let pairs = self.hub_row::<PeriodRow>(&Key::Period(period));
        let closed: Vec<Pair> = pairs.iter().flat_map(PeriodRow::pairs).collect();
        let provinces = &self.world.cluster.country.provinces;
        let all = || closed.first().copied().or_else(|| Pair::of(provinces[0], provinces[1]));
        let pairs = if closed.is_empty() { all().into_iter().collect() } else { closed };
        for pair in &pairs {
            self.ask(None, OPERATOR, Command::Publish(period, *pair))?;
        }
        let tables: Vec<String> = pairs.iter().map(|pair| self.table_text(period, *pair)).collect();
        Ok(Outcome { text: tables.join("；"), ..self.period_stands(&period.to_string()) })
    }

    fn table(&self, period: Period, pair: Pair) -> Option<PairRow> {
        self.hub_row(&Key::Pair(period, pair.first, pair.second))
    }

    /// "13-51 第 1 版，2 笔，13 应付 400.00，51 应付 0.00".
    fn table_text(&self, period: Period, pair: Pair) -> String {
        let row = self.table(period, pair).expect("a published table");
        let (first, second) = (pair.first, pair.second);
        let owed = format!("{first} 应付 {}，{second} 应付 {}", row.first_owes, row.second_owes);
        format!("{pair} 第 {} 版，{} 笔，{owed}", row.version, row.count)
    }

    /// The digest of a version that was published, as its readers have kept it; zeros before there is one.
    fn digest_of(&self, period: Period, pair: Pair, version: Option<u64>) -> Digest {
        let version = version.or_else(|| self.table(period, pair).map(|row| row.version));
        let journal = self.world.cluster.hub.journal();
        let published = journal.iter().filter_map(|record| match record {
            Record::ClearingNoted(noted) => match &noted.event {
                ClearingEvent::TablePublished(it) => Some(it),
                _ => None,
            },
            _ => None,
        });
        let mut of = published.filter(|it| (it.period, it.pair, Some(it.version)) == (period, pair, version));
        of.next().map_or_else(Digest::default, |it| it.digest)
    }

    /// `13 制表`, one of four; `四人`, all of them; behind it a version that is not the last one: `第 1 版`.
    fn sign(&mut self, (period, pair): (Period, Pair), said: &[&str]) -> Done {
        let four = [pair.first, pair.second].map(|it| [format!("{it} 制表"), format!("{it} 复核")]);
        let persons = if said[0] == "四人" { four.concat() } else { vec![said[0].to_owned()] };
        let version =
            said.get(1).map(|text| text.trim_matches(['第', '版', ' ']).parse().expect("a version"));
        let digest = self.digest_of(period, pair, version);
        for text in persons {
            let (province, caller) = person(&text);
            let request = proto::SignPeriodRequest {
                request_id: self.transfer_id("").to_string(),
                period_id: period.to_string(),
                counter_province_code: other(pair, province).to_string(),
                digest: digest.0.to_vec(),
            };
            let (id, signature) = signature_from_proto(&request, province, &places())?;
            self.ask(Some(id), &caller, Command::Sign(signature))?;
        }
        let row = self.table(period, pair).expect("a signed table");
        let signers = [&row.first_maker, &row.first_checker, &row.second_maker, &row.second_checker];
        let signed = signers.into_iter().flatten().count();
        let result = if row.final_time.is_some() { "已定案" } else { "已签署" };
        Ok(Outcome {
            text: format!("{pair} 第 {} 版，{signed} 人已签", row.version),
            ..Outcome::plain(result)
        })
    }

    fn objects(&mut self, row: &Row, parts: &[&str]) -> Done {
        let (month, pair) = (period(parts[0]), pair(parts[1]));
        let (province, caller) = person(parts[2]);
        let transfer_id = self.transfer_id(row.get("编号"));
        let (note, code) = parts[3].rsplit_once(' ').expect("words and a code");
        let request = proto::ObjectToItemRequest {
            request_id: self.transfer_id("").to_string(),
            period_id: month.to_string(),
            counter_province_code: other(pair, province).to_string(),
            transfer_id: transfer_id.to_string(),
            reason_code: code.to_owned(),
            note: note.to_owned(),
        };
        let (id, objection) = objection_from_proto(&request, province, &places())?;
        self.ask(Some(id), &caller, Command::Object(objection))?;
        let carried: CarriedRow = self.hub_row(&Key::Carried(transfer_id)).expect("it is carried");
        let text = format!("转入 {}；{}", carried.period, self.table_text(month, pair));
        Ok(Outcome { text, ..Outcome::plain("完成") })
    }

    fn pays(&mut self, row: &Row, parts: &[&str]) -> Done {
        let (debtor, creditor) = two(parts[1], '付');
        let (bank, serial) = parts[2].split_once(' ').expect("a bank and a serial number");
        let id = self.transfer_id(row.get("编号"));
        let request = proto::RecordPaymentRequest {
            payment_id: id.to_string(),
            period_id: parts[0].to_owned(),
            creditor_province_code: creditor.to_string(),
            bank: bank.to_owned(),
            serial_number: serial.to_owned(),
            amount: row.get("金额").to_owned(),
            pay_date: Day::of(self.world.civil()).to_string(),
            is_part: parts.get(3) == Some(&"分次"),
        };
        let (id, payment) = payment_from_proto(&request, debtor, &places())?;
        let of = (payment.period, debtor, creditor);
        self.ask(Some(id), &person(&format!("{debtor} 制表")).1, Command::Pay(id, payment))?;
        Ok(self.owed(of))
    }

    fn says(&mut self, row: &Row, parts: &[&str]) -> Done {
        let (province, caller) = person(parts[0]);
        let payment_id = self.transfer_id(row.get("编号"));
        let request_id = self.transfer_id("").to_string();
        let (id, word) = if row.get("事项") == "付款作废" {
            let (note, code) = parts[1].rsplit_once(' ').expect("words and a code");
            let (reason_code, note) = (code.to_owned(), note.to_owned());
            let payment_id = payment_id.to_string();
            void_from_proto(
                &proto::VoidPaymentRequest { request_id, payment_id, reason_code, note },
                province,
            )?
        } else {
            let (payment_id, amount) = (payment_id.to_string(), row.get("金额").to_owned());
            receipt_from_proto(&proto::ConfirmReceiptRequest { request_id, payment_id, amount }, province)?
        };
        self.ask(Some(id), &caller, Command::Say(word))?;
        let paid = self.hub_row::<PaymentRow>(&Key::Payment(payment_id));
        let paid = paid.expect("a payment");
        Ok(self.owed((paid.period, paid.debtor, paid.creditor)))
    }

    fn covers(&mut self, parts: &[&str]) -> Done {
        let (debtor, creditor) = two(parts[1], '欠');
        let request = proto::CoverObligationRequest {
            request_id: self.transfer_id("").to_string(),
            period_id: parts[0].to_owned(),
            debtor_province_code: debtor.to_string(),
        };
        let (id, mut cover) = cover_from_proto(&request, creditor, &places())?;
        let of = (cover.period, debtor, creditor);
        let owed = self.hub_row::<ObligationRow>(&Key::Obligation(of.0, of.1, of.2));
        cover.due = owed.map_or(cover.due, |row| due_day(&row, working()).day);
        self.ask(Some(id), &person(&format!("{creditor} 制表")).1, Command::Cover(cover))?;
        Ok(self.owed(of))
    }

    fn moves_prefund(&mut self, row: &Row, parts: &[&str]) -> Done {
        let (debtor, creditor) = two(parts[0], '存');
        let what = match parts[2] {
            "年度额度" => PrefundMove::Figure,
            "拨付" | "追加" => PrefundMove::Payment,
            "结转" => PrefundMove::Carried,
            "调整" => PrefundMove::Adjustment,
            other => panic!("`{other}` moves no prefund"),
        };
        let request = proto::AdjustPrefundRequest {
            request_id: self.transfer_id("").to_string(),
            debtor_province_code: debtor.to_string(),
            creditor_province_code: creditor.to_string(),
            r#move: what.into(),
            amount: row.get("金额").to_owned(),
            year: parts[1].parse().expect("a year"),
            reference: format!("YF-{}", row.line),
        };
        let (id, deposit) = deposit_from_proto(&request, None, &places())?;
        self.ask(Some(id), OPERATOR, Command::Deposit(deposit))?;
        Ok(Outcome { text: self.prefund_text(debtor, creditor), ..Outcome::plain("完成") })
    }

    fn prefund_text(&self, debtor: ProvinceCode, creditor: ProvinceCode) -> String {
        let row: PrefundRow = self.hub_row(&Key::Prefund(debtor, creditor)).expect("a prefund");
        let left = row.left();
        format!("{} 年额度 {}，存入 {}，已用 {}，可用 {left}", row.year, row.figure, row.deposited, row.used)
    }

    /// An obligation as it stands, and the prefund that covers some of it.
    fn owed(&self, of: (Period, ProvinceCode, ProvinceCode)) -> Outcome {
        let Some(row) = self.hub_row::<ObligationRow>(&Key::Obligation(of.0, of.1, of.2)) else {
            return Outcome::plain("无应付");
        };
        let it = obligation_to_proto(&row, &[], (Day::of(self.world.civil()), working()));
        let result = match it.state() {
            ObligationState::Unspecified => panic!("no state"),
            ObligationState::Due => "待付",
            ObligationState::Late => "逾期",
            ObligationState::Paid => "已付待确认",
            ObligationState::Covered => "预付金已抵付",
            ObligationState::Settled => "已结清",
        };
        let mut text = format!("应付 {}，尚欠 {}，期限 {}", it.amount, it.open, it.due_date);
        if it.covered != "0.00" {
            text.push_str(&format!("，预付金抵付 {}", it.covered));
        }
        if let Some(prefund) = self.hub_row::<PrefundRow>(&Key::Prefund(of.1, of.2)) {
            text.push_str(&format!("，预付金可用 {}", prefund.left()));
        }
        Outcome { text, ..Outcome::plain(result) }
    }

    /// A month, or all months of a year, as they stand.
    fn period_stands(&self, text: &str) -> Outcome {
        let of = |row: &PeriodRow| row.period.to_string().starts_with(text);
        let found: Vec<proto::Period> =
            self.hub_rows(of).iter().map(|row| self.period_as_told(row)).collect();
        let first = found.first().unwrap_or_else(|| panic!("no month of `{text}` is closed"));
        // What is behind all others says where the year stands.
        let state = found.iter().map(proto::Period::state).min().expect("one");
        let result = match state {
            PeriodState::Unspecified => panic!("no state"),
            PeriodState::Closed => "已关闭",
            PeriodState::Published => "已发布",
            PeriodState::Signed => "已签署",
            PeriodState::Settled => "已清算",
        };
        let done = found.iter().filter(|it| it.state() == PeriodState::Settled).count();
        let text = match text.len() {
            4 => format!("{} 期中 {done} 期已清算，年度期限 {}", found.len(), first.year_due_date),
            _ => format!("核对期限 {}，发布期限 {}", first.reconcile_due_date, first.publish_due_date),
        };
        Outcome { text, ..Outcome::plain(result) }
    }

    fn period_as_told(&self, row: &PeriodRow) -> proto::Period {
        let tables = self.hub_rows::<PairRow>(|it| it.period == row.period);
        let owed = self.hub_rows::<ObligationRow>(|it| it.period == row.period);
        let progress = Progress {
            tables: row.pairs().count(),
            published: tables.len(),
            is_final: tables.iter().filter(|it| it.final_time.is_some()).count(),
            open: owed.iter().filter(|it| it.confirmed < it.amount).count(),
        };
        period_to_proto(row, progress, working())
    }
}
