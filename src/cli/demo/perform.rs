//! Plays the script through the hub's interface, as an app would, and judges each answer.

use super::attempt::{Act, Attempt, Expect, Twist};
use super::clients::Clients;
use super::error::DemoError;
use super::script::{SCRIPT, person};
use crate::cli::failure::{CallOutcome, classify_explained};
use crate::devkit::cast::Listed;
use crate::domain::reason::Reason;
use crate::privacy::random::new_transfer_id;
use crate::proto::hub::{CreateTransferRequest, Transfer, TransferState, WaitMode};
use crate::proto::node::{Wallet, WalletState};
use crate::wire::status::{Explanation, problem_of};
use std::time::{Duration, Instant};
use tonic::{Code, Status};

/// How long one attempt is asked again while its outcome is not known.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two questions.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// What came of an attempt.
pub(super) enum Outcome {
    /// A transfer, committed or aborted.
    Transfer(Box<Transfer>),
    /// A wallet in this state.
    Wallet(WalletState),
    /// An error of the call.
    Error(Code, Explanation),
    /// Not known, in spite of asking again; what was said last.
    Unknown(String),
}

/// An attempt with what came of it.
pub(super) struct Played {
    /// What was tried.
    pub(super) attempt: &'static Attempt,
    /// What was sent.
    pub(super) request: CreateTransferRequest,
    /// What came of it.
    pub(super) outcome: Outcome,
    /// Whether that is what the script expects.
    pub(super) as_expected: bool,
}

impl Played {
    /// The transfer, if this attempt itself committed one: a repeat commits nothing.
    pub(super) fn committed(&self) -> Option<&Transfer> {
        let own = !matches!(self.attempt.twist, Twist::IdOf(_));
        match &self.outcome {
            Outcome::Transfer(transfer) if own && transfer.state() == TransferState::Committed => {
                Some(transfer)
            }
            Outcome::Transfer(_) | Outcome::Wallet(_) | Outcome::Error(..) | Outcome::Unknown(_) => None,
        }
    }
}

/// Plays all of it, one attempt after another.
pub(super) async fn play(clients: &Clients, cast: &[Listed]) -> Result<Vec<Played>, DemoError> {
    let mut played: Vec<Played> = Vec::new();
    for attempt in SCRIPT {
        let mut request = request(attempt, cast, &played)?;
        let since = Instant::now();
        let outcome = loop {
            let outcome = settle(clients, (attempt, cast), &request, since).await?;
            let dark = matches!(&outcome, Outcome::Transfer(it) if is_unreachable(it));
            // The hub may have looked at a node before that node served: a new attempt takes a new id.
            if !dark || !takes_new_id(attempt) || since.elapsed() > PATIENCE {
                break outcome;
            }
            tokio::time::sleep(ASK_EVERY).await;
            request.transfer_id = new_transfer_id().to_string();
        };
        let as_expected = is_expected(attempt.expect, &outcome, &played);
        played.push(Played { attempt, request, outcome, as_expected });
    }
    Ok(played)
}

fn request(
    attempt: &Attempt,
    cast: &[Listed],
    played: &[Played],
) -> Result<CreateTransferRequest, DemoError> {
    let mut payee = person(cast, attempt.payee)?.party();
    let mut kinship = i32::from(attempt.kinship);
    let mut transfer_id = new_transfer_id().to_string();
    if let Act::Accept(number) | Act::Decline(number) = attempt.act
        && let Some(earlier) = earlier(played, number)
    {
        transfer_id.clone_from(&earlier.request.transfer_id);
    }
    match attempt.twist {
        Twist::None => {}
        Twist::PayeeName(name) => payee.person.get_or_insert_default().name = name.to_owned(),
        Twist::PayeeRegion(region) => payee.region_code = region.to_owned(),
        Twist::KinshipNumber(number) => kinship = number,
        Twist::IdOf(number) => {
            if let Some(earlier) = earlier(played, number) {
                transfer_id.clone_from(&earlier.request.transfer_id);
            }
        }
    }
    Ok(CreateTransferRequest {
        transfer_id,
        payer: Some(person(cast, attempt.payer)?.party()),
        payee: Some(payee),
        kinship,
        amount: attempt.amount.to_owned(),
        remark: String::new(),
        wait: WaitMode::Recorded.into(),
        verification: 0,
    })
}

