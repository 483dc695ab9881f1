use super::*;
use crate::domain::audit::invariant::violations;
use crate::domain::hub::tables::{PositionRow, TombstoneRow, TotalRow, WindowRow};
use crate::domain::machine::{SelfRow, TableRow, Ticket};
use crate::domain::node::tables::{AccountRow, LegRow};
use crate::domain::value::{Civil, Digest, Side, Window};
use crate::domain::{hub, node};
use crate::testkit::made_up_tests::{loan, repayment};
use crate::testkit::{PAYEE, PAYER, Pair, id};

/// Transfers 1 and 2 are recorded by all; 3 is decided, and only the payer's province has recorded it.
struct Scene {
    hub: Vec<hub::Row>,
    payer: Vec<node::Row>,
    payee: Vec<node::Row>,
}

fn scene() -> Scene {
    let mut pair = Pair::new();
    for number in [1, 2, 3] {
        pair.send(u64::from(number), number, 10_000 * i64::from(number));
    }
    // The hub's receipts wait a moment for each other.
    pair.done(|pair| pair.pass(1_000));
    let mut scene =
        Scene { hub: pair.hub.rows(), payer: pair.node(PAYER).rows(), payee: pair.node(PAYEE).rows() };
    scene.change_transfer(3, |row| TransferRow { payee_recorded_seq: None, ..row });
    scene
}

impl Scene {
    fn change_transfer(&mut self, number: u8, change: impl Fn(TransferRow) -> TransferRow) {
        for row in &mut self.hub {
            if let hub::Row::Transfer(found) = row
                && found.transfer_id == id(number)
            {
                *row = change((**found).clone()).into();
            }
        }
    }

    fn change_legs(rows: &mut [node::Row], number: u8, change: impl Fn(LegRow) -> LegRow) {
        for row in rows {
            if let node::Row::Leg(found) = row
                && found.transfer_id == id(number)
            {
                *row = change((**found).clone()).into();
            }
        }
    }

    fn lose_leg(rows: &mut Vec<node::Row>, number: u8) {
        rows.retain(|row| !matches!(row, node::Row::Leg(leg) if leg.transfer_id == id(number)));
    }

    fn audit(self, whole: bool) -> Audit {
        let mut audit = Audit::new(HubBooks::of(self.hub));
        audit.add_node(NodeBooks::of(PAYER, self.payer), true);
        audit.add_node(NodeBooks::of(PAYEE, self.payee), whole);
        audit
    }

    fn found(self) -> Vec<(&'static str, Option<TransferId>)> {
        let checked = self.audit(true).conclude();
        let all = checked.into_iter().flat_map(|checked| checked.violations);
        all.map(|violation| (violation.invariant, violation.transfer_id)).collect()
    }
}

#[test]
fn sound_books_are_clean_and_every_invariant_says_what_it_saw() {
    let audit = scene().audit(true);
    let cut = Cut { transfers: 3, settled: 2, hub_seq: 2, last_hub_seq: 3 };
    assert_eq!(audit.cut(), cut);
    assert_eq!(audit.missing(), vec![]);
    let checked = audit.conclude();
    let ids: Vec<&str> = checked.iter().map(|it| it.invariant.id).collect();
    assert_eq!(ids, INVARIANTS.iter().map(|it| it.id).collect::<Vec<_>>());
    let over = |id| {
        let it = checked.iter().find(|it| it.invariant.id == id).expect("checked");
        it.over.clone()
    };
    assert_eq!(over("INV-01"), [(3, "transfers"), (0, "journaled decisions"), (0, "tombstones")]);
    assert_eq!(over("INV-03"), [(5, "accounts"), (0, "live legs")]);
    assert_eq!(over("INV-06"), [(6, "committed legs"), (2, "settled transfers")]);
    assert_eq!(over("INV-07"), [(3, "commitments"), (2, "positions")]);
    assert_eq!(over("INV-08"), [(3, "commitments"), (3, "numbers given")]);
    assert_eq!(over("INV-11"), [(5, "accounts"), (6, "legs that count")]);
    for it in checked {
        assert_eq!(it.violations, vec![], "{}", it.invariant.id);
        let nothing = it.over.iter().all(|(count, _)| *count == 0);
        // Nobody's answers were handed in, no leg is live or carries money back, and what awaits acceptance is for
        // books of one moment; and no month is published.
        let without = ["INV-09", "INV-10", "INV-13", "INV-14", "INV-19", "INV-20", "INV-21"];
        assert_eq!(nothing, without.contains(&it.invariant.id), "{} {:?}", it.invariant.id, it.over);
    }
}

