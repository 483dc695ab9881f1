//! What is tried, in order, and how each attempt must come out.

use super::error::DemoError;
use crate::devkit::cast::Listed;
use crate::domain::reason::Reason;
use crate::proto::node::WalletState;
use crate::proto::types::Kinship;
use std::collections::BTreeSet;

use super::attempt::{Act, Attempt, Expect, Twist, acted, attempt, twisted};
use Expect::{Awaiting, Committed, Error, ErrorIn, Refused, SameAs, Wallet};
use Kinship::{Child, MaternalGrandparent, Parent, PaternalGrandparent, Sibling, SonsChild, Spouse};

/// An in-law has no number in the contract; 9 stands for what a program might invent.
const IN_LAW: i32 = 9;

/// The script.
pub(super) const SCRIPT: &[Attempt] = &[
    attempt(
        ("to his mother in another province", "转给外省的母亲"),
        ("he-payer", "sc-mother"),
        Parent,
        "400.00",
        Committed,
    ),
    attempt(("to his wife", "转给妻子"), ("fj-payer", "sx-floor"), Spouse, "1250.50", Committed),
    attempt(
        ("to his grandmother, just the limit", "转给外祖母，正好达到单笔限额"),
        ("sx-payer", "he-mother"),
        MaternalGrandparent,
        "2000.00",
        Committed,
    ),
    attempt(("to his sister", "转给妹妹"), ("sc-payer", "fj-resident"), Sibling, "888.88", Committed),
    attempt(
        ("to a son who is not insured", "转给未参保的儿子"),
        ("he-payer", "fj-uninsured"),
        Child,
        "300.00",
        Refused(Reason::PayeeNotInsured),
    ),
    attempt(
        ("to a brother whose insurance is suspended", "转给暂停参保的弟弟"),
        ("fj-payer", "he-suspended"),
        Sibling,
        "100.00",
        Refused(Reason::PayeeSuspended),
    ),
    attempt(
        ("to a grandfather whose insurance has ended", "转给终止参保的祖父"),
        ("he-payer", "sc-ended"),
        PaternalGrandparent,
        "100.00",
        Refused(Reason::PayeeEnded),
    ),
    attempt(
        ("to a father who is in arrears", "转给欠费的父亲"),
        ("sc-payer", "sx-arrears"),
        Parent,
        "100.00",
        Refused(Reason::PayeeInArrears),
    ),
    attempt(
        ("to a sister who has not opened her wallet", "转给未开通医保钱包的妹妹"),
        ("he-payer", "sc-no-wallet"),
        Sibling,
        "100.00",
        Refused(Reason::PayeeWalletNotOpen),
    ),
    twisted(
        Twist::PayeeName("李秀蓝"),
        attempt(
            ("to his mother, her name misspelt", "转给母亲，姓名写错一字"),
            ("he-payer", "sc-mother"),
            Parent,
            "100.00",
            Refused(Reason::PayeeIdentityMismatch),
        ),
    ),
    twisted(
        Twist::PayeeRegion("440100"),
        attempt(
            ("to 广州 in 广东, which has not opened the wallet", "转往尚未开通医保钱包的广东广州"),
            ("fj-payer", "sc-mother"),
            Parent,
            "100.00",
            Refused(Reason::PayeePlaceNotOpen),
        ),
    ),
    attempt(
        ("above the limit of one transfer", "超过单笔限额"),
        ("he-payer", "sc-mother"),
        Parent,
        "2000.01",
        Refused(Reason::AmountOverLimit),
    ),
    attempt(
        (
            "from an account with 1,300.00, where 1,000.00 must stay",
            "账户余额 1300.00 元，当地须保留 1000.00 元",
        ),
        ("sx-floor", "fj-payer"),
        Spouse,
        "400.00",
        Refused(Reason::InsufficientBalance),
    ),
    attempt(
        ("from a resident member, who has no personal account", "居民医保参保人（无个人账户）转出"),
        ("fj-resident", "sc-payer"),
        Sibling,
        "100.00",
        Refused(Reason::PayerNotEmployee),
    ),
    twisted(
        Twist::KinshipNumber(IN_LAW),
        attempt(
            ("to a mother-in-law: no near relative", "转给岳母：姻亲不属于近亲属"),
            ("he-payer", "sc-mother"),
            Parent,
            "100.00",
            ErrorIn(Reason::KinshipUnsupported, "kinship"),
        ),
    ),
    attempt(
        ("an amount of \"1.005\"", "金额写成“1.005”"),
        ("he-payer", "sc-mother"),
        Parent,
        "1.005",
        ErrorIn(Reason::AmountMalformed, "amount"),
    ),
    attempt(
        ("to a mother in the same province", "转给本省的母亲"),
        ("he-payer", "he-mother"),
        Parent,
        "100.00",
        Error(Reason::SameProvince),
    ),
    twisted(
        Twist::PayeeRegion("990100"),
        attempt(
            ("to a region that does not exist, 990100", "转往不存在的区划 990100"),
            ("he-payer", "sc-mother"),
            Parent,
            "100.00",
            ErrorIn(Reason::UnknownRegion, "payee.region_code"),
        ),
    ),
    twisted(
        Twist::IdOf(1),
        attempt(
            (
                "no. 1 again, with the same id: the same answer, nothing moves",
                "用相同编号重复第 1 笔：回答相同，资金不动",
            ),
            ("he-payer", "sc-mother"),
            Parent,
            "400.00",
            SameAs(1),
        ),
    ),
    twisted(
        Twist::IdOf(1),
        attempt(
            ("the id of no. 1 with another amount", "用第 1 笔的编号，金额不同"),
            ("he-payer", "sc-mother"),
            Parent,
            "401.00",
            ErrorIn(Reason::ContentDiffers, "amount"),
        ),
    ),
    attempt(
        (
            "his second transfer of the day (what was refused does not count)",
            "当日第二笔（被拒绝的不计次数）",
        ),
        ("he-payer", "sc-mother"),
        Parent,
        "100.00",
        Committed,
    ),
    attempt(
        ("his third transfer of the day", "当日第三笔"),
        ("he-payer", "fj-resident"),
        Sibling,
        "50.00",
        Committed,
    ),
    attempt(
        ("his fourth transfer of the day", "当日第四笔"),
        ("he-payer", "sc-mother"),
        Parent,
        "1.00",
        Refused(Reason::DailyCountReached),
    ),
    acted(
        Act::OpenFor,
        attempt(
            (
                "a grandson opens the wallet of his grandmother, who has no phone",
                "孙子为没有手机的祖母代开通医保钱包",
            ),
            ("sx-payer", "story-grandmother"),
            SonsChild,
            "",
            Wallet(WalletState::Open),
        ),
    ),
    attempt(
        ("to her, now that she has a wallet", "代开通之后转给祖母"),
        ("sx-payer", "story-grandmother"),
        PaternalGrandparent,
        "100.00",
        Committed,
    ),
    acted(
        Act::Freeze,
        attempt(
            ("a province freezes a wallet: suspected misuse", "省平台冻结医保钱包：疑似违规使用"),
            ("story-frozen", "story-frozen"),
            Kinship::Unspecified,
            "",
            Wallet(WalletState::Frozen),
        ),
    ),
    attempt(
        ("to a mother whose wallet is frozen", "转给医保钱包已冻结的母亲"),
        ("fj-payer", "story-frozen"),
        Parent,
        "100.00",
        Refused(Reason::PayeeWalletFrozen),
    ),
    attempt(
        ("to a mother where the payee must take it (example)", "转给母亲，当地须本人接收（示例规则）"),
        ("sc-payer", "story-taker"),
        Parent,
        "200.00",
        Awaiting,
    ),
    acted(
        Act::Accept(28),
        attempt(
            ("somebody else tries to take no. 28", "他人试图接收第 28 笔"),
            ("sc-payer", "fj-resident"),
            Parent,
            "200.00",
            Error(Reason::TransferNotFound),
        ),
    ),
    acted(
        Act::Accept(28),
        attempt(
            ("she takes no. 28", "母亲接收第 28 笔"),
            ("sc-payer", "story-taker"),
            Parent,
            "200.00",
            Committed,
        ),
    ),
    attempt(("to her again", "再转给母亲一笔"), ("sc-payer", "story-taker"), Parent, "100.00", Awaiting),
    acted(
        Act::Decline(31),
        attempt(
            ("she declines no. 31: it goes back", "母亲拒收第 31 笔，款项退回"),
            ("sc-payer", "story-taker"),
            Parent,
            "100.00",
            Refused(Reason::Declined),
        ),
    ),
    attempt(
        (
            "to a grandmother, from where only closer relatives are allowed (example)",
            "转给祖母，转出地只准转给更近的亲属（示例规则）",
        ),
        ("story-narrow", "story-grandmother"),
        PaternalGrandparent,
        "10.00",
        Refused(Reason::KinshipNotAllowed),
    ),
    attempt(
        (
            "to a brother in employee insurance, from where only residents receive (example)",
            "转给参加职工医保的哥哥，转出地只准转给居民（示例规则）",
        ),
        ("story-narrow", "sc-payer"),
        Sibling,
        "10.00",
        Refused(Reason::PayeeTypeNotAllowed),
    ),
    attempt(
        ("to a mother in resident insurance, from the same place", "从同一地转给参加居民医保的母亲"),
        ("story-narrow", "sc-mother"),
        Parent,
        "10.00",
        Committed,
    ),
    attempt(
        (
            "in an hour without transfers (example; elsewhere 22:00 to 06:00)",
            "在不办理转账的时段（示例规则；各地为 22:00 至 6:00）",
        ),
        ("story-closed", "sc-mother"),
        Parent,
        "10.00",
        Refused(Reason::ClosedHours),
    ),
];

