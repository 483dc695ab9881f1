//! `gongji explain`: why a transfer was decided as it was: the decision, the reason and what to do about it, the rule
//! behind it, and the rulebook of that day with its sources. In English and 中文.

use super::whole;
use crate::cli::client::{CallArgs, Server};
use crate::cli::failure::Failure;
use crate::cli::rulebook::settings_table;
use crate::cli::show::{refusal_text, state_text};
use crate::cli::table::facts;
use crate::cli::time::local_time;
use crate::cli::{Exit, json};
use crate::config::rulebook::cited::{Setting, settings};
use crate::domain::reason::{Reason, Retry};
use crate::domain::rules::rule_of::{RulePlaceOf, rule_of};
use crate::domain::rules::rulebook::RuleLayer;
use crate::domain::value::{Day, Side};
use crate::proto::hub::{GetRulebookRequest, GetTransferRequest, Transfer};
use crate::proto::types::{Refusal, RefusalSide};
use crate::wire::time::civil;
use serde_json::{Value, json};
use tonic::Code;

/// Arguments.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 explained, 1 there is no such transfer for this certificate.")]
pub struct Args {
    /// The transfer's id
    #[arg(value_name = "TRANSFER_ID")]
    id: String,
    #[command(flatten)]
    call: CallArgs,
}

/// One side's rules on the day of the transfer.
struct SideRules {
    side: Side,
    hash: String,
    /// What stood there; nothing where the hub keeps no such text.
    rules: Option<Vec<Setting>>,
}

/// `gongji explain`.
pub fn explain(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let transfer = transfer(&hub, &args.id).await?;
        let day = transfer.create_time.as_ref().and_then(civil).map_or(Day::from_number(0), Day::of);
        let mut sides = Vec::new();
        for (side, hash) in Side::BOTH.into_iter().zip(&transfer.rulebook_hashes) {
            if !hash.is_empty() {
                sides.push(SideRules { side, hash: hash.clone(), rules: rules(&hub, hash, day).await? });
            }
        }
        args.call.output.print(|| to_json(&transfer, &sides), || text(&transfer, &sides));
        Ok(Exit::Done)
    })
}

async fn transfer(hub: &Server, id: &str) -> Result<Transfer, Failure> {
    let request = GetTransferRequest { transfer_id: id.to_owned() };
    whole(hub.ask(request).await?.transfer).map_err(|status| hub.failed(status))
}

/// What the texts of a hash said on a day; nothing where the hub has none.
async fn rules(hub: &Server, hash: &str, day: Day) -> Result<Option<Vec<Setting>>, Failure> {
    let request = GetRulebookRequest { rulebook_hash: hash.to_owned() };
    match hub.peer().call(request, hub.timeout()).await {
        Ok(answer) => {
            let files = answer.rulebook.unwrap_or_default().files;
            let layer = |it: crate::proto::hub::RulebookFile| RuleLayer {
                name: it.name.into(),
                text: it.text.into(),
            };
            let layers: Vec<RuleLayer> = files.into_iter().map(layer).collect();
            // A text that cannot be read is shown as one that is not there.
            Ok(settings(&layers, day).ok())
        }
        Err(status) if status.code() == Code::NotFound => Ok(None),
        Err(status) => Err(hub.failed(status)),
    }
}

/// The rule behind a refusal: its key, and the side whose rulebook holds it.
fn rule_behind(refusal: &Refusal, sides: &[SideRules]) -> Option<(&'static str, Side)> {
    let (key, place) = rule_of(Reason::from_code(&refusal.reason)?)?;
    let refuser = match refusal.side() {
        RefusalSide::Payer => Some(Side::Payer),
        RefusalSide::Payee => Some(Side::Payee),
        // The hub names the one place by whose rules it refused.
        RefusalSide::Hub | RefusalSide::Unspecified => sides.first().map(|it| it.side),
    };
    match place {
        RulePlaceOf::Refuser => refuser.map(|side| (key, side)),
        RulePlaceOf::Side(side) => Some((key, side)),
    }
}

fn setting<'a>(key: &str, side: Side, sides: &'a [SideRules]) -> Option<&'a Setting> {
    let rules = sides.iter().find(|it| it.side == side)?.rules.as_ref()?;
    rules.iter().find(|it| it.key == key)
}

/// What a person can do, in English and 中文.
fn advice(refusal: &Refusal) -> &'static str {
    match Reason::from_code(&refusal.reason).map(|reason| reason.row().retry) {
        Some(Retry::No) => "do not repeat it: the answer stays the same 请勿重复提交，结果不会改变",
        Some(Retry::Correct) => "correct the request; the id is still free 请更正后重新提交，可用原编号",
        Some(Retry::SameId) => "ask again with the same id 请用同一编号查询",
        Some(Retry::NewId) => {
            "once the cause is gone, try again with a new id; this one stays refused \
             原因消除后请换新编号重新提交，本编号不再受理"
        }
        Some(Retry::Later) => "try again later 请稍后再试",
        None => "this program does not know the reason; ask the province 未知原因，请咨询当地经办机构",
    }
}

