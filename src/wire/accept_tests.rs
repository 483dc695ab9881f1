use super::*;
use crate::domain::protocol::{Ask, Leg};
use crate::domain::reason::Reason::*;
use crate::domain::value::Side;
use crate::wire::leg::leg_to_proto;
use crate::wire::prepare::prepare_to_proto;
use crate::wire::sender::sender_to_proto;
use crate::wire::test_kit::*;

fn request() -> hub::AcceptTransferRequest {
    let wait = hub::WaitMode::Decided.into();
    hub::AcceptTransferRequest { transfer_id: ID.to_owned(), payee: Some(payee()), wait }
}

#[test]
fn a_payees_word_is_read_and_everything_wrong_with_it_is_told() {
    let regions = regions();
    let reader = reader(&regions);
    let word = reader.accept_transfer(&request()).expect("a word");
    assert_eq!((word.transfer_id, word.wait), (the_id(), WaitMode::Decided));
    assert_eq!(word.payee.person, person(SPECIMENS[1], "李四"));
    let hub::AcceptTransferRequest { transfer_id, payee, wait } = request();
    let decline = hub::DeclineTransferRequest { transfer_id, payee, wait };
    assert_eq!(reader.decline_transfer(&decline), Ok(word));
    let empty = hub::AcceptTransferRequest { wait: 9, ..hub::AcceptTransferRequest::default() };
    let expected =
        [one("transfer_id", FieldRequired), one("payee", FieldRequired), one("wait", ValueUnsupported)];
    assert_eq!(found(reader.accept_transfer(&empty)), expected.concat());
}

fn accepted(side: Side) -> Leg {
    let mut leg = Leg { ask: Ask::ById, ..leg(side) };
    leg.terms.demands.acceptance = side == Side::Payee;
    leg
}

#[test]
fn a_leg_by_its_id_names_no_person_and_comes_back() {
    let regions = regions();
    let reader = reader(&regions);
    let legs = Side::BOTH.map(accepted);
    let wire = prepare_to_proto(sender_to_proto(&mark()), &legs);
    assert!(wire.legs.iter().all(|leg| leg.party.as_ref().is_some_and(|party| party.person.is_none())));
    let (_, read) = reader.prepare(&wire).expect("legs");
    assert_eq!(read, legs.map(Ok));
    let mut without = wire.legs[0].clone();
    without.accepted = false;
    assert_eq!(
        found(reader.prepare(&crate::proto::node::PrepareRequest {
            sender: wire.sender.clone(),
            legs: vec![without]
        })),
        one("legs[0].party.person", FieldRequired)
    );
}

#[test]
fn the_demand_for_acceptance_is_the_payees_to_meet() {
    let regions = regions();
    let reader = reader(&regions);
    for side in Side::BOTH {
        let mut asked = leg(side);
        asked.terms.demands.acceptance = true;
        let reading = reader.leg(&Path::Root, &leg_to_proto(&asked)).expect("it can be named");
        match side {
            Side::Payee => assert_eq!(reading, Ok(asked)),
            Side::Payer => {
                assert!(matches!(reading, Err(it) if it.refusal.reason == Unsupported))
            }
        }
    }
}
