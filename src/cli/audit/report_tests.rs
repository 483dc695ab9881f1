use super::*;
use crate::domain::audit::Audit;
use crate::domain::audit::books::HubBooks;
use crate::domain::machine::SelfRow;
use crate::domain::value::ProvinceCode;

fn report(last_hub_seq: u64, readings: &[Reading], incidents: usize) -> Report {
    let own = SelfRow {
        slot: 0,
        incarnation: 1,
        start_id: Default::default(),
        hub_seq: last_hub_seq,
        entry_id: 0,
        civil: Default::default(),
        recovered: 0,
        skipped: Default::default(),
    };
    let node = |(code, reading): (u8, &Reading)| NodeRead {
        province: ProvinceCode::new(code),
        reading: reading.clone(),
        sequence: 7,
        legs: 0,
        accounts: 0,
    };
    Report::of(Gathered {
        audit: Audit::new(HubBooks::of([own.into()])),
        hub_sequence: 12,
        nodes: (13..).zip(readings).map(node).collect(),
        incidents: (0..incidents).map(|_| ("hub".to_owned(), Incident::default())).collect(),
    })
}

#[test]
fn what_is_off_weighs_more_than_what_is_not_known() {
    let not = || Reading::Not("gone".to_owned());
    assert_eq!(report(0, &[Reading::Whole, Reading::LegsOnly], 0).exit(), Exit::Done);
    assert_eq!(report(0, &[Reading::Whole, not()], 0).exit(), Exit::Unknown);
    // A hub that has given three numbers and has no commitment has lost them.
    assert_eq!(report(3, &[Reading::Whole], 0).exit(), Exit::Refused);
    assert_eq!(report(3, &[not()], 0).exit(), Exit::Refused);
    assert_eq!(report(0, &[Reading::Whole], 1).exit(), Exit::Refused);
}

#[test]
fn the_last_line_says_what_was_not_checked() {
    let last = |readings: &[Reading]| report(0, readings, 0).to_text(20).lines().last().map(str::to_owned);
    assert_eq!(last(&[Reading::Whole]).as_deref(), Some("clean 一致"));
    let said = "clean 一致; not checked 未核对: accounts and incidents of 14";
    assert_eq!(last(&[Reading::Whole, Reading::LegsOnly]).as_deref(), Some(said));
    let json = report(0, &[Reading::LegsOnly], 0).to_json();
    assert_eq!(json["not_checked"], json!(["accounts and incidents of 13"]));
}

#[test]
fn an_incident_that_two_operators_have_closed_is_no_finding() {
    let mut closed = report(0, &[Reading::Whole], 2);
    let time = prost_types::Timestamp { seconds: 1_795_233_600, nanos: 0 };
    closed.incidents[0].1.close_time = Some(time);
    assert_eq!(closed.exit(), Exit::Refused, "the other one is open");
    assert!(closed.to_text(20).contains("0 findings, 1 incident"));
    closed.incidents[1].1.close_time = Some(time);
    assert_eq!(closed.exit(), Exit::Done);
    assert!(!closed.to_text(20).contains("incident at"));
}

#[test]
fn the_page_says_what_was_read_what_was_checked_and_what_is_off() {
    let text = report(3, &[Reading::LegsOnly, Reading::Not("gone".to_owned())], 1).to_text(20);
    for said in [
        "legs only: the node does not offer AuditService",
        "NOT READ",
        "3 numbers given",
        "nothing to check",
        "INV-08: 0 commits, 0 numbers, the last given is 3",
        "incident at hub",
        "1 finding, 1 incident",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
}

#[test]
fn programs_get_the_same() {
    let json = report(3, &[Reading::Not("gone".to_owned())], 0).to_json();
    assert_eq!((&json["outcome"], &json["nodes"][0]["read"]), (&json!("violated"), &json!("not")));
    let gapless = json["invariants"].as_array().and_then(|all| all.iter().find(|it| it["id"] == "INV-08"));
    let gapless = gapless.expect("checked");
    assert_eq!(gapless["over"], json!({ "commitments": 0, "numbers_given": 3 }));
    assert_eq!(gapless["violations"][0]["transfer_id"], Value::Null);
    assert_eq!(json["cut"], json!({ "transfers": 0, "settled": 0, "hub_seq": 3, "last_hub_seq": 3 }));
}
