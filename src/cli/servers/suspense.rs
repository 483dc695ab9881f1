//! What stands in suspense since a node was restored: `gongji node suspense`.

use super::in_flight::nodes;
use super::list::{Found, rows};
use crate::cli::Exit;
use crate::cli::client::{CallArgs, province};
use crate::cli::json::to_json;
use crate::cli::table::list;
use crate::cli::time::local_time;
use crate::domain::value::ProvinceCode;
use crate::proto::node::{ListSuspenseRequest, SuspenseAccount};
use serde_json::Value;

/// Ids that a row of the table shows.
const IDS_SHOWN: usize = 5;

/// Arguments of `gongji node suspense`.
#[derive(Debug, clap::Args)]
pub struct SuspenseArgs {
    /// Only this province's node: two digits; else every node that is named
    #[arg(long, value_name = "NN", value_parser = province)]
    province: Option<ProvinceCode>,
    /// Most rows to print of each server
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = rows)]
    limit: usize,
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji node suspense`.
pub fn suspense(args: &SuspenseArgs) -> Exit {
    args.call.run(async |connection| {
        let mut found = Found::new();
        let request = |page_size, page_token| ListSuspenseRequest { page_size, page_token };
        for (province, node) in nodes(&connection, args.province)? {
            let read = node.list(args.limit, request, |it| (it.accounts, it.next_page_token)).await;
            match read {
                Err(failure) if failure.is_unimplemented() => {
                    found.not_checked(format!("what stands in suspense at node {province}"));
                }
                read => found.take(&format!("node {province}"), read, |account| (province, account)),
            }
        }
        Ok(found.print(args.call.output, "accounts", suspense_json, || {
            let header = ["node", "member", "beside", "yuan", "who owes", "since", "transfers"];
            list(header, found.rows.iter().map(cells), &[3])
        }))
    })
}

fn cells((province, it): &(ProvinceCode, SuspenseAccount)) -> [String; 7] {
    let member = if it.member_ref.is_empty() { "not known" } else { &it.member_ref };
    let (owes, amount) = match it.amount.strip_prefix('-') {
        Some(amount) => ("the member owes", amount),
        None => ("is owed to him", it.amount.as_str()),
    };
    let mut ids: Vec<&str> = it.transfer_ids.iter().take(IDS_SHOWN).map(String::as_str).collect();
    if it.transfer_ids.len() > IDS_SHOWN {
        ids.push("… (all with --json)");
    }
    [
        province.to_string(),
        member.to_owned(),
        it.kind.trim_end_matches("suspense").trim_end_matches('_').to_owned(),
        amount.to_owned(),
        owes.to_owned(),
        local_time(it.since_time.as_ref()),
        ids.join("\n"),
    ]
}

/// An account in suspense, and the node that has it.
pub(in crate::cli) fn suspense_json((province, it): &(ProvinceCode, SuspenseAccount)) -> Value {
    let mut value = to_json(it);
    value["node"] = province.to_string().into();
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_who_owes_and_shows_the_latest_transfers() {
        let account = SuspenseAccount {
            member_ref: "3f".repeat(16),
            kind: "personal_suspense".to_owned(),
            amount: "-400.00".to_owned(),
            transfer_ids: (0..7).map(|id| id.to_string()).collect(),
            since_time: None,
        };
        let row = |account: &SuspenseAccount| cells(&(ProvinceCode::new(13), account.clone()));
        let [node, member, beside, yuan, owes, since, ids] = row(&account);
        assert_eq!((node.as_str(), member, since), ("13", account.member_ref.clone(), local_time(None)));
        assert_eq!([beside, yuan, owes], ["personal", "400.00", "the member owes"]);
        assert_eq!(ids, "0\n1\n2\n3\n4\n… (all with --json)");
        let kind = "suspense".to_owned();
        let nobody =
            SuspenseAccount { member_ref: String::new(), kind, amount: "1.00".to_owned(), ..account };
        let [_, member, beside, _, owes, ..] = row(&nobody);
        assert_eq!([member, beside, owes], ["not known", "", "is owed to him"]);
    }
}
