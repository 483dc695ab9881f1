//! What the hub has forgotten altogether: ids, and what was carried back.

use super::*;
use crate::domain::value::Window;

/// Found in review: the hub did not know the id any more, so it left a tombstone, and the side in doubt was told to
/// abort what the other side had recorded.
#[test]
fn a_commit_of_an_id_that_the_hub_has_forgotten_is_not_aborted_either() {
    let mut pair = Pair::new();
    let before = pair.hub.disk.backup();
    let mut outputs = Vec::new();
    for output in pair.create(1, 1, 40_000) {
        if let Output::Effect(Effect::Prepare(_province, leg)) = output {
            outputs.extend(pair.vote(&leg));
        }
    }
    outputs.retain(|it| !matches!(it, Output::Effect(Effect::Decide(PAYEE, _))));
    pair.finish(outputs);
    restored(&mut pair, &before);
    // The clock of the machine that it was restored on is far behind.
    let far = Window::of(Civil(NOON + 9 * 86_400_000));
    hear_changed(&mut pair, |_, legs| {
        legs.iter_mut().for_each(|leg| leg.committed.iter_mut().for_each(|(window, ..)| *window = far));
    });
    let own: SelfRow = pair.hub.get(&Key::Own(0)).expect("there");
    pair.hub.incarnation = own.incarnation;
    pair.join(PAYEE);
    let leg = pair.leg(1, Side::Payee).expect("in doubt");
    let question = Question { transfer_id: leg.transfer_id, side: leg.side, terms_digest: leg.terms_digest };
    let node = pair.node(PAYEE).mark();
    let asked = |pair: &mut Pair| {
        let questions = vec![question.clone()];
        let ask = Input::Resolve { ticket: Ticket::new(7), province: PAYEE, node, questions };
        let outputs = pair.run_hub(ask);
        let [Output::Answer(7, Answer::Rulings(rulings))] = &outputs[..] else { panic!("{outputs:?}") };
        assert!(matches!(rulings[..], [Ruling::Pending { .. }]), "{rulings:?}");
    };
    asked(&mut pair);
    assert!(pair.hub.get::<crate::domain::hub::tables::TombstoneRow>(&Key::Tombstone(id(1))).is_none());
    let again = pair.create(8, 1, 40_000);
    assert_eq!(refusal(&again), Reason::OutcomeUnknown);
    // Nor where an old copy of the hub has used the id for something else.
    pair.create(9, 2, 500);
    let other = TransferRow { transfer_id: id(1), state: TransferState::Aborted, ..pair.transfer(2) };
    pair.hub.disk.put(other);
    asked(&mut pair);
}

/// Of what a return moves its node must know before; without this the original could be told after it.
#[test]
fn a_return_that_is_adopted_is_known_as_one() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let before = pair.hub.disk.backup();
    pair.propose(50, 1, 40_000);
    pair.done(|pair| pair.approve(50));
    assert_eq!(pair.transfer(50).state, TransferState::Committed);
    restored(&mut pair, &before);
    hear(&mut pair);
    let adopted = pair.transfer(50);
    assert_eq!((adopted.state, adopted.returns), (TransferState::Committed, Some(id(1))));
    assert!(adopted.is_adopted());
}
