//! What the hub has lost of postings: the node that decided them has all of it.

use super::*;
use crate::domain::hub::CreateRequest;
use crate::domain::node::PostRequest;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::transfer::Terms;
use crate::domain::value::Money;
use crate::testkit;

fn lend(pair: &mut Pair) {
    let plain = testkit::transfer(id(1), 100_000);
    let terms = Terms { kind: Kind::LOAN, ..plain.terms.clone() };
    let request = Box::new(CreateRequest { terms, ..plain });
    pair.done(|pair| pair.run_hub(Input::Create { ticket: Ticket::new(1), request }));
}

/// The payee's node decides a repayment, and tells the hub.
fn repay(pair: &mut Pair, number: u8) {
    let (kind, amount) = (Kind::REPAYMENT, Money::from_fen(1_000));
    let (transfer_id, original, terms_digest) = (id(number), id(1), Digest([number; 32]));
    let request = PostRequest { transfer_id, kind, original, amount, terms_digest };
    pair.run_node(PAYEE, node::Input::Post { ticket: Ticket::new(9), request });
    pair.tick();
    pair.settle(Vec::new());
}

fn leg(pair: &Pair, province: ProvinceCode, side: Side, number: u8) -> LegRow {
    pair.node(province).get(&node::Key::Leg(id(number), side)).expect("a leg")
}

#[test]
fn postings_that_the_hub_has_lost_are_adopted_in_their_order() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    repay(&mut pair, 3);
    let lost = [2, 3].map(|number| pair.transfer(number));
    restored(&mut pair, &before);
    let outputs = hear(&mut pair);
    let told = |it: &TransferRow| {
        ((it.kind, it.state, it.hub_seq, it.window), (it.number, it.booked_after, it.returns, it.amount))
    };
    assert_eq!([2, 3].map(|number| told(&pair.transfer(number))), lost.each_ref().map(told));
    let original = pair.transfer(1);
    assert_eq!((original.last_posting, original.last_booked, original.posted.fen()), (2, 2, 2_000));
    assert!(outputs.iter().all(|it| !matches!(it, Output::Effect(Effect::Alarm(..)))), "{outputs:?}");
    pair.hub.incarnation += 1;
    [PAYER, PAYEE].into_iter().for_each(|province| drop(pair.join(province)));
    repay(&mut pair, 4);
    assert_eq!((leg(&pair, PAYER, Side::Payer, 4).number, pair.transfer(4).booked_after), (Some(3), Some(2)));
}

/// A hub that did not hear of it would give it another number, which the payer's node has not.
#[test]
fn a_posting_that_only_the_payers_node_knows_as_booked_keeps_its_number() {
    let mut pair = Pair::new();
    lend(&mut pair);
    let before = pair.hub.disk.backup();
    repay(&mut pair, 2);
    let booked = leg(&pair, PAYER, Side::Payer, 2);
    // The payee's node has decided it, and does not know the ruling.
    pair.node_mut(PAYEE).rewrite(|records| {
        let is_ruling =
            |it: &node::Record| matches!(it, node::Record::LegDecided(it) if it.transfer_id == id(2));
        records.retain(|it| !is_ruling(it));
    });
    assert_eq!(leg(&pair, PAYEE, Side::Payee, 2).state, LegState::Posted);
    restored(&mut pair, &before);
    hear(&mut pair);
    let adopted = pair.transfer(2);
    assert_eq!(
        (adopted.hub_seq, adopted.window, adopted.state),
        (booked.hub_seq, booked.window, TransferState::Committed)
    );
    assert_eq!((adopted.payer_recorded_seq.is_some(), adopted.payee_recorded_seq), (true, None));
}
