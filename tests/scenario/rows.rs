//! The rows of the page of policy facts, in a few words each.

/// Why something of a row is not shown by a scenario, where there is more to say than that it is not built yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unshown {
    /// The sources say it, and nothing that was read confirms it: there is nothing to build.
    Unconfirmed,
    /// It is about paying for care, which is not built yet.
    PayingForCare,
}

impl Unshown {
    /// As the page of coverage says it.
    pub fn text(self) -> &'static str {
        match self {
            Unshown::Unconfirmed => "nothing to build: not confirmed by anything read",
            Unshown::PayingForCare => "paying for care is not built yet",
        }
    }
}

/// Rows of which nothing, or only a part, is shown, and why.
pub const UNSHOWN: &[(&str, Unshown)] =
    &[("B3", Unshown::Unconfirmed), ("E8", Unshown::PayingForCare), ("R21", Unshown::PayingForCare)];

/// Those about the wallet and the transfer.
pub const NAMED: &[(&str, &str)] = &[
    ("A6", "医保钱包: for anyone insured whose place has it; no 家庭共济 binding needed"),
    ("B1", "eight kinds of near relatives"),
    ("B2", "国务院办公厅's guidance as the basis of the eight kinds"),
    ("B3", "《社会保险法》 said to let accounts pay for family"),
    ("B4", "本人参保,本人享受待遇: only one's own identity"),
    ("B5", "misuse: settlement suspended for 3 to 12 months"),
    ("B6", "places opened one after the other from December 2024"),
    ("E1", "opening: confirm, place of use, phone"),
    ("E2", "transfer: relative's data and amount, done at once"),
    ("E3", "verification by face or by the password of 医保码"),
    ("E4", "both insured; some places send only employee → resident"),
    ("E5", "the money is the relative's own, for care and the resident premium"),
    ("E6", "at a counter, for those who cannot use the app"),
    ("E7", "places named open; others not yet"),
    ("E8", "use in another province needs 异地就医备案 first"),
    ("G8", "陕西: the balance must exceed a floor"),
    ("G9", "some places: 2,000 yuan must stay"),
    ("G20", "keep data current; look at balances and records; guard privacy"),
    ("R1", "receiver not insured"),
    ("R2", "receiver suspended (停保) or in arrears (欠费)"),
    ("R3", "payer no employee member, in 公费医疗, or his account not in order"),
    ("R4", "no near relative, or a kind that the place excludes"),
    ("R5", "balance zero, not enough, or not above the floor"),
    ("R10", "old binding not removed after a move, or data changed"),
    ("R12", "a place has not opened the wallet"),
    ("R13", "receiver's wallet not opened"),
    ("R14", "only employee → resident allowed there"),
    ("R15", "wrong kind of binding (亲情账户): none is needed here"),
    ("R16", "name, number or other data wrong"),
    ("R17", "face or password check not passed"),
    ("R19", "closed hours; fourth transfer of a day; above 2,000; an earlier one not taken"),
    ("R20", "not taken in time, returned at 06:00"),
    ("R21", "the institution's system does not take the wallet"),
    ("R22", "settlement suspended for misuse"),
];

/// The others.
pub const OTHERS: &[(&str, &str)] = &[
    ("A1", "个人账户 of an employee member, fed by allotments"),
    ("A2", "residents and pool-only plans have no personal account"),
    ("A3", "家庭共济: bound sharing"),
    ("A4", "共济账户: an earmarked part of the balance"),
    ("A5", "医保亲情账户 only shows a relative's code"),
    ("A7", "统筹账户 is not shared"),
    ("A8", "only the patient's own credential is used"),
    ("A9", "no double cover"),
    ("C1", "山西: sharing since 2022-07-01"),
    ("C2", "山西: who may give"),
    ("C3", "山西: only what lies above 1,000 yuan"),
    ("C4", "山西: the authorised sum must exceed the premium"),
    ("C5", "山西: who may receive"),
    ("C6", "山西: one payer at a time"),
    ("C7", "山西: an amount per use for each receiver"),
    ("C8", "山西: unbind before a move"),
    ("C9", "山西: unbind when the family changes"),
    ("C10", "山西: channels"),
    ("C11", "山西: resident premium"),
    ("C12", "山西: when benefits start"),
    ("C13", "山西: why binding fails"),
    ("C14", "month-end deduction"),
    ("D1", "河北: paying a child's premium"),
    ("D2", "河北: binding relatives"),
    ("D3", "河北: at most 8 bound members"),
    ("D4", "河北: queries and unbinding"),
    ("D5", "河北: settlement with the receiver's own code"),
    ("D6", "河北: payer's money only when the receiver's own is used up"),
    ("D7", "河北: papers"),
    ("D8", "河北: at a counter"),
    ("D9", "河北: the payer's consent"),
    ("D10", "石家庄: payment window of a month"),
    ("D11", "河北 and 天津: by the national scheme"),
    ("F1", "福建: create and invite"),
    ("F2", "福建: 临时成员, for premiums only"),
    ("F3", "福建: paying"),
    ("F4", "福建: window"),
    ("F5", "福州: window of 2025"),
    ("F6", "福建: other channels"),
    ("G1", "深圳, 广东: channels"),
    ("G2", "浙江: channel"),
    ("G3", "北京: channel, and details of the account"),
    ("G4", "重庆: parents, children, spouse; not the spouse's parents"),
    ("G5", "湖北: channel and promise"),
    ("G6", "湖北: refund"),
    ("G7", "河南: channel and relatives"),
    ("G10", "national app: sharing"),
    ("G11", "Alipay: sharing"),
    ("G12", "order of use among several payers"),
    ("G13", "what shared money may pay for"),
    ("G14", "what it may not pay for"),
    ("G15", "waiting period after a missed window"),
    ("G16", "collection windows of cities"),
    ("G17", "内江: lapse of flexible workers"),
    ("G18", "resident insurance is pooled by prefecture"),
    ("G19", "kinds of 异地就医备案"),
    ("G21", "cases used as teaching"),
    ("G22", "general cautions"),
    ("G23", "ordinary channels for the resident premium"),
    ("G24", "papers for sharing at a counter"),
    ("G25", "other platforms"),
    ("R6", "authorised sum not above the premium"),
    ("R7", "above the limit per receiver and use"),
    ("R8", "receiver has another authoriser"),
    ("R9", "payer has 8 bound members"),
    ("R11", "not in the same pooling area or province (bound sharing)"),
    ("R18", "outside the collection window"),
    ("R23", "month-end deduction failed"),
];
