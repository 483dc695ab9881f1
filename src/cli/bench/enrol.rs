//! Generated people, enrolled as a province's own system enrols them.

use super::load::{Field, Payer};
use super::stage::{PAYEE_PROVINCE, PAYER_PROVINCE, Stage};
use super::{BenchError, failed};
use crate::devkit::cast::{employee, opening, report, resident, somebody};
use crate::devkit::client::Caller;
use crate::devkit::until::until;
use crate::domain::value::ProvinceCode;
use crate::proto::hub::CreateTransferRequest;
use crate::proto::types::{Kinship, Party};
use crate::transport::identity::Role;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// What each payer has, in yuan: more than a run of an hour can take.
const BALANCE: &str = "10000000.00";
/// The month that it is for.
const PERIOD: &str = "202611";
/// Calls under way at once while people are enrolled.
const AT_ONCE: usize = 256;
/// Members of one call: it must end within its deadline.
const ROWS: usize = 10_000;
/// How long a connection between hub and node may take.
const OPEN_WITHIN: Duration = Duration::from_secs(30);

/// Enrols `members` payers with balances in one province and as many relatives with wallets in the other.
pub async fn enrol(stage: &Stage, members: u64) -> Result<Field, BenchError> {
    let (payers, relatives) = tokio::try_join!(
        enrol_side(stage, PAYER_PROVINCE, members),
        enrol_side(stage, PAYEE_PROVINCE, members)
    )?;
    let relatives: Arc<[Party]> = relatives.into();
    let payer = |party| Payer { party, relatives: Arc::clone(&relatives) };
    Ok(Field { payers: payers.into_iter().map(payer).collect(), dark: Vec::new() })
}

async fn enrol_side(stage: &Stage, province: ProvinceCode, members: u64) -> Result<Vec<Party>, BenchError> {
    let platform = stage.caller(Role::Platform(province))?.keep().map_err(failed("a connection"))?;
    let people = people(province, members)?;
    for (part, some) in people.chunks(ROWS).enumerate() {
        tell(&platform, province, part * ROWS, some).await?;
    }
    each(&people, |at, party| endow(platform.clone(), province, at, party)).await?;
    Ok(people)
}

/// People of a province, all different.
pub fn people(province: ProvinceCode, members: u64) -> Result<Vec<Party>, BenchError> {
    let region = format!("{province}0100");
    (0..members).map(|number| somebody(number, &region).map_err(failed("an identity number"))).collect()
}

async fn tell(
    platform: &Caller,
    province: ProvinceCode,
    first: usize,
    people: &[Party],
) -> Result<(), BenchError> {
    let member = if province == PAYER_PROVINCE { employee } else { resident };
    let row = |(at, party)| report(format!("bench-member-{}", first + at), member(party));
    let rows = people.iter().enumerate().map(row).collect();
    let answer = platform.upsert(province, rows).await.map_err(failed("UpsertMembers"))?;
    if answer.accepted_count == people.len() as u64 {
        return Ok(());
    }
    let first = answer.rejected.first().and_then(|row| row.error.as_ref());
    let why = first.map_or_else(String::new, |error| error.message.clone());
    Err(BenchError::Failed(format!("UpsertMembers rejected {} rows: {why}", answer.rejected_count)))
}

/// Gives a payer his balance, a relative his wallet.
async fn endow(platform: Caller, province: ProvinceCode, at: usize, party: Party) -> Result<(), BenchError> {
    if province == PAYER_PROVINCE {
        let credited = platform.credit(&format!("bench-credit-{at}"), &party, (BALANCE, PERIOD)).await;
        credited.map_err(failed("CreditAccount"))
    } else {
        let opened = platform.open_wallet(opening(format!("bench-wallet-{at}"), &party)).await;
        opened.map(drop).map_err(failed("OpenWallet"))
    }
}

/// Makes a call for each person, many at once.
async fn each<F>(people: &[Party], call: impl Fn(usize, Party) -> F) -> Result<(), BenchError>
where
    F: Future<Output = Result<(), BenchError>> + Send + 'static,
{
    let mut calls = JoinSet::new();
    for (at, party) in people.iter().enumerate() {
        if calls.len() >= AT_ONCE
            && let Some(done) = calls.join_next().await
        {
            done.map_err(failed("a call"))??;
        }
        calls.spawn(call(at, party.clone()));
    }
    while let Some(done) = calls.join_next().await {
        done.map_err(failed("a call"))??;
    }
    Ok(())
}

/// Waits until hub and nodes have found each other: a transfer would be allowed.
pub async fn wait_until_open(app: &Caller, field: &Field) -> Result<(), BenchError> {
    let Some(payer) = field.payers.first() else { return Ok(()) };
    let request = CreateTransferRequest {
        payer: Some(payer.party.clone()),
        payee: payer.relatives.first().cloned(),
        kinship: Kinship::Parent.into(),
        amount: "1.00".to_owned(),
        ..CreateTransferRequest::default()
    };
    let mut reasons = String::new();
    let opened = until(OPEN_WITHIN, async || match app.check(&request).await {
        Ok(answer) if answer.allowed => Some(Ok(())),
        Ok(answer) => {
            let all: Vec<String> = answer.refusals.into_iter().map(|refusal| refusal.reason).collect();
            reasons = all.join(", ");
            None
        }
        Err(status) => Some(Err(failed("CheckTransfer")(status))),
    });
    let opened = opened.await;
    opened.unwrap_or_else(|| Err(BenchError::Failed(format!("no transfer is allowed: {reasons}"))))
}
