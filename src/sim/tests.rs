use super::*;

fn small(seed: u64) -> Plan {
    Plan { transfers: 120, safety_ms: 20_000, ..Plan::of(seed) }
}

#[test]
fn both_sides_or_neither_in_every_seeded_world() {
    for seed in 0..40 {
        let report = run(small(seed));
        assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {seed}");
        assert!(report.counts.get("committed").is_some_and(|count| *count > 0), "{report:?}");
    }
}

#[test]
fn the_same_seed_twice_gives_the_same_log_and_another_seed_another() {
    assert_eq!(run(small(3)), run(small(3)));
    assert_ne!(run(small(3)).log, run(small(4)).log);
}

/// Where provinces ask for acceptance, transfers end in each of the ways that there are.
#[test]
fn worlds_with_acceptance_see_it_taken_declined_and_left() {
    let seeds = (0..25).filter(|seed| super::payees::accepts(*seed));
    let mut seen = std::collections::BTreeMap::<String, u64>::new();
    for report in seeds.map(|seed| run(small(seed))) {
        assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {}", report.seed);
        let cells = ["DECLINED", "NOT_TAKEN_IN_TIME"].map(|reason| format!("client: aborted × {reason}"));
        let votes = ["hub: vote yes × accepted".to_owned(), "hub: vote awaiting × pending".to_owned()];
        for cell in cells.into_iter().chain(votes) {
            let count = report.marks.get(&cell).copied().unwrap_or(0);
            *seen.entry(cell).or_default() += count;
        }
    }
    assert!(seen.values().all(|count| *count > 0), "{seen:?}");
}

/// Money goes back in worlds where servers die and are restored, and no more of it than came.
#[test]
fn worlds_with_operators_carry_money_back() {
    let mut seen = std::collections::BTreeMap::<String, u64>::new();
    for seed in [2, 6, 14, 18] {
        assert!(super::operators::operates(seed));
        let report = run(small(seed));
        assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {seed}");
        for (what, count) in report.counts {
            *seen.entry(what).or_default() += count;
        }
    }
    for what in ["carried back", "not carried back", "not carried back: OVER_COMPENSATED"] {
        assert!(seen.contains_key(what), "{what}: {seen:?}");
    }
}

/// Where hub and nodes have counted the same, people clear the months, gross and net.
#[test]
fn the_months_of_worlds_are_cleared() {
    for net in [false, true] {
        let mut seen = BTreeMap::<String, u64>::new();
        for seed in (0..16).filter(|seed| (seed % 2 == 1) == net) {
            let report = run(small(seed));
            assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {seed}");
            for (what, count) in report.counts {
                *seen.entry(what).or_default() += count;
            }
        }
        for what in ["months cleared", "objected", "paid"] {
            assert!(seen.contains_key(what), "{what}, net {net}: {seen:?}");
        }
    }
}

/// A client that has gone leaves its transfer to the payee; it must end all the same.
#[test]
fn what_awaits_a_payee_ends_though_its_client_has_gone() {
    for seed in [1_027, 1_206, 1_226] {
        let report = run(Plan { transfers: 200, safety_ms: 20_000, ..Plan::of(seed) });
        assert_eq!(report.violations, Vec::<String>::new(), "seed {seed}");
    }
}

/// Disks that lie and folders that are copied back: whoever has seen more finds it, and nothing is split in silence.
#[test]
fn stores_that_come_back_older_than_they_say_are_found() {
    let seeds = (0..140).filter(|seed| super::stale::goes_stale(*seed));
    let mut seen = BTreeMap::<String, u64>::new();
    for report in seeds.map(|seed| run(Plan { chaos: 10, ..small(seed) })) {
        assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {}", report.seed);
        for (what, times) in report.counts {
            *seen.entry(what).or_default() += times;
        }
    }
    let found =
        ["disk lied", "copied back, and nobody says so", "old node found", "old hub found", "hub recovered"];
    assert!(found.iter().all(|what| seen.get(*what).is_some_and(|times| *times > 0)), "{seen:#?}");
}

/// Operators finish what stays undecided for a province that is not heard, both ways. What it had recorded otherwise is
/// an incident, and nothing else is wrong.
#[test]
fn what_operators_finish_otherwise_than_it_was_recorded_has_a_name() {
    let seeds = (0..400).filter(|seed| super::left_out::leaves_out(*seed));
    let mut seen = BTreeMap::<String, u64>::new();
    for report in seeds.map(|seed| run(Plan { chaos: 10, ..small(seed) })) {
        assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {}", report.seed);
        for (what, times) in report.counts {
            *seen.entry(what).or_default() += times;
        }
    }
    let wanted = ["finished as committed", "finished as aborted", "finished otherwise than it was recorded"];
    assert!(wanted.iter().all(|what| seen.contains_key(*what)), "{seen:#?}");
}

/// Hub and nodes are started with another server's key file: they refuse, and all goes on with their own.
#[test]
fn the_key_file_of_another_server_is_refused() {
    let mut refused = 0;
    for seed in (0..60).filter(|seed| super::keys::seals(*seed)) {
        let report = run(small(seed));
        assert_eq!(report.violations, Vec::<String>::new(), "gongji sim --seed {seed}");
        refused += report.counts.get("wrong key refused").copied().unwrap_or(0);
    }
    assert!(refused > 0);
}

/// One province is dark for a minute. Nobody in the others waits for it: their transfers are decided, and recorded, in
/// the same time as without it, and just as many.
#[test]
fn one_dark_province_keeps_no_other_waiting() {
    let mut seen = 0;
    for seed in (0..20).filter(|seed| !super::payees::accepts(*seed)) {
        let good_day = Plan { chaos: 0, transfers: 300, ..Plan::of(seed) };
        let (without, with) = (run(good_day), run(Plan { dark: true, ..good_day }));
        for report in [&without, &with] {
            assert_eq!(report.violations, Vec::<String>::new(), "seed {seed}");
        }
        let last = |report: &Report| report.waits.iter().max().copied().unwrap_or(0);
        assert_eq!(with.waits.len(), without.waits.len(), "seed {seed}");
        // Letters are under way for 0 to 3 ms, each, by chance.
        assert!(last(&with) <= last(&without) + 10, "seed {seed}: {} and {} ms", last(&with), last(&without));
        let refused = with.marks.get("client: aborted × PROVINCE_UNREACHABLE").copied().unwrap_or(0);
        if with.provinces > 2 {
            assert!(last(&with) > 0 && refused > 10, "seed {seed}: {refused} refused");
            seen += 1;
        }
    }
    assert!(seen > 5, "worlds with more than two provinces: {seen}");
}
