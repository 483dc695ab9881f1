//! `gongji wallet statement`: what was in an account, what was booked in a period, what is in it after.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::content::PersonArgs;
use super::failure::Failure;
use super::print::say;
use super::show::{entries_table, entry_json};
use super::table::facts;
use super::wallet::Account;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{Entry, GetStatementRequest, GetStatementResponse};
use serde_json::{Value, json};

/// Lines of one page: as many as a server gives at once.
const PAGE: i32 = 1_000;

/// Arguments.
#[derive(clap::Args)]
pub(super) struct StatementArgs {
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
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the whole statement, in order of time.
pub(super) fn statement(args: &StatementArgs) -> Exit {
    run(args.output, async {
        let node = Connection::load(&args.connect)?.node(args.person.province())?;
        let (whole, lines) = fetch(&node, args).await?;
        if args.output.json {
            say(statement_json(&args.from, &args.to, &whole, &lines));
        } else {
            say(facts(&[
                ("period", format!("{} to {}", args.from, args.to)),
                ("opening balance 期初余额", whole.opening_balance),
                ("came in 收入合计", whole.credit_sum),
                ("went out 支出合计", whole.debit_sum),
                ("closing balance 期末余额", whole.closing_balance),
            ]));
            say(entries_table(&lines));
        }
        Ok(Exit::Done)
    })
}

/// All pages: the first one's balances, which are the whole period's, and every line, oldest first.
async fn fetch(node: &Server, args: &StatementArgs) -> Result<(GetStatementResponse, Vec<Entry>), Failure> {
    let mut client = WalletServiceClient::new(node.service());
    let mut request = GetStatementRequest {
        party: Some(args.person.party()),
        account: args.account.number(),
        from_date: args.from.clone(),
        to_date: args.to.clone(),
        page_size: PAGE,
        page_token: String::new(),
    };
    let (mut first, mut lines) = (None, Vec::new());
    loop {
        let page = client.get_statement(node.request(request.clone())).await;
        let mut page = page.map_err(|status| node.failed(status))?.into_inner();
        lines.append(&mut page.entries);
        request.page_token = std::mem::take(&mut page.next_page_token);
        let whole = first.get_or_insert(page);
        if request.page_token.is_empty() {
            lines.reverse();
            return Ok((whole.clone(), lines));
        }
    }
}

/// A statement for programs.
pub(super) fn statement_json(from: &str, to: &str, whole: &GetStatementResponse, lines: &[Entry]) -> Value {
    json!({
        "from_date": from,
        "to_date": to,
        "opening_balance": whole.opening_balance,
        "closing_balance": whole.closing_balance,
        "credit_sum": whole.credit_sum,
        "debit_sum": whole.debit_sum,
        "entry_count": whole.entry_count,
        "entries": lines.iter().map(entry_json).collect::<Vec<_>>(),
    })
}
