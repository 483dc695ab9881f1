//! One record of each kind, every field with a value of its own, so that two that change places are noticed.

use gongji::domain::hub::breaks::{Bucket, FoundBreak, Standing};
use gongji::domain::hub::clearing;
use gongji::domain::hub::record::{
    BreakAssigned, BreakCloseProposed, BreakClosed, BreakEqual, BreakFound, ClearingNoted, CommitDetail,
    CompensationAnswered, CompensationProposed, DecisionsRecorded, EventsKept, HubRecovered, HubStarted,
    KindAdopted, LegLost, NodeAdmitted, NoticesTold, NumbersSkipped, ProvinceHeard, ProvinceLeftOut,
    ResyncMoved, ReturnAdopted, TransferAccepted, TransferAdopted, TransferAwaiting, TransferBegun,
    TransferDecided, TransferPosted, TransferReceived, TransferTombstoned, WindowClosed, WindowCompared,
    WindowOpened,
};
use gongji::domain::machine::operation::Operation;
use gongji::domain::machine::{
    IncidentAssigned, IncidentClosed, IncidentRaised, OperationAnswered, OperationProposed, PeerLineage,
    PeerSeen, Record, TimeLowered, TimeNoted,
};
use gongji::domain::node::record::{
    AccountCredited, LegAwaited, LegBound, LegDecided, LegPrepared, LegRefused, LegReplayed, LegTombstoned,
    MemberRecorded, NodeJoined, NodeResynced, NoticeRecorded, PreparedLeg, RequestMark, RequestNoted,
    ReturnPrepared, SettlementSuspended, StoreRecovered, SuspenseSetOff, WalletClosed, WalletFrozen,
    WalletMoved, WalletOpened, WalletOpenedFor, WalletUnfrozen,
};
use gongji::domain::protocol::{Kind, Outcome, PeerMark, TermsDigests};
use gongji::domain::reason::{Reason, RefusalRecord, RefusalSide};
use gongji::domain::value::{
    AccountKind, AccountState, Civil, Day, Digest, Insurance, InsuranceStatus, InsuranceType, Kinship,
    MemberRef, Money, NumberRanges, ProvinceCode, RegionCode, Side, StartId, TransferId, Window,
};
use gongji::domain::{hub, node};

pub const ID: TransferId = TransferId([0x11; 16]);
const START: StartId = StartId([0x22; 16]);
const MEMBER: MemberRef = MemberRef([0x33; 16]);
const RECEIPT: Civil = Civil(1_795_190_400_123);
const TIME: Civil = Civil(1_795_190_401_456);
pub const AMOUNT: Money = Money::from_fen(40_050);

fn region(number: u32) -> RegionCode {
    RegionCode::new(number).expect("six digits")
}

pub fn digest(byte: u8) -> Digest {
    Digest([byte; 32])
}

pub fn window() -> Window {
    Window::parse("20261121").expect("a window")
}

fn mark(incarnation: u64) -> PeerMark {
    PeerMark { incarnation, start_id: START, sequence: 41, head_hash: digest(0x44) }
}

fn request() -> RequestMark {
    RequestMark { request_id: "req-1".to_owned(), digest: digest(0x55) }
}

fn refusal() -> RefusalRecord {
    RefusalRecord::new(Reason::AmountOverLimit, RefusalSide::Payer)
        .with("limit", "2000.00")
        .with("value", "2500.00")
}

/// The samples of what a hub journals.
fn skipped() -> NumberRanges {
    let mut numbers = NumberRanges::default();
    numbers.push(98);
    numbers.push_range(100, 10_099);
    numbers
}

pub fn of_hub() -> Vec<hub::Record> {
    [of_both(), hub_samples(), clearing_samples(), compensation_samples(), break_samples(), notice_samples()]
        .concat()
}

/// The samples of what a node journals.
pub fn of_node() -> Vec<node::Record> {
    [of_both(), node_samples(), wallet_samples()].concat()
}

