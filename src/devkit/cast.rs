//! Invented people: those of `deploy/demo/members.csv`, who have names in a script, and as many as one likes. None of
//! their numbers can be a real person's: 9999 is no county (a few are published specimens of GB 11643).

use super::client::province_of;
use crate::domain::value::{IdNumber, IdNumberError, Money, ProvinceCode};
use crate::proto::node::{Member, OpenWalletRequest, UpsertMembersRequest};
use crate::proto::types::{InsuranceStatus, InsuranceType, Party, Person};
use serde::{Deserialize, Serialize};

/// The provinces of the list: 河北, 山西, 福建, 四川.
pub const PROVINCES: [ProvinceCode; 4] =
    [ProvinceCode::new(13), ProvinceCode::new(14), ProvinceCode::new(35), ProvinceCode::new(51)];

const LIST: &str = include_str!("../../deploy/demo/members.csv");
/// A number for wallets' phones that nobody has.
pub const PHONE: &str = "13800000000";

const SURNAMES: [char; 16] =
    ['王', '李', '张', '刘', '陈', '杨', '赵', '黄', '周', '吴', '徐', '孙', '胡', '朱', '高', '林'];
const GIVEN: [char; 16] =
    ['伟', '芳', '敏', '静', '丽', '强', '磊', '军', '洋', '勇', '艳', '杰', '娟', '涛', '明', '超'];

/// Type of insurance, as lists and `connect.json` write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Insurance {
    /// 职工医保
    Employee,
    /// 城乡居民医保
    Resident,
}

/// Whether the insurance is in force, as lists and `connect.json` write it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// 正常
    Active,
    /// 暂停
    Suspended,
    /// 终止
    Ended,
    /// 未参保
    None,
}

/// A person of the list, or of a `connect.json`.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Listed {
    /// How a script names him; a `connect.json` does not.
    #[serde(default, skip_serializing)]
    pub key: String,
    /// Identity number.
    pub id_number: String,
    /// Name.
    pub name: String,
    /// Pooling area of insurance, six digits.
    pub region_code: String,
    /// Type of insurance.
    pub insurance: Insurance,
    /// State of the insurance.
    pub status: Status,
    /// Whether premiums are owed.
    #[serde(default)]
    pub in_arrears: bool,
    /// In the personal account, in yuan: the first allotment, or what is there now.
    #[serde(default)]
    pub balance: String,
    /// Whether he has a wallet.
    pub wallet: bool,
    /// His province, two digits, where a `connect.json` says it.
    #[serde(default)]
    pub province: String,
}

impl Listed {
    /// The province that insures him.
    pub fn province(&self) -> ProvinceCode {
        ProvinceCode::parse(&self.province).unwrap_or_else(|| province_of(&self.party()))
    }

    /// He with his place of insurance, on the wire.
    pub fn party(&self) -> Party {
        party(&self.id_number, &self.name, &self.region_code)
    }

    /// Whether he is the script's own. Foreign programs are not told of him: example rules hold for him, or his wallet
    /// is frozen.
    pub fn is_storys(&self) -> bool {
        self.key.starts_with("story-")
    }

    /// Whether he has a personal account, which residents have not.
    pub fn has_account(&self) -> bool {
        self.insurance == Insurance::Employee
    }

    /// What the account is to begin with; none for who gets no allotment.
    pub fn allotment(&self) -> Option<Money> {
        Money::parse(&self.balance).ok().filter(|amount| amount.is_positive() && self.has_account())
    }

    /// What his province reports about him.
    pub fn member(&self) -> Member {
        let insurance_status = match self.status {
            Status::Active => InsuranceStatus::Active,
            Status::Suspended => InsuranceStatus::Suspended,
            Status::Ended => InsuranceStatus::Ended,
            Status::None => InsuranceStatus::None,
        };
        let member = match self.insurance {
            Insurance::Employee => employee(&self.party()),
            Insurance::Resident => resident(&self.party()),
        };
        Member { insurance_status: insurance_status.into(), in_arrears: self.in_arrears, ..member }
    }
}

