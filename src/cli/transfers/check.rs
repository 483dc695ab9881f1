//! `gongji check`: whether a transfer would be allowed now, and every rule that refuses it. Changes nothing.

use crate::cli::Exit;
use crate::cli::client::CallArgs;
use crate::cli::json::to_json;
use crate::cli::person::ContentArgs;
use crate::cli::show::refusal_text;
use crate::proto::hub::{CheckTransferRequest, CheckTransferResponse};

/// Arguments.
#[derive(clap::Args)]
#[command(after_help = "Exit codes: 0 it would be allowed now, 1 it would be refused.")]
pub struct Args {
    #[command(flatten)]
    content: ContentArgs,
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji check`.
pub fn check(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub()?;
        let answer = hub.ask(CheckTransferRequest::from(args.content.read()?)).await?;
        args.call.output.print(|| to_json(&answer), || text(&answer));
        Ok(if answer.allowed { Exit::Done } else { Exit::Refused })
    })
}

fn text(answer: &CheckTransferResponse) -> String {
    if answer.allowed {
        return "it would be allowed now 可以转账".to_owned();
    }
    let refusals: Vec<String> =
        answer.refusals.iter().map(|it| refusal_text(it).replace('\n', "\n  ")).collect();
    format!("it would be refused 不可转账\n{}", refusals.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
    use crate::wire::status::refusal_to_proto;

    #[test]
    fn every_refusal_is_listed() {
        let refusals = [Reason::InsufficientBalance, Reason::PayeeSuspended]
            .map(|reason| refusal_to_proto(&RefusalRecord::new(reason, RefusalSide::Payer)))
            .to_vec();
        let answer = CheckTransferResponse { allowed: false, refusals };
        let shown = text(&answer);
        assert!(shown.contains("INSUFFICIENT_BALANCE: ") && shown.contains("PAYEE_SUSPENDED: "), "{shown}");
        assert_eq!(to_json(&answer)["refusals"][1]["reason"], "PAYEE_SUSPENDED");
        assert!(text(&CheckTransferResponse { allowed: true, refusals: Vec::new() }).contains("allowed"));
    }
}