fn earlier(played: &[Played], number: usize) -> Option<&Played> {
    number.checked_sub(1).and_then(|index| played.get(index))
}

fn is_unreachable(transfer: &Transfer) -> bool {
    transfer.refusal.as_ref().is_some_and(|refusal| refusal.reason == Reason::ProvinceUnreachable.code())
}

/// Whether the attempt is a transfer of its own, so that it can be made again as another one.
fn takes_new_id(attempt: &Attempt) -> bool {
    attempt.act == Act::Transfer && !matches!(attempt.twist, Twist::IdOf(_))
}

/// Does it, once.
async fn act(
    clients: &Clients,
    (attempt, cast): (&Attempt, &[Listed]),
    request: &CreateTransferRequest,
) -> Result<Result<Outcome, Status>, DemoError> {
    let (payer, payee) = (person(cast, attempt.payer)?, person(cast, attempt.payee)?);
    let transfer = |answer: Result<Transfer, Status>| answer.map(|it| Outcome::Transfer(Box::new(it)));
    let wallet = |answer: Result<Wallet, Status>| answer.map(|it| Outcome::Wallet(it.state()));
    let id = &request.transfer_id;
    Ok(match attempt.act {
        Act::Transfer => transfer(clients.app.create(request.clone()).await),
        Act::Accept(_) => transfer(clients.app.accept(id, &payee.party()).await),
        Act::Decline(_) => transfer(clients.app.decline(id, &payee.party()).await),
        Act::OpenFor => wallet(clients.open_for(payee, payer, attempt.kinship).await),
        Act::Freeze => wallet(clients.freeze(payee).await),
    })
}

/// Asks with the same id until the answer is final or patience ends.
async fn settle(
    clients: &Clients,
    what: (&Attempt, &[Listed]),
    request: &CreateTransferRequest,
    since: Instant,
) -> Result<Outcome, DemoError> {
    loop {
        let unknown = match act(clients, what, request).await? {
            Ok(Outcome::Transfer(transfer)) => match transfer.state() {
                TransferState::Committed if !(transfer.payer_recorded && transfer.payee_recorded) => {
                    "committed, but not recorded by both provinces".to_owned()
                }
                TransferState::Committed | TransferState::Aborted => {
                    return Ok(Outcome::Transfer(transfer));
                }
                TransferState::AwaitingAcceptance if what.0.act == Act::Transfer => {
                    return Ok(Outcome::Transfer(transfer));
                }
                state => state.as_str_name().to_owned(),
            },
            Ok(outcome) => return Ok(outcome),
            Err(status) => match final_error(&status) {
                Some(said) => return Ok(Outcome::Error(status.code(), said)),
                None => status.message().to_owned(),
            },
        };
        if since.elapsed() > PATIENCE {
            return Ok(Outcome::Unknown(unknown));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// What an error says, when it is an answer: not the connection's, and not one that says to ask again.
fn final_error(status: &Status) -> Option<Explanation> {
    let is_final =
        |said: &Explanation| matches!(classify_explained(said), CallOutcome::Refused | CallOutcome::NotHeard);
    problem_of(status).filter(is_final)
}

fn is_expected(expect: Expect, outcome: &Outcome, played: &[Played]) -> bool {
    match (expect, outcome) {
        (Expect::Committed, Outcome::Transfer(it)) => it.state() == TransferState::Committed,
        (Expect::Awaiting, Outcome::Transfer(it)) => it.state() == TransferState::AwaitingAcceptance,
        (Expect::Wallet(state), Outcome::Wallet(is)) => state == *is,
        (Expect::Refused(reason), Outcome::Transfer(it)) => {
            let refusal = it.refusal.as_ref();
            it.state() == TransferState::Aborted && refusal.is_some_and(|it| it.reason == reason.code())
        }
        (Expect::Error(reason), Outcome::Error(_, said)) => said.code == reason.code(),
        (Expect::ErrorIn(reason, field), Outcome::Error(_, said)) => {
            let named = said.metadata.get("field").is_some_and(|named| named == field);
            said.code == reason.code() && named
        }
        (Expect::SameAs(number), Outcome::Transfer(it)) => {
            let first = earlier(played, number).map(|first| &first.outcome);
            matches!(first, Some(Outcome::Transfer(first)) if first == it)
        }
        (_, Outcome::Transfer(_) | Outcome::Wallet(_) | Outcome::Error(..) | Outcome::Unknown(_)) => false,
    }
}
