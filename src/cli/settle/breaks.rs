//! `gongji settle breaks`: what differs, who looks into it, and how it was closed.

use super::reconcile::bucket_text;
use crate::cli::Exit;
use crate::cli::client::CallArgs;
use crate::cli::json::{all, to_json};
use crate::cli::show::side_name;
use crate::cli::table;
use crate::cli::time::local_time;
use crate::proto::hub::{AssignBreakRequest, Break, CloseBreakRequest, ListBreaksRequest};
use crate::transport::identity::PREFIX;
use serde_json::json;

#[derive(clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List breaks by window, province and transfer
    List {
        /// Only of this window, for example 20261121
        #[arg(long, value_name = "WINDOW", default_value = "")]
        window: String,
        /// Only of this province's side, two digits
        #[arg(long, value_name = "NN", default_value = "")]
        province: String,
        /// Closed ones, too
        #[arg(long)]
        all: bool,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Say who looks into a break
    Assign {
        #[command(flatten)]
        which: Which,
        /// Who looks into it, for example operator:wang
        #[arg(long, value_name = "operator:NAME")]
        to: String,
        /// What he should know, in at most 200 characters; it is journaled for good, so name no person
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// Id of this request: a repeat changes nothing
        #[arg(long, value_name = "ID")]
        request: String,
        #[command(flatten)]
        call: CallArgs,
    },
    /// Close a break: the first operator proposes it, another one says the same
    Close {
        #[command(flatten)]
        which: Which,
        /// Id of the committed transfer or compensation that corrects it; without it nothing had to be moved
        #[arg(long, value_name = "ID", default_value = "")]
        correction: String,
        /// What proves that nothing is open any more, in at most 200 characters; name no person
        #[arg(long, value_name = "TEXT")]
        proof: String,
        #[command(flatten)]
        call: CallArgs,
    },
}

#[derive(clap::Args)]
pub(in crate::cli) struct Which {
    /// The window, for example 20261121
    #[arg(long, value_name = "WINDOW")]
    window: String,
    /// The province whose side differs, two digits
    #[arg(long, value_name = "NN")]
    province: String,
    /// Id of the transfer; without it the node's contradiction of itself
    #[arg(long, value_name = "ID", default_value = "")]
    transfer: String,
}

/// `gongji settle breaks`.
pub(super) fn breaks(command: &Command) -> Exit {
    match command {
        Command::List { window, province, all: closed_too, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let request = |page_size, page_token| ListBreaksRequest {
                page_size,
                page_token,
                window_id: window.clone(),
                province_code: province.clone(),
                open_only: !closed_too,
            };
            let found = hub.list(usize::MAX, request, |it| (it.breaks, it.next_page_token)).await?.rows;
            call.output.print(|| json!({ "breaks": all(&found) }), || text(&found));
            Ok(Exit::Done)
        }),
        Command::Assign { which, to, note, request, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let request = AssignBreakRequest {
                window_id: which.window.clone(),
                province_code: which.province.clone(),
                transfer_id: which.transfer.clone(),
                owner: format!("{PREFIX}{}", to.trim_start_matches(PREFIX)),
                note: note.clone(),
                request_id: request.clone(),
            };
            let found = hub.ask(request).await?.r#break.unwrap_or_default();
            call.output.print(|| json!({ "break": to_json(&found) }), || text(std::slice::from_ref(&found)));
            Ok(Exit::Done)
        }),
        Command::Close { which, correction, proof, call } => call.run(async |connection| {
            let hub = connection.hub_as_operator()?;
            let request = CloseBreakRequest {
                window_id: which.window.clone(),
                province_code: which.province.clone(),
                transfer_id: which.transfer.clone(),
                correction_id: correction.clone(),
                proof: proof.clone(),
            };
            let found = hub.ask(request).await?.r#break.unwrap_or_default();
            call.output.print(|| json!({ "break": to_json(&found) }), || text(std::slice::from_ref(&found)));
            Ok(Exit::Done)
        }),
    }
}

const HEADER: [&str; 9] = ["window", "province", "why", "transfer", "where", "hub", "node", "due", "state"];

fn text(found: &[Break]) -> String {
    table::list(HEADER, found.iter().map(cells), &[5, 6]).to_string()
}

fn state(it: &Break) -> String {
    let owner = it.owner.trim_start_matches(PREFIX);
    if it.close_time.is_some() {
        return format!("CLOSED 已关闭 {}", it.closer.trim_start_matches(PREFIX));
    }
    if it.propose_time.is_some() {
        return format!("PROPOSED 待复核 {}", it.proposer.trim_start_matches(PREFIX));
    }
    if it.equal_time.is_some() {
        return format!("EQUAL AGAIN 已恢复一致 {owner}").trim_end().to_owned();
    }
    format!("OPEN 未关闭 {owner}").trim_end().to_owned()
}

fn cells(it: &Break) -> [String; 9] {
    let commit = it.commit.clone().unwrap_or_default();
    let or_none = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    [
        it.window_id.clone(),
        it.province_code.clone(),
        bucket_text(commit.bucket()).to_owned(),
        or_none(&commit.transfer_id),
        format!("{} with {}", side_name(commit.side()), commit.counter_province_code),
        or_none(&commit.hub_amount),
        or_none(&commit.node_amount),
        local_time(it.due_time.as_ref()),
        state(it),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::hub::{BreakBucket, DifferingCommit};
    use prost_types::Timestamp;

    #[test]
    fn a_break_says_what_differs_and_where_it_stands() {
        let time = || Some(Timestamp { seconds: 1_795_233_600, nanos: 0 });
        let open = Break {
            window_id: "20261121".to_owned(),
            province_code: "51".to_owned(),
            commit: Some(DifferingCommit {
                bucket: BreakBucket::Amount.into(),
                hub_amount: "1.05".to_owned(),
                node_amount: "1.06".to_owned(),
                ..Default::default()
            }),
            owner: "urn:gongji:operator:wang".to_owned(),
            ..Default::default()
        };
        let shown = text(std::slice::from_ref(&open));
        for part in ["AMOUNT 金额不符", "1.05", "1.06", "OPEN 未关闭 operator:wang"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let equal = Break { equal_time: time(), ..open };
        assert!(state(&equal).starts_with("EQUAL AGAIN"));
        let proposed = Break { propose_time: time(), proposer: "urn:gongji:operator:li".to_owned(), ..equal };
        assert_eq!(state(&proposed), "PROPOSED 待复核 operator:li");
        let closed = Break { close_time: time(), closer: "urn:gongji:operator:he".to_owned(), ..proposed };
        assert_eq!(state(&closed), "CLOSED 已关闭 operator:he");
    }
}
