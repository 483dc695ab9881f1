//! Servers that run already, as a connect.json describes them. Their stores are theirs: the audit goes over the wire.

use super::audit::{Audit, Findings, compare_answer};
use super::load::{Answer, Field, Payer, read};
use super::{BenchError, Client, failed};
use crate::config::connect::{CertFiles, ConnectFile};
use crate::config::transport::TlsFiles;
use crate::devkit::cast::{Insurance, Listed, Status};
use crate::devkit::client::Caller;
use crate::domain::protocol::TransferState;
use crate::domain::value::{Money, ProvinceCode};
use crate::proto::hub;
use crate::proto::hub::Transfer;
use crate::proto::types::Party;
use crate::transport::identity::Role;
use crate::transport::tls::Tls;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// Ids read back in one call.
const PAGE: usize = 1_000;

/// The servers and their members.
pub struct World {
    /// The app, which knows the hub.
    pub app: Caller,
    /// Each province's own system, which knows its node.
    platforms: BTreeMap<ProvinceCode, Caller>,
    members: Vec<(ProvinceCode, Listed)>,
}

/// Money of all members, in fen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Balances {
    personal: i64,
    wallets: i64,
}

fn caller(server: Role, address: &str, files: &TlsFiles) -> Result<Caller, BenchError> {
    let url = if address.contains("://") { address.to_owned() } else { format!("https://{address}") };
    let tls = Tls::load(files).map_err(failed("certificates"))?;
    Ok(Caller::new([(server, url)], &tls))
}

impl World {
    /// Reads the file.
    pub fn load(path: &Path) -> Result<World, BenchError> {
        let usage = |what: String| BenchError::Usage(format!("{}: {what}", path.display()));
        let file = ConnectFile::<Listed>::read(path).map_err(BenchError::Usage)?;
        let (Some(hub), Some(ca), Some(app)) = (&file.hub, &file.ca, &file.own) else {
            return Err(usage("it must name hub, ca, cert and key".to_owned()));
        };
        let files = |it: &CertFiles| TlsFiles::new(ca, &it.cert, &it.key);
        let province =
            |text: &str| ProvinceCode::parse(text).ok_or_else(|| usage(format!("no province {text:?}")));
        let mut platforms = BTreeMap::new();
        for (code, certificate) in &file.platforms {
            let node = file.nodes.get(code).ok_or_else(|| usage(format!("no node for province {code}")))?;
            let code = province(code)?;
            let platform = caller(Role::Node(code), node, &files(certificate))?;
            platforms.insert(code, platform.keep().map_err(failed("a connection"))?);
        }
        let member = |member: Listed| match member.province() {
            ProvinceCode::HUB => Err(usage(format!("no province {:?}", member.region_code))),
            code => Ok((code, member)),
        };
        let app = caller(Role::Hub, hub, &files(app))?;
        Ok(World { app, platforms, members: file.members.into_iter().map(member).collect::<Result<_, _>>()? })
    }

    /// Payers are employees in force; relatives those with a wallet in another province.
    pub fn field(&self) -> Result<Field, BenchError> {
        let in_force = || self.members.iter().filter(|(_, member)| member.status == Status::Active);
        let relatives_of = |province: &ProvinceCode| -> Arc<[Party]> {
            let others = in_force().filter(|(other, member)| member.wallet && other != province);
            others.map(|(_, member)| member.party()).collect()
        };
        let relatives: BTreeMap<ProvinceCode, Arc<[Party]>> =
            self.platforms.keys().map(|province| (*province, relatives_of(province))).collect();
        let payers = in_force().filter(|(_, member)| member.insurance == Insurance::Employee);
        let payer = |(province, member): &(ProvinceCode, Listed)| {
            let relatives = relatives.get(province).filter(|relatives| !relatives.is_empty())?;
            Some(Payer { party: member.party(), relatives: Arc::clone(relatives) })
        };
        let payers: Vec<Payer> = payers.filter_map(payer).collect();
        if payers.is_empty() {
            let what = "connect.json names no employee with a relative's wallet in another province";
            return Err(BenchError::Usage(what.to_owned()));
        }
        Ok(Field { payers, dark: Vec::new() })
    }

    /// What all members have together, asked of their nodes.
    pub async fn balances(&self) -> Result<Balances, BenchError> {
        let mut balances = Balances::default();
        let fen = |text: &str| Money::parse(text).map(Money::fen).map_err(failed("a balance"));
        for (province, member) in &self.members {
            let Some(platform) = self.platforms.get(province) else { continue };
            let party = member.party();
            balances.personal += fen(&platform.member(&party).await.map_err(failed("GetMember"))?.balance)?;
            if member.wallet {
                balances.wallets +=
                    fen(&platform.wallet(&party).await.map_err(failed("GetWallet"))?.balance)?;
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
        let mut audit = Audit { source: "wire", ..Audit::default() };
        let mut moved = 0;
        for page in answers.chunks(PAGE) {
            let ids: Vec<_> = page.iter().map(|answer| answer.id).collect();
            for (answer, found) in page.iter().zip(read(client, &ids).await?) {
                let at_hub = found.as_ref().map(at_hub).transpose()?;
                compare_answer(answer, at_hub, &mut audit, &mut findings);
                moved +=
                    at_hub.filter(|(state, _)| *state == TransferState::Committed).map_or(0, |(_, fen)| fen);
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

/// State and amount as the hub tells them.
fn at_hub(transfer: &Transfer) -> Result<(TransferState, i64), BenchError> {
    let state = match transfer.state() {
        hub::TransferState::Committed => TransferState::Committed,
        hub::TransferState::Aborted => TransferState::Aborted,
        hub::TransferState::Pending
        | hub::TransferState::AwaitingAcceptance
        | hub::TransferState::Unspecified => TransferState::Pending,
    };
    Ok((state, Money::parse(&transfer.amount).map_err(failed("an amount"))?.fen()))
}
