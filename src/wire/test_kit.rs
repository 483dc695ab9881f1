//! Places, persons and requests that the tests of conversion share.

use super::reader::{Former, Reader};
use crate::domain::node::tables::LegRow;
use crate::domain::protocol::{Ask, Demands, Kind, Leg, LegRef, LegState, LegTerms, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::{
    AccountKind, Area, Civil, Day, Digest, IdNumber, Kinship, MemberRef, Money, Opening, Person, PersonName,
    Province, ProvinceCode, RegionCode, RegionDirectory, Side, StartId, TextFault, Texts, TransferId,
};
use crate::proto::{hub, types};
use crate::wire::status::Problem;

/// Published specimens of GB 11643, nobody's numbers.
pub(crate) const SPECIMENS: [&str; 2] = ["11010519491231002X", "440524188001010014"];
pub(crate) const ID: &str = "01963f2a-7c1e-7b2a-9d54-0f1e2d3c4b5a";

pub(crate) fn day(text: &str) -> Day {
    Day::parse(text).expect("a day")
}

pub(crate) fn region(number: u32) -> RegionCode {
    RegionCode::new(number).expect("six digits")
}

fn area(number: u32, name: &str, province: u8, openings: Vec<Opening>) -> Area {
    let source = "A 国家医保局, 2024-12-02".to_owned();
    Area {
        code: region(number),
        name: name.to_owned(),
        province: ProvinceCode::new(province),
        openings,
        source,
    }
}

/// 石家庄 (open), 晋中 (closed again), 成都 (never open), 北京 (municipality), 石河子 (of 66, not of 65).
pub(crate) fn regions() -> RegionDirectory {
    let province = |code, name: &str, municipality| Province {
        code: ProvinceCode::new(code),
        name: name.to_owned(),
        municipality,
    };
    let open = Opening { from: day("2024-12-02"), until: None };
    let closed = Opening { from: day("2025-01-01"), until: Some(day("2025-06-01")) };
    RegionDirectory::new(
        vec![
            province(11, "北京市", true),
            province(13, "河北省", false),
            province(14, "山西省", false),
            province(51, "四川省", false),
            province(65, "新疆维吾尔自治区", false),
            province(66, "新疆生产建设兵团", false),
        ],
        vec![
            area(110_000, "北京市", 11, vec![open]),
            area(130_100, "石家庄市", 13, vec![open]),
            area(130_600, "保定市", 13, vec![open]),
            area(140_700, "晋中市", 14, vec![closed]),
            area(510_100, "成都市", 51, Vec::new()),
            area(659_001, "石河子市", 66, vec![open]),
        ],
        Vec::new(),
    )
    .expect("a sound list")
}

fn name(text: &str) -> Result<PersonName, TextFault> {
    PersonName::new(text.trim()).ok_or(TextFault::Length)
}

fn remark(text: &str) -> Result<String, TextFault> {
    if text.chars().count() <= 100 { Ok(text.trim().to_owned()) } else { Err(TextFault::Length) }
}

/// A hub's reader.
pub(crate) fn reader(regions: &RegionDirectory) -> Reader<'_> {
    Reader { regions, home: None, texts: Texts { name, remark }, former: Former::No }
}

pub(crate) fn wire_party(id_number: &str, name: &str, region_code: &str) -> types::Party {
    let person = Some(types::Person { id_number: id_number.to_owned(), name: name.to_owned() });
    types::Party { person, region_code: region_code.to_owned() }
}

pub(crate) fn payer() -> types::Party {
    wire_party(SPECIMENS[0], "张小三", "130102")
}

pub(crate) fn payee() -> types::Party {
    wire_party(SPECIMENS[1], "李四", "510100")
}

pub(crate) fn create() -> hub::CreateTransferRequest {
    hub::CreateTransferRequest {
        transfer_id: ID.to_owned(),
        payer: Some(payer()),
        payee: Some(payee()),
        kinship: types::Kinship::Parent.into(),
        amount: "400.00".to_owned(),
        remark: "给妈妈买药".to_owned(),
        wait: hub::WaitMode::Decided.into(),
        verification: 0,
    }
}

pub(crate) fn person(id_number: &str, name: &str) -> Person {
    let id_number = IdNumber::parse(id_number).expect("a specimen");
    Person { id_number, name: PersonName::new(name).expect("a name") }
}

pub(crate) fn the_id() -> TransferId {
    TransferId::parse(ID).expect("a UUID")
}

pub(crate) fn mark() -> PeerMark {
    PeerMark { incarnation: 3, start_id: StartId([7; 16]), sequence: 41, head_hash: Digest([9; 32]) }
}

pub(crate) fn leg(side: Side) -> Leg {
    let (person, here, province, there) = match side {
        Side::Payer => (person(SPECIMENS[0], "张小三"), 130_100, 13, 510_100),
        Side::Payee => (person(SPECIMENS[1], "李四"), 510_100, 51, 130_100),
    };
    let terms = LegTerms {
        kind: Kind::TRANSFER,
        region: region(here),
        province: ProvinceCode::new(province),
        counter_region: region(there),
        kinship: Some(Kinship::Parent),
        amount: Money::from_fen(40_000),
        receipt_time: Civil(1_795_190_400_123),
        demands: Demands::default(),
    };
    let ask = Ask::ByPerson { person: Box::new(person), id_hash: Digest::default() };
    Leg { reference: LegRef::new(the_id(), side, Digest([5; 32])), terms, ask, time_left_ms: 7_250 }
}

/// A payer's leg as a node keeps it.
pub(crate) fn leg_row(state: LegState) -> LegRow {
    LegRow {
        transfer_id: the_id(),
        side: Side::Payer,
        kind: Kind::TRANSFER,
        number: None,
        last_posting: 0,
        state,
        terms_digest: Digest([5; 32]),
        member_ref: MemberRef([6; 16]),
        amount: Money::from_fen(40_000),
        counter_region: Some(region(510_100)),
        day: day("2026-11-21"),
        receipt_time: Civil::default(),
        refusal: None,
        prepare_time: Civil::default(),
        decide_time: None,
        window: None,
        hub_seq: None,
        rulebook: None,
        incarnation: 0,
        account: AccountKind::Personal,
        returns: None,
        returned: Money::ZERO,
    }
}

/// The violations of a problem as (field, code), in order.
pub(crate) fn found<T: std::fmt::Debug>(result: Result<T, Problem>) -> Vec<(String, &'static str)> {
    let problem = result.expect_err("something is wrong with it");
    assert_eq!(problem.violations.first().map(|first| first.reason), Some(problem.reason));
    problem.violations.into_iter().map(|one| (one.field, one.reason.code())).collect()
}

/// One violation, to compare with [`found`].
pub(crate) fn one(field: &str, reason: Reason) -> Vec<(String, &'static str)> {
    vec![(field.to_owned(), reason.code())]
}
