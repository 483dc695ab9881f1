//! `gongji members suspend`: excludes a member from the network settlement (暂停联网结算) for misuse, or lifts that.

use crate::cli::Exit;
use crate::cli::client::CallArgs;
use crate::cli::person::PersonArgs;
use crate::cli::until_known::Request;
use crate::privacy::random::new_transfer_id;
use crate::proto::node::{Member, SuspendSettlementRequest, SuspendSettlementResponse};
use serde_json::{Value, json};
use tonic::Status;

/// Arguments.
#[derive(clap::Args)]
#[command(after_help = "It may be run again: what is said already changes nothing.")]
pub struct Args {
    #[command(flatten)]
    person: PersonArgs,
    /// Day of the decision, "2026-11-21": today or earlier
    #[arg(long, value_name = "DAY")]
    from: String,
    /// First day on which settlement is open again: 3 to 12 months later
    #[arg(long, value_name = "DAY", required_unless_present = "lift", conflicts_with = "lift")]
    until: Option<String>,
    /// Lift a suspension before its end
    #[arg(long)]
    lift: bool,
    #[command(flatten)]
    call: CallArgs,
}

/// `gongji members suspend`.
pub fn suspend(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let person = args.person.read()?;
        let node = connection.node_as_platform(person.province)?;
        let message = SuspendSettlementRequest {
            request_id: new_transfer_id().to_string(),
            party: Some(person.party),
            from_date: args.from.clone(),
            until_date: args.until.clone().unwrap_or_default(),
            lift: args.lift,
        };
        let request = Request {
            server: &node,
            output: args.call.output,
            id: ("request_id", &message.request_id),
            asked_before: false,
            advice: "run it again: what is said already changes nothing".to_owned(),
        };
        let member = |answer: SuspendSettlementResponse| {
            answer.member.ok_or_else(|| Status::internal("the answer holds no member"))
        };
        Ok(request.until_known(message.clone(), member, |_| Some(Exit::Done), shown).await)
    })
}

/// Until when, for programs and for people.
fn shown(member: &Member) -> (Value, String) {
    let until = member.settlement_suspended_until.as_str();
    let text = match until {
        "" => "part of the network settlement 联网结算正常".to_owned(),
        until => format!("excluded from the network settlement until {until} 暂停联网结算"),
    };
    (json!({ "settlement_suspended_until": until }), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proto::node::member_service_server::{MemberService, MemberServiceServer};
    use crate::proto::node::{
        CreditAccountRequest, CreditAccountResponse, GetMemberRequest, GetMemberResponse,
        UpdateInsuranceRequest, UpdateInsuranceResponse, UpsertMembersRequest, UpsertMembersResponse,
    };
    use crate::server::common::Answer;
    use clap::Parser;
    use std::sync::{Arc, Mutex};
    use tonic::transport::server::TcpIncoming;
    use tonic::{Request, Response, Status, Streaming};

    type Asked = Arc<Mutex<Vec<SuspendSettlementRequest>>>;

    /// A node that takes what it is asked for and whose first answers are lost.
    struct Lossy {
        asked: Asked,
        lost: usize,
    }

    #[tonic::async_trait]
    impl MemberService for Lossy {
        async fn suspend_settlement(
            &self,
            request: Request<SuspendSettlementRequest>,
        ) -> Answer<SuspendSettlementResponse> {
            let request = request.into_inner();
            let member =
                Member { settlement_suspended_until: request.until_date.clone(), ..Member::default() };
            let mut asked = self.asked.lock().expect("not poisoned");
            asked.push(request);
            if asked.len() <= self.lost {
                return Err(Status::unavailable("the connection was lost"));
            }
            Ok(Response::new(SuspendSettlementResponse { member: Some(member) }))
        }

        async fn upsert_members(
            &self,
            _: Request<Streaming<UpsertMembersRequest>>,
        ) -> Answer<UpsertMembersResponse> {
            Err(Status::unimplemented("not here"))
        }

        async fn get_member(&self, _: Request<GetMemberRequest>) -> Answer<GetMemberResponse> {
            Err(Status::unimplemented("not here"))
        }

        async fn update_insurance(
            &self,
            _: Request<UpdateInsuranceRequest>,
        ) -> Answer<UpdateInsuranceResponse> {
            Err(Status::unimplemented("not here"))
        }

        async fn credit_account(&self, _: Request<CreditAccountRequest>) -> Answer<CreditAccountResponse> {
            Err(Status::unimplemented("not here"))
        }
    }

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    /// Suspends a member at a node of which so many answers are lost; the exit code, and the ids that came there.
    fn at_a_node_that_loses(lost: usize, timeout: &str) -> (Exit, Vec<String>) {
        let asked = Asked::default();
        let node = Lossy { asked: Arc::clone(&asked), lost };
        let (tell, told) = std::sync::mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        // The command has a runtime of its own, on the test's thread.
        let server = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).expect("a port");
                tell.send(incoming.local_addr().expect("an address")).expect("the test listens");
                let server = tonic::transport::Server::builder().add_service(MemberServiceServer::new(node));
                let stopped = async { stopped.await.unwrap_or_default() };
                server.serve_with_incoming_shutdown(incoming, stopped).await.expect("it serves");
            });
        });
        let address = format!("13={}", told.recv().expect("an address"));
        let line = ["x", "--region", "130100", "--person", "11010519491231002X", "--name", "张三"];
        let days = ["--from", "2026-11-21", "--until", "2027-02-21", "--timeout", timeout];
        let at = ["--node", &address, "--plaintext-as", "urn:gongji:platform:13"];
        let line = Line::try_parse_from(line.iter().chain(&days).chain(&at)).expect("arguments");
        let exit = suspend(&line.args);
        stop.send(()).expect("it serves");
        server.join().expect("it ends");
        let asked = asked.lock().expect("not poisoned");
        (exit, asked.iter().map(|request| request.request_id.clone()).collect())
    }

    #[test]
    fn what_became_of_it_is_asked_with_the_same_id_and_not_known_is_no_refusal() {
        let (exit, ids) = at_a_node_that_loses(1, "30s");
        assert_eq!((exit, ids.len()), (Exit::Done, 2));
        assert_eq!(ids[0], ids[1]);
        let (exit, ids) = at_a_node_that_loses(usize::MAX, "600ms");
        assert_eq!((exit, ids.len()), (Exit::Unknown, 1));
    }
}
