use super::*;
use crate::domain::reason::Reason::*;
use crate::domain::value::{Civil, Digest, Side};
use crate::wire::sender::sender_to_proto;
use crate::wire::test_kit::*;

fn question() -> Question {
    Question { transfer_id: the_id(), side: Side::Payee, terms_digest: Digest([5; 32]) }
}

fn decided(outcome: Outcome) -> Ruling {
    let committed = outcome == Outcome::Commit;
    let Question { transfer_id, side, terms_digest } = question();
    Ruling::Decided(Decision {
        transfer_id,
        side,
        terms_digest,
        outcome,
        window: committed.then(|| day("2026-11-21").into()),
        hub_seq: committed.then_some(12),
        decide_time: Civil(1_795_190_400_123),
        leg_record: Vec::new(),
        posting: None,
        lost: None,
    })
}

#[test]
fn questions_come_back() {
    let other = Question { side: Side::Payer, ..question() };
    let questions = vec![question(), other];
    assert_eq!(
        resolve_from_proto(&resolve_to_proto(sender_to_proto(&mark()), &questions)),
        Ok((mark(), questions))
    );
    let mut wire = resolve_to_proto(sender_to_proto(&mark()), &[question()]);
    wire.questions[0].terms_digest.clear();
    assert_eq!(found(resolve_from_proto(&wire)), one("questions[0].terms_digest", FieldRequired));
    wire.questions.clear();
    assert_eq!(found(resolve_from_proto(&wire)), one("questions", BatchSizeInvalid));
}

#[test]
fn rulings_come_back() {
    let pending = Ruling::Pending { question: question(), ask_after_ms: 2500 };
    for ruling in [decided(Outcome::Commit), decided(Outcome::Abort), pending] {
        assert_eq!(ruling_from_proto(&ruling_to_proto(&ruling)), Ok(ruling));
    }
}

#[test]
fn an_unknown_ruling_is_pending_never_an_end() {
    let wire = ruling_to_proto(&decided(Outcome::Abort));
    for ruling in [0, 4, -1] {
        let read = ruling_from_proto(&hub::Resolution { ruling, ..wire.clone() });
        assert_eq!(read, Ok(Ruling::Pending { question: question(), ask_after_ms: ASK_AFTER_MS }));
    }
}

#[test]
fn half_a_decision_is_no_answer() {
    let with = |outcome, change: fn(&mut hub::Resolution)| {
        let mut wire = ruling_to_proto(&decided(outcome));
        change(&mut wire);
        found(ruling_from_proto(&wire))
    };
    assert_eq!(with(Outcome::Commit, |one| one.hub_seq = 0), one("hub_seq", FieldRequired));
    assert_eq!(with(Outcome::Commit, |one| one.window_id.clear()), one("window_id", RequestMalformed));
    assert_eq!(with(Outcome::Abort, |one| one.decide_time = None), one("decide_time", FieldRequired));
    assert_eq!(with(Outcome::Abort, |one| one.side = 0), one("side", FieldRequired));
}
