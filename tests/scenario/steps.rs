//! What a row of a table does to the world, and what comes of it.

use super::clearing::CLEARING;
use super::people::{Somebody, mark};
use super::table::Row;
use super::words;
use super::world::World;
use gongji::domain::hub::tables::{PartiesRow, TransferRow};
use gongji::domain::hub::{Answer as HubAnswer, CreateRequest, Input as HubInput};
use gongji::domain::machine::TableRow;
use gongji::domain::node::tables::{AccountRow, MemberRow, WalletRow};
use gongji::domain::node::{self, Answer, Input, Key};
use gongji::domain::protocol::TransferState;
use gongji::domain::reason::{Reason, RefusalRecord};
use gongji::domain::value::{AccountKind, AccountState, ProvinceCode, TransferId, WalletState};
use gongji::privacy::names::Form;
use gongji::privacy::people::MaskedParties;
use gongji::proto::hub::{CreateTransferRequest, WaitMode};
use gongji::proto::node::CreditAccountRequest;
use gongji::proto::types::Party;
use gongji::wire::status::Problem;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a caller waits unless the table says otherwise.
pub const DEADLINE_MS: u64 = 60_000;
const APP: &str = "urn:gongji:app:national";

/// What came of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// 成功, 终止, 处理中, 待接收; 完成, 无变化; 未受理 or 拒绝.
    pub result: &'static str,
    /// Why it was refused.
    pub reason: Option<Reason>,
    /// The same for people, or what was asked for.
    pub text: String,
}

impl Outcome {
    pub fn plain(result: &'static str) -> Outcome {
        Outcome { result, reason: None, text: String::new() }
    }

    fn refused(result: &'static str, reason: Reason, figures: &[(String, String)]) -> Outcome {
        Outcome { result, reason: Some(reason), text: words::explained(reason, figures) }
    }

    pub fn of_problem(problem: &Problem) -> Outcome {
        let field = problem.violations.first().map(|first| ("field".to_owned(), first.field.clone()));
        let figures: Vec<(String, String)> = field.into_iter().chain(problem.metadata.clone()).collect();
        Outcome::refused("未受理", problem.reason, &figures)
    }

    pub fn of_refusal(result: &'static str, refusal: &RefusalRecord) -> Outcome {
        Outcome::refused(result, refusal.reason, &refusal.metadata)
    }

    fn of_transfer(row: &TransferRow) -> Outcome {
        let result = words::state(row.state);
        match &row.refusal {
            Some(refusal) => Outcome::of_refusal(result, refusal),
            None => Outcome::plain(result),
        }
    }

    /// What a node's own service answered.
    pub fn of_answer(answer: Result<Answer, Problem>) -> Outcome {
        match answer {
            Ok(Answer::Standing(standing)) if standing.changed => Outcome::plain("完成"),
            Ok(Answer::Standing(_)) => Outcome::plain("无变化"),
            Ok(Answer::Refused(refusal)) => Outcome::of_refusal("拒绝", &refusal),
            Ok(other) => panic!("a member's standing or a refusal, not {other:?}"),
            Err(problem) => Outcome::of_problem(&problem),
        }
    }
}

/// A scenario under way.
pub struct Session {
    pub world: World,
    pub people: Vec<Somebody>,
    labels: BTreeMap<String, TransferId>,
    made: u128,
    last: Option<TransferId>,
}

impl Session {
    /// These people in this world, enrolled.
    pub fn begin(mut world: World, people: Vec<Somebody>) -> Session {
        world.enrol(&people);
        Session { world, people, labels: BTreeMap::new(), made: 0, last: None }
    }

    pub fn somebody(&self, name: &str) -> &Somebody {
        let found = self.people.iter().find(|somebody| somebody.name() == name);
        found.unwrap_or_else(|| panic!("`{name}` is not among the people"))
    }

    /// Carries a row out.
    pub fn perform(&mut self, row: &Row) -> Outcome {
        let at = words::moment(row.get("时间"), Some(self.world.civil()));
        if row.get("事项") == "到时" {
            self.world.wait_until(at);
        }
        self.world.set_civil(at);
        let content = if row.get("内容").is_empty() { row.get("金额") } else { row.get("内容") };
        let outcome = match row.get("事项") {
            "" | "转账" => self.transfer(row, false),
            "发起转账" => self.transfer(row, true),
            "继续办理" => {
                self.world.release();
                self.stands(row)
            }
            "查询转账" | "到时" => self.stands(row),
            "接收" => self.payee_says(row, true),
            "拒收" => self.payee_says(row, false),
            "等待" => {
                let seconds = content.strip_suffix(" 秒").and_then(|text| text.parse().ok());
                let seconds = seconds.unwrap_or_else(|| panic!("`{content}` is no time such as `10 秒`"));
                self.world.wait(Duration::from_secs(seconds).as_millis().try_into().expect("a short time"));
                self.stands(row)
            }
            "省平台断线" | "省平台恢复" => {
                let province = ProvinceCode::parse(content).expect("two digits of a province");
                self.world.link(province, row.get("事项") == "省平台恢复");
                Outcome::plain("完成")
            }
            "清算中心重启" => {
                self.world.restart_hub();
                self.stands(row)
            }
            "参保变动" => self.change(row.get("谁"), content),
            "划入" => {
                let somebody = self.somebody(row.get("谁")).clone();
                Outcome::of_answer(self.world.credit(&format!("row-{}", row.line), &somebody, content))
            }
            "提出退回" | "批准退回" | "撤回退回" => self.operator_says(row, content),
            "暂停联网结算" | "恢复联网结算" => self.suspension(row, content),
            step if CLEARING.contains(&step) => self.clears(row),
            _ => self.wallet_step(row, content),
        };
        self.world.row_done();
        outcome
    }

