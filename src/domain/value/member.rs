//! What a province knows of a member: insurance (policy_facts §4.3) and the state of the personal account.

use crate::domain::value::region::RegionCode;
use crate::domain::value::stored_enum::stored_enum;
use borsh::{BorshDeserialize, BorshSerialize};

stored_enum! {
    /// Insurance type (险种类型, `insutype`), the two that count as basic insurance.
    InsuranceType {
        /// 310 职工基本医疗保险
        Employee = 1 "employee",
        /// 390 城乡居民基本医疗保险
        Resident = 2 "resident",
    }
}

stored_enum! {
    /// State of an insurance (人员参保状态, `psn_insu_stas`). Storage numbers are one above the field's own 0 to 3.
    InsuranceStatus {
        /// 0 未参保
        None = 1 "none",
        /// 1 正常参保
        Active = 2 "active",
        /// 2 暂停参保
        Suspended = 3 "suspended",
        /// 3 终止参保
        Ended = 4 "ended",
    }
}

impl InsuranceStatus {
    /// Whether there is no insurance (any more).
    pub fn is_over(self) -> bool {
        matches!(self, InsuranceStatus::None | InsuranceStatus::Ended)
    }
}

stored_enum! {
    /// State of a personal account (个人账户).
    AccountState {
        /// The member has no personal account, as residents and pool-only plans (单建统筹).
        Absent = 1 "absent",
        /// In normal use.
        Normal = 2 "normal",
        /// Frozen by the province; nothing may leave it.
        Frozen = 3 "frozen",
    }
}

stored_enum! {
    /// State of a 医保钱包.
    WalletState {
        /// Money may come and, later, go.
        Open = 1 "open",
        /// Money that was promised still lands; nothing new is promised.
        Frozen = 2 "frozen",
        /// Ended with nothing in it.
        Closed = 3 "closed",
    }
}

/// How a member is insured, as his province's own system reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Insurance {
    /// Pooling area of insurance.
    pub region: RegionCode,
    /// 310 or 390. Resident when he is not insured and none is given: it decides nothing then.
    pub insurance_type: InsuranceType,
    /// Whether it is in force.
    pub insurance_status: InsuranceStatus,
    /// 欠费: behind with contributions.
    pub in_arrears: bool,
    /// 公费医疗: publicly funded, has no part in sharing.
    pub public_medical: bool,
    /// State of the personal account.
    pub account_state: AccountState,
}

impl Insurance {
    /// Whether it is in force and nothing is owed.
    pub fn is_in_order(&self) -> bool {
        self.insurance_status == InsuranceStatus::Active && !self.in_arrears
    }

    /// In force, with nothing that stands against it: an employee has an account, a resident has none.
    pub fn new(region: RegionCode, insurance_type: InsuranceType) -> Insurance {
        Insurance {
            region,
            insurance_type,
            insurance_status: InsuranceStatus::Active,
            in_arrears: false,
            public_medical: false,
            account_state: match insurance_type {
                InsuranceType::Employee => AccountState::Normal,
                InsuranceType::Resident => AccountState::Absent,
            },
        }
    }
}
