//! What the hub has lost of postings: the node that decided them has all of it.

use super::*;
use crate::domain::hub::CreateRequest;
use crate::domain::node::PostRequest;
use crate::domain::protocol::kind::Kind;
use crate::domain::protocol::leg::LegState;
use crate::domain::protocol::transfer::Terms;
use crate::domain::value::money::Money;
use crate::testkit;

fn lend(toy: &mut Pair) {
    let plain = testkit::transfer(id(1), 100_000);
    let terms = Terms { kind: Kind::LOAN, ..plain.terms.clone() };
    let request = Box::new(CreateRequest { terms, ..plain });
    let outputs = toy.run_hub(Input::Create { ticket: Ticket::new(1), request });
    toy.settle(outputs);
}

/// The payee's node decides a repayment, and tells the hub.
fn repay(toy: &mut Pair, number: u8) {
    let (kind, amount) = (Kind::REPAYMENT, Money::from_fen(1_000));
    let (transfer_id, original, terms_digest) = (id(number), id(1), Digest([number; 32]));
    let request = PostRequest { transfer_id, kind, original, amount, terms_digest };
    toy.run_node(PAYEE, node::Input::Post { ticket: Ticket::new(9), request });
    toy.tick();
    toy.settle(Vec::new());
}

fn leg(toy: &Pair, province: ProvinceCode, side: Side, number: u8) -> LegRow {
    toy.node(province).get(&node::Key::Leg(id(number), side)).expect("a leg")
}

#[test]
fn postings_that_the_hub_has_lost_are_adopted_in_their_order() {
    let mut toy = Pair::new();
    lend(&mut toy);
    let before = toy.hub.disk.backup();
    repay(&mut toy, 2);
    repay(&mut toy, 3);
    let lost = [2, 3].map(|number| toy.transfer(number));
    restored(&mut toy, &before);
    let outputs = hear(&mut toy);
    let told = |it: &TransferRow| {
        ((it.kind, it.state, it.hub_seq, it.window), (it.number, it.booked_after, it.returns, it.amount))
    };
    assert_eq!([2, 3].map(|number| told(&toy.transfer(number))), lost.each_ref().map(told));
    let original = toy.transfer(1);
    assert_eq!((original.last_posting, original.last_booked, original.posted.fen()), (2, 2, 2_000));
    assert!(outputs.iter().all(|it| !matches!(it, Output::Effect(Effect::Alarm(..)))), "{outputs:?}");
    toy.hub.incarnation += 1;
    [PAYER, PAYEE].into_iter().for_each(|province| drop(toy.join(province)));
    repay(&mut toy, 4);
    assert_eq!((leg(&toy, PAYER, Side::Payer, 4).number, toy.transfer(4).booked_after), (Some(3), Some(2)));
}

/// A hub that did not hear of it would give it another number, which the payer's node has not.
#[test]
fn a_posting_that_only_the_payers_node_knows_as_booked_keeps_its_number() {
    let mut toy = Pair::new();
    lend(&mut toy);
    let before = toy.hub.disk.backup();
    repay(&mut toy, 2);
    let booked = leg(&toy, PAYER, Side::Payer, 2);
    // The payee's node has decided it, and does not know the ruling.
    toy.node_mut(PAYEE).rewrite(|records| {
        let is_ruling =
            |it: &node::Record| matches!(it, node::Record::LegDecided(it) if it.transfer_id == id(2));
        records.retain(|it| !is_ruling(it));
    });
    assert_eq!(leg(&toy, PAYEE, Side::Payee, 2).state, LegState::Posted);
    restored(&mut toy, &before);
    hear(&mut toy);
    let adopted = toy.transfer(2);
    assert_eq!(
        (adopted.hub_seq, adopted.window, adopted.state),
        (booked.hub_seq, booked.window, TransferState::Committed)
    );
    assert_eq!((adopted.payer_recorded_seq.is_some(), adopted.payee_recorded_seq), (true, None));
}
