//! What `gongji wallet` changes: one request, sent again with the same id until its fate is known.

use super::client::{ConnectArgs, Connection, OutputArgs, Server, run};
use super::content::{PersonArgs, kinship_number, kinship_parser};
use super::wallet::print_wallet;
use super::{Exit, pursuit};
use crate::privacy::random::new_transfer_id;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{
    ChangePlaceRequest, CloseWalletRequest, FreezeWalletRequest, OpenWalletRequest, UnfreezeWalletRequest,
    Wallet, WalletRelative,
};
use crate::proto::types;
use std::time::Duration;
use tonic::Status;

/// Who opens a wallet for a member (代开通). Personal data: no `Debug`.
#[derive(clap::Args)]
#[command(next_help_heading = "Relative who opens it (代开通)")]
pub(super) struct RelativeArgs {
    /// The relative's identity number
    #[arg(long, value_name = "ID_NUMBER", requires_all = ["relative_name", "relative_kinship", "statement"])]
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
    connect: ConnectArgs,
    #[command(flatten)]
    output: OutputArgs,
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

    /// Sends it once.
    async fn send(&self, node: &Server, within: Duration) -> Result<Wallet, Status> {
        let mut client = WalletServiceClient::new(node.service());
        let wallet = match self {
            Change::Open(it) => {
                client.open_wallet(node.request_within(it.clone(), within)).await?.into_inner().wallet
            }
            Change::Move(it) => {
                client.change_place(node.request_within(it.clone(), within)).await?.into_inner().wallet
            }
            Change::Freeze(it) => {
                client.freeze_wallet(node.request_within(it.clone(), within)).await?.into_inner().wallet
            }
            Change::Unfreeze(it) => {
                client.unfreeze_wallet(node.request_within(it.clone(), within)).await?.into_inner().wallet
            }
            Change::Close(it) => {
                client.close_wallet(node.request_within(it.clone(), within)).await?.into_inner().wallet
            }
        };
        Ok(wallet.unwrap_or_default())
    }
}

/// Changes an opened wallet, as the province's own system.
pub(super) fn change(args: &ChangeArgs, wish: Wish<'_>) -> Exit {
    run(args.output, async {
        let node = Connection::load(&args.connect)?.node_as_platform(args.person.province())?;
        Ok(carry_out(&node, &Change::of(wish, args.person.party()), args.output).await)
    })
}

/// Sends a change until its fate is known, and prints the wallet as it then is.
pub(super) async fn carry_out(node: &Server, change: &Change, output: OutputArgs) -> Exit {
    let send = async |left: Duration| change.send(node, left).await;
    let advice = "run it again, or ask with `gongji wallet get`";
    match pursuit::carry_out(node, output, advice, send).await {
        Ok(wallet) => {
            print_wallet(&wallet, output);
            Exit::Done
        }
        Err(exit) => exit,
    }
}
