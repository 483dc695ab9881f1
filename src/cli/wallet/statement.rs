//! `gongji wallet statement`: what was in an account, what was booked in a period, what is in it after.

use super::Account;
use super::show::entries_table;
use crate::cli::Exit;
use crate::cli::client::CallArgs;
use crate::cli::json::{all, take, to_json};
use crate::cli::person::PersonArgs;
use crate::cli::table::facts;
use crate::proto::node::{Entry, GetStatementRequest, GetStatementResponse};
use serde_json::Value;

/// Arguments.
#[derive(clap::Args)]
pub(in crate::cli) struct StatementArgs {
    #[command(flatten)]
    person: PersonArgs,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    from: String,
    /// Last day, itself included
    #[arg(long, value_name = "DATE")]
    to: String,
    /// Which of the two
    #[arg(long, value_enum, default_value_t = Account::Wallet)]
    account: Account,
    #[command(flatten)]
    call: CallArgs,
}

/// Prints the whole statement, in order of time.
pub(super) fn statement(args: &StatementArgs) -> Exit {
    args.call.run(async |connection| {
        let person = args.person.read()?;
        let node = connection.node(person.province)?;
        let request = |page_size, page_token| GetStatementRequest {
            party: Some(person.party.clone()),
            account: args.account.number(),
            from_date: args.from.clone(),
            to_date: args.to.clone(),
            page_size,
            page_token,
        };
        // The first page's balances are the whole period's.
        let mut whole = None;
        let rows = |mut page: GetStatementResponse| {
            let rows = (std::mem::take(&mut page.entries), std::mem::take(&mut page.next_page_token));
            whole.get_or_insert(page);
            rows
        };
        let mut lines = node.list(usize::MAX, request, rows).await?.rows;
        lines.reverse();
        let whole = whole.unwrap_or_default();
        args.call.output.print(
            || statement_json(&args.from, &args.to, &whole, &lines),
            || format!("{}\n{}", balances(args, &whole), entries_table(&lines)),
        );
        Ok(Exit::Done)
    })
}

fn balances(args: &StatementArgs, whole: &GetStatementResponse) -> comfy_table::Table {
    facts(&[
        ("period", format!("{} to {}", args.from, args.to)),
        ("opening balance 期初余额", whole.opening_balance.clone()),
        ("came in 收入合计", whole.credit_sum.clone()),
        ("went out 支出合计", whole.debit_sum.clone()),
        ("closing balance 期末余额", whole.closing_balance.clone()),
    ])
}

/// A statement for programs: with its period, and every line.
pub(in crate::cli) fn statement_json(
    from: &str,
    to: &str,
    whole: &GetStatementResponse,
    lines: &[Entry],
) -> Value {
    let mut value = to_json(whole);
    take(&mut value, "next_page_token");
    value["from_date"] = from.into();
    value["to_date"] = to.into();
    value["entries"] = all(lines);
    value
}
