//! What `gongji wallet` changes: one request, sent again with the same id until it is known whether it is done.

use super::show::wallet_table;
use crate::cli::Exit;
use crate::cli::client::{CallArgs, Server};
use crate::cli::json::to_json;
use crate::cli::output::OutputArgs;
use crate::cli::person::{PersonArgs, kinship_number, kinship_parser};
use crate::cli::until_known::Request;
use crate::privacy::random::new_transfer_id;
use crate::proto::Method;
use crate::proto::node::{Wallet, WalletRelative};
use crate::proto::types;
use serde_json::json;
use tonic::Status;

/// Who opens a wallet for a member (代开通); in a file of people it is [relative]. Personal data: no `Debug`.
#[derive(clap::Args)]
#[command(next_help_heading = "Relative who opens it (代开通)")]
pub(in crate::cli) struct RelativeArgs {
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
pub(in crate::cli) struct ChangeArgs {
    #[command(flatten)]
    person: PersonArgs,
    #[command(flatten)]
    call: CallArgs,
}

impl ChangeArgs {
    /// Changes an opened wallet, as the province's own system.
    pub(super) fn carry_out<M: Method>(
        &self,
        message: impl FnOnce(String, Option<types::Party>) -> M,
        wallet: impl Fn(M::Answer) -> Option<Wallet>,
    ) -> Exit {
        self.call.run(async |connection| {
            let person = self.person.read()?;
            let node = connection.node_as_platform(person.province)?;
            Ok(carry_out(&node, person.party, self.call.output, message, wallet).await)
        })
    }
}

/// Sends a change, always with the same request id, until it is known whether it is done; prints the wallet as it then
/// is.
pub(super) async fn carry_out<M: Method>(
    node: &Server,
    party: types::Party,
    output: OutputArgs,
    message: impl FnOnce(String, Option<types::Party>) -> M,
    wallet: impl Fn(M::Answer) -> Option<Wallet>,
) -> Exit {
    let request_id = new_transfer_id().to_string();
    let request = Request {
        server: node,
        output,
        id: ("request_id", &request_id),
        asked_before: false,
        advice: "run it again, or ask with `gongji wallet get`".to_owned(),
    };
    let message = message(request_id.clone(), Some(party));
    let wallet = |answer| wallet(answer).ok_or_else(|| Status::internal("the answer holds no wallet"));
    let shown = |it: &Wallet| (json!({ "wallet": to_json(it) }), wallet_table(it).to_string());
    request.until_known(message, wallet, |_| Some(Exit::Done), shown).await
}
