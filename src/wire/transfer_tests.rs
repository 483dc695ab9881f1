use super::*;
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Civil, Kinship, Money, ProvinceCode};
use crate::wire::test_kit::*;

/// Received at 10, decided at 20, recorded by the payer's province at 30 and by the payee's at 40.
fn committed() -> TransferRow {
    TransferRow {
        kind: crate::domain::protocol::kind::Kind::TRANSFER,
        transfer_id: the_id(),
        owner: "urn:gongji:app:demo".to_owned(),
        received_seq: 10,
        payer_region: region(130_100),
        payee_region: region(510_100),
        payer_province: ProvinceCode::new(13),
        payee_province: ProvinceCode::new(51),
        kinship: Some(Kinship::Parent),
        amount: Money::from_fen(40_000),
        payer_digest: Digest([1; 32]),
        payee_digest: Digest([2; 32]),
        remark_digest: Digest([3; 32]),
        terms_digest: Digest([4; 32]),
        receipt_time: Civil(1_795_190_400_123),
        state: TransferState::Committed,
        refusal: None,
        decide_time: Some(Civil(1_795_190_401_000)),
        window: Some(day("2026-11-21").into()),
        hub_seq: Some(7),
        decided_seq: Some(20),
        payer_recorded_seq: Some(30),
        payee_recorded_seq: Some(40),
        payer_rulebook: Some(Digest([0xab; 32])),
        payee_rulebook: Some(Digest([0xcd; 32])),
        await_until: None,
        awaiting_seq: None,
        accept_time: None,
        returns: None,
        number: None,
        booked_after: None,
        lost_side: None,
        last_posting: 0,
        last_booked: 0,
        used: Money::ZERO,
        compensation: None,
    }
}

fn parties() -> MaskedParties {
    MaskedParties {
        payer_name: "张*三".to_owned(),
        payer_id: "1101********002X".to_owned(),
        payee_name: "李*".to_owned(),
        payee_id: "4405********0014".to_owned(),
        remark: "给妈妈买药".to_owned(),
    }
}

#[test]
fn shows_a_committed_transfer() {
    let shown = transfer_to_proto(&committed(), Some(&parties()));
    assert_eq!(shown.transfer_id, ID);
    let payer = shown.payer.clone().expect("a payer");
    assert_eq!(
        (payer.name.as_str(), payer.id_number.as_str(), payer.region_code.as_str()),
        ("张*三", "1101********002X", "130100")
    );
    assert_eq!(shown.payee.clone().expect("a payee").region_code, "510100");
    assert_eq!((shown.kinship(), shown.amount.as_str()), (types::Kinship::Parent, "400.00"));
    assert_eq!(
        (shown.state(), shown.window_id.as_str(), shown.hub_seq),
        (hub::TransferState::Committed, "20261121", 7)
    );
    assert_eq!(shown.create_time.map(|time| (time.seconds, time.nanos)), Some((1_795_190_400, 123_000_000)));
    assert!(
        shown.decide_time.is_some()
            && shown.payer_recorded
            && shown.payee_recorded
            && shown.refusal.is_none()
    );
    assert_eq!(shown.rulebook_hashes, ["ab".repeat(32), "cd".repeat(32)]);
    assert_eq!(shown.remark, "给妈妈买药");
}

#[test]
fn shows_a_refused_transfer_with_its_refusal() {
    let refused = TransferRow {
        state: TransferState::Aborted,
        refusal: Some(RefusalRecord::new(Reason::PayeeNotInsured, RefusalSide::Payee)),
        window: None,
        hub_seq: None,
        payer_rulebook: None,
        ..committed()
    };
    let shown = transfer_to_proto(&refused, Some(&parties()));
    assert_eq!(shown.refusal.as_ref().map(|refusal| refusal.reason.as_str()), Some("PAYEE_NOT_INSURED"));
    assert_eq!((shown.window_id.as_str(), shown.hub_seq), ("", 0));
    assert_eq!(shown.rulebook_hashes, [String::new(), "cd".repeat(32)]);
}

#[test]
fn erased_persons_leave_only_places() {
    let shown = transfer_to_proto(&committed(), None);
    let payer = shown.payer.expect("the place stays");
    assert_eq!(
        (payer.name.as_str(), payer.id_number.as_str(), payer.region_code.as_str()),
        ("", "", "130100")
    );
    assert!(shown.remark.is_empty());
    assert_eq!(format!("{:?}", parties()), "MaskedParties(****)");
}

#[test]
fn a_late_change_does_not_speak_of_later_ones() {
    let row = committed();
    assert_eq!(transfer_as_of(&row, 9), None);
    for at in [10, 19] {
        let then = transfer_to_proto(&transfer_as_of(&row, at).expect("received"), None);
        assert_eq!(then.state(), hub::TransferState::Pending);
        assert!(then.decide_time.is_none() && then.window_id.is_empty() && then.hub_seq == 0);
        assert!(then.rulebook_hashes.is_empty() && !then.payer_recorded && !then.payee_recorded);
    }
    let recorded = |at| {
        let then = transfer_to_proto(&transfer_as_of(&row, at).expect("received"), None);
        assert_eq!((then.state(), then.hub_seq), (hub::TransferState::Committed, 7));
        (then.payer_recorded, then.payee_recorded)
    };
    assert_eq!(
        [20, 29, 30, 39, 40].map(recorded),
        [(false, false), (false, false), (true, false), (true, false), (true, true)]
    );
    assert_eq!(transfer_as_of(&row, 40), Some(row));
}

#[test]
fn that_it_awaited_acceptance_is_told_from_then_on() {
    let until = Some(Civil(1_795_212_000_000));
    let row = TransferRow { await_until: until, awaiting_seq: Some(15), ..committed() };
    let at = |at| transfer_to_proto(&transfer_as_of(&row, at).expect("received"), None);
    assert_eq!((at(14).state(), at(14).accept_by_time), (hub::TransferState::Pending, None));
    assert!(at(14).rulebook_hashes.is_empty());
    for awaits in [15, 19] {
        assert_eq!(at(awaits).state(), hub::TransferState::AwaitingAcceptance);
        assert_eq!(at(awaits).rulebook_hashes.len(), 2);
        assert_eq!(at(awaits).accept_by_time, until.map(timestamp));
    }
    assert_eq!(at(20).state(), hub::TransferState::Committed);
}

#[test]
fn an_abort_is_not_known_before_it() {
    let refusal = RefusalRecord::new(Reason::PayeeSuspended, RefusalSide::Payee);
    let row = TransferRow { state: TransferState::Aborted, refusal: Some(refusal), ..committed() };
    assert_eq!(transfer_as_of(&row, 19).and_then(|then| then.refusal), None);
    assert!(transfer_as_of(&row, 20).is_some_and(|then| then.refusal.is_some()));
}

#[test]
fn every_state_has_its_number() {
    for state in TransferState::ALL {
        // The wire does not tell an acceptance that is being carried out from one that is waited for.
        let shown =
            if *state == TransferState::Accepted { TransferState::AwaitingAcceptance } else { *state };
        assert_eq!(i64::from(i32::from(state_to_proto(*state))), shown.number());
    }
}