/// The samples of what both journal.
fn of_both<R>() -> Vec<R>
where
    R: Record
        + From<TimeNoted>
        + From<TimeLowered>
        + From<OperationProposed>
        + From<OperationAnswered>
        + From<IncidentAssigned>
        + From<PeerLineage>
        + From<IncidentClosed>,
{
    vec![
        PeerSeen { province: ProvinceCode::HUB, mark: mark(4) }.into(),
        IncidentRaised { transfer_id: ID, side: Side::Payee, refusal: refusal(), time: TIME }.into(),
        TimeNoted { time: TIME }.into(),
        TimeLowered { from: Civil(1_826_726_400_000), to: TIME }.into(),
        OperationProposed {
            operation_id: TransferId([0x14; 16]),
            operation: Operation::CloseIncident(ID, Side::Payee),
            reason_code: "LOOKED_INTO".to_owned(),
            note: "工单 7".to_owned(),
            operator: "urn:gongji:operator:a".to_owned(),
            time: RECEIPT,
        }
        .into(),
        OperationAnswered {
            operation_id: TransferId([0x14; 16]),
            approved: true,
            operator: "urn:gongji:operator:b".to_owned(),
            time: TIME,
        }
        .into(),
        IncidentAssigned {
            transfer_id: ID,
            side: Side::Payee,
            owner: "urn:gongji:operator:wang".to_owned(),
            note: "51".to_owned(),
            operator: "urn:gongji:operator:b".to_owned(),
            time: TIME,
        }
        .into(),
        PeerLineage { province: ProvinceCode::HUB, lineage: Digest([0x77; 32]), accepted: true }.into(),
        IncidentClosed { transfer_id: ID, side: Side::Payee, code: "LOOKED_INTO".to_owned(), time: TIME }
            .into(),
    ]
}

fn hub_samples() -> Vec<hub::Record> {
    vec![
        HubStarted { incarnation: 7, start_id: START, time: TIME }.into(),
        received().into(),
        decided().into(),
        DecisionsRecorded {
            province: ProvinceCode::new(51),
            legs: vec![(ID, Side::Payee), (TransferId([0x12; 16]), Side::Payer)],
        }
        .into(),
        TransferTombstoned { transfer_id: ID, province: ProvinceCode::new(13), time: TIME }.into(),
        NodeAdmitted { province: ProvinceCode::new(13), mark: mark(3) }.into(),
        ResyncMoved { province: ProvinceCode::new(51), told: Some(77) }.into(),
        TransferAdopted {
            transfer_id: ID,
            payer_region: region(130_100),
            payer_province: ProvinceCode::new(13),
            payee_region: region(510_100),
            payee_province: ProvinceCode::new(51),
            amount: AMOUNT,
            terms_digest: digest(0x64),
            receipt_time: RECEIPT,
        }
        .into(),
        TransferBegun { kind: Kind::COMPENSATION, received: received() }.into(),
        TransferPosted {
            transfer_id: ID,
            kind: Kind::COMPENSATION,
            original: TransferId([0x12; 16]),
            number: 2,
            amount: AMOUNT,
            terms_digest: digest(0x64),
            post_time: RECEIPT,
            leg_record: vec![1, 2, 3],
        }
        .into(),
        KindAdopted { transfer_id: ID, kind: Kind::COMPENSATION, original: Some(TransferId([0x12; 16])) }
            .into(),
        ReturnAdopted { transfer_id: ID, returns: TransferId([0x12; 16]) }.into(),
        LegLost { transfer_id: ID, side: Side::Payee }.into(),
        hub::record::LegNamed { transfer_id: ID, side: Side::Payee, leg_record: vec![1, 2, 3] }.into(),
        ProvinceLeftOut { province: ProvinceCode::new(51), above: 97, time: TIME }.into(),
        ProvinceHeard { province: ProvinceCode::new(51), time: TIME }.into(),
        NumbersSkipped { numbers: skipped(), hub_seq: 10_099 }.into(),
        WindowOpened { window: window(), time: TIME }.into(),
        WindowClosed {
            window: window(),
            next: Window::parse("20261121-2").expect("a window"),
            closer: "urn:gongji:operator:a".to_owned(),
            number: Some(12),
            time: TIME,
        }
        .into(),
        HubRecovered { incarnation: 9, start_id: START, hub_seq: 98, time: TIME }.into(),
        TransferAwaiting {
            transfer_id: ID,
            until: Civil(1_795_212_000_000),
            payer_rulebook: Some(digest(0x71)),
            payee_rulebook: None,
            time: TIME,
        }
        .into(),
        TransferAccepted { transfer_id: ID, time: TIME }.into(),
    ]
}

