use super::*;
use crate::domain::node::account::empty_account;
use crate::domain::reason::RefusalRecord;
use crate::domain::value::Civil;
use crate::wire::test_kit::*;

fn transfer(state: TransferState) -> TransferRow {
    let committed = state == TransferState::Committed;
    let proto = hub::AuditTransfer {
        transfer_id: ID.to_owned(),
        payer_province_code: "13".to_owned(),
        payee_province_code: "51".to_owned(),
        amount: "400.00".to_owned(),
        state: state_to_proto(state).into(),
        terms_digest: vec![7; 32],
        window_id: if committed { "20261121".to_owned() } else { String::new() },
        hub_seq: u64::from(committed) * 9,
        payer_recorded: true,
        payee_recorded: false,
        decide_time: state.is_decided().then(|| timestamp(Civil(1_795_233_600_000))),
    };
    transfer_from_proto(&proto).expect("a transfer")
}

#[test]
fn a_transfer_comes_back_as_far_as_it_is_compared() {
    for state in TransferState::ALL {
        let row = transfer(*state);
        // On the wire an accepted transfer still awaits its votes.
        let told = if *state == TransferState::Accepted { TransferState::AwaitingAcceptance } else { *state };
        assert_eq!(row.state, told);
        assert_eq!(transfer_from_proto(&transfer_to_proto(&row)).as_ref(), Ok(&row));
    }
    let row = transfer(TransferState::Committed);
    assert_eq!(
        (row.window, row.hub_seq, row.amount.fen()),
        (Some(day("2026-11-21").into()), Some(9), 40_000)
    );
    assert_eq!((row.payer_recorded_seq.is_some(), row.payee_recorded_seq.is_some()), (true, false));
    let broken = hub::AuditTransfer { amount: "4e2".to_owned(), ..transfer_to_proto(&row) };
    assert_eq!(transfer_from_proto(&broken).expect_err("refused").reason, Reason::RequestMalformed);
}

#[test]
fn a_closed_window_comes_back() {
    let window = Window::parse("20261121-2").expect("a window");
    let row = WindowRow { window, close_time: Civil(1_795_276_800_000), closer: String::new() };
    let told = window_to_proto(&row);
    assert_eq!(window_from_proto(&told).as_ref(), Ok(&row));
    let broken = hub::AuditWindow { window_id: "2026-11-21".to_owned(), ..told };
    assert_eq!(window_from_proto(&broken).expect_err("refused").reason, Reason::RequestMalformed);
}

#[test]
fn sums_of_a_whole_province_and_what_is_owed_come_back() {
    for fen in [0, 1, -1, -5, 12_345, 9_000_000_000_000_000, i64::MIN + 1] {
        let row = PositionRow {
            window: day("2026-11-21").into(),
            province: ProvinceCode::new(13),
            owed: Money::from_fen(fen),
            sent_count: 1,
            received_count: 2,
        };
        assert_eq!(position_from_proto(&position_to_proto(&row)), Ok(row));
    }
    for bad in ["", "-", "1", "1.0", "1.000", "+1.00", "--1.00", "1e5.00", "1.-0", "99999999999999999999.00"]
    {
        assert_eq!(signed(bad), None, "{bad}");
    }
}

fn leg(state: LegState) -> LegRow {
    let committed = state == LegState::Committed;
    let leg = LegRow {
        side: Side::Payee,
        counter_region: Some(region(130_100)),
        window: committed.then(|| day("2026-11-22").into()),
        hub_seq: committed.then_some(3),
        ..leg_row(state)
    };
    match state {
        LegState::Tombstone => {
            LegRow { member_ref: MemberRef::default(), amount: Money::ZERO, counter_region: None, ..leg }
        }
        _ => leg,
    }
}

fn openly(member_ref: MemberRef) -> Vec<u8> {
    if member_ref == MemberRef::default() { Vec::new() } else { member_ref.0.to_vec() }
}

#[test]
fn a_leg_comes_back_in_every_state() {
    for state in LegState::ALL {
        let row = leg(*state);
        // The wire has no word yet for what is posted: it shows that it is booked at its node.
        let shown = match state {
            LegState::Posted | LegState::Parked => LegState::Committed,
            state => *state,
        };
        let expected = (*state != LegState::Awaiting).then(|| LegRow { state: shown, ..row.clone() });
        assert_eq!(leg_from_proto(&leg_to_proto(&row, openly)), Ok(expected), "{}", state.name());
    }
}

#[test]
fn a_leg_that_awaits_acceptance_binds_nobody_and_one_without_a_state_is_refused() {
    let with = |state: node::LegState| {
        let mut proto = leg_to_proto(&leg(LegState::Prepared), openly);
        proto.leg.as_mut().expect("a leg").state = state.into();
        leg_from_proto(&proto)
    };
    assert_eq!(with(node::LegState::Awaiting), Ok(None));
    assert_eq!(with(node::LegState::Unspecified).expect_err("refused").reason, Reason::RequestMalformed);
}

#[test]
fn an_account_comes_back() {
    let empty = empty_account(MemberRef([6; 16]), AccountKind::Personal);
    let full = AccountRow {
        posted: Money::from_fen(-70_000),
        held: Money::from_fen(1),
        pending: Money::from_fen(2),
        day: day("2026-11-21"),
        day_count: 2,
        earlier_day: day("2026-11-19"),
        earlier_count: 1,
        ..empty_account(MemberRef::default(), AccountKind::Clearing)
    };
    for row in [empty, full] {
        assert_eq!(account_from_proto(&account_to_proto(&row, openly)), Ok(row));
    }
    let strange = node::AuditAccount { kind: "purse".to_owned(), ..node::AuditAccount::default() };
    assert_eq!(account_from_proto(&strange).expect_err("refused").reason, Reason::RequestMalformed);
}

#[test]
fn an_incident_says_whose_and_why() {
    let refusal = RefusalRecord::new(Reason::ContraryOrder, Side::Payee).with("outcome", "commit");
    let row = IncidentRow::open(the_id(), Side::Payee, refusal, Civil(1_500));
    let shown = incident_to_proto(&row);
    assert_eq!((shown.transfer_id.as_str(), shown.side()), (ID, types::RefusalSide::Payee));
    let refusal = shown.refusal.expect("a refusal");
    assert_eq!((refusal.reason.as_str(), refusal.metadata["outcome"].as_str()), ("CONTRARY_ORDER", "commit"));
    assert_eq!(shown.raise_time.map(|at| (at.seconds, at.nanos)), Some((1, 500_000_000)));
    assert_eq!((shown.close_code.as_str(), shown.close_time), ("", None), "it is open");
    let close_code = Some("LOOKED_INTO".to_owned());
    let closed = incident_to_proto(&IncidentRow { close_code, close_time: Some(Civil(2_000)), ..row });
    assert_eq!(
        (closed.close_code.as_str(), closed.close_time.map(|at| at.seconds)),
        ("LOOKED_INTO", Some(2))
    );
}
