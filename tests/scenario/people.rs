//! The people of a scenario, as its table lists them, and what their provinces' own systems say of them.

use super::table::Table;
use super::world::World;
use gongji::domain::node::record::RequestMark;
use gongji::domain::node::tables::PersonRow;
use gongji::domain::node::{Answer, Input, Key, MemberReport};
use gongji::domain::value::{
    Digest, IdNumber, MemberRef, PersonName, ProvinceCode, RegionCode, RegionDirectory,
};
use gongji::privacy::names::Form;
use gongji::proto::node::{AccountState, Member, UpsertMembersRequest};
use gongji::proto::types::{InsuranceStatus, InsuranceType, Party, Person};
use gongji::wire::reader::{Former, Reader};
use gongji::wire::status::Problem;
use prost::Message;
use sha2::{Digest as _, Sha256};

/// Somebody of the table.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// What his province reports of him, party included.
    pub member: Member,
    /// His province.
    pub province: ProvinceCode,
    /// What stands for him in the ledgers.
    pub member_ref: MemberRef,
    /// What he has in his personal account at the beginning, in yuan.
    opening: String,
    has_wallet: bool,
    is_known: bool,
}

/// A request's mark: its id, and what it says.
pub fn mark(request_id: &str, content: &impl Message) -> RequestMark {
    mark_bytes(request_id, &content.encode_to_vec())
}

/// The same, of what the caller says in bytes.
pub fn mark_bytes(request_id: &str, content: &[u8]) -> RequestMark {
    let digest = Digest(Sha256::digest(content).into());
    RequestMark { request_id: request_id.to_owned(), digest }
}

/// "140100 太原市": the code, whose name must be that of the table of places.
pub fn region(text: &str, places: &RegionDirectory) -> (RegionCode, ProvinceCode) {
    let (code, name) = text.split_once(' ').unwrap_or((text, ""));
    let code = RegionCode::parse(code).unwrap_or_else(|| panic!("`{text}` is no place"));
    let area = places.locate(code).unwrap_or_else(|| panic!("`{text}` is not in regions.toml"));
    assert!(name.is_empty() || name == area.name, "{code} is {}, not {name}", area.name);
    (code, area.province)
}

/// The people of a table.
pub fn read(table: &Table, places: &RegionDirectory) -> Vec<Somebody> {
    let known = ["姓名", "参保地", "险种", "参保状态", "欠费", "公费医疗", "个人账户", "钱包", "号码"];
    let unknown: Vec<&String> = table.headings.iter().filter(|it| !known.contains(&it.as_str())).collect();
    assert!(unknown.is_empty(), "columns of people that mean nothing: {unknown:?}");
    let somebody = |(number, row): (usize, &super::table::Row)| {
        let (code, province) = region(row.get("参保地"), places);
        let sequence = u16::try_from(number + 1).expect("few people");
        let generated = || {
            let number = IdNumber::generate(110_105, (1949, 12, 31), sequence).expect("a number");
            number.reveal().to_owned()
        };
        let id_number = match row.get("号码") {
            "" => generated(),
            text => text.to_owned(),
        };
        let person = Person { id_number, name: row.get("姓名").to_owned() };
        let (insurance_type, account_state, opening) = account(row.get("险种"), row.get("个人账户"));
        let status = row.get("参保状态");
        let member = Member {
            party: Some(Party { person: Some(person), region_code: code.to_string() }),
            insurance_type: insurance_type.into(),
            insurance_status: insurance_status(if status == "无记录" { "" } else { status }).into(),
            in_arrears: yes(row.get("欠费")),
            public_medical: yes(row.get("公费医疗")),
            account_state: account_state.into(),
            ..Member::default()
        };
        let member_ref = MemberRef([u8::try_from(number + 1).expect("few people"); 16]);
        let has_wallet = match row.get("钱包") {
            "" | "未开通" => false,
            "已开通" => true,
            other => panic!("a wallet is 已开通 or 未开通, not {other}"),
        };
        Somebody { member, province, member_ref, opening, has_wallet, is_known: status != "无记录" }
    };
    table.rows.iter().enumerate().map(somebody).collect()
}

fn yes(text: &str) -> bool {
    match text {
        "" | "否" => false,
        "是" => true,
        other => panic!("`{other}` is neither 是 nor 否"),
    }
}

fn insurance_status(text: &str) -> InsuranceStatus {
    match text {
        "" | "正常" => InsuranceStatus::Active,
        "暂停" => InsuranceStatus::Suspended,
        "终止" => InsuranceStatus::Ended,
        "未参保" => InsuranceStatus::None,
        other => panic!("`{other}` is no state of an insurance"),
    }
}