#[test]
fn a_settled_leg_that_is_gone_is_found_and_one_on_its_way_is_not_missed() {
    let mut gone = scene();
    Scene::lose_leg(&mut gone.payee, 2);
    assert!(gone.found().contains(&("INV-12", Some(id(2)))));
    // The third is on its way to the payee: that its leg is not there yet is no violation of either side.
    let mut on_its_way = scene();
    Scene::lose_leg(&mut on_its_way.payee, 3);
    let found = on_its_way.found();
    assert!(found.iter().all(|(invariant, _)| *invariant != "INV-12"), "{found:?}");
}

#[test]
fn a_leg_that_the_hub_does_not_know_is_asked_for_and_then_found() {
    let mut scene = scene();
    scene.hub.retain(|row| !matches!(row, hub::Row::Transfer(row) if row.transfer_id == id(3)));
    let audit = scene.audit(true);
    assert_eq!(audit.missing(), vec![id(3)]);
    let found: Vec<_> = audit.conclude().into_iter().flat_map(|it| it.violations).collect();
    assert!(found.iter().any(|it| it.invariant == "INV-02" && it.transfer_id == Some(id(3))), "{found:?}");
}

#[test]
fn what_is_read_late_never_changes_what_was_decided_and_recorded() {
    let scene = scene();
    let settled = scene.hub.iter().find_map(|row| match row {
        hub::Row::Transfer(row) if row.transfer_id == id(1) => Some((**row).clone()),
        _ => None,
    });
    let mut audit = scene.audit(true);
    audit.add_late(TransferRow { state: TransferState::Aborted, ..settled.expect("settled") });
    assert!(audit.conclude().iter().all(|it| it.violations.is_empty()));
}