fn text(transfer: &Transfer, sides: &[SideRules]) -> String {
    let mut rows = vec![
        ("transfer 转账", transfer.transfer_id.clone()),
        ("decision 结果", state_text(transfer.state()).to_owned()),
        ("received 受理时间", local_time(transfer.create_time.as_ref())),
        ("decided 决定时间", local_time(transfer.decide_time.as_ref())),
        ("amount 金额", transfer.amount.clone()),
    ];
    if !transfer.original_transfer_id.is_empty() {
        let original = &transfer.original_transfer_id;
        rows.push((
            "carries back 退回",
            format!("transfer {original}, by the word of two operators 经两名操作员批准，退回该笔转账"),
        ));
    }
    if !transfer.compensation_id.is_empty() {
        let latest = &transfer.compensation_id;
        rows.push((
            "compensation 退回申请",
            format!(
                "{latest} was the latest to be proposed; explain it too 最近一次退回申请，可用该编号继续查询"
            ),
        ));
    }
    if let Some(refusal) = &transfer.refusal {
        rows.push(("reason 原因", refusal_text(refusal)));
        rows.push(("what to do 处理办法", advice(refusal).to_owned()));
        rows.push(("rule 规则", rule_text(refusal, sides)));
    }
    let mut shown = facts(&rows);
    shown.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(118);
    let mut blocks = vec![shown.to_string()];
    for (at, it) in sides.iter().enumerate() {
        let same = |other: &SideRules| other.hash == it.hash;
        if sides[..at].iter().any(same) {
            continue;
        }
        let head = match it.side {
            Side::Payer if sides[at + 1..].iter().any(same) => {
                "rules of both places that day 转出地、接收地当日规则"
            }
            Side::Payer => "rules of the payer's place that day 转出地当日规则",
            Side::Payee => "rules of the payee's place that day 接收地当日规则",
        };
        let body = it.rules.as_ref().map_or_else(
            || "the hub keeps no text with this hash: ask the province, whose node keeps it 中心未存此规则文本".to_owned(),
            |rules| settings_table(rules).to_string(),
        );
        blocks.push(format!("{head}\nhash {}\n{body}", it.hash));
    }
    blocks.join("\n\n")
}

/// "transfer_max = 2000.00 (grade A: …; national.toml 2024-12-02)".
fn rule_text(refusal: &Refusal, sides: &[SideRules]) -> String {
    let Some((key, side)) = rule_behind(refusal, sides) else {
        return "no rule of a rulebook: see the reason 非地方规则所致，见原因".to_owned();
    };
    setting(key, side, sides).map_or_else(
        || format!("{key} of the {}'s place; its text is not at hand", side.name()),
        |it| {
            format!(
                "{key} = {} ({}'s place; grade {}: {}; {} {})",
                it.value,
                side.name(),
                it.grade,
                it.source,
                it.file,
                it.effective_from
            )
        },
    )
}

fn to_json(transfer: &Transfer, sides: &[SideRules]) -> Value {
    let rule =
        transfer.refusal.as_ref().and_then(|refusal| rule_behind(refusal, sides)).map(
            |(key, side)| json!({ "rule": key, "side": side.name(), "setting": setting(key, side, sides) }),
        );
    let rulebooks =
        sides.iter().map(|it| json!({ "side": it.side.name(), "hash": it.hash, "rules": it.rules }));
    json!({
        "transfer": json::to_json(transfer),
        "refusal": transfer.refusal.as_ref().map(json::to_json),
        "what_to_do": transfer.refusal.as_ref().map(advice),
        "rule": rule,
        "rulebooks": rulebooks.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides() -> Vec<SideRules> {
        let text = "[[version]]\neffective_from = \"2024-12-02\"\n\
            transfer_max = { value = \"2000.00\", grade = \"A\", source = \"notice\" }\n\
            payee_types = { value = [\"resident\"], grade = \"C\", source = \"page\" }\n";
        let layer = RuleLayer { name: "national.toml".into(), text: text.into() };
        let rules = settings(&[layer], Day::from_number(20_261_121)).ok();
        vec![SideRules { side: Side::Payer, hash: "ab".to_owned(), rules }]
    }

    fn refusal(reason: &str, side: RefusalSide) -> Refusal {
        Refusal { reason: reason.to_owned(), side: side.into(), ..Refusal::default() }
    }

    #[test]
    fn a_refusal_leads_to_its_rule_value_and_source() {
        let said = rule_text(&refusal("AMOUNT_OVER_LIMIT", RefusalSide::Payer), &sides());
        assert_eq!(said, "transfer_max = 2000.00 (payer's place; grade A: notice; national.toml 2024-12-02)");
        let said = rule_text(&refusal("PAYEE_TYPE_NOT_ALLOWED", RefusalSide::Payee), &sides());
        assert!(
            said.starts_with("payee_types = resident (payer's place"),
            "the payer's place demands it: {said}"
        );
        let said = rule_text(&refusal("PAYEE_SUSPENDED", RefusalSide::Payee), &sides());
        assert!(said.starts_with("no rule of a rulebook"), "{said}");
        let said = rule_text(&refusal("KINSHIP_NOT_ALLOWED", RefusalSide::Payee), &sides());
        assert!(said.contains("not at hand"), "{said}");
    }

    #[test]
    fn the_whole_is_in_both_languages() {
        let transfer = Transfer {
            refusal: Some(refusal("AMOUNT_OVER_LIMIT", RefusalSide::Payer)),
            rulebook_hashes: vec!["ab".to_owned(), String::new()],
            ..Transfer::default()
        };
        let said = text(&transfer, &sides());
        for part in ["what to do 处理办法", "请换新编号", "new id", "rules of the payer's place", "hash ab"]
        {
            assert!(said.contains(part), "{part}: {said}");
        }
        let json = to_json(&transfer, &sides());
        assert_eq!(json["rule"]["setting"]["value"], "2000.00");
        assert_eq!(json["rulebooks"][0]["rules"].as_array().map(Vec::len), Some(2));
    }
}
