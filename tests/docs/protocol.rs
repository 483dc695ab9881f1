//! The page of state tables and invariants: every cell, as the code has it.

use super::check;
use gongji::domain::audit::invariant::INVARIANTS;
use gongji::domain::kinds::{BegunBy, JudgedBy, TABLE, of};
use gongji::domain::node::{Brings, Known, Precedent, Reaction, precedent, reaction};
use gongji::domain::protocol::{LegState, Outcome, TransferEvent, TransferState, Transition};
use gongji::domain::value::Side;
use std::fmt::Write;

const HEAD: &str = "\
# States, messages, invariants

Generated from `src/domain` by `BLESS=1 cargo test docs`; do not edit. [The protocol](../concepts/protocol.md) says
what it is for.

Every cell of these tables is defined: there is no message for which a state has no answer. Hub and nodes, the
simulator and the random worlds of the tests run the same functions.
";

const LEGS: &[Option<LegState>] = &[
    None,
    Some(LegState::Awaiting),
    Some(LegState::Prepared),
    Some(LegState::Refused),
    Some(LegState::Tombstone),
    Some(LegState::Committed),
    Some(LegState::Aborted),
    Some(LegState::Posted),
    Some(LegState::Parked),
];

fn name(state: Option<LegState>) -> &'static str {
    state.map_or("never seen", LegState::name)
}

fn hub() -> String {
    let mut table =
        "| transfer | the last missing YES | AWAITING | accepted | declined, not taken by the hour | NO, time over, \
         restart, unknown id |\n"
            .to_owned();
    table += "|---|---|---|---|---|---|\n";
    let states = [
        TransferState::Pending,
        TransferState::AwaitingAcceptance,
        TransferState::Accepted,
        TransferState::Committed,
        TransferState::Aborted,
    ];
    for state in states {
        let cell = |event| match state.on(event) {
            Transition::To(next) => next.name(),
            Transition::Stays => "stays",
        };
        let events = [
            TransferEvent::AllVotedYes,
            TransferEvent::AcceptanceAsked,
            TransferEvent::Accepted,
            TransferEvent::NotTaken,
            TransferEvent::Refused,
        ];
        writeln!(table, "| {} | {} |", state.name(), events.map(cell).join(" | ")).expect("a string");
    }
    table
}

fn node() -> String {
    let mut table =
        "| leg | Prepare, same terms | Prepare by id, same terms | Prepare, other terms | COMMIT | COMMIT, replayed | \
         COMMIT, posting | ABORT |\n"
            .to_owned();
    table += "|---|---|---|---|---|---|---|---|\n";
    for state in LEGS {
        let vote = |same_terms, accepted| match precedent(*state, Known { same_terms, accepted }) {
            Precedent::Judge if accepted && state.is_none() => "NO, nothing to accept",
            Precedent::Judge if accepted => "judged by the rules: YES or NO",
            Precedent::Judge => "judged by the rules: YES, AWAITING or NO",
            Precedent::SameAgain => "the same vote again",
            Precedent::AbortedBefore => "CONFLICT, aborted before",
            Precedent::OtherTerms => "CONFLICT, other terms",
        };
        let order = |outcome, brings| match reaction(*state, outcome, brings) {
            Reaction::Book => "booked",
            Reaction::Replay => "brought back, booked",
            Reaction::CarryOut => "carried out",
            Reaction::Tombstone => "tombstone",
            Reaction::Confirm => "acknowledged again",
            Reaction::Reject => "**rejected**, incident",
        };
        let (same, by_id, other) = (vote(true, false), vote(true, true), vote(false, false));
        let (commit, abort) =
            (order(Outcome::Commit, Brings::Nothing), order(Outcome::Abort, Brings::Nothing));
        let replay = order(Outcome::Commit, Brings::Leg);
        let posting = order(Outcome::Commit, Brings::Posting);
        writeln!(
            table,
            "| {} | {same} | {by_id} | {other} | {commit} | {replay} | {posting} | {abort} |",
            name(*state)
        )
        .expect("a string");
    }
    table
}

fn kinds() -> String {
    let mut table =
        "| kind | payer's leg | payee's leg | who owes | who begins it | corrected by |\n".to_owned();
    table += "|---|---|---|---|---|---|\n";
    for row in TABLE {
        let leg = |side: Side| {
            let leg = &row.legs[side];
            let day = if leg.counts_in_day { ", counts in the day" } else { "" };
            let judged_by = match row.asked(side).map(|asked| asked.judged_by) {
                Some(JudgedBy::Rules(rules)) => format!("{} rules", rules.len()),
                Some(JudgedBy::Original) => "what is left of the original".to_owned(),
                None => "decided by the payee's node".to_owned(),
            };
            format!("{}: `{}`; {judged_by}{day}", leg.account.name(), leg.entry.name())
        };
        let debtor = row.debtor.map_or("nobody", |side| match side {
            Side::Payer => "the payer's province",
            Side::Payee => "the payee's province",
        });
        let begun_by = match row.begun_by {
            BegunBy::Client => "a client",
            BegunBy::TwoOperators => "two operators",
            BegunBy::Owner => "the payee's node",
        };
        let corrected_by = row.corrected_by.map_or("nothing", |kind| of(kind).name);
        let (payer, payee) = (leg(Side::Payer), leg(Side::Payee));
        writeln!(table, "| {} | {payer} | {payee} | {debtor} | {begun_by} | {corrected_by} |", row.name)
            .expect("a string");
    }
    table
}

fn page() -> String {
    let mut page = format!("{HEAD}\n## A transfer at the hub\n\n{}", hub());
    page += "\nA transfer that was decided stays so: whoever comes second reports the first. \"accepted\" is \
             shown on\nthe wire as AWAITING_ACCEPTANCE: both sides are asked once more, by the id, and these votes \
             decide.\n";
    write!(page, "\n## A leg at a node\n\n{}", node()).expect("a string");
    page += "\nA decision for a prepared leg must carry the digest of the terms that were voted on; with another one \
             it is rejected.\n\"Rejected, incident\": nothing is changed, the contradiction is recorded for people, \
             an alarm is logged, and the other\ndecisions of the same call go on.\n";
    page += "\n## Kinds\n\nWhat a transfer of each kind does, by side: the account that its leg moves, and the line of \
             the statement.\n\n";
    page += &kinds();
    page += "\n## Invariants\n\nChecked by the simulator (`gongji sim`): at every half second of simulated time over \
             what has changed, and over\neverything now and then, after a store was restored and at the end; by the \
             random worlds of the tests at every step;\nover the books of running servers by \
             [`gongji audit`](../operate/audit.md). Besides,\nreplaying a journal must rebuild its tables.\n\n";
    page += "| number | what must hold |\n|---|---|\n";
    for invariant in INVARIANTS {
        writeln!(page, "| {} | {} |", invariant.id, invariant.says).expect("a string");
    }
    page
}

#[test]
fn the_page_of_states_is_what_the_code_does() {
    check("docs/reference/protocol.md", &page());
}

#[test]
fn numbers_of_invariants_are_given_once_and_in_order() {
    let numbers: Vec<String> = INVARIANTS.iter().map(|it| it.id.to_owned()).collect();
    let expected: Vec<String> = (1..=INVARIANTS.len()).map(|number| format!("INV-{number:02}")).collect();
    assert_eq!(numbers, expected);
}