    /// The transfer that the row names, or the last one.
    pub fn meant(&self, row: &Row) -> Option<TransferId> {
        self.labels.get(row.get("编号")).copied().or(self.last)
    }

    /// The same, as it stands.
    fn stands(&self, row: &Row) -> Outcome {
        let transfer = self.meant(row).and_then(|id| self.world.transfer(id));
        transfer.map_or_else(|| Outcome::plain("完成"), |row| Outcome::of_transfer(&row))
    }

    fn transfer(&mut self, row: &Row, hold: bool) -> Outcome {
        let transfer_id = self.transfer_id(row.get("编号"));
        let (payer, payee) = (self.somebody(row.get("谁")), self.somebody(row.get("对方")));
        let mut request = CreateTransferRequest {
            transfer_id: transfer_id.to_string(),
            payer: Some(payer.party()),
            payee: Some(payee.party()),
            kinship: words::kinship(row.get("关系")),
            amount: row.get("金额").to_owned(),
            remark: String::new(),
            wait: WaitMode::Recorded.into(),
            verification: 0,
        };
        let (mut owner, mut deadline_ms) = (APP.to_owned(), DEADLINE_MS);
        for item in row.get("改填").split('；').filter(|item| !item.is_empty()) {
            let (field, value) = item.split_once(' ').unwrap_or((item, ""));
            match field {
                "调用方" => owner = format!("urn:gongji:app:{value}"),
                "时限毫秒" => deadline_ms = value.parse().expect("milliseconds"),
                _ => misfill(&mut request, field, value),
            }
        }
        if hold {
            self.world.hold(transfer_id);
        }
        self.hand_in(&request, owner, deadline_ms)
    }

    fn hand_in(&mut self, request: &CreateTransferRequest, owner: String, deadline_ms: u64) -> Outcome {
        let new = match self.world.reading(None).create_transfer(request) {
            Ok(new) => new,
            Err(problem) => return Outcome::of_problem(&problem),
        };
        let (id, content, key) = (new.transfer_id, new.content, &self.world.key);
        let create = CreateRequest {
            transfer_id: id,
            owner,
            digests: key.terms_digests(Form::TODAY, id, &content.terms, &content.remark),
            parties: PartiesRow {
                transfer_id: id,
                sealed: key.seal_parties(id, &MaskedParties::of(&content.terms, &content.remark)),
                receipt_time: self.world.civil(),
            },
            terms: content.terms,
            wait: new.wait,
            deadline_ms,
            verification: new.verification,
        };
        self.last = Some(id);
        let answer = self.world.hand_in(|ticket| HubInput::Create { ticket, request: Box::new(create) });
        self.told(id, answer)
    }

    /// What the hub answered about a transfer.
    pub fn told(&self, id: TransferId, answer: Option<HubAnswer>) -> Outcome {
        match answer {
            Some(HubAnswer::Refused(refusal)) => Outcome::of_refusal("未受理", &refusal),
            Some(HubAnswer::Transfer(row)) => Outcome::of_transfer(&row),
            Some(other) => panic!("a transfer or a refusal, not {other:?}"),
            // Nobody is answered while votes are held.
            None => {
                self.world.transfer(id).map_or(Outcome::plain("完成"), |row| Outcome::of_transfer(&row))
            }
        }
    }

    /// The id that stands for a name, a new one for a new name or none.
    pub fn transfer_id(&mut self, label: &str) -> TransferId {
        if let Some(id) = self.labels.get(label) {
            return *id;
        }
        self.made += 1;
        let id = TransferId((0x0190_0000_0000_7000_8000_0000_0000_0000_u128 + self.made).to_be_bytes());
        if !label.is_empty() {
            self.labels.insert(label.to_owned(), id);
        }
        id
    }

