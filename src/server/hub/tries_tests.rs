//! Counts of a day: by caller, side and person.

use super::*;
use crate::domain::reason::RefusalSide;
use crate::domain::value::Civil;

const NOON: Civil = Civil(1_795_233_600_000);
const ANSWERED: BySide<bool> = BySide { payer: true, payee: true };

fn tries() -> Arc<Tries> {
    let few = Limits { payer_tries_max: 3, payee_tries_max: 5, caller_guesses_max: 2, ..Limits::default() };
    Arc::new(Tries::new(&few))
}

fn today() -> Day {
    Day::of(NOON)
}

fn app(name: &str) -> Role {
    Role::App(name.to_owned())
}

impl Tries {
    /// A caller asks about two persons.
    fn about<'a>(&self, role: &'a Role, payer: u8, payee: u8) -> Asked<'a> {
        self.asked(role, BySide { payer, payee })
    }
}

fn side<T: std::fmt::Debug>(problem: Result<T, Problem>) -> Option<String> {
    let problem = problem.expect_err("too many");
    assert_eq!(problem.reason, Reason::TooManyTries);
    problem.metadata.into_iter().find(|(name, _)| name == "side").map(|(_, side)| side)
}

/// A transfer of persons 1 and 2 is refused by the payer's node.
fn refuse(tries: &Arc<Tries>, app: &Role, reason: Reason) {
    let transfer = tries.pay_at_once(tries.about(app, 1, 2), today()).unwrap().expect("none is under way");
    transfer.refused(today(), (Side::Payer, reason));
}

#[test]
fn a_person_is_asked_about_so_often_by_one_caller_on_one_day() {
    let (tries, app, other) = (tries(), app("one"), app("other"));
    for _ in 0..3 {
        // Counted before it is answered: many at once are no more.
        assert!(tries.check(tries.about(&app, 1, 2), today()).is_ok());
    }
    assert_eq!(side(tries.check(tries.about(&app, 1, 3), today())).as_deref(), Some("payer"));
    assert!(tries.check(tries.about(&app, 2, 1), today()).is_ok(), "he may be paid");
    assert!(tries.check(tries.about(&other, 1, 2), today()).is_ok(), "nobody stops another caller");
    assert!(tries.pay_at_once(tries.about(&app, 1, 2), today()).is_ok(), "nor does a check stop a payment");
    assert!(tries.check(tries.about(&app, 1, 2), Day::of(Civil(NOON.0 + 86_400_000))).is_ok(), "another day");
}

#[test]
fn what_no_node_has_answered_was_not_tried() {
    let (tries, app) = (tries(), app("one"));
    for _ in 0..20 {
        assert!(tries.check(tries.about(&app, 1, 2), today()).is_ok());
        let answered = BySide { payer: false, payee: false };
        tries.checked(tries.about(&app, 1, 2), answered, today(), &[]);
    }
    for reason in [Reason::VoteMalformed, Reason::PayerSuspended, Reason::DailyCountReached] {
        (0..5).for_each(|_| refuse(&tries, &app, reason));
    }
    assert!(tries.pay_at_once(tries.about(&app, 1, 2), today()).is_ok());
}

#[test]
fn refused_transfers_end_transfers() {
    let (tries, app) = (tries(), app("one"));
    (0..3).for_each(|_| refuse(&tries, &app, Reason::InsufficientBalance));
    assert_eq!(side(tries.pay_at_once(tries.about(&app, 1, 2), today())).as_deref(), Some("payer"));
    assert_eq!(side(tries.check(tries.about(&app, 1, 2), today())).as_deref(), Some("payer"));
}

/// All items of a batch were handed in before the first of them was counted.
#[tokio::test]
async fn many_transfers_at_once_tell_no_more_than_one_after_the_other() {
    let (tries, app) = (tries(), app("one"));
    let mut under_way: Vec<UnderWay> =
        (0..3).filter_map(|_| tries.pay_at_once(tries.about(&app, 1, 2), today()).unwrap()).collect();
    assert_eq!(under_way.len(), 3);
    assert!(tries.pay_at_once(tries.about(&app, 1, 2), today()).unwrap().is_none(), "a fourth waits");
    assert!(tries.pay_at_once(tries.about(&app, 7, 2), today()).unwrap().is_some(), "another payer does not");
    let (fourth, role) = (Arc::clone(&tries), app.clone());
    let waiting =
        tokio::spawn(async move { fourth.pay(fourth.about(&role, 1, 2), today()).await.map(|_| ()) });
    tokio::task::yield_now().await;
    for transfer in under_way.drain(..) {
        assert!(!waiting.is_finished());
        transfer.refused(today(), (Side::Payer, Reason::InsufficientBalance));
    }
    assert_eq!(side(waiting.await.unwrap()).as_deref(), Some("payer"));
}

#[test]
fn what_is_answered_after_midnight_brings_no_day_back() {
    let (tries, app, tomorrow) = (tries(), app("one"), Day::of(Civil(NOON.0 + 86_400_000)));
    let late = tries.pay_at_once(tries.about(&app, 1, 2), today()).unwrap().unwrap();
    (0..3).for_each(|_| assert!(tries.check(tries.about(&app, 1, 2), tomorrow).is_ok()));
    late.refused(today(), (Side::Payer, Reason::InsufficientBalance));
    assert_eq!(side(tries.check(tries.about(&app, 1, 2), tomorrow)).as_deref(), Some("payer"));
}

#[test]
fn a_caller_gives_wrong_names_of_so_many_persons_and_pay_at_once_then() {
    let (tries, app) = (tries(), app("one"));
    let refusal = [RefusalRecord::new(Reason::PayeeIdentityMismatch, RefusalSide::Payee)];
    for _ in 0..3 {
        tries.checked(tries.about(&app, 1, 2), ANSWERED, today(), &refusal);
    }
    assert!(tries.check(tries.about(&app, 3, 4), today()).is_ok(), "one person");
    let transfer = tries.pay_at_once(tries.about(&app, 3, 4), today()).unwrap().unwrap();
    transfer.refused(today(), (Side::Payer, Reason::PayerNotInsured));
    assert_eq!(side(tries.check(tries.about(&app, 5, 6), today())), None);
    assert!(tries.pay_at_once(tries.about(&app, 5, 6), today()).is_ok());
}

#[test]
fn memory_is_bounded_and_whoever_was_tried_often_is_remembered() {
    let mut counts = Counts::default();
    counts.of(0).checks = 2;
    for number in 1..=PERSONS_MAX as u64 {
        counts.of(number).checks = 1;
    }
    assert_eq!((counts.persons.len(), counts.of(0).checks), (2, 2));
}
