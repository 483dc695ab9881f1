//! The words of the tables, and what they stand for.

use gongji::domain::protocol::TransferState;
use gongji::domain::reason::Reason;
use gongji::domain::value::Civil;
use gongji::proto::types::{Kinship, Verification};
use time::{Date, Month, OffsetDateTime, Time, UtcOffset};

/// A number of the wire that stands for no kind of relative: in-laws, friends.
const NO_RELATIVE: i32 = 99;

/// What the payee is to the payer, as a caller would send it. Empty: not given.
pub fn kinship(word: &str) -> i32 {
    match word {
        "" => Kinship::Unspecified.into(),
        "配偶" | "丈夫" | "妻子" => Kinship::Spouse.into(),
        "父母" | "父亲" | "母亲" => Kinship::Parent.into(),
        "子女" | "儿子" | "女儿" => Kinship::Child.into(),
        "兄弟姐妹" | "哥哥" | "姐姐" | "弟弟" | "妹妹" => Kinship::Sibling.into(),
        "祖父母" | "祖父" | "祖母" => Kinship::PaternalGrandparent.into(),
        "外祖父母" | "外祖父" | "外祖母" => Kinship::MaternalGrandparent.into(),
        "孙子女" | "孙子" | "孙女" => Kinship::SonsChild.into(),
        "外孙子女" | "外孙" | "外孙女" => Kinship::DaughtersChild.into(),
        "岳父" | "岳母" | "公公" | "婆婆" | "儿媳" | "女婿" | "朋友" => NO_RELATIVE,
        other => panic!("`{other}` is no word for a relative"),
    }
}

/// How the payer has proved who he is, by the platform's statement.
pub fn verification(word: &str) -> i32 {
    match word {
        "人脸" => Verification::Face.into(),
        "医保码密码" => Verification::CodePassword.into(),
        other => panic!("`{other}` is no proof"),
    }
}

/// A transfer's state.
pub fn state(state: TransferState) -> &'static str {
    match state {
        TransferState::Pending => "处理中",
        TransferState::AwaitingAcceptance => "待接收",
        TransferState::Accepted => "已接收",
        TransferState::Committed => "成功",
        TransferState::Aborted => "终止",
    }
}

/// A reason's Chinese text, with its public figures.
pub fn explained(reason: Reason, figures: &[(String, String)]) -> String {
    let figures: Vec<String> =
        figures.iter().map(|(name, value)| format!("{} {}", figure(name), words(value))).collect();
    match figures.as_slice() {
        [] => reason.row().chinese.to_owned(),
        figures => format!("{}（{}）", reason.row().chinese, figures.join("，")),
    }
}

fn figure(name: &str) -> &str {
    match name {
        "field" => "字段",
        "kinship" => "关系",
        "insurance_type" => "险种",
        "floor" => "须留存",
        "limit" => "限额",
        "value" => "填写",
        "region" => "区划",
        "province" => "省份",
        "day" => "日期",
        "remaining_ms" => "剩余毫秒",
        "needed_ms" => "所需毫秒",
        "allowed" => "允许",
        "closed_hours" => "暂停时段",
        "until" => "期限",
        "today" => "今日",
        "accepted" => "可用方式",
        "stated" => "已声明",
        "period" => "清算期",
        "pair" => "双方",
        "first" => "应先办",
        "window" => "窗口",
        "version" => "现行版本",
        "scheme" => "方式",
        "transfer_id" => "转账",
        "payment_id" => "付款",
        "debtor" => "付款省",
        "creditor" => "收款省",
        "expected" => "应为",
        "difference" => "差额",
        "due" => "期限",
        "code" => "原因",
        "available" => "可用",
        other => other,
    }
}

/// A figure, of which each part that is a word of ours stands in the words of the tables.
fn words(value: &str) -> String {
    value.split(',').map(figured).collect::<Vec<_>>().join("、")
}

/// A word of ours, in the words of the tables.
fn figured(value: &str) -> &str {
    match value {
        "none" => "无",
        "face" => "人脸",
        "code_password" => "医保码密码",
        "employee" => "职工",
        "resident" => "居民",
        "spouse" => "配偶",
        "parent" => "父母",
        "child" => "子女",
        "sibling" => "兄弟姐妹",
        "paternal_grandparent" => "祖父母",
        "maternal_grandparent" => "外祖父母",
        "sons_child" => "孙子女",
        "daughters_child" => "外孙子女",
        other => other,
    }
}

/// Reads "2026-03-02 09:00:00", "2026-03-02 09:00:00.999", or a time alone on the day before; empty is the moment
/// before. Asia/Shanghai.
pub fn moment(text: &str, before: Option<Civil>) -> Civil {
    if text.is_empty() {
        return before.expect("the first row of a table says when");
    }
    let (date, clock) = match text.split_once(' ') {
        Some((date, clock)) => (day(date), clock),
        None => (day_of(before.expect("the first row of a table says the day")), text),
    };
    let (whole, ms) = clock.split_once('.').unwrap_or((clock, "0"));
    let parts: Vec<u8> = whole.split(':').map(|part| part.parse().expect("hh:mm:ss")).collect();
    let [hour, minute, second] = parts[..] else { panic!("`{text}` is no time") };
    let ms: u16 = ms.parse().expect("milliseconds");
    let time = Time::from_hms_milli(hour, minute, second, ms).expect("a time");
    let at = date.with_time(time).assume_offset(shanghai());
    Civil(i64::try_from(at.unix_timestamp_nanos() / 1_000_000).expect("a moment"))
}

fn shanghai() -> UtcOffset {
    UtcOffset::from_hms(8, 0, 0).expect("an offset")
}

fn day(text: &str) -> Date {
    let parts: Vec<u16> = text.split('-').map(|part| part.parse().expect("YYYY-MM-DD")).collect();
    let [year, month, day] = parts[..] else { panic!("`{text}` is no day") };
    let month = Month::try_from(u8::try_from(month).expect("a month")).expect("a month");
    Date::from_calendar_date(i32::from(year), month, u8::try_from(day).expect("a day")).expect("a day")
}

fn day_of(at: Civil) -> Date {
    let utc = OffsetDateTime::from_unix_timestamp(at.0.div_euclid(1000)).expect("a moment");
    utc.to_offset(shanghai()).date()
}