    /// A province's report about one of its members.
    fn change(&mut self, name: &str, what: &str) -> Outcome {
        let at = self.people.iter().position(|it| it.name() == name).expect("somebody of the table");
        let mut changed = self.people[at].clone();
        what.split('；').for_each(|item| changed.change(item, &self.world.cluster.country.places));
        self.made += 1;
        let outcome = Outcome::of_answer(self.world.report(&format!("report-{}", self.made), &changed));
        if outcome.reason.is_none() {
            self.people[at] = changed;
        }
        outcome
    }

    /// What the people of a row have, in the words of the table.
    pub fn balances(&self, row: &Row) -> String {
        let names = [row.get("谁"), row.get("对方")].into_iter().filter(|name| !name.is_empty());
        let funds: Vec<String> = names.filter_map(|name| self.world.funds(self.somebody(name))).collect();
        funds.join("；")
    }

    /// Whether a transfer is on its way: a scenario must not end so.
    pub fn in_flight(&self) -> Option<TransferState> {
        let row = self.last.and_then(|id| self.world.transfer(id));
        let ended =
            |state: &TransferState| matches!(state, TransferState::Committed | TransferState::Aborted);
        row.map(|row| row.state).filter(|state| !ended(state))
    }
}

/// What a caller writes in place of what is right.
fn misfill(request: &mut CreateTransferRequest, field: &str, value: &str) {
    let value = value.to_owned();
    match field {
        "编号" => return request.transfer_id = value,
        "备注" => return request.remark = value,
        "核验" => return request.verification = words::verification(&value),
        "长备注" => return request.remark = "长".repeat(value.parse().expect("a number")),
        _ => {}
    }
    let party = match field.chars().next() {
        Some('付') => request.payer.as_mut(),
        Some('收') => request.payee.as_mut(),
        _ => panic!("`{field}` is no field"),
    };
    miswrite(party.expect("a party"), field.trim_start_matches(['付', '收']), value);
}

/// What a caller writes about one party in place of what is right.
pub fn miswrite(party: &mut Party, field: &str, value: String) {
    let person = party.person.as_mut().expect("a person");
    match field {
        "方姓名" => person.name = value,
        "方号码" => person.id_number = value,
        "方参保地" => party.region_code = value,
        other => panic!("`{other}` is no field"),
    }
}

impl World {
    fn row<T: TableRow<node::Row> + Clone>(&self, somebody: &Somebody, key: &Key) -> Option<T> {
        self.cluster.node(somebody.province).get(key)
    }

    /// "陈晓东：账户 1500.00，占用 500.00"; nothing for somebody whom his province does not know.
    fn funds(&self, somebody: &Somebody) -> Option<String> {
        let member_ref = somebody.member_ref;
        let member: MemberRow = self.row(somebody, &Key::Member(member_ref))?;
        let account = |kind| self.row::<AccountRow>(somebody, &Key::Account(member_ref, kind));
        let mut parts = Vec::new();
        let personal = account(AccountKind::Personal);
        if member.account_state != AccountState::Absent || personal.is_some() {
            parts.push(format!("账户 {}", personal.as_ref().map_or_else(zero, |row| row.posted.to_string())));
            parts.extend(
                personal.filter(|row| row.held.is_positive()).map(|row| format!("占用 {}", row.held)),
            );
        }
        if let Some(wallet) = self.row::<WalletRow>(somebody, &Key::Wallet(member_ref)) {
            let row = account(AccountKind::Wallet);
            parts.push(format!("钱包 {}", row.as_ref().map_or_else(zero, |row| row.posted.to_string())));
            parts.extend(
                row.filter(|row| row.pending.is_positive()).map(|row| format!("在途 {}", row.pending)),
            );
            match wallet.state {
                WalletState::Open => {}
                WalletState::Frozen => parts.push("已冻结".to_owned()),
                WalletState::Closed => parts.push("已注销".to_owned()),
            }
        }
        Some(format!(
            "{}：{}",
            somebody.name(),
            if parts.is_empty() { "无".to_owned() } else { parts.join("，") }
        ))
    }

    /// An allotment to a personal account, for the month of today.
    pub fn credit(&mut self, id: &str, somebody: &Somebody, amount: &str) -> Result<Answer, Problem> {
        let request = CreditAccountRequest {
            request_id: id.to_owned(),
            party: Some(somebody.party()),
            amount: amount.to_owned(),
            period: "202601".to_owned(),
            remark: String::new(),
        };
        let input = self.reading(Some(somebody.province)).credit_account(&request)?;
        let (request, member_ref) = (mark(id, &request), somebody.member_ref);
        let (amount, period) = (input.amount, input.period);
        Ok(self.ask_node(somebody.province, |ticket| Input::Credit {
            ticket,
            request,
            member_ref,
            amount,
            period,
        }))
    }
}

fn zero() -> String {
    "0.00".to_owned()
}
