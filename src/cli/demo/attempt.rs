//! One attempt of the demo's script: what is tried, and how it must come out.

use crate::domain::reason::Reason;
use crate::proto::node::WalletState;
use crate::proto::types::Kinship;

/// How an attempt must come out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// Done, and recorded by both provinces.
    Committed,
    /// It awaits the payee's acceptance.
    Awaiting,
    /// A wallet in this state.
    Wallet(WalletState),
    /// An aborted transfer with this reason: recorded, its id is used up.
    Refused(Reason),
    /// An error of the call with this reason: nothing was recorded.
    Error(Reason),
    /// An error of the call with this reason that names this field.
    ErrorIn(Reason, &'static str),
    /// The answer of an earlier attempt, word for word.
    SameAs(usize),
}

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// A transfer is asked for.
    Transfer,
    /// The payee takes the transfer of an earlier attempt (1 is the first).
    Accept(usize),
    /// The payee declines it.
    Decline(usize),
    /// The payer, a relative, opens the payee's wallet (代开通). Done once for a folder.
    OpenFor,
    /// The payee's province freezes his wallet. Done once for a folder.
    Freeze,
}

/// Where the request differs from what the list of people says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twist {
    /// Nowhere.
    None,
    /// The payee is called something else.
    PayeeName(&'static str),
    /// The payee is said to be insured there.
    PayeeRegion(&'static str),
    /// The kinship is a number that the contract does not have.
    KinshipNumber(i32),
    /// The id of an earlier attempt (1 is the first) is used again.
    IdOf(usize),
}

/// One attempt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    /// What is tried, in English.
    pub(super) english: &'static str,
    /// 中文
    pub(super) chinese: &'static str,
    /// What is done.
    pub(super) act: Act,
    /// Who pays.
    pub(super) payer: &'static str,
    /// Who is to receive.
    pub(super) payee: &'static str,
    /// What the payee is to the payer.
    pub(super) kinship: Kinship,
    /// Amount, as it is sent.
    pub(super) amount: &'static str,
    /// What is odd about it.
    pub(super) twist: Twist,
    /// How it must come out.
    pub(super) expect: Expect,
}

pub(super) const fn attempt(
    (english, chinese): (&'static str, &'static str),
    (payer, payee): (&'static str, &'static str),
    kinship: Kinship,
    amount: &'static str,
    expect: Expect,
) -> Attempt {
    Attempt {
        english,
        chinese,
        act: Act::Transfer,
        payer,
        payee,
        kinship,
        amount,
        twist: Twist::None,
        expect,
    }
}

pub(super) const fn twisted(twist: Twist, attempt: Attempt) -> Attempt {
    Attempt { twist, ..attempt }
}

pub(super) const fn acted(act: Act, attempt: Attempt) -> Attempt {
    Attempt { act, ..attempt }
}
