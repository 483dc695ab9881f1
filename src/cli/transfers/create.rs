//! `gongji transfer`: makes one transfer, and asks with the same id until its outcome is known.

use super::{settled, shown, whole};
use crate::cli::Exit;
use crate::cli::client::CallArgs;
use crate::cli::output::note;
use crate::cli::person::ContentArgs;
use crate::cli::until_known::Request;
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::{CreateTransferRequest, WaitMode};

/// Arguments.
#[derive(clap::Args)]
#[command(
    after_help = "Exit codes: 0 committed, 1 refused (nothing was moved), 2 not known yet: run it again with \
                        the same --id, which is printed first, or ask `gongji transfers get ID`."
)]
pub struct Args {
    #[command(flatten)]
    content: ContentArgs,
    /// Id of the transfer, a UUID; made when not given. Give the same one to ask again
    #[arg(long, value_name = "UUID")]
    id: Option<String>,
    /// What to wait for: the hub's decision, or until both provinces have recorded it
    #[arg(long, value_enum, default_value_t = Wait::Recorded)]
    wait: Wait,
    #[command(flatten)]
    call: CallArgs,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Wait {
    Decided,
    Recorded,
}

/// `gongji transfer`.
pub fn transfer(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let content = args.content.read()?;
        let transfer_id = args.id.clone().unwrap_or_else(|| new_transfer_id().to_string());
        // Before anything is sent: whatever happens next, it can be asked for.
        note(format!("transfer id {transfer_id}"));
        let message = CreateTransferRequest {
            transfer_id: transfer_id.clone(),
            wait: match args.wait {
                Wait::Decided => WaitMode::Decided.into(),
                Wait::Recorded => WaitMode::Recorded.into(),
            },
            ..content
        };
        let request = Request {
            server: &hub,
            output: args.call.output,
            id: ("transfer_id", &transfer_id),
            asked_before: args.id.is_some(),
            advice: format!("ask with `gongji transfers get {transfer_id}` or with --id {transfer_id}"),
        };
        Ok(request.until_known(message, |it| whole(it.transfer), settled, shown).await)
    })
}