#[test]
fn money_that_is_nowhere_is_found_at_the_cut() {
    let mut scene = scene();
    for row in &mut scene.payee {
        if let node::Row::Account(found) = row
            && found.kind == AccountKind::Clearing
        {
            let posted = found.posted.checked_add(Money::from_fen(1)).expect("fits");
            *row = AccountRow { posted, ..(**found).clone() }.into();
        }
    }
    let checked = scene.audit(true).conclude();
    let of = |id| {
        let it = checked.iter().find(|it| it.invariant.id == id).expect("checked");
        it.violations.iter().map(|it| it.found.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(of("INV-05").len(), 1);
    // Each node by itself, and then all of them at the cut.
    assert!(of("INV-06").len() == 3 && of("INV-06").contains(&"1 fen are nowhere"), "{:?}", of("INV-06"));
}

/// What people have looked at is listed apart, and is in no sum any more; everything else still is.
#[test]
fn what_people_have_looked_at_is_in_no_sum() {
    let found = |closed: &[u8]| {
        let mut scene = scene();
        Scene::lose_leg(&mut scene.payee, 1);
        change_accounts(&mut scene.payee, AccountKind::Clearing, |row| AccountRow {
            posted: fen_more(row.posted, 10_000),
            ..row
        });
        change_accounts(&mut scene.payee, AccountKind::Wallet, |row| AccountRow {
            posted: fen_more(row.posted, -10_000),
            ..row
        });
        let mut audit = scene.audit(true);
        audit.add_closed(closed.iter().map(|number| id(*number)));
        let checked = audit.conclude();
        let ids = |of: fn(&Checked) -> &Vec<Violation>| -> Vec<&str> {
            checked.iter().filter(|it| !of(it).is_empty()).map(|it| it.invariant.id).collect()
        };
        (ids(|it| &it.violations), ids(|it| &it.closed))
    };
    assert_eq!(found(&[]), (vec!["INV-06", "INV-12", "INV-18"], vec![]));
    assert_eq!(found(&[1]), (vec![], vec!["INV-12"]));
    assert_eq!(found(&[2]), (vec!["INV-06", "INV-12"], vec![]));
}

/// A node was read while the leg was held, and the hub later: what it had recorded by then says nothing of that leg.
#[test]
fn a_receipt_that_was_read_late_ends_no_hold() {
    let mut scene = scene();
    scene.change_transfer(3, |row| TransferRow { state: TransferState::Pending, ..row });
    Scene::change_legs(&mut scene.payer, 3, |leg| LegRow { state: LegState::Aborted, ..leg });
    Scene::change_legs(&mut scene.payee, 3, |leg| LegRow { state: LegState::Prepared, ..leg });
    let late = scene.hub.iter().find_map(|row| match row {
        hub::Row::Transfer(row) if row.transfer_id == id(3) => Some((**row).clone()),
        _ => None,
    });
    let mut audit = scene.audit(true);
    assert_eq!(audit.missing(), vec![id(3)]);
    let (state, recorded) = (TransferState::Aborted, Some(99));
    let late = late.expect("known");
    audit.add_late(TransferRow { state, payer_recorded_seq: recorded, payee_recorded_seq: recorded, ..late });
    let found: Vec<_> = audit.conclude().into_iter().flat_map(|it| it.violations).collect();
    assert!(found.iter().all(|it| it.invariant != "INV-09"), "{found:?}");
}

#[test]
fn legs_whose_end_is_to_come_are_not_missing() {
    let mut scene = scene();
    scene.change_transfer(3, |row| TransferRow { state: TransferState::Pending, ..row });
    for rows in [&mut scene.payer, &mut scene.payee] {
        Scene::change_legs(rows, 3, |leg| LegRow { state: LegState::Prepared, ..leg });
    }
    assert_eq!(scene.audit(true).missing(), vec![]);
}

#[test]
fn a_hold_that_outlives_its_recorded_abort_is_found() {
    let mut scene = scene();
    scene.change_transfer(1, |row| TransferRow { state: TransferState::Aborted, ..row });
    Scene::change_legs(&mut scene.payer, 1, |leg| LegRow { state: LegState::Prepared, ..leg });
    assert!(scene.found().contains(&("INV-09", Some(id(1)))));
}

#[test]
fn a_node_that_tells_its_legs_only_is_compared_by_them_and_not_by_accounts() {
    let mut scene = scene();
    scene.payee.retain(|row| matches!(row, node::Row::Leg(_)));
    Scene::lose_leg(&mut scene.payee, 1);
    let checked = scene.audit(false).conclude();
    let bad: Vec<&str> =
        checked.iter().filter(|it| !it.violations.is_empty()).map(|it| it.invariant.id).collect();
    assert_eq!(bad, ["INV-12"]);
}

/// One fen that a member has of nothing, and one that he owes while he has other.
#[test]
fn money_that_is_spent_twice_is_found() {
    let mut scene = scene();
    let mut waits = None;
    for row in &mut scene.payer {
        if let node::Row::Account(found) = row
            && found.kind == AccountKind::Personal
        {
            let posted = found.posted.checked_add(Money::from_fen(40_000)).expect("fits");
            let kind = AccountKind::PersonalSuspense;
            let owed = Money::from_fen(-40_000);
            waits = Some(AccountRow { kind, posted: owed, held: Money::ZERO, ..(**found).clone() });
            *row = AccountRow { posted, ..(**found).clone() }.into();
        }
    }
    let waits = waits.expect("a payer");
    scene.payer.push(waits.clone().into());
    assert_eq!(scene.found(), [("INV-16", None)], "what he owes he can spend");

    let mut unlike = self::scene();
    let more = AccountRow { posted: Money::from_fen(1), ..waits };
    unlike.payer.push(more.into());
    let found = unlike.found();
    assert!(found.contains(&("INV-15", None)) && found.contains(&("INV-05", None)), "{found:?}");
}

fn change_accounts(rows: &mut [node::Row], kind: AccountKind, change: impl Fn(AccountRow) -> AccountRow) {
    for row in rows {
        if let node::Row::Account(found) = row
            && found.kind == kind
        {
            *row = change((**found).clone()).into();
        }
    }
}

fn change_positions(scene: &mut Scene, change: impl Fn(PositionRow) -> PositionRow) {
    for row in &mut scene.hub {
        if let hub::Row::Position(found) = row {
            *row = change((**found).clone()).into();
        }
    }
}

fn change_own(scene: &mut Scene, change: impl Fn(SelfRow) -> SelfRow) {
    for row in &mut scene.hub {
        if let hub::Row::Own(found) = row {
            *row = change((**found).clone()).into();
        }
    }
}

fn fen_more(money: Money, more: i64) -> Money {
    money.checked_add(Money::from_fen(more)).expect("fits")
}

/// After a change of books that were sound, an invariant is broken.
fn breaks(invariant: &str, change: impl FnOnce(&mut Scene)) {
    let mut scene = scene();
    change(&mut scene);
    let found = scene.found();
    assert!(found.iter().any(|(it, _)| *it == invariant), "{invariant} is not among {found:?}");
}

#[test]
fn each_part_of_a_commit_is_compared_between_hub_and_nodes() {
    let hub =
        |change: fn(TransferRow) -> TransferRow| move |scene: &mut Scene| scene.change_transfer(1, change);
    breaks("INV-02", hub(|row| TransferRow { state: TransferState::Aborted, ..row }));
    breaks("INV-02", hub(|row| TransferRow { terms_digest: Digest([9; 32]), ..row }));
    breaks("INV-02", hub(|row| TransferRow { amount: fen_more(row.amount, 1), ..row }));
    breaks("INV-02", hub(|row| TransferRow { hub_seq: Some(77), ..row }));
    breaks("INV-02", hub(|row| TransferRow { window: Some(Window::from_number(20_300_101)), ..row }));
    breaks("INV-02", hub(|row| TransferRow { payer_province: PAYEE, ..row }));
    breaks("INV-02", |scene: &mut Scene| {
        Scene::change_legs(&mut scene.payer, 1, |leg| LegRow { state: LegState::Aborted, ..leg });
    });
    // A commit without a number, or without a window, and an abort with both.
    breaks("INV-01", hub(|row| TransferRow { hub_seq: None, ..row }));
    breaks("INV-01", hub(|row| TransferRow { window: None, ..row }));
    breaks("INV-01", hub(|row| TransferRow { state: TransferState::Aborted, ..row }));
}

#[test]
fn an_account_that_is_wrong_is_found() {
    use AccountKind::{Personal, Wallet};
    let payer = |change: fn(AccountRow) -> AccountRow| {
        move |scene: &mut Scene| change_accounts(&mut scene.payer, Personal, change)
    };
    let payee = |change: fn(AccountRow) -> AccountRow| {
        move |scene: &mut Scene| change_accounts(&mut scene.payee, Wallet, change)
    };
    breaks("INV-03", payer(|row| AccountRow { held: fen_more(row.held, 1), ..row }));
    breaks("INV-03", payee(|row| AccountRow { pending: fen_more(row.pending, 1), ..row }));
    breaks("INV-04", payer(|row| AccountRow { held: fen_more(row.posted, 1), ..row }));
    breaks("INV-04", payer(|row| AccountRow { held: Money::from_fen(-1), ..row }));
    breaks("INV-04", payee(|row| AccountRow { pending: Money::from_fen(-1), ..row }));
    breaks("INV-11", payer(|row| AccountRow { day_count: row.day_count + 1, ..row }));
    breaks("INV-15", payee(|row| AccountRow { posted: fen_more(row.posted, 1), ..row }));
    // More is gone from a member than his legs have moved, and from the province just as much.
    breaks("INV-15", |scene| {
        let becomes = |fen| move |row| AccountRow { posted: Money::from_fen(fen), ..row };
        change_accounts(&mut scene.payer, Personal, becomes(-60_001));
        change_accounts(&mut scene.payer, AccountKind::Allotment, becomes(1));
    });
}

#[test]
fn positions_and_numbers_that_are_wrong_are_found() {
    breaks("INV-07", |scene| {
        change_positions(scene, |row| {
            // They still sum to zero.
            let more = if row.province == PAYER { 1 } else { -1 };
            PositionRow { owed: fen_more(row.owed, more), ..row }
        });
    });
    breaks("INV-07", |scene| scene.hub.retain(|row| !matches!(row, hub::Row::Position(_))));
    // A number that was given to none, one that was not given yet, and one that was given twice.
    breaks("INV-08", |scene| change_own(scene, |row| SelfRow { hub_seq: 4, ..row }));
    let number = |transfer, hub_seq| {
        move |scene: &mut Scene| {
            scene.change_transfer(transfer, |row| TransferRow { hub_seq: Some(hub_seq), ..row });
        }
    };
    breaks("INV-08", number(3, 4));
    // One that is beyond the last, where another one was skipped.
    breaks("INV-08", |scene| {
        change_own(scene, |mut row| {
            row.skipped.push(4);
            SelfRow { hub_seq: 4, ..row }
        });
        number(3, 9)(scene);
    });
    breaks("INV-08", number(2, 1));
}

/// A return of so many fen of the first transfer, at the payer's node.
fn returned(scene: &Scene, number: u8, fen: i64) -> LegRow {
    let leg = scene.payer.iter().find_map(|row| match row {
        node::Row::Leg(leg) if leg.transfer_id == id(1) => Some((**leg).clone()),
        _ => None,
    });
    LegRow {
        transfer_id: id(number),
        side: Side::Payee,
        state: LegState::Committed,
        returns: Some(id(1)),
        amount: Money::from_fen(fen),
        ..leg.expect("a leg")
    }
}

#[test]
fn legs_that_are_wrong_are_found() {
    let live = |leg| LegRow { state: LegState::Prepared, ..leg };
    breaks("INV-12", |scene| Scene::change_legs(&mut scene.payee, 1, live));
    breaks("INV-03", |scene| {
        Scene::change_legs(&mut scene.payer, 1, live);
        let is_personal = |row: &AccountRow| row.kind == AccountKind::Personal;
        scene.payer.retain(|row| !matches!(row, node::Row::Account(row) if is_personal(row)));
    });
    // Two returns, together more than was moved; and one of what was never booked.
    breaks("INV-14", |scene| {
        Scene::change_legs(&mut scene.payer, 1, |leg| LegRow { state: LegState::Aborted, ..leg });
        scene.payer.push(returned(scene, 101, 10).into());
    });
    breaks("INV-14", |scene| {
        let legs = [101, 102].map(|number| node::Row::from(returned(scene, number, 6_000)));
        scene.payer.extend(legs);
    });
}

/// What is found once more is in the audit.
fn found_with(change: impl FnOnce(&mut Audit)) -> Vec<(&'static str, Option<TransferId>)> {
    let mut audit = scene().audit(true);
    change(&mut audit);
    let all = audit.conclude().into_iter().flat_map(|checked| checked.violations);
    all.map(|violation| (violation.invariant, violation.transfer_id)).collect()
}

#[test]
fn a_second_decision_is_found() {
    let decided = |times| found_with(|audit| (0..times).for_each(|_| audit.books.hub.note_decision(id(1))));
    assert_eq!((decided(1), decided(2)), (vec![], vec![("INV-01", Some(id(1)))]));
    let tombstone = found_with(|audit| {
        let row = TombstoneRow { transfer_id: id(1), province: PAYER, bury_time: Default::default() };
        audit.books.hub.add([row.into()]);
    });
    assert_eq!(tombstone, [("INV-01", Some(id(1)))]);
}

#[test]
fn an_answer_that_is_not_so_is_found() {
    use TransferState::{Aborted, Committed};
    let told = |number, state| found_with(|audit| audit.add_told([(id(number), state)]));
    assert_eq!(told(1, Committed), []);
    assert_eq!(told(1, Aborted), [("INV-10", Some(id(1)))]);
    assert_eq!(told(9, Committed), [("INV-10", Some(id(9)))]);
    // With the store of a hub an abort may be lost, and nothing else.
    let lost = found_with(|audit| {
        audit.books.hub_lost = true;
        audit.add_told([(id(9), Aborted), (id(1), Aborted), (id(8), Committed)]);
    });
    assert_eq!(lost, [("INV-10", Some(id(8)))]);
}

#[test]
fn a_commit_in_a_window_that_was_closed_then_is_found() {
    let sound = scene();
    let transfer = sound.hub.iter().find_map(TransferRow::of).expect("there").clone();
    let (window, time) = (transfer.window.expect("committed"), transfer.decide_time.expect("committed"));
    let closed = |close_time| {
        move |scene: &mut Scene| {
            let row = WindowRow { window, close_time, closer: String::new() };
            scene.hub.push(row.into());
        }
    };
    let mut later = scene();
    closed(time)(&mut later);
    assert_eq!(later.found(), sound.found(), "closed in the same moment");
    breaks("INV-17", closed(Civil(time.0 - 1)));
}

#[test]
fn a_total_that_is_not_the_sum_of_its_commits_is_found() {
    type Change = fn(&mut TotalRow);
    let changes: [Change; 4] = [
        |row| row.count += 1,
        |row| row.amount = fen_more(row.amount, 1),
        |row| row.payer_digest = row.payee_digest,
        |row| row.window = Window::from_number(20_300_101),
    ];
    for change in changes {
        breaks("INV-07", |scene| {
            for row in &mut scene.hub {
                if let Some(mut total) = TotalRow::of(row).cloned() {
                    change(&mut total);
                    *row = total.into();
                }
            }
        });
    }
}

/// Books at rest, from before anybody was asked; gives what is found of an invariant.
fn found_in(pair: &Pair, id: &str, change: impl FnOnce(&mut Books)) -> Vec<String> {
    let mut books = Books { at_rest: true, ..pair.books() };
    change(&mut books);
    let all = violations(&books).into_iter().filter(|it| it.invariant == id);
    all.map(|it| it.found).collect()
}

#[test]
fn at_rest_a_node_that_has_nothing_is_found() {
    let mut pair = Pair::new();
    pair.send(1, 1, 40_000);
    let found = found_in(&pair, "INV-06", |books| {
        let payee = books.nodes.iter_mut().find(|node| node.province == PAYEE).expect("read");
        (payee.legs, payee.accounts) = Default::default();
    });
    assert_eq!(found, ["40000 fen are nowhere"]);
    let forget = |books: &mut Books| {
        books.hub.transfers.values_mut().for_each(|row| row.payee_recorded_seq = None);
    };
    assert_eq!(found_in(&pair, "INV-12", forget), ["never ended"]);
}

/// Its node bears what the hub has set aside.
#[test]
fn what_was_parked_is_not_missed() {
    let mut pair = Pair::new();
    pair.done(|pair| pair.run_hub(loan(1, 100_000)));
    let post = node::Input::Post { ticket: Ticket::new(9), request: repayment(2, 1, 1_000) };
    pair.run_node(PAYEE, post);
    for row in pair.node(PAYEE).rows() {
        if let node::Row::Leg(leg) = row
            && leg.transfer_id == id(2)
        {
            pair.node(PAYEE).disk.put(LegRow { state: LegState::Parked, ..(*leg).clone() });
        }
    }
    assert_eq!(found_in(&pair, "INV-06", |_| ()), [""; 0]);
}

/// A loss with a store that was restored comes out at the acceptance.
#[test]
fn what_awaits_acceptance_is_held_unless_a_store_was_restored() {
    let mut pair = Pair::with_rules(|rules| rules.acceptance = Some(true));
    pair.send(1, 1, 40_000);
    let awaits = |change: fn(&mut Books)| {
        found_in(&pair, "INV-13", |books| {
            books.nodes.iter_mut().for_each(|node| node.legs.clear());
            change(books);
        })
    };
    assert_eq!(awaits(|_| ()), ["awaits acceptance, and is not held"]);
    assert_eq!(awaits(|books| books.hub_lost = true), [""; 0]);
    assert_eq!(awaits(|books| books.restored = [(PAYER, 2)].into()), [""; 0]);
}

/// All that he has is set aside for a transfer: he cannot spend it.
#[test]
fn what_is_held_is_not_to_be_spent() {
    let pair = Pair::new();
    let found = |held| {
        found_in(&pair, "INV-16", |books| {
            let payer = books.nodes.iter_mut().find(|node| node.province == PAYER).expect("read");
            let personal = payer.accounts.iter_mut().find(|row| row.kind == AccountKind::Personal);
            let personal = personal.expect("his");
            personal.held = Money::from_fen(held);
            let (kind, posted) = (AccountKind::PersonalSuspense, Money::from_fen(-1));
            let owes = AccountRow { kind, posted, held: Money::ZERO, ..personal.clone() };
            payer.accounts.push(owes);
        })
    };
    assert_eq!((found(1_000_000).len(), found(999_999).len()), (0, 1));
}

/// A number that a node alone has stands for a commit that people have looked at, and for no other.
#[test]
fn a_number_that_a_node_alone_has_is_missed_until_people_have_looked_at_it() {
    let is_found = |closed: Option<u8>| {
        let mut scene = scene();
        scene.hub.retain(|row| !matches!(row, hub::Row::Transfer(row) if row.transfer_id == id(3)));
        let mut audit = scene.audit(true);
        audit.add_closed(closed.map(id));
        let checked = audit.conclude();
        checked.iter().any(|it| it.invariant.id == "INV-08" && !it.violations.is_empty())
    };
    assert_eq!([None, Some(2), Some(3)].map(is_found), [true, true, false]);
}
