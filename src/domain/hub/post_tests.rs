use super::*;
use crate::domain::hub::tables::TombstoneRow;
use crate::domain::hub::{Answer, Input};
use crate::domain::machine::{IncidentRow, Output};
use crate::domain::protocol::Outcome;
use crate::testkit::made_up_tests::{loan, posting};
use crate::testkit::{PAYEE, PAYER, Pair, id};

fn lent() -> Pair {
    let mut pair = Pair::new();
    pair.done(|pair| pair.run_hub(loan(1, 100_000)));
    pair
}

/// The payee's node tells a posting; gives what the hub has ruled, if it has.
fn ruled(pair: &mut Pair, posting: Posting) -> Option<Outcome> {
    let node = pair.node(PAYEE).mark();
    let outputs =
        pair.run_hub(Input::Post { ticket: Ticket::new(5), province: PAYEE, node, postings: vec![posting] });
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Answer(5, Answer::Rulings(mut rulings)) => rulings.pop(),
        _ => None,
    });
    match answer.expect("a ruling") {
        Ruling::Decided(decision) => Some(decision.outcome),
        Ruling::Pending { .. } | Ruling::Refused { .. } => None,
    }
}

fn is_noted(pair: &Pair, number: u8) -> bool {
    pair.hub.get::<IncidentRow>(&Key::Incident(id(number), Side::Payee)).is_some()
}

#[test]
fn only_a_committed_transfer_of_the_right_kind_backs_a_posting() {
    let mut pair = lent();
    pair.send(2, 2, 10_000);
    // The loan 3 is not decided.
    pair.run_hub(loan(3, 1_000));
    for original in [2, 3] {
        let it = posting(&pair, 7, (1, 500));
        let terms = PostingTerms { original: id(original), ..it.terms };
        assert_eq!(ruled(&mut pair, Posting { terms, ..it }), None, "{original}");
        assert!(is_noted(&pair, 7));
        assert_eq!(pair.hub.get::<TransferRow>(&Key::Transfer(id(7))), None, "{original}");
    }
    let right = posting(&pair, 8, (1, 500));
    assert_eq!(ruled(&mut pair, right), Some(Outcome::Commit));
    assert_eq!(pair.transfer(8).owner, format!("urn:gongji:node:{PAYEE}"));
}

#[test]
fn an_id_that_is_taken_is_posted_on_no_other_terms() {
    let mut pair = lent();
    let first = posting(&pair, 2, (1, 500));
    assert_eq!(ruled(&mut pair, first.clone()), Some(Outcome::Commit));
    assert_eq!(ruled(&mut pair, first), Some(Outcome::Commit), "a repeat is told the same");
    pair.hub.disk.put(TombstoneRow { transfer_id: id(5), province: PAYER, bury_time: Default::default() });
    for number in [2, 5] {
        let other = posting(&pair, number, (2, 600));
        assert_eq!(ruled(&mut pair, other), None, "{number}");
        assert!(is_noted(&pair, number));
    }
    assert_eq!(pair.transfer(2).amount.fen(), 500);
    assert_eq!(pair.transfer(1).last_posting, 1);
}