/// Everyone of `deploy/demo/members.csv`, in its order.
///
/// # Errors
/// When the list that is built in is not readable.
pub fn list() -> Result<Vec<Listed>, csv::Error> {
    csv::Reader::from_reader(LIST.as_bytes()).deserialize().collect()
}

/// The `number`-th person insured in an area; below 300 million all numbers of an area are different.
///
/// # Errors
/// When the area has not six digits.
pub fn somebody(number: u64, region_code: &str) -> Result<Party, IdNumberError> {
    let part = |divisor: u64, modulus: u64| u16::try_from(number / divisor % modulus).unwrap_or(u16::MAX);
    let small = |divisor: u64, modulus: u64| u8::try_from(part(divisor, modulus)).unwrap_or(u8::MAX);
    let birth = (1930 + part(336_000, 70), 1 + small(28_000, 12), 1 + small(1_000, 28));
    let province = region_code.get(..2).and_then(|code| code.parse().ok()).unwrap_or(0u32);
    let id_number = IdNumber::generate(province * 10_000 + 9_999, birth, part(1, 1_000))?;
    let letter = |letters: [char; 16], divisor: u64| letters[usize::from(part(divisor, 16))];
    let name: String = [letter(SURNAMES, 1), letter(GIVEN, 16), letter(GIVEN, 256)].iter().collect();
    Ok(party(id_number.reveal(), &name, region_code))
}

/// A party of these parts.
pub fn party(id_number: &str, name: &str, region_code: &str) -> Party {
    let person = Person { id_number: id_number.to_owned(), name: name.to_owned() };
    Party { person: Some(person), region_code: region_code.to_owned() }
}

/// A member of employee insurance in good standing.
pub fn employee(party: &Party) -> Member {
    Member {
        party: Some(party.clone()),
        insurance_type: InsuranceType::Employee.into(),
        insurance_status: InsuranceStatus::Active.into(),
        ..Member::default()
    }
}

/// A member of resident insurance in good standing.
pub fn resident(party: &Party) -> Member {
    Member { insurance_type: InsuranceType::Resident.into(), ..employee(party) }
}

/// A member's report to his province, without a phone.
pub fn report(request_id: impl Into<String>, member: Member) -> UpsertMembersRequest {
    let request_id = request_id.into();
    UpsertMembersRequest { request_id, member: Some(member), ..UpsertMembersRequest::default() }
}

/// A request to open a wallet at the place of insurance.
pub fn opening(request_id: impl Into<String>, party: &Party) -> OpenWalletRequest {
    OpenWalletRequest {
        request_id: request_id.into(),
        party: Some(party.clone()),
        use_region_code: String::new(),
        phone: PHONE.to_owned(),
        confirmed: true,
        opened_by: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const SPECIMENS: [&str; 3] = ["11010519491231002X", "440524188001010014", "34052419800101001X"];

    fn is_nobodys(id_number: &str) -> bool {
        let nowhere = id_number.get(2..6) == Some("9999");
        IdNumber::parse(id_number).is_ok() && (nowhere || SPECIMENS.contains(&id_number))
    }

    #[test]
    fn the_list_is_whole_and_no_number_can_be_a_real_person_s() {
        let list = list().expect("readable");
        for member in &list {
            assert!(is_nobodys(&member.id_number), "{}", member.key);
            assert!(PROVINCES.contains(&member.province()), "{}", member.key);
            assert!(Money::parse(&member.balance).is_ok(), "{}", member.key);
        }
        let (keys, numbers): (BTreeSet<_>, BTreeSet<_>) =
            list.iter().map(|member| (&member.key, &member.id_number)).unzip();
        assert_eq!((keys.len(), numbers.len()), (list.len(), list.len()));
    }

    #[test]
    fn generated_people_are_all_different_and_nobody() {
        let people = (0..60_000).map(|number| somebody(number, "510100").expect("all dates exist"));
        let people: Vec<Person> = people.filter_map(|party| party.person).collect();
        let numbers: BTreeSet<&str> = people.iter().map(|person| person.id_number.as_str()).collect();
        assert_eq!(numbers.len(), 60_000);
        assert!(numbers.iter().all(|number| is_nobodys(number)));
    }
}
