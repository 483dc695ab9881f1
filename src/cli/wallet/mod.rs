//! `gongji wallet`: a member's wallet (医保钱包) at the node of his province.

mod change;
pub mod show;
pub mod statement;

use super::Exit;
use super::client::CallArgs;
use super::json::{all, to_json};
use super::person::PersonArgs;
use crate::proto::node::{
    ChangePlaceRequest, CloseWalletRequest, EntryAccount, FreezeWalletRequest, GetMemberRequest,
    GetWalletRequest, ListEntriesRequest, OpenWalletRequest, UnfreezeWalletRequest,
};
use change::{ChangeArgs, RelativeArgs, carry_out};
use serde_json::json;
use show::{account_json, account_table, entries_table, wallet_table};
use statement::{StatementArgs, statement};

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Open a wallet; safe to run again
    Open {
        #[command(flatten)]
        person: PersonArgs,
        /// Phone number in the member's own name; in a file, `phone` of [person]
        #[arg(long, required_unless_present = "people", conflicts_with = "people")]
        phone: Option<String>,
        /// Place of use (使用地), six digits; the place of insurance when not given
        #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
        use_region: String,
        /// The member has read the notice and confirmed (确认使用)
        #[arg(long)]
        confirmed: bool,
        #[command(flatten)]
        relative: RelativeArgs,
        #[command(flatten)]
        call: CallArgs,
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
        call: CallArgs,
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
        call: CallArgs,
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
    fn number(self) -> i32 {
        match self {
            Account::Personal => EntryAccount::Personal.into(),
            Account::Wallet => EntryAccount::Wallet.into(),
        }
    }
}

/// `gongji wallet`.
pub(super) fn wallet(command: &Command) -> Exit {
    match command {
        Command::Open { person, phone, use_region, confirmed, relative, call } => {
            call.run(async |connection| {
                let person = person.read()?;
                let node = connection.node(person.province)?;
                let phone = phone.clone().or(person.phone).unwrap_or_default();
                let opened_by = relative.said().or(person.relative);
                let message = |request_id, party| OpenWalletRequest {
                    request_id,
                    party,
                    use_region_code: use_region.clone(),
                    phone,
                    confirmed: *confirmed,
                    opened_by,
                };
                Ok(carry_out(&node, person.party, call.output, message, |it| it.wallet).await)
            })
        }
        Command::Statement(args) => statement(args),
        Command::ChangePlace { use_region, common } => {
            let use_region_code = use_region.clone();
            let message = |request_id, party| ChangePlaceRequest { request_id, party, use_region_code };
            common.carry_out(message, |it| it.wallet)
        }
        Command::Freeze { reason, common } => {
            let reason_code = reason.clone();
            let message = |request_id, party| FreezeWalletRequest { request_id, party, reason_code };
            common.carry_out(message, |it| it.wallet)
        }
        Command::Unfreeze { reason, common } => {
            let reason_code = reason.clone();
            let message = |request_id, party| UnfreezeWalletRequest { request_id, party, reason_code };
            common.carry_out(message, |it| it.wallet)
        }
        Command::Close { common } => {
            common.carry_out(|request_id, party| CloseWalletRequest { request_id, party }, |it| it.wallet)
        }
        Command::Get { person, account: Account::Wallet, call } => get_wallet(person, call),
        Command::Get { person, account: Account::Personal, call } => get_account(person, call),
        Command::Entries { person, account, limit, call } => entries(person, *account, *limit, call),
    }
}

fn get_wallet(person: &PersonArgs, call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let person = person.read()?;
        let node = connection.node(person.province)?;
        let request = GetWalletRequest { party: Some(person.party) };
        let wallet = node.ask(request).await?.wallet.unwrap_or_default();
        call.output.print(|| json!({ "wallet": to_json(&wallet) }), || wallet_table(&wallet));
        Ok(Exit::Done)
    })
}

fn get_account(person: &PersonArgs, call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let person = person.read()?;
        let node = connection.node_as_platform(person.province)?;
        let request = GetMemberRequest { party: Some(person.party) };
        let member = node.ask(request).await?.member.unwrap_or_default();
        call.output.print(|| json!({ "member": account_json(&member) }), || account_table(&member));
        Ok(Exit::Done)
    })
}

fn entries(person: &PersonArgs, account: Account, limit: usize, call: &CallArgs) -> Exit {
    call.run(async |connection| {
        let person = person.read()?;
        let node = connection.node(person.province)?;
        let request = |page_size, page_token| {
            let (party, account) = (Some(person.party.clone()), account.number());
            ListEntriesRequest { party, account, page_size, page_token }
        };
        let found = node.list(limit, request, |it| (it.entries, it.next_page_token)).await?;
        call.output.print(
            || json!({ "entries": all(&found.rows), "next_page_token": found.next_page_token }),
            || entries_table(&found.rows),
        );
        Ok(Exit::Done)
    })
}
