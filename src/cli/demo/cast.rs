//! Who takes part: invented people, built into the program from `deploy/demo/members.csv`.

use super::error::DemoError;
use crate::domain::value::money::Money;
use crate::domain::value::region::ProvinceCode;
use crate::proto::{node, types};
use serde::{Deserialize, Serialize};

const MEMBERS: &str = include_str!("../../../deploy/demo/members.csv");

/// Type of insurance, as lists and `connect.json` write it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Insurance {
    /// 职工医保
    Employee,
    /// 城乡居民医保
    Resident,
}

/// Whether the insurance is in force, as lists and `connect.json` write it.
#[derive(Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Status {
    /// 正常
    Active,
    /// 暂停
    Suspended,
    /// 终止
    Ended,
    /// 未参保
    None,
}

/// A person of the demonstration.
#[derive(Clone, Deserialize)]
pub(super) struct Member {
    /// How the script names him.
    pub(super) key: String,
    /// Identity number.
    pub(super) id_number: String,
    /// Name.
    pub(super) name: String,
    /// Pooling area of insurance, six digits.
    pub(super) region_code: String,
    /// Type of insurance.
    pub(super) insurance: Insurance,
    /// State of the insurance.
    pub(super) status: Status,
    /// Whether premiums are owed.
    pub(super) in_arrears: bool,
    /// First allotment to the personal account, in yuan.
    pub(super) balance: String,
    /// Whether he opens a wallet.
    pub(super) wallet: bool,
}

impl Member {
    /// The province that insures him.
    pub(super) fn province(&self) -> ProvinceCode {
        // `load` has checked that the code begins with a province of the demonstration.
        ProvinceCode::parse(self.region_code.get(..2).unwrap_or_default()).unwrap_or(ProvinceCode::HUB)
    }

    /// He with his place of insurance, on the wire.
    pub(super) fn party(&self) -> types::Party {
        types::Party {
            person: Some(types::Person { id_number: self.id_number.clone(), name: self.name.clone() }),
            region_code: self.region_code.clone(),
        }
    }

    /// Whether he is the script's own. Foreign programs are not told of him: example rules hold for him, or his wallet
    /// is frozen.
    pub(super) fn is_storys(&self) -> bool {
        self.key.starts_with("story-")
    }

    /// Whether he has a personal account, which residents have not.
    pub(super) fn has_account(&self) -> bool {
        self.insurance == Insurance::Employee
    }

    /// What the account is to begin with; none for who gets no allotment.
    pub(super) fn allotment(&self) -> Option<Money> {
        Money::parse(&self.balance).ok().filter(|amount| amount.is_positive() && self.has_account())
    }

    /// The province's report about him.
    pub(super) fn report(&self) -> node::UpsertMembersRequest {
        let insurance_type = match self.insurance {
            Insurance::Employee => types::InsuranceType::Employee,
            Insurance::Resident => types::InsuranceType::Resident,
        };
        let insurance_status = match self.status {
            Status::Active => types::InsuranceStatus::Active,
            Status::Suspended => types::InsuranceStatus::Suspended,
            Status::Ended => types::InsuranceStatus::Ended,
            Status::None => types::InsuranceStatus::None,
        };
        node::UpsertMembersRequest {
            request_id: format!("demo-member-{}", self.key),
            member: Some(node::Member {
                party: Some(self.party()),
                insurance_type: insurance_type.into(),
                insurance_status: insurance_status.into(),
                in_arrears: self.in_arrears,
                ..node::Member::default()
            }),
            phone: String::new(),
        }
    }
}

/// Everyone, in the list's order; all of `provinces`.
pub(super) fn load(provinces: &[ProvinceCode]) -> Result<Vec<Member>, DemoError> {
    let wrong = |what: String| DemoError::Cast(what);
    let members: Vec<Member> = csv::Reader::from_reader(MEMBERS.as_bytes())
        .deserialize()
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(error.to_string()))?;
    for member in &members {
        if !provinces.contains(&member.province()) || Money::parse(&member.balance).is_err() {
            return Err(wrong(format!(
                "`{}` has no province of the demonstration or no balance",
                member.key
            )));
        }
    }
    Ok(members)
}

/// The person that the script calls so.
pub(super) fn person<'a>(cast: &'a [Member], key: &'static str) -> Result<&'a Member, DemoError> {
    cast.iter().find(|member| member.key == key).ok_or(DemoError::NoSuchPerson(key))
}

#[cfg(test)]
mod tests {
    use super::super::script;
    use super::super::stage::PROVINCES;
    use super::*;
    use crate::domain::value::id_number::IdNumber;
    use std::collections::BTreeSet;

    const SPECIMENS: [&str; 3] = ["11010519491231002X", "440524188001010014", "34052419800101001X"];

    #[test]
    fn no_number_can_be_a_real_persons() {
        for member in load(&PROVINCES).expect("readable") {
            assert!(IdNumber::parse(&member.id_number).is_ok(), "{}", member.key);
            let nowhere = member.id_number.get(2..6) == Some("9999");
            assert!(nowhere || SPECIMENS.contains(&member.id_number.as_str()), "{}", member.key);
        }
    }

    #[test]
    fn everybody_is_there_once_and_each_province_has_two_givers_whom_the_script_leaves_alone() {
        let cast = load(&PROVINCES).expect("readable");
        let (keys, numbers): (BTreeSet<_>, BTreeSet<_>) =
            cast.iter().map(|member| (&member.key, &member.id_number)).unzip();
        assert_eq!((keys.len(), numbers.len()), (cast.len(), cast.len()));
        let touched = script::people();
        assert!(touched.iter().all(|key| person(&cast, key).is_ok()), "{touched:?}");
        let enough = Money::from_fen(1_000_000);
        for province in PROVINCES {
            let spare = cast.iter().filter(|member| {
                // Half of it may be spent before a start fills it up.
                let left = member.allotment().map(|amount| Money::from_fen(amount.fen() / 2));
                member.province() == province
                    && !touched.contains(&member.key.as_str())
                    && member.status == Status::Active
                    && !member.in_arrears
                    && left.is_some_and(|left| left >= enough)
            });
            assert!(spare.count() >= 2, "{province}");
        }
    }
}
