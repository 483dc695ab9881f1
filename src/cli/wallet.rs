//! `gongji wallet`: a member's wallet (医保钱包) at the node of his province.

use super::Exit;
use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::content::PersonArgs;
use super::failure::Failure;
use super::print::say;
use super::show::{account_json, account_table, entries_table, entry_json, wallet_json, wallet_table};
use super::wallet_change::{Change, ChangeArgs, RelativeArgs, Wish, carry_out, change};
use super::wallet_statement::{StatementArgs, statement};
use crate::privacy::random::new_transfer_id;
use crate::proto::node::member_service_client::MemberServiceClient;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{
    EntryAccount, GetMemberRequest, GetWalletRequest, ListEntriesRequest, OpenWalletRequest, Wallet,
};
use serde_json::{Value, json};

/// Arguments.
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Open a wallet; safe to run again
    Open {
        #[command(flatten)]
        person: PersonArgs,
        /// Phone number in the member's own name
        #[arg(long)]
        phone: String,
        /// Place of use (使用地), six digits; the place of insurance when not given
        #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
        use_region: String,
        /// The member has read the notice and confirmed (确认使用)
        #[arg(long)]
        confirmed: bool,
        #[command(flatten)]
        relative: RelativeArgs,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show the statement (对账单) of a period of days in Asia/Shanghai
    Statement(StatementArgs),
    /// Change the place of use (使用地) inside the province; safe to run again
    ChangePlace {
        /// New place of use, six digits
        #[arg(long, value_name = "CODE")]
        use_region: String,
        #[command(flatten)]
        common: ChangeArgs,
    },
    /// Freeze a wallet; for the province's own system, safe to run again
    Freeze {
        /// Why: a code of the province's own, in capital letters and underscores
        #[arg(long, value_name = "CODE")]
        reason: String,
        #[command(flatten)]
        common: ChangeArgs,
    },
    /// Let a frozen wallet be used again; for the province's own system, safe to run again
    Unfreeze {
        /// Why: a code of the province's own, in capital letters and underscores
        #[arg(long, value_name = "CODE")]
        reason: String,
        #[command(flatten)]
        common: ChangeArgs,
    },
    /// Close an empty wallet; for the province's own system, safe to run again
    Close {
        #[command(flatten)]
        common: ChangeArgs,
    },
    /// Show a wallet, or the personal account (个人账户), which only the province's own system may read
    Get {
        #[command(flatten)]
        person: PersonArgs,
        /// Which of the two
        #[arg(long, value_enum, default_value_t = Account::Wallet)]
        account: Account,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// List the lines of a wallet's or a personal account's statement, newest first
    Entries {
        #[command(flatten)]
        person: PersonArgs,
        /// Which of the two
        #[arg(long, value_enum, default_value_t = Account::Wallet)]
        account: Account,
        /// Most lines to show
        #[arg(long, default_value_t = 50)]
        limit: usize,
        #[command(flatten)]
        connect: ConnectArgs,
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// Which of a person's ledgers.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Account {
    Personal,
    Wallet,
}

impl Account {
    /// As the wire has it.
    pub(super) fn number(self) -> i32 {
        match self {
            Account::Personal => EntryAccount::Personal.into(),
            Account::Wallet => EntryAccount::Wallet.into(),
        }
    }
}

/// `gongji wallet`.
pub fn wallet(args: &Args) -> Exit {
    match &args.command {
        Command::Open { person, phone, use_region, confirmed, relative, connect, output } => {
            run(*output, async {
                let node = Connection::load(connect)?.node(person.province())?;
                let change = Change::Open(OpenWalletRequest {
                    request_id: new_transfer_id().to_string(),
                    party: Some(person.party()),
                    use_region_code: use_region.clone(),
                    phone: phone.clone(),
                    confirmed: *confirmed,
                    opened_by: relative.said(),
                });
                Ok(carry_out(&node, &change, *output).await)
            })
        }
        Command::Statement(args) => statement(args),
        Command::ChangePlace { use_region, common } => change(common, Wish::Move(use_region)),
        Command::Freeze { reason, common } => change(common, Wish::Freeze(reason)),
        Command::Unfreeze { reason, common } => change(common, Wish::Unfreeze(reason)),
        Command::Close { common } => change(common, Wish::Close),
        Command::Get { person, account, connect, output } => run(*output, async {
            let connection = Connection::load(connect)?;
            match account {
                Account::Wallet => get_wallet(&connection.node(person.province())?, person, *output).await,
                Account::Personal => {
                    let node = connection.node_as_platform(person.province())?;
                    get_account(&node, person, *output).await
                }
            }
        }),
        Command::Entries { person, account, limit, connect, output } => run(*output, async {
            let node = Connection::load(connect)?.node(person.province())?;
            entries(&node, person, *account, *limit, *output).await
        }),
    }
}

pub(super) fn print_wallet(wallet: &Wallet, output: OutputArgs) {
    if output.json {
        say(json!({ "wallet": wallet_json(wallet) }));
    } else {
        say(wallet_table(wallet));
    }
}

async fn get_wallet(node: &Server, person: &PersonArgs, output: OutputArgs) -> Result<Exit, Failure> {
    let mut client = WalletServiceClient::new(node.service());
    let request = node.request(GetWalletRequest { party: Some(person.party()) });
    let answer = client.get_wallet(request).await.map_err(|status| node.failed(status))?;
    print_wallet(&answer.into_inner().wallet.unwrap_or_default(), output);
    Ok(Exit::Done)
}

async fn get_account(node: &Server, person: &PersonArgs, output: OutputArgs) -> Result<Exit, Failure> {
    let mut client = MemberServiceClient::new(node.service());
    let request = node.request(GetMemberRequest { party: Some(person.party()) });
    let answer = client.get_member(request).await.map_err(|status| node.failed(status))?;
    let member = answer.into_inner().member.unwrap_or_default();
    if output.json {
        say(json!({ "member": account_json(&member) }));
    } else {
        say(account_table(&member));
    }
    Ok(Exit::Done)
}

async fn entries(
    node: &Server,
    person: &PersonArgs,
    account: Account,
    limit: usize,
    output: OutputArgs,
) -> Result<Exit, Failure> {
    let mut client = WalletServiceClient::new(node.service());
    let (mut found, mut page_token) = (Vec::new(), String::new());
    while found.len() < limit {
        let request = ListEntriesRequest {
            party: Some(person.party()),
            account: account.number(),
            page_size: page_size(limit - found.len()),
            page_token,
        };
        let page = client.list_entries(node.request(request)).await.map_err(|status| node.failed(status))?;
        let page = page.into_inner();
        found.extend(page.entries);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    if output.json {
        let lines: Vec<Value> = found.iter().map(entry_json).collect();
        say(json!({ "entries": lines, "next_page_token": page_token }));
    } else {
        say(entries_table(&found));
    }
    Ok(Exit::Done)
}

/// A page for what is still wanted; servers give at most 1,000 at once.
pub(super) fn page_size(wanted: usize) -> i32 {
    i32::try_from(wanted.clamp(1, 1_000)).unwrap_or(1_000)
}
