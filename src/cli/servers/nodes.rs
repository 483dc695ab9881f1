//! `gongji hub nodes`: what the hub knows of each node, and which of its answers did not count.

use crate::cli::Exit;
use crate::cli::client::CallArgs;
use crate::cli::json::to_json;
use crate::cli::table::list;
use crate::cli::time::local_time;
use crate::proto::hub::{AnswerKind, ListNodesRequest, NodeCapability, NodeView, UncountedAnswers};
use serde_json::{Value, json};

/// `gongji hub nodes`.
pub fn nodes(args: &CallArgs) -> Exit {
    args.run(async |connection| {
        let nodes = connection.hub_as_operator()?.ask(ListNodesRequest {}).await?.nodes;
        args.output
            .print(|| json!({ "nodes": nodes.iter().map(node_json).collect::<Vec<_>>() }), || text(&nodes));
        Ok(Exit::Done)
    })
}

fn text(nodes: &[NodeView]) -> String {
    let header = ["node", "reached", "protocol", "can", "incarnation", "store", "last heard", "not counted"];
    let mut text = list(header, nodes.iter().map(node_cells), &[2, 4, 7]).to_string();
    for node in nodes {
        for it in &node.uncounted {
            text += &format!("\n{}", uncounted_line(node, it));
        }
    }
    let uncounted = nodes.iter().filter(|node| !node.uncounted.is_empty()).count();
    let last = match uncounted {
        0 => format!("{} in all", nodes.len()),
        some => format!("{} in all; answers of {some} did not count 部分应答无效", nodes.len()),
    };
    format!("{text}\n{last}")
}

fn capability(number: i32) -> String {
    match NodeCapability::try_from(number) {
        Ok(known) => known.as_str_name().trim_start_matches("NODE_CAPABILITY_").to_lowercase(),
        // Of a node that is newer than this program.
        Err(_) => number.to_string(),
    }
}

/// Which store it has, or for which it is refused: the first 12 digits of the lineage are enough for people.
fn store(it: &NodeView) -> String {
    let short = |lineage: &str| lineage.chars().take(12).collect::<String>();
    match it.refused_lineage.as_str() {
        "" => short(&it.lineage),
        refused => format!("{} REFUSED 已拒绝", short(refused)),
    }
}

fn node_cells(it: &NodeView) -> [String; 8] {
    let announced = it.incarnation > 0;
    let number = |number: u64| if announced { number.to_string() } else { "–".to_owned() };
    let reached = match (it.reached, it.resync) {
        (false, _) => "NO 无法连接",
        (true, true) => "yes, in a resync",
        (true, false) => "yes",
    };
    [
        it.province_code.clone(),
        reached.to_owned(),
        number(it.protocol_version.into()),
        it.capabilities.iter().map(|number| capability(*number)).collect::<Vec<_>>().join(", "),
        number(it.incarnation),
        store(it),
        it.heard_time.as_ref().map_or_else(|| "not yet".to_owned(), |at| local_time(Some(at))),
        it.uncounted.iter().map(|it| it.count).sum::<u64>().to_string(),
    ]
}

fn kind(it: &UncountedAnswers) -> &'static str {
    match it.kind() {
        AnswerKind::Vote => "votes",
        AnswerKind::Ack => "acknowledgements",
        AnswerKind::Leg => "legs told to the hub that recovers",
        AnswerKind::Unspecified => "answers",
    }
}

fn uncounted_line(node: &NodeView, it: &UncountedAnswers) -> String {
    let (province, last) = (&node.province_code, local_time(it.last_time.as_ref()));
    let of = if it.last_transfer_id.is_empty() { "no transfer" } else { &it.last_transfer_id };
    format!(
        "{province}: {} {} did not count: {}: {}; last {last}, {of}",
        it.count,
        kind(it),
        it.field,
        it.reason
    )
}

/// A node for programs: what it can in short words.
pub(in crate::cli) fn node_json(it: &NodeView) -> Value {
    let mut value = to_json(it);
    value["capabilities"] = it.capabilities.iter().map(|number| capability(*number)).collect();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_what_did_not_count_and_a_node_that_never_spoke() {
        let uncounted = UncountedAnswers {
            kind: AnswerKind::Vote.into(),
            field: "leg_record".to_owned(),
            reason: "FIELD_REQUIRED".to_owned(),
            count: 3,
            last_time: None,
            last_transfer_id: "id".to_owned(),
        };
        let spoke = NodeView {
            province_code: "51".to_owned(),
            reached: true,
            protocol_version: 2,
            capabilities: vec![NodeCapability::Acceptance.into(), 77],
            incarnation: 4,
            lineage: "abcdef".repeat(10) + "0123",
            uncounted: vec![uncounted],
            ..NodeView::default()
        };
        let silent = NodeView { province_code: "13".to_owned(), ..NodeView::default() };
        let refused = NodeView { refused_lineage: "0".repeat(64), ..silent.clone() };
        let page = text(&[silent, spoke.clone(), refused]);
        for said in [
            " abcdefabcdef ",
            " 000000000000 REFUSED",
            "NO 无法连接",
            "not yet",
            "acceptance, 77",
            "51: 3 votes did not count: leg_record: FIELD_REQUIRED",
        ] {
            assert!(page.contains(said), "{said}\n{page}");
        }
        assert!(page.ends_with("3 in all; answers of 1 did not count 部分应答无效"), "{page}");
        assert_eq!(node_json(&spoke)["capabilities"], json!(["acceptance", "77"]));
    }
}