/// The person that the script calls so.
pub(super) fn person<'a>(cast: &'a [Listed], key: &'static str) -> Result<&'a Listed, DemoError> {
    cast.iter().find(|member| member.key == key).ok_or(DemoError::NoSuchPerson(key))
}

/// Everyone whom the script names.
pub(super) fn people() -> BTreeSet<&'static str> {
    SCRIPT.iter().flat_map(|attempt| [attempt.payer, attempt.payee]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devkit::cast::{PROVINCES, Status, list};
    use crate::domain::value::Money;

    #[test]
    fn everybody_is_there_and_each_province_has_two_payers_whom_the_script_leaves_alone() {
        let cast = list().expect("readable");
        let touched = people();
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

    #[test]
    fn attempts_refer_back_only() {
        for (index, attempt) in SCRIPT.iter().enumerate() {
            let earlier = |number: usize| (1..=index).contains(&number);
            assert!(!matches!(attempt.twist, Twist::IdOf(number) if !earlier(number)), "{attempt:?}");
            assert!(!matches!(attempt.expect, SameAs(number) if !earlier(number)), "{attempt:?}");
            if let Act::Accept(number) | Act::Decline(number) = attempt.act {
                assert!(earlier(number) && SCRIPT[number - 1].expect == Awaiting, "{attempt:?}");
            }
        }
    }
}
