//! Double entry: every movement takes from one account what it gives to another.

use crate::domain::value::money::Money;
use crate::domain::value::stored_enum::stored_enum;

/// Which way money of an account goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// It leaves the account.
    Out,
    /// It comes to the account.
    In,
}

impl Direction {
    /// The other way.
    pub fn back(self) -> Direction {
        match self {
            Direction::Out => Direction::In,
            Direction::In => Direction::Out,
        }
    }

    /// What an amount, which is not negative, adds to the account's balance.
    pub fn signed(self, amount: Money) -> Money {
        match self {
            Direction::Out => Money::from_fen(-amount.fen()),
            Direction::In => amount,
        }
    }
}

stored_enum! {
    /// Which account of an owner.
    AccountKind {
        /// 个人账户: a member's personal account.
        Personal = 1 "personal",
        /// 医保钱包.
        Wallet = 2 "wallet",
        /// The province's own: what came in as allotments (划入), with the sign turned.
        Allotment = 3 "allotment",
        /// The province's own: what stands open against the national clearing. Positive: it owes.
        Clearing = 4 "clearing",
        /// The province's own: legs that came back after a loss and whose member nobody knows. For people.
        Suspense = 5 "suspense",
        /// What came back after a loss and did not fit a member's personal account. Negative: he owes it.
        PersonalSuspense = 6 "personal_suspense",
        /// The same of his wallet.
        WalletSuspense = 7 "wallet_suspense",
    }
}

impl AccountKind {
    /// The accounts of a member that have a suspense account beside them.
    pub const OF_MEMBERS: [AccountKind; 2] = [AccountKind::Personal, AccountKind::Wallet];

    /// Where waits what an account cannot take: beside a member's own account; of any other, at the province.
    pub fn suspense(self) -> AccountKind {
        match self {
            AccountKind::Personal | AccountKind::PersonalSuspense => AccountKind::PersonalSuspense,
            AccountKind::Wallet | AccountKind::WalletSuspense => AccountKind::WalletSuspense,
            AccountKind::Allotment | AccountKind::Clearing | AccountKind::Suspense => AccountKind::Suspense,
        }
    }

    /// Whether money waits here.
    pub fn is_suspense(self) -> bool {
        self.suspense() == self
    }

    /// The member's account beside which money waits here; none where it waits at the province, or does not wait.
    pub fn beside(self) -> Option<AccountKind> {
        match self {
            AccountKind::PersonalSuspense => Some(AccountKind::Personal),
            AccountKind::WalletSuspense => Some(AccountKind::Wallet),
            AccountKind::Personal
            | AccountKind::Wallet
            | AccountKind::Allotment
            | AccountKind::Clearing
            | AccountKind::Suspense => None,
        }
    }
}

stored_enum! {
    /// What a line of a statement is.
    EntryKind {
        /// 划入: an allotment to the personal account.
        Allotment = 1 "allotment",
        /// Sent to a relative's wallet in another province.
        TransferOut = 2 "transfer_out",
        /// Received from a relative in another province.
        TransferIn = 3 "transfer_in",
        /// A compensation took back what had been received (退回转出).
        ReturnOut = 4 "return_out",
        /// A compensation brought back what had been sent (退回转入).
        ReturnIn = 5 "return_in",
        /// What stood in suspense of the member was set off against what his account has (抵扣).
        SetOff = 6 "set_off",
    }
}
