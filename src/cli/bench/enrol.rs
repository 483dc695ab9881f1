//! Generated people, enrolled as a province's own system enrols them.

use super::load::{Field, Giver};
use super::stage::{PAYEE_PROVINCE, PAYER_PROVINCE, Stage, province};
use super::{BenchError, Client, failed, peer};
use crate::domain::value::id_number::IdNumber;
use crate::proto::hub::CheckTransferRequest;
use crate::proto::node::member_service_client::MemberServiceClient;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{CreditAccountRequest, Member, OpenWalletRequest, UpsertMembersRequest};
use crate::proto::types::{InsuranceStatus, InsuranceType, Kinship, Party, Person};
use crate::transport::identity::Role;
use crate::transport::peer::Service;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// What each giver has, in yuan: more than a run of an hour can take.
const BALANCE: &str = "10000000.00";
/// Calls under way at once while people are enrolled.
const AT_ONCE: usize = 256;
/// How long a connection between hub and node may take.
const OPEN_WITHIN: Duration = Duration::from_secs(30);
const SURNAMES: [char; 16] =
    ['王', '李', '张', '刘', '陈', '杨', '赵', '黄', '周', '吴', '徐', '孙', '胡', '朱', '高', '林'];
const GIVEN: [char; 16] =
    ['伟', '芳', '敏', '静', '丽', '强', '磊', '军', '洋', '勇', '艳', '杰', '娟', '涛', '明', '超'];

/// Enrols `members` givers with balances in one province and as many relatives with wallets in the other.
pub async fn enrol(stage: &Stage, members: u64) -> Result<Field, BenchError> {
    let (givers, relatives) = tokio::try_join!(
        enrol_side(stage, PAYER_PROVINCE, members),
        enrol_side(stage, PAYEE_PROVINCE, members)
    )?;
    let relatives: Arc<[Party]> = relatives.into();
    let giver = |party| Giver { party, relatives: Arc::clone(&relatives) };
    Ok(Field { givers: givers.into_iter().map(giver).collect(), dark: Vec::new() })
}

async fn enrol_side(stage: &Stage, number: u8, members: u64) -> Result<Vec<Party>, BenchError> {
    let code = province(number);
    let files = stage.files(&Role::Platform(code));
    let service = peer(&stage.node_address(number), &files, Role::Node(code))?.service();
    let people = people(number, members)?;
    report(MemberServiceClient::new(service.clone()), people.clone(), number).await?;
    each(&people, |at, party| endow(service.clone(), number, at, party)).await?;
    Ok(people)
}

/// People of a province, all different.
pub fn people(number: u8, members: u64) -> Result<Vec<Party>, BenchError> {
    let region = u32::from(number) * 10_000 + 100;
    let person = |at: u64| {
        let part = |divisor: u64, modulus: u64| at / divisor % modulus;
        let small = |value: u64| u8::try_from(value).unwrap_or(u8::MAX);
        let birth = (
            1950 + u16::from(small(part(336_000, 50))),
            1 + small(part(28_000, 12)),
            1 + small(part(1_000, 28)),
        );
        let sequence = u16::try_from(part(1, 1_000)).unwrap_or(u16::MAX);
        let id_number =
            IdNumber::generate(region + 2, birth, sequence).map_err(failed("an identity number"))?;
        let letter = |letters: [char; 16], divisor: u64| letters[usize::from(small(part(divisor, 16)))];
        let name = [letter(SURNAMES, 1), letter(GIVEN, 16), letter(GIVEN, 256)].iter().collect();
        let person = Person { id_number: id_number.reveal().to_owned(), name };
        Ok(Party { person: Some(person), region_code: region.to_string() })
    };
    (0..members).map(person).collect()
}

async fn report(
    mut client: MemberServiceClient<Service>,
    people: Vec<Party>,
    number: u8,
) -> Result<(), BenchError> {
    let giver = number == PAYER_PROVINCE;
    let insurance = if giver { InsuranceType::Employee } else { InsuranceType::Resident };
    let row = move |(at, party): (usize, Party)| UpsertMembersRequest {
        request_id: format!("bench-member-{at}"),
        member: Some(Member {
            party: Some(party),
            insurance_type: insurance.into(),
            insurance_status: InsuranceStatus::Active.into(),
            ..Member::default()
        }),
        phone: String::new(),
    };
    let count = people.len() as u64;
    let rows = people.into_iter().enumerate().map(row);
    let answer = client.upsert_members(tokio_stream::iter(rows)).await.map_err(failed("UpsertMembers"))?;
    let answer = answer.into_inner();
    if answer.accepted_count == count {
        return Ok(());
    }
    let first = answer.rejected.first().and_then(|row| row.error.as_ref());
    let why = first.map_or_else(String::new, |error| error.message.clone());
    Err(BenchError::Failed(format!("UpsertMembers rejected {} rows: {why}", answer.rejected_count)))
}

/// Gives a giver his balance, a relative his wallet.
async fn endow(service: Service, number: u8, at: usize, party: Party) -> Result<(), BenchError> {
    let party = Some(party);
    if number == PAYER_PROVINCE {
        let request = CreditAccountRequest {
            request_id: format!("bench-credit-{at}"),
            party,
            amount: BALANCE.to_owned(),
            period: "202611".to_owned(),
            remark: String::new(),
        };
        let done = MemberServiceClient::new(service).credit_account(request).await;
        done.map(drop).map_err(failed("CreditAccount"))
    } else {
        let request = OpenWalletRequest {
            request_id: format!("bench-wallet-{at}"),
            party,
            use_region_code: String::new(),
            phone: "13800000000".to_owned(),
            confirmed: true,
            opened_by: None,
        };
        let done = WalletServiceClient::new(service).open_wallet(request).await;
        done.map(drop).map_err(failed("OpenWallet"))
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
pub async fn wait_until_open(client: &Client, field: &Field) -> Result<(), BenchError> {
    let Some(giver) = field.givers.first() else { return Ok(()) };
    let request = CheckTransferRequest {
        payer: Some(giver.party.clone()),
        payee: giver.relatives.first().cloned(),
        kinship: Kinship::Parent.into(),
        amount: "1.00".to_owned(),
        remark: String::new(),
        verification: 0,
    };
    let until = Instant::now() + OPEN_WITHIN;
    loop {
        let answer = client.clone().check_transfer(request.clone()).await.map_err(failed("CheckTransfer"))?;
        let answer = answer.into_inner();
        if answer.allowed {
            return Ok(());
        }
        if Instant::now() > until {
            let reasons: Vec<String> = answer.refusals.into_iter().map(|refusal| refusal.reason).collect();
            return Err(BenchError::Failed(format!("no transfer is allowed: {}", reasons.join(", "))));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn generated_people_are_all_different() {
        let people = people(51, 60_000).expect("all dates exist");
        let numbers: BTreeSet<&str> = people
            .iter()
            .filter_map(|party| party.person.as_ref())
            .map(|person| person.id_number.as_str())
            .collect();
        assert_eq!(numbers.len(), 60_000);
        assert!(people.iter().all(|party| party.region_code == "510100"));
    }
}
