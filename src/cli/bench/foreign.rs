//! Servers that run already, as a connect.json describes them. Their stores are theirs: the audit goes over the wire.

use super::audit::{Audit, Findings};
use super::load::{Answer, Field, Giver, Seen, read};
use super::{BenchError, Client, failed, peer};
use crate::domain::value::money::Money;
use crate::domain::value::region::ProvinceCode;
use crate::proto::hub::TransferState;
use crate::proto::node::member_service_client::MemberServiceClient;
use crate::proto::node::wallet_service_client::WalletServiceClient;
use crate::proto::node::{GetMemberRequest, GetWalletRequest};
use crate::proto::types::{Party, Person};
use crate::transport::identity::Role;
use crate::transport::tls::TlsFiles;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Ids read back in one call.
const PAGE: usize = 1_000;

#[derive(Deserialize)]
struct Files {
    cert: PathBuf,
    key: PathBuf,
}

#[derive(Deserialize)]
struct MemberFile {
    id_number: String,
    name: String,
    region_code: String,
    insurance: String,
    status: String,
    wallet: bool,
    #[serde(default)]
    province: String,
}

/// What is read of connect.json; it may say more.
#[derive(Deserialize)]
struct ConnectFile {
    hub: String,
    nodes: BTreeMap<String, String>,
    ca: PathBuf,
    cert: PathBuf,
    key: PathBuf,
    #[serde(default)]
    platforms: BTreeMap<String, Files>,
    members: Vec<MemberFile>,
}

/// One node: where it is, and its province's own certificate.
struct Node {
    address: String,
    platform: TlsFiles,
}

/// The servers and their members.
pub struct World {
    /// The hub's URL.
    pub hub: String,
    /// The app's certificate.
    pub app: TlsFiles,
    nodes: BTreeMap<ProvinceCode, Node>,
    members: Vec<(ProvinceCode, Party, MemberFile)>,
}

/// Money of all members, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    personal: i64,
    wallets: i64,
}

fn url(address: String) -> String {
    if address.contains("://") { address } else { format!("https://{address}") }
}

impl World {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<World, BenchError> {
        let usage = |what: String| BenchError::Usage(format!("{}: {what}", path.display()));
        let text = std::fs::read_to_string(path).map_err(|error| usage(error.to_string()))?;
        let file: ConnectFile = serde_json::from_str(&text).map_err(|error| usage(error.to_string()))?;
        let province =
            |text: &str| ProvinceCode::parse(text).ok_or_else(|| usage(format!("no province {text:?}")));
        let mut nodes = BTreeMap::new();
        for (code, files) in file.platforms {
            let address =
                file.nodes.get(&code).ok_or_else(|| usage(format!("no node for province {code}")))?;
            let platform = TlsFiles { ca: file.ca.clone(), cert: files.cert, key: files.key };
            nodes.insert(province(&code)?, Node { address: url(address.clone()), platform });
        }
        let member = |member: MemberFile| {
            let stated = if member.province.is_empty() { &member.region_code } else { &member.province };
            let code = province(stated.get(..2).unwrap_or(""))?;
            let person = Person { id_number: member.id_number.clone(), name: member.name.clone() };
            let party = Party { person: Some(person), region_code: member.region_code.clone() };
            Ok((code, party, member))
        };
        let members = file.members.into_iter().map(member).collect::<Result<_, BenchError>>()?;
        let app = TlsFiles { ca: file.ca, cert: file.cert, key: file.key };
        Ok(World { hub: url(file.hub), app, nodes, members })
    }

    /// Givers are employees in force; relatives those with a wallet in another province.
    pub fn field(&self) -> Result<Field, BenchError> {
        let in_force = || self.members.iter().filter(|(_, _, member)| member.status == "active");
        let relatives_of = |province: &ProvinceCode| -> Arc<[Party]> {
            let others = in_force().filter(|(other, _, member)| member.wallet && other != province);
            others.map(|(_, party, _)| party.clone()).collect()
        };
        let relatives: BTreeMap<ProvinceCode, Arc<[Party]>> =
            self.nodes.keys().map(|province| (*province, relatives_of(province))).collect();
        let givers = in_force().filter(|(_, _, member)| member.insurance == "employee");
        let giver = |(province, party, _): &(ProvinceCode, Party, MemberFile)| {
            let relatives = relatives.get(province).filter(|relatives| !relatives.is_empty())?;
            Some(Giver { party: party.clone(), relatives: Arc::clone(relatives) })
        };
        let givers: Vec<Giver> = givers.filter_map(giver).collect();
        if givers.is_empty() {
            let what = "connect.json names no employee with a relative's wallet in another province";
            return Err(BenchError::Usage(what.to_owned()));
        }
        Ok(Field { givers, dark: Vec::new() })
    }

    /// What all members have together, asked of their nodes.
    pub async fn balances(&self) -> Result<Balances, BenchError> {
        let mut balances = Balances::default();
        let fen = |text: &str| Money::parse(text).map(Money::fen).map_err(failed("a balance"));
        for (province, node) in &self.nodes {
            let service = peer(&node.address, &node.platform, Role::Node(*province))?.service();
            let mut members = MemberServiceClient::new(service.clone());
            let mut wallets = WalletServiceClient::new(service);
            for (_, party, member) in self.members.iter().filter(|(home, _, _)| home == province) {
                let request = GetMemberRequest { party: Some(party.clone()) };
                let answer = members.get_member(request).await.map_err(failed("GetMember"))?;
                balances.personal += fen(&answer.into_inner().member.unwrap_or_default().balance)?;
                if member.wallet {
                    let request = GetWalletRequest { party: Some(party.clone()) };
                    let answer = wallets.get_wallet(request).await.map_err(failed("GetWallet"))?;
                    balances.wallets += fen(&answer.into_inner().wallet.unwrap_or_default().balance)?;
                }
            }
        }
        Ok(balances)
    }

    /// Reads every transfer back from the hub and every balance from the nodes. Others must not have used these
    /// members meanwhile.
    pub async fn audit(
        &self,
        client: &Client,
        before: &Balances,
        answers: &[Answer],
    ) -> Result<Audit, BenchError> {
        let mut findings = Findings::default();
        let mut audit = Audit { source: "wire", answers: answers.len() as u64, ..Audit::default() };
        let mut moved = 0;
        for page in answers.chunks(PAGE) {
            let ids: Vec<_> = page.iter().map(|answer| answer.id).collect();
            for (answer, found) in page.iter().zip(read(client, &ids).await?) {
                let state = found.as_ref().map(|it| it.state());
                match (answer.seen, state) {
                    (Seen::Committed | Seen::Unknown, Some(TransferState::Committed)) => {
                        audit.committed += 1;
                        moved += answer.fen;
                    }
                    (Seen::Aborted | Seen::Unknown, Some(TransferState::Aborted)) => audit.aborted += 1,
                    (Seen::Error | Seen::Unknown, None) => {}
                    (seen, state) => {
                        findings
                            .add("answer differs from the hub", format!("{} {seen:?} {state:?}", answer.id));
                    }
                }
                audit.resolved += u64::from(answer.seen == Seen::Unknown);
                if found.is_some_and(|it| !(it.payer_recorded && it.payee_recorded)) {
                    findings.add("transfer not recorded by both provinces", answer.id);
                }
            }
        }
        let wanted = Balances { personal: before.personal - moved, wallets: before.wallets + moved };
        findings.compare("members' money differs from the committed sum", self.balances().await?, wanted);
        findings.conclude(audit)
    }
}