fn account(kind: &str, account: &str) -> (InsuranceType, AccountState, String) {
    let kind = match kind {
        "职工" => InsuranceType::Employee,
        "居民" => InsuranceType::Resident,
        other => panic!("`{other}` is neither 职工 nor 居民"),
    };
    let (state, amount) = match (account, kind) {
        ("无", _) | ("", InsuranceType::Resident) => (AccountState::None, ""),
        ("", _) => (AccountState::Normal, ""),
        (text, _) => match text.strip_prefix("冻结 ") {
            Some(amount) => (AccountState::Frozen, amount),
            None => (AccountState::Normal, text),
        },
    };
    (kind, state, amount.to_owned())
}

impl Somebody {
    /// Who he is and where he is insured, as a caller would write it.
    pub fn party(&self) -> Party {
        self.member.party.clone().unwrap_or_default()
    }

    /// As he was when he joined: only who is insured can open a wallet. What the table says of him came later.
    fn as_he_joined(&self) -> Somebody {
        let mut joined = self.clone();
        if self.has_wallet {
            joined.member.insurance_status = InsuranceStatus::Active.into();
            (joined.member.in_arrears, joined.member.public_medical) = (false, false);
        }
        joined
    }

    /// His name.
    pub fn name(&self) -> String {
        self.party().person.unwrap_or_default().name
    }

    /// Changes what his province is about to say of him: "暂停参保", "欠费", "迁往 140200 大同市" and so on.
    pub fn change(&mut self, what: &str, places: &RegionDirectory) {
        let member = &mut self.member;
        match what {
            "正常参保" => member.insurance_status = InsuranceStatus::Active.into(),
            "暂停参保" => member.insurance_status = InsuranceStatus::Suspended.into(),
            "终止参保" => member.insurance_status = InsuranceStatus::Ended.into(),
            "未参保" => member.insurance_status = InsuranceStatus::None.into(),
            "欠费" => member.in_arrears = true,
            "补缴" => member.in_arrears = false,
            "公费医疗" => member.public_medical = true,
            "账户冻结" => member.account_state = AccountState::Frozen.into(),
            "账户正常" => member.account_state = AccountState::Normal.into(),
            _ => match what.strip_prefix("迁往 ") {
                Some(place) => {
                    let code = region(place, places).0.to_string();
                    member.party = member.party.take().map(|party| Party { region_code: code, ..party });
                }
                None => panic!("`{what}` is no change of an insurance"),
            },
        }
    }
}

impl World {
    /// Reads requests as this province's node does.
    pub fn reading(&self, home: Option<ProvinceCode>) -> Reader<'_> {
        Reader { regions: &self.cluster.country.places, home, texts: Form::TODAY.texts(), former: Former::No }
    }

    /// His province reports him.
    pub fn report(&mut self, request_id: &str, somebody: &Somebody) -> Result<Answer, Problem> {
        let member = Some(somebody.member.clone());
        let request = UpsertMembersRequest {
            request_id: request_id.to_owned(),
            member,
            phone: String::new(),
            ..Default::default()
        };
        let input = self.reading(Some(somebody.province)).upsert_member(&request)?;
        let person = &input.party.person;
        let id_hash = self.key.id_hash(&person.id_number);
        let key = Key::Person(id_hash);
        let person_known = self.cluster.nodes[&somebody.province].disk.row(&key).is_some();
        let report = MemberReport {
            request: mark(request_id, &request),
            insurance: input.insurance,
            person_known,
            person: PersonRow {
                id_hash,
                member_ref: somebody.member_ref,
                sealed: self.key.seal_person(somebody.member_ref, person, None),
            },
        };
        Ok(self.ask_node(somebody.province, |ticket| Input::Upsert { ticket, report: Box::new(report) }))
    }

    /// Whether the name can be one: a page's own mistakes are found at once.
    pub fn enrol(&mut self, people: &[Somebody]) {
        for somebody in people.iter().filter(|somebody| somebody.is_known) {
            let (name, number) = (somebody.name(), somebody.member_ref.0[0]);
            assert!(PersonName::new(&name).is_some(), "`{name}` is no name");
            let answer = self.report(&format!("enrol-{number}"), &somebody.as_he_joined());
            assert!(matches!(answer, Ok(Answer::Standing(_))), "{name} cannot be enrolled: {answer:?}");
            if !somebody.opening.is_empty() {
                let answer = self.credit(&format!("credit-{number}"), somebody, &somebody.opening);
                assert!(matches!(answer, Ok(Answer::Standing(_))), "{name}'s account: {answer:?}");
            }
            if somebody.has_wallet {
                let answer = self.open_wallet(&format!("open-{number}"), somebody, "");
                assert!(matches!(answer, Ok(Answer::Standing(_))), "{name}'s wallet: {answer:?}");
            }
            let answer = self.report(&format!("standing-{number}"), somebody);
            assert!(matches!(answer, Ok(Answer::Standing(_))), "{name}'s insurance: {answer:?}");
        }
    }
}
