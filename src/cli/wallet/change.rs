//! What `gongji wallet` changes: one request, sent again with the same id until its fate is known.

use super::show::wallet_table;
use crate::cli::Exit;
use crate::cli::client::{CallArgs, Server};
use crate::cli::json::to_json;
use crate::cli::output::OutputArgs;
use crate::cli::person::{PersonArgs, kinship_number, kinship_parser};
use crate::cli::until_known::Request;
use crate::privacy::random::new_transfer_id;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{
    ChangePlaceRequest, CloseWalletRequest, FreezeWalletRequest, OpenWalletRequest, UnfreezeWalletRequest,
    Wallet, WalletRelative,
};
use crate::proto::types;
use serde_json::json;
use std::time::Duration;
use tonic::Status;

/// Who opens a wallet for a member (代开通); in a file of people it is [relative]. Personal data: no `Debug`.
#[derive(clap::Args)]
#[command(next_help_heading = "Relative who opens it (代开通)")]
pub(super) struct RelativeArgs {
    /// The relative's identity number
    #[arg(long, value_name = "ID_NUMBER", requires_all = ["relative_name", "relative_kinship", "statement"])]
    #[arg(conflicts_with = "people")]
    relative: Option<String>,
    /// The relative's name
    #[arg(long, value_name = "NAME", requires = "relative")]
    relative_name: Option<String>,
    /// What the relative is to the member
    #[arg(long, value_name = "KINSHIP", requires = "relative", value_parser = kinship_parser())]
    relative_kinship: Option<String>,
    /// What was seen and checked, at most 100 characters
    #[arg(long, value_name = "TEXT", requires = "relative")]
    statement: Option<String>,
}

impl RelativeArgs {
    /// As the wire has it; none when the member opens it himself.
    pub(super) fn said(&self) -> Option<WalletRelative> {
        let id_number = self.relative.clone()?;
        let person = types::Person { id_number, name: self.relative_name.clone().unwrap_or_default() };
        Some(WalletRelative {
            person: Some(person),
            kinship: self.relative_kinship.as_deref().map_or(0, kinship_number),
            statement: self.statement.clone().unwrap_or_default(),
        })
    }
}

/// Arguments of every change of an opened wallet.
#[derive(clap::Args)]
pub(super) struct ChangeArgs {
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// How an opened wallet is to be.
#[derive(Clone, Copy)]
pub(super) enum Wish<'a> {
    /// With this place of use.
    Move(&'a str),
    /// Frozen, for this reason.
    Freeze(&'a str),
    /// In use again, for this reason.
    Unfreeze(&'a str),
    /// Closed.
    Close,
}

/// A request that changes a wallet.
pub(super) enum Change {
    Open(OpenWalletRequest),
    Move(ChangePlaceRequest),
    Freeze(FreezeWalletRequest),
    Unfreeze(UnfreezeWalletRequest),
    Close(CloseWalletRequest),
}

impl Change {
    fn of(wish: Wish<'_>, party: types::Party) -> Change {
        let (request_id, party) = (new_transfer_id().to_string(), Some(party));
        match wish {
            Wish::Move(code) => {
                Change::Move(ChangePlaceRequest { request_id, party, use_region_code: code.to_owned() })
            }
            Wish::Freeze(code) => {
                Change::Freeze(FreezeWalletRequest { request_id, party, reason_code: code.to_owned() })
            }
            Wish::Unfreeze(code) => {
                Change::Unfreeze(UnfreezeWalletRequest { request_id, party, reason_code: code.to_owned() })
            }
            Wish::Close => Change::Close(CloseWalletRequest { request_id, party }),
        }
    }

    fn request_id(&self) -> &str {
        match self {
            Change::Open(it) => &it.request_id,
            Change::Move(it) => &it.request_id,
            Change::Freeze(it) => &it.request_id,
            Change::Unfreeze(it) => &it.request_id,
            Change::Close(it) => &it.request_id,
        }
    }

    /// Sends it once.
    async fn send(&self, node: &Server, within: Duration) -> Result<Wallet, Status> {
        let mut client = WalletServiceClient::new(node.service());
        macro_rules! send {
            ($method:ident, $message:expr) => {
                client.$method(node.request_within($message.clone(), within)).await?.into_inner().wallet
            };
        }
        let wallet = match self {
            Change::Open(it) => send!(open_wallet, it),
            Change::Move(it) => send!(change_place, it),
            Change::Freeze(it) => send!(freeze_wallet, it),
            Change::Unfreeze(it) => send!(unfreeze_wallet, it),
            Change::Close(it) => send!(close_wallet, it),
        };
        Ok(wallet.unwrap_or_default())
    }
}

/// Changes an opened wallet, as the province's own system.
pub(super) fn change(args: &ChangeArgs, wish: Wish<'_>) -> Exit {
    args.call.run(async |connection| {
        let person = args.person.read()?;
        let node = connection.node_as_platform(person.province)?;
        Ok(carry_out(&node, &Change::of(wish, person.party), args.call.output).await)
    })
}

/// Sends a change until it is known whether it is done, and prints the wallet as it then is.
pub(super) async fn carry_out(node: &Server, change: &Change, output: OutputArgs) -> Exit {
    let advice = "run it again, or ask with `gongji wallet get`".to_owned();
    let id = ("request_id", change.request_id());
    let request = Request { server: node, output, id, asked_before: false, advice };
    let call = async |left: Duration| change.send(node, left).await;
    let shown = |it: &Wallet| (json!({ "wallet": to_json(it) }), wallet_table(it).to_string());
    request.until_known(call, |_| Some(Exit::Done), shown).await
}
