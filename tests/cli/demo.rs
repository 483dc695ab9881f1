//! `gongji demo --once` as a process: the script, the month that is cleared, and what it leaves in its folder.

use super::gongji;
use std::fs;
use std::path::Path;

/// Runs it; gives what it printed, and demands that all came out as it must.
fn played(folder: &Path) -> String {
    let data = folder.display().to_string();
    let output = gongji(&["demo", "--once", "--data", &data]).output().expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{why}\n{said}");
    assert!(!said.contains('✗'), "{said}");
    said
}

fn is_workbook(path: &Path) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"PK") && bytes.len() > 2_000)
}

#[test]
fn the_demo_clears_a_month_and_goes_on_with_the_next_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("demo");
    let said = played(&data);
    for part in [
        "✓ 36 of 36 attempts came out as expected",
        "✓ 13 of 13 steps of clearing came out as they must",
        "hub 中心 400.00, node 节点 400.01",
        "NOT_RECONCILED 13-51",
        "published 已发布 6/6",
        "final 已生效",
        "SETTLED 已结清",
        "payment-notice-13-202606.xlsx",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(is_workbook(&data.join("payment-notice-13-202606.xlsx")));
    assert!(!data.join("connect.json").exists(), "nobody serves there");

    // As a kill leaves it: a row is changed behind its node's back, and what stood there is noted.
    let store = rusqlite::Connection::open(data.join("node-51/gongji.sqlite")).expect("a store");
    let leg = "SELECT transfer_id, amount FROM leg WHERE state = (SELECT MAX(state) FROM leg) LIMIT 1";
    let found = store.query_row(leg, [], |row| Ok((row.get::<_, [u8; 16]>(0)?, row.get::<_, i64>(1)?)));
    let (id, fen) = found.expect("a leg");
    let id_text = gongji::domain::value::TransferId(id).to_string();
    fs::write(data.join("planted"), format!("51 {id_text} {fen}\n")).expect("written");
    store.execute("UPDATE leg SET amount = amount + 1 WHERE transfer_id = ?", [id]).expect("changed");
    drop(store);
    let said = played(&data);
    assert!(said.contains("2026-07-02") && said.contains("payment-notice-13-202607.xlsx"), "{said}");
    assert!(!data.join("planted").exists());
}
