//! Counts of a day: by caller, side and person.

use super::*;
use crate::domain::reason::RefusalSide;
use crate::domain::value::Civil;

const NOON: Civil = Civil(1_795_233_600_000);

fn tries() -> Tries {
    Tries::new(&Limits { payer_tries_max: 3, payee_tries_max: 5, caller_guesses_max: 2, ..Limits::default() })
}

fn persons(payer: u8, payee: u8) -> Persons {
    BySide { payer: Digest([payer; 32]), payee: Digest([payee; 32]) }
}

fn side(problem: Result<(), Problem>) -> Option<String> {
    let problem = problem.expect_err("too many");
    assert_eq!(problem.reason, Reason::TooManyTries);
    problem.metadata.into_iter().find(|(name, _)| name == "side").map(|(_, side)| side)
}

#[test]
fn a_person_is_asked_about_so_often_by_one_caller_on_one_day() {
    let (tries, app, other) = (tries(), Role::App("one".to_owned()), Role::App("other".to_owned()));
    for _ in 0..3 {
        assert!(tries.may(&app, &persons(1, 2), Day::of(NOON)).is_ok());
        tries.checked(&app, &persons(1, 2), Day::of(NOON), &[]);
    }
    assert_eq!(side(tries.may(&app, &persons(1, 3), Day::of(NOON))).as_deref(), Some("payer"));
    assert!(tries.may(&app, &persons(2, 1), Day::of(NOON)).is_ok(), "he may be paid");
    assert!(tries.may(&other, &persons(1, 2), Day::of(NOON)).is_ok(), "nobody stops another caller");
    tries.refused(&app, &persons(4, 2), Day::of(NOON), (Side::Payee, Reason::PayeeEnded));
    tries.refused(&app, &persons(4, 2), Day::of(NOON), (Side::Payee, Reason::PayeeEnded));
    assert_eq!(side(tries.may(&app, &persons(4, 2), Day::of(NOON))).as_deref(), Some("payee"));
    assert!(tries.may(&app, &persons(1, 2), Day::of(Civil(NOON.0 + 86_400_000))).is_ok(), "another day");
}

#[test]
fn a_caller_guesses_so_often() {
    let (tries, app) = (tries(), Role::App("one".to_owned()));
    let refusal = RefusalRecord::new(Reason::PayeeIdentityMismatch, RefusalSide::Payee);
    tries.checked(&app, &persons(1, 2), Day::of(NOON), &[refusal]);
    assert!(tries.may(&app, &persons(3, 4), Day::of(NOON)).is_ok());
    tries.refused(&app, &persons(3, 4), Day::of(NOON), (Side::Payer, Reason::PayerNotInsured));
    assert_eq!(side(tries.may(&app, &persons(5, 6), Day::of(NOON))), None);
}

#[test]
fn memory_is_bounded() {
    let mut counts = Counts::default();
    for number in 0..u32::try_from(PERSONS_MAX).expect("a number") + 10 {
        let mut person = Digest::default();
        person.0[..4].copy_from_slice(&number.to_be_bytes());
        counts.count("one", Side::Payer, person);
        if number == 0 {
            counts.count("one", Side::Payer, person);
        }
    }
    assert!(counts.persons.len() <= PERSONS_MAX);
    assert_eq!(counts.persons[&key("one", Side::Payer, Digest::default())], 2, "not forgotten");
}