fn clearing_samples() -> Vec<hub::Record> {
    vec![
        ClearingNoted {
            number: 13,
            event: super::clearing_events::events().remove(2),
            request: Some(clearing::RequestMark {
                request_id: TransferId([0x14; 16]),
                caller: "urn:gongji:operator:a".to_owned(),
                digest: digest(0x66),
            }),
            time: TIME,
        }
        .into(),
    ]
}

fn notice_samples() -> Vec<hub::Record> {
    vec![
        NoticesTold { province: ProvinceCode::new(51), number: 13, unread: true, time: TIME }.into(),
        EventsKept { number: 1_000_013, time: TIME }.into(),
    ]
}

fn break_samples() -> Vec<hub::Record> {
    let (window, province, transfer_id) = (window(), ProvinceCode::new(51), ID);
    let operator = |name: &str| format!("urn:gongji:operator:{name}");
    vec![
        WindowCompared {
            window,
            province,
            state: Standing::Differs,
            incomplete: true,
            counted: 12,
            pending_count: 0,
            late_count: 2,
            time: TIME,
        }
        .into(),
        BreakFound {
            window,
            province,
            found: FoundBreak {
                transfer_id,
                bucket: Bucket::Amount,
                counterpart: ProvinceCode::new(13),
                side: Side::Payee,
                kind: Kind::TRANSFER,
                hub_seq: 41,
                hub_amount: Some(AMOUNT),
                node_amount: None,
            },
            due_time: Civil(1_795_320_000_000),
            time: TIME,
        }
        .into(),
        BreakEqual { window, province, transfer_id, time: TIME }.into(),
        BreakAssigned {
            window,
            province,
            transfer_id,
            owner: operator("wang"),
            note: "look at both journals".to_owned(),
            request_id: "r-1".to_owned(),
            operator: operator("a"),
            time: TIME,
        }
        .into(),
        BreakCloseProposed {
            window,
            province,
            transfer_id,
            correction: Some(TransferId([0x13; 16])),
            proof: "journals compared".to_owned(),
            request_id: "r-2".to_owned(),
            operator: operator("a"),
            time: TIME,
        }
        .into(),
        BreakClosed { window, province, transfer_id, operator: operator("b"), time: TIME }.into(),
    ]
}

fn compensation_samples() -> Vec<hub::Record> {
    vec![
        CompensationProposed {
            compensation_id: TransferId([0x13; 16]),
            original_id: ID,
            amount: AMOUNT,
            reason: "sent twice".to_owned(),
            terms_digest: digest(0x65),
            operator: "urn:gongji:operator:a".to_owned(),
            time: TIME,
        }
        .into(),
        CompensationAnswered {
            compensation_id: TransferId([0x13; 16]),
            approved: true,
            operator: "urn:gongji:operator:b".to_owned(),
            time: TIME,
            decide_within_ms: 8_000,
        }
        .into(),
    ]
}

fn received() -> TransferReceived {
    TransferReceived {
        transfer_id: ID,
        owner: "urn:gongji:app:demo".to_owned(),
        payer_region: region(130_100),
        payer_province: ProvinceCode::new(13),
        payee_region: region(510_100),
        payee_province: ProvinceCode::new(51),
        kinship: Kinship::MaternalGrandparent,
        amount: AMOUNT,
        digests: TermsDigests {
            payer: digest(0x61),
            payee: digest(0x62),
            remark: digest(0x63),
            whole: digest(0x64),
        },
        receipt_time: RECEIPT,
        decide_within_ms: 8_000,
    }
}

fn decided() -> TransferDecided {
    TransferDecided {
        transfer_id: ID,
        outcome: Outcome::Commit,
        refusal: Some(refusal()),
        decide_time: TIME,
        commit: Some(CommitDetail {
            window: window(),
            hub_seq: 99,
            payer_leg: vec![1, 2, 3],
            payee_leg: vec![4, 5],
        }),
        payer_rulebook: Some(digest(0x71)),
        payee_rulebook: None,
        payer_owed: true,
        payee_owed: false,
    }
}

