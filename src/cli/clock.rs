//! `gongji clock`: what the servers' clocks say, and whether each believes its own.

use super::Exit;
use super::client::CallArgs;
use super::json::to_json;
use super::servers::list::Found;
use super::table;
use super::time::local_time;
use crate::proto::hub::{ClockDoubt, GetClockRequest, GetClockResponse};
use serde_json::Value;

#[derive(clap::Args)]
pub(super) struct ClockArgs {
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji clock`.
pub(super) fn clock(args: &ClockArgs) -> Exit {
    args.call.run(async |connection| {
        let mut found = Found::new();
        let of = |it: GetClockResponse| (vec![it], String::new());
        let hub = connection.hub_as_operator()?;
        let read = hub.list(1, |_, _| GetClockRequest {}, of).await;
        found.take("hub", read, |it| ("hub".to_owned(), it));
        for province in connection.provinces() {
            let node = connection.node_as_operator(province)?;
            let server = format!("node {province}");
            let read = node.list(1, |_, _| GetClockRequest {}, of).await;
            found.take(&server, read, |it| (server.clone(), it));
        }
        let print = found.print(args.call.output, "clocks", clock_json, || {
            let header = ["server", "clock", "believed", "stamped", "off", "peers"];
            table::list(header, found.rows.iter().map(clock_cells), &[])
        });
        let believed = found.rows.iter().all(|(_, it)| it.believed);
        Ok(if print == Exit::Done && !believed { Exit::Refused } else { print })
    })
}

fn clock_json((server, it): &(String, GetClockResponse)) -> Value {
    let mut value = to_json(it);
    value["server"] = server.as_str().into();
    value
}

fn seconds(ms: i64) -> String {
    format!(
        "{}{}.{:03} s",
        if ms < 0 { "-" } else { "" },
        ms.unsigned_abs() / 1_000,
        ms.unsigned_abs() % 1_000
    )
}

fn doubt_text(doubt: ClockDoubt) -> &'static str {
    match doubt {
        ClockDoubt::Unspecified => "",
        ClockDoubt::Stepped => "STEPPED 时钟跳变",
        ClockDoubt::AheadOfJournal => "AHEAD_OF_JOURNAL 远晚于最近记录",
        ClockDoubt::BehindJournal => "BEHIND_JOURNAL 早于最近记录",
        ClockDoubt::DeniedByPeers => "DENIED_BY_PEERS 与多数对端不一致",
    }
}

fn clock_cells((server, it): &(String, GetClockResponse)) -> [String; 6] {
    let off = if it.believed { String::new() } else { seconds(it.off_ms) };
    let peer = |it: &crate::proto::hub::PeerClock| format!("{} {}", it.province_code, seconds(it.off_ms));
    [
        server.clone(),
        local_time(it.wall_time.as_ref()),
        if it.believed { "yes 是".to_owned() } else { format!("no 否 {}", doubt_text(it.doubt())) },
        local_time(it.stamped_time.as_ref()),
        off,
        it.peers.iter().map(peer).collect::<Vec<_>>().join(", "),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_not_believed_says_why_and_by_how_much() {
        let it =
            GetClockResponse { doubt: ClockDoubt::Stepped.into(), off_ms: -46_800_250, ..Default::default() };
        let cells = clock_cells(&("hub".to_owned(), it));
        assert_eq!((cells[2].as_str(), cells[4].as_str()), ("no 否 STEPPED 时钟跳变", "-46800.250 s"));
    }
}
