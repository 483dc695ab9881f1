use super::*;
use crate::testkit;

const NOON: i64 = 1_795_233_600_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

fn hebei() -> ProvinceCode {
    testkit::PAYER
}

fn sichuan() -> ProvinceCode {
    testkit::PAYEE
}

fn after(ms: u64) -> i64 {
    NOON.saturating_add_unsigned(ms)
}

fn wall(mono: u64, civil: i64) -> Now {
    Now { mono: Mono(mono), civil: Civil(civil) }
}

/// A keeper that has run for a second, with its last stamp at noon.
fn running() -> Timekeeper {
    let mut keeper = Timekeeper::new(LIMIT_MS, Some(Civil(NOON)));
    assert_eq!(keeper.read(wall(0, NOON)).doubt, None);
    assert_eq!(keeper.read(wall(1_000, NOON + 1_000)).now.civil, Civil(NOON + 1_000));
    keeper
}

#[test]
fn a_jump_is_not_believed_and_nothing_of_it_is_given() {
    let mut keeper = running();
    let jumped = keeper.read(wall(2_000, NOON + 2_000 + 13 * HOUR));
    assert_eq!(jumped.doubt, Some(Doubt::Stepped(13 * HOUR)));
    assert_eq!(jumped.now.civil, Civil(NOON + 2_000), "time goes on by the monotonic clock");
    let back = keeper.read(wall(3_000, NOON + 3_000));
    assert_eq!((back.doubt, back.now.civil), (None, Civil(NOON + 3_000)));
}

#[test]
fn a_jump_back_is_not_believed_either() {
    let mut keeper = running();
    keeper.stamp(Civil(NOON + 1_000));
    let jumped = keeper.read(wall(2_000, NOON + 2_000 - DAY));
    assert!(matches!(jumped.doubt, Some(Doubt::BehindJournal(_))), "{jumped:?}");
    assert_eq!(jumped.now.civil, Civil(NOON + 2_000));
}

#[test]
fn a_small_step_is_slewed_and_never_runs_back() {
    for step in [20_000, -20_000] {
        let (mut keeper, mut last) = (running(), NOON + 1_000);
        for second in 2..900 {
            let reading = keeper.read(wall(second * 1_000, after(second * 1_000) + step));
            let passed = reading.now.civil.0 - last;
            assert_eq!(reading.doubt, None);
            assert!((900..=1_100).contains(&passed), "{step}: a second was {passed} ms");
            last = reading.now.civil.0;
        }
        assert_eq!(last, NOON + 899_000 + step, "taken up after a while");
    }
}

#[test]
fn readings_that_are_close_together_slew_as_well() {
    let mut keeper = running();
    let readings = (1_001..61_000u64).map(|ms| keeper.read(wall(ms, after(ms) + 10_000)).now.civil.0);
    let last = readings.last().expect("some");
    let slewed = last - (NOON + 60_999);
    assert!((2_900..=3_100).contains(&slewed), "a part of twenty in a minute is three seconds: {slewed}");
}

#[test]
fn many_small_steps_are_one_large_one() {
    let mut keeper = running();
    let step = |number: u64| keeper.read(wall(1_000 + number * 10, after(1_000 + number * 20_000)));
    let doubts: Vec<_> = (1..5).map(step).map(|reading| reading.doubt.is_some()).collect();
    assert_eq!(doubts, [false, true, true, true]);
}

#[test]
fn a_jump_that_most_peers_confirm_is_believed_by_itself() {
    let mut keeper = running();
    let there = NOON + 2_000 + 3 * HOUR;
    assert!(keeper.read(wall(2_000, there)).doubt.is_some());
    keeper.hear(hebei(), Mono(2_500), Civil(there + 400));
    let reading = keeper.read(wall(3_000, there + 1_000));
    assert_eq!((reading.doubt, reading.now.civil), (None, Civil(there + 1_000)));
}

/// A hub whose clock was wrong for a moment, and a node whose clock is wrong alike a moment later (seed 2348).
#[test]
fn what_was_heard_before_a_step_does_not_confirm_it() {
    let mut keeper = running();
    let there = NOON + 2_000 + 100_000;
    keeper.hear(ProvinceCode::HUB, Mono(1_500), Civil(there - 500));
    assert!(keeper.read(wall(2_000, there)).doubt.is_some());
    assert!(keeper.read(wall(2_500, there + 500)).doubt.is_some());
    keeper.hear(ProvinceCode::HUB, Mono(3_000), Civil(there + 1_000));
    assert_eq!(keeper.read(wall(3_000, there + 1_000)).doubt, None);
}

#[test]
fn half_of_the_peers_are_not_most_of_them() {
    let mut keeper = running();
    let there = NOON + 2_000 + 3 * HOUR;
    keeper.hear(hebei(), Mono(1_000), Civil(NOON + 1_000));
    keeper.hear(sichuan(), Mono(2_000), Civil(there));
    assert!(keeper.read(wall(2_000, there)).doubt.is_some());
}

