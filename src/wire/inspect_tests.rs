use super::*;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Money, Side};
use crate::wire::test_kit::*;

fn row(state: LegState) -> LegRow {
    LegRow { receipt_time: Civil(1_000), prepare_time: Civil(2_000), ..leg_row(state) }
}

#[test]
fn shows_a_committed_leg() {
    let (window, hub_seq) = (Some(day("2026-11-21").into()), Some(7));
    let shown =
        leg_view(&LegRow { decide_time: Some(Civil(3_000)), window, hub_seq, ..row(LegState::Committed) });
    assert_eq!(
        (shown.transfer_id.as_str(), shown.side(), shown.kind()),
        (ID, node::LegSide::Payer, node::LegKind::DebitAccount)
    );
    assert_eq!((shown.state(), shown.amount.as_str()), (node::LegState::Committed, "400.00"));
    assert_eq!(
        (shown.counter_region_code.as_str(), shown.window_id.as_str(), shown.hub_seq),
        ("510100", "20261121", 7)
    );
    assert_eq!(shown.terms_digest, [5; 32]);
    assert_eq!(shown.prepare_time.map(|time| time.seconds), Some(2));
    assert_eq!(shown.decide_time.map(|time| time.seconds), Some(3));
}

#[test]
fn shows_undecided_and_refused_legs() {
    let prepared = leg_view(&row(LegState::Prepared));
    assert_eq!(
        (prepared.state(), prepared.hub_seq, prepared.window_id.as_str()),
        (node::LegState::Prepared, 0, "")
    );
    assert!(prepared.decide_time.is_none() && prepared.refusal.is_none());
    let refusal = Some(RefusalRecord::new(Reason::InsufficientBalance, Side::Payer));
    let refused = leg_view(&LegRow { refusal, ..row(LegState::Refused) });
    assert_eq!(refused.state(), node::LegState::Refused);
    assert_eq!(refused.refusal.map(|refusal| refusal.reason).as_deref(), Some("INSUFFICIENT_BALANCE"));
}

#[test]
fn a_tombstone_shows_nothing_that_was_never_known() {
    let shown = leg_view(&LegRow { amount: Money::ZERO, counter_region: None, ..row(LegState::Tombstone) });
    assert_eq!(
        (shown.state(), shown.kind(), shown.side()),
        (node::LegState::Aborted, node::LegKind::Unspecified, node::LegSide::Payer)
    );
    assert!(shown.amount.is_empty() && shown.counter_region_code.is_empty() && shown.prepare_time.is_none());
    assert_eq!(leg_view(&row(LegState::Aborted)).amount, "400.00");
}
