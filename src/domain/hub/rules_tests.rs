//! The hub's own rules, and a rulebook that changes while transfers are under way.

use super::tests::personal;
use super::{CreateRequest, Input};
use crate::domain::hub::tables::TransferRow;
use crate::domain::machine::Output;
use crate::domain::node;
use crate::domain::protocol::TransferState;
use crate::domain::reason::{Reason, RefusalSide};
use crate::domain::rules::closed_hours::ClosedHours;
use crate::domain::rules::rulebook::{RulePlace, RuleValues, Rulebook};
use crate::domain::rules::verification::Verification;
use crate::domain::value::{Civil, Digest};
use crate::domain::value::{calendar::Day, money::Money};
use crate::testkit::{NOON, PAYEE, PAYER, Pair, create, national_values, rule_text};
use std::sync::Arc;

const NATIONAL: Digest = Digest([0; 32]);
const OWN: Digest = Digest([1; 32]);

/// The pair's national rules with `national` above them, and a text for the payee's place, told apart by their hashes.
fn book(national: RuleValues, payee: RuleValues) -> Arc<Rulebook> {
    let hash = |text: &str| if text == "n" { NATIONAL } else { OWN };
    let mut later = rule_text("n", national).versions;
    later[0].effective_from = Day::parse("2025-01-02").expect("a day");
    let mut national = rule_text("n", national_values());
    national.versions.append(&mut later);
    Arc::new(
        Rulebook::new(&national, &[(RulePlace::Province(PAYEE), rule_text("p", payee))], hash)
            .expect("rules"),
    )
}

fn hours(text: &str) -> RuleValues {
    RuleValues { closed_hours: Some(ClosedHours::parse(text)), ..RuleValues::default() }
}

/// Hours of the pair's noon.
fn at_hour(hour: i64, ms: i64) -> Civil {
    Civil(NOON + (hour - 12) * 3_600_000 + ms)
}

fn made(pair: &mut Pair, number: u8, verification: Option<Verification>) -> TransferRow {
    let Input::Create { ticket, request } = create(1, number, 100) else { panic!("no request") };
    let request = Box::new(CreateRequest { verification, ..*request });
    pair.hand_in(Input::Create { ticket, request });
    pair.transfer(number)
}

#[test]
fn the_closed_hours_refuse_before_anything_is_held_and_name_their_rulebook() {
    let mut pair = Pair::new();
    pair.run_hub(Input::Rules(book(hours("22:00..06:00"), RuleValues::default())));
    for (number, at, open) in [
        (1, at_hour(22, -1), true),
        (2, at_hour(22, 0), false),
        (3, at_hour(30, -1), false),
        (4, at_hour(30, 0), true),
    ] {
        pair.network.now.civil = at;
        let row = made(&mut pair, number, None);
        assert_eq!(row.state == TransferState::Committed, open, "{number}");
        if !open {
            let refusal = row.refusal.expect("refused");
            assert_eq!((refusal.reason, refusal.side), (Reason::ClosedHours, RefusalSide::Hub));
            assert_eq!(refusal.metadata[0], ("closed_hours".to_owned(), "22:00..06:00".to_owned()));
            assert_eq!((row.payer_rulebook, row.payee_rulebook), (Some(NATIONAL), None));
        }
    }
    assert_eq!(personal(&pair), (1_000_000 - 200, 0));
}

#[test]
fn the_payees_place_has_hours_of_its_own() {
    let mut pair = Pair::new();
    pair.run_hub(Input::Rules(book(RuleValues::default(), hours("11:00..13:00"))));
    let row = made(&mut pair, 1, None);
    let refusal = row.refusal.expect("refused");
    assert_eq!(refusal.metadata[1], ("region".to_owned(), "510100".to_owned()));
    assert_eq!((row.payer_rulebook, row.payee_rulebook), (None, Some(OWN)));
    pair.network.now.civil = at_hour(13, 0);
    assert_eq!(made(&mut pair, 2, None).state, TransferState::Committed);
}

#[test]
fn a_proof_of_the_payer_is_asked_for_where_his_place_says_so_and_is_no_content() {
    let mut pair = Pair::new();
    let face_only = RuleValues { verification: Some(vec![Verification::Face]), ..RuleValues::default() };
    pair.run_hub(Input::Rules(book(face_only, RuleValues::default())));
    for (number, stated) in [(1, None), (2, Some(Verification::CodePassword))] {
        let refusal = made(&mut pair, number, stated).refusal.expect("refused");
        assert_eq!(refusal.reason, Reason::VerificationRequired);
        assert_eq!(refusal.metadata[0], ("accepted".to_owned(), "face".to_owned()));
    }
    assert_eq!(made(&mut pair, 3, Some(Verification::Face)).state, TransferState::Committed);
    assert_eq!(made(&mut pair, 3, None).state, TransferState::Committed, "a repeat need not state it again");
}

#[test]
fn a_place_that_asks_only_as_the_payees_asks_for_nothing() {
    let mut pair = Pair::new();
    let face_only = RuleValues { verification: Some(vec![Verification::Face]), ..RuleValues::default() };
    pair.run_hub(Input::Rules(book(RuleValues::default(), face_only)));
    assert_eq!(made(&mut pair, 1, None).state, TransferState::Committed);
}

#[test]
fn a_new_rulebook_judges_what_comes_and_leaves_alone_what_voted_yes() {
    let mut pair = Pair::new();
    let outputs = pair.create(1, 1, 100);
    // The payer's node votes yes by the old rules; the new ones would let nothing go.
    let Output::Effect(super::Effect::Prepare(_, leg)) = &outputs[0] else { panic!("{outputs:?}") };
    let node::Answer::Votes(_) = pair.prepare(leg) else { panic!("no votes") };
    let poor = RuleValues { floor: Some(Money::from_fen(100_000_000)), ..RuleValues::default() };
    pair.run_node(PAYER, node::Input::Rules(book(poor, RuleValues::default())));
    pair.finish(outputs);
    assert_eq!(pair.transfer(1).state, TransferState::Committed);
    assert_eq!(personal(&pair), (1_000_000 - 100, 0));
    let row = made(&mut pair, 2, None);
    let refusal = row.refusal.expect("refused");
    assert_eq!((refusal.reason, refusal.side), (Reason::InsufficientBalance, RefusalSide::Payer));
    assert_ne!(row.payer_rulebook, pair.transfer(1).payer_rulebook);
}