#[test]
fn a_start_long_after_the_last_stamp_waits_for_a_peer() {
    let mut keeper = Timekeeper::new(LIMIT_MS, Some(Civil(NOON)));
    let first = keeper.read(wall(0, NOON + DAY));
    assert_eq!((first.doubt, first.now.civil), (Some(Doubt::AheadOfJournal(DAY)), Civil(NOON)));
    keeper.hear(hebei(), Mono(100), Civil(NOON + DAY + 90));
    assert_eq!(keeper.read(wall(200, NOON + DAY + 200)).doubt, None);
    // While nobody says anything, it is as far ahead as at the start, and was not stepped.
    let mut alone = Timekeeper::new(LIMIT_MS, Some(Civil(NOON)));
    for (mono, ahead) in [(0, DAY), (200, DAY + 200)] {
        let doubt = alone.read(wall(mono, NOON + ahead)).doubt;
        assert_eq!(doubt, Some(Doubt::AheadOfJournal(ahead)));
    }
    let mut wrong = Timekeeper::new(LIMIT_MS, Some(Civil(NOON)));
    assert!(wrong.read(wall(0, NOON + 365 * DAY)).doubt.is_some());
    wrong.hear(hebei(), Mono(100), Civil(NOON + 60_000));
    assert!(wrong.read(wall(200, NOON + 365 * DAY + 200)).doubt.is_some(), "a year ahead");
}

#[test]
fn what_is_stamped_is_lowered_by_operators_alone() {
    let mut keeper = Timekeeper::new(LIMIT_MS, Some(Civil(NOON + 365 * DAY)));
    keeper.hear(hebei(), Mono(0), Civil(NOON));
    keeper.hear(sichuan(), Mono(0), Civil(NOON));
    let doubt = keeper.read(wall(0, NOON)).doubt;
    assert_eq!(doubt, Some(Doubt::BehindJournal(365 * DAY)), "though both peers confirm the clock");
    keeper.accept(wall(10, NOON + 10));
    assert!(keeper.read(wall(20, NOON + 20)).doubt.is_some(), "accepting it does not lower what is stamped");
    keeper.lower(Civil(NOON));
    let reading = keeper.read(wall(1_020, NOON + 1_020));
    assert_eq!((reading.doubt, reading.now.civil >= Civil(NOON)), (None, true));
}

#[test]
fn two_operators_are_believed_until_the_clock_is_stepped_again() {
    let mut keeper = running();
    let there = NOON + 2_000 + DAY;
    keeper.hear(hebei(), Mono(1_000), Civil(NOON + 1_000));
    keeper.hear(sichuan(), Mono(1_000), Civil(NOON + 1_000));
    assert!(keeper.read(wall(2_000, there)).doubt.is_some());
    keeper.accept(wall(2_000, there));
    assert_eq!(keeper.read(wall(3_000, there + 1_000)).doubt, None, "against the word of both peers");
    assert!(keeper.read(wall(4_000, there + 2_000 + DAY)).doubt.is_some());
}

#[test]
fn peers_stop_a_clock_that_nothing_else_speaks_for() {
    let mut fresh = Timekeeper::new(LIMIT_MS, None);
    assert_eq!(fresh.read(wall(0, NOON + DAY)).doubt, None, "a new store has nothing to compare with");
    fresh.hear(hebei(), Mono(100), Civil(NOON + 100));
    assert_eq!(fresh.read(wall(200, NOON + DAY + 200)).doubt, Some(Doubt::Denied(DAY)));
    let mut vouched = running();
    vouched.hear(hebei(), Mono(1_000), Civil(NOON - DAY));
    assert_eq!(vouched.read(wall(2_000, NOON + 2_000)).doubt, None, "one province stops nobody");
    vouched.hear(sichuan(), Mono(1_000), Civil(NOON - DAY));
    assert!(matches!(vouched.read(wall(2_100, NOON + 2_100)).doubt, Some(Doubt::Denied(_))));
    for (peer, at) in [(ProvinceCode::HUB, 2_150), (ProvinceCode::new(44), 2_150)] {
        vouched.hear(peer, Mono(at), Civil(after(at)));
    }
    assert_eq!(vouched.read(wall(2_200, NOON + 2_200)).doubt, None, "two against two are not most");
    let later = 2_200 + FRESH_MS;
    assert_eq!(vouched.read(wall(later, after(later))).doubt, None, "what was heard long ago says nothing");
}

#[test]
fn after_an_outage_of_everything_two_clocks_that_agree_are_right() {
    let there = NOON + 5 * HOUR;
    let mut keepers = [(); 2].map(|()| Timekeeper::new(LIMIT_MS, Some(Civil(NOON))));
    assert!(keepers.iter_mut().all(|keeper| keeper.read(wall(0, there)).doubt.is_some()));
    keepers[0].hear(hebei(), Mono(50), Civil(there + 50));
    keepers[1].hear(ProvinceCode::HUB, Mono(50), Civil(there + 50));
    assert!(keepers.iter_mut().all(|keeper| keeper.read(wall(100, there + 100)).doubt.is_none()));
}

#[test]
fn a_doubt_says_how_far_the_clock_is_off_and_which_way() {
    let all = [
        (Doubt::Stepped(-5), -5, "STEPPED"),
        (Doubt::AheadOfJournal(5), 5, "AHEAD_OF_JOURNAL"),
        (Doubt::BehindJournal(5), -5, "BEHIND_JOURNAL"),
        (Doubt::Denied(7), 7, "DENIED_BY_PEERS"),
    ];
    for (doubt, off, name) in all {
        assert_eq!((doubt.off_ms(), doubt.name()), (off, name));
    }
}