fn node_samples() -> Vec<node::Record> {
    vec![
        NoticeRecorded { number: 13, previous: 12, content: vec![1, 2, 3], time: TIME }.into(),
        NodeJoined { incarnation: 3, start_id: START, time: TIME }.into(),
        member().into(),
        AccountCredited {
            member_ref: MEMBER,
            amount: AMOUNT,
            period: 202_611,
            time: TIME,
            request: request(),
        }
        .into(),
        RequestNoted { request: request(), time: TIME }.into(),
        WalletOpened { member_ref: MEMBER, use_region: region(510_300), time: TIME, request: request() }
            .into(),
        LegPrepared { leg: leg() }.into(),
        ReturnPrepared { leg: leg(), returns: ID, account: AccountKind::Suspense }.into(),
        LegBound {
            leg: leg(),
            kind: Kind::COMPENSATION,
            original: Some(ID),
            account: AccountKind::Suspense,
            number: Some(2),
        }
        .into(),
        LegRefused {
            transfer_id: ID,
            side: Side::Payer,
            terms_digest: digest(0x64),
            amount: AMOUNT,
            counter_region: Some(region(510_100)),
            receipt_time: RECEIPT,
            refusal: refusal(),
            rulebook: Some(digest(0x71)),
            time: TIME,
        }
        .into(),
        LegTombstoned { transfer_id: ID, side: Side::Payee, terms_digest: digest(0x64), time: TIME }.into(),
        LegDecided {
            transfer_id: ID,
            side: Side::Payee,
            outcome: Outcome::Commit,
            window: Some(window()),
            hub_seq: Some(99),
            time: TIME,
        }
        .into(),
        LegReplayed { leg: leg(), window: window(), hub_seq: 99, time: TIME, suspense: true }.into(),
        NodeResynced { time: TIME }.into(),
        StoreRecovered { incarnation: 7 }.into(),
        LegAwaited {
            transfer_id: ID,
            side: Side::Payee,
            member_ref: MEMBER,
            amount: AMOUNT,
            counter_region: region(130_100),
            receipt_time: RECEIPT,
            terms_digest: digest(0x64),
            rulebook: digest(0x71),
            time: TIME,
        }
        .into(),
    ]
}

fn wallet_samples() -> Vec<node::Record> {
    vec![
        node::record::LegNamed { transfer_id: ID, side: Side::Payee, member_ref: MEMBER, time: TIME }.into(),
        SuspenseSetOff {
            member_ref: MEMBER,
            account: AccountKind::Personal,
            amount: Money::from_fen(-AMOUNT.fen()),
            transfer_id: Some(ID),
            time: TIME,
        }
        .into(),
        WalletOpenedFor {
            member_ref: MEMBER,
            use_region: region(510_300),
            opened_by: Kinship::Child,
            time: TIME,
            request: request(),
        }
        .into(),
        WalletMoved { member_ref: MEMBER, use_region: region(510_400), time: TIME, request: request() }
            .into(),
        WalletFrozen {
            member_ref: MEMBER,
            code: "SUSPECTED_MISUSE".to_owned(),
            time: TIME,
            request: request(),
        }
        .into(),
        WalletUnfrozen { member_ref: MEMBER, code: "CLEARED".to_owned(), time: TIME, request: request() }
            .into(),
        WalletClosed { member_ref: MEMBER, time: TIME, request: request() }.into(),
        SettlementSuspended {
            member_ref: MEMBER,
            from: Day::from_number(20_261_121),
            until: Some(Day::from_number(20_270_221)),
            time: TIME,
            request: request(),
        }
        .into(),
    ]
}

fn member() -> MemberRecorded {
    MemberRecorded {
        member_ref: MEMBER,
        insurance: Insurance {
            region: region(130_100),
            insurance_type: InsuranceType::Resident,
            insurance_status: InsuranceStatus::Suspended,
            in_arrears: true,
            public_medical: false,
            account_state: AccountState::Frozen,
        },
        time: TIME,
        request: request(),
    }
}

fn leg() -> PreparedLeg {
    PreparedLeg {
        transfer_id: ID,
        side: Side::Payee,
        member_ref: MEMBER,
        amount: AMOUNT,
        counter_region: region(130_100),
        receipt_time: RECEIPT,
        terms_digest: digest(0x64),
        rulebook: digest(0x71),
        prepare_time: TIME,
        incarnation: 3,
    }
}
