//! What the demonstration calls, as any program would: the hub and the wallets as an app, the members as the
//! provinces' own platforms.

use super::error::DemoError;
use super::folder::APP;
use crate::devkit::cast::{Listed, PROVINCES, opening, report};
use crate::devkit::client::Caller;
use crate::devkit::site::Site;
use crate::domain::reason::Reason;
use crate::domain::value::{Money, ProvinceCode};
use crate::proto::hub::{Transfer, TransferState};
use crate::proto::node::{FreezeWalletRequest, OpenWalletRequest, Wallet, WalletRelative};
use crate::proto::types::Kinship;
use crate::transport::identity::Role;
use crate::wire::status::{explain, problem_of};
use std::collections::BTreeMap;
use std::time::Duration;
use tonic::Status;

/// How long servers may take until they serve.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// A number for the wallets' phones that nobody has. The same at each start, or it would be another request.
const PHONE: &str = "00000000000";

/// The opening of a member's wallet.
fn own_opening(request_id: String, member: &Listed) -> OpenWalletRequest {
    OpenWalletRequest { phone: PHONE.to_owned(), ..opening(request_id, &member.party()) }
}

/// Connections to all servers, as an app and as each province's platform. Made inside a runtime.
pub(super) struct Clients {
    /// As an app.
    pub(super) app: Caller,
    platforms: BTreeMap<ProvinceCode, Caller>,
}

/// A call that must succeed did not. Messages of this service carry no personal data.
pub(super) fn failed(what: &str) -> impl FnOnce(Status) -> DemoError {
    let what = what.to_owned();
    move |status| DemoError::Call(what, status.message().to_owned())
}

impl Clients {
    /// With the site's certificates.
    pub(super) fn new(site: &Site) -> Result<Clients, DemoError> {
        let caller = |role: Role| Caller::at(site, &site.tls(&role)?).keep();
        let platforms = PROVINCES.into_iter().map(|code| Ok((code, caller(Role::Platform(code))?)));
        let platforms = platforms.collect::<Result<_, DemoError>>()?;
        Ok(Clients { app: caller(Role::App(APP.to_owned()))?, platforms })
    }

    fn platform(&self, province: ProvinceCode) -> Result<&Caller, DemoError> {
        let platform = self.platforms.get(&province);
        platform.ok_or_else(|| DemoError::Cast(format!("province {province} has no node")))
    }

    /// Waits until every server says that it serves.
    pub(super) async fn wait_until_serving(&self) -> Result<(), DemoError> {
        let waited = self.app.wait_until_serving(READY_WITHIN).await;
        waited.map_err(|(server, status)| failed(&server.file_stem())(status))
    }

    /// Reports members to their province. Members who are there already stay as they are.
    pub(super) async fn upsert(&self, province: ProvinceCode, members: &[&Listed]) -> Result<(), DemoError> {
        let row = |member: &&Listed| report(format!("demo-member-{}", member.key), member.member());
        let what = format!("node {province}, UpsertMembers");
        let rows = members.iter().map(row).collect();
        let answer = self.platform(province)?.upsert(province, rows).await.map_err(failed(&what))?;
        match answer.rejected.into_iter().next() {
            None => Ok(()),
            Some(row) => {
                let said = row.error.as_ref().and_then(explain).map_or_else(String::new, |said| said.message);
                Err(DemoError::Call(what, format!("row {}: {said}", row.request_id)))
            }
        }
    }

    /// Books an allotment; once for a request id.
    pub(super) async fn credit(
        &self,
        member: &Listed,
        request_id: String,
        amount: Money,
        period: &str,
    ) -> Result<(), DemoError> {
        let platform = self.platform(member.province())?;
        let credited = platform.credit(&request_id, &member.party(), (&amount.to_string(), period)).await;
        credited.map_err(failed(&format!("`{}`, CreditAccount", member.key)))
    }

    /// Opens a member's wallet, if it is not open yet.
    pub(super) async fn open_wallet(&self, member: &Listed) -> Result<(), DemoError> {
        let request = own_opening(format!("demo-wallet-{}", member.key), member);
        let opened = self.app.open_wallet(request).await;
        opened.map(drop).map_err(failed(&format!("`{}`, OpenWallet", member.key)))
    }

    /// What is in a member's personal account.
    pub(super) async fn account(&self, member: &Listed) -> Result<Money, DemoError> {
        let what = format!("`{}`, GetMember", member.key);
        let found = self.platform(member.province())?.member(&member.party()).await;
        money(&what, &found.map_err(failed(&what))?.balance)
    }

    /// What is in a member's wallet, if he has one.
    pub(super) async fn wallet(&self, member: &Listed) -> Result<Option<Money>, DemoError> {
        let what = format!("`{}`, GetWallet", member.key);
        match self.app.wallet(&member.party()).await {
            Ok(wallet) => money(&what, &wallet.balance).map(Some),
            Err(status) => match problem_of(&status) {
                Some(said) if said.code == Reason::WalletNotFound.code() => Ok(None),
                Some(_) | None => Err(failed(&what)(status)),
            },
        }
    }

    /// A relative opens a member's wallet, as an app states it. Asked again it is the same request.
    pub(super) async fn open_for(
        &self,
        member: &Listed,
        relative: &Listed,
        kinship: Kinship,
    ) -> Result<Wallet, Status> {
        let opened_by = WalletRelative {
            person: relative.party().person,
            kinship: kinship.into(),
            statement: "已核验双方身份证影像".to_owned(),
        };
        let own = own_opening(format!("demo-relative-{}", member.key), member);
        self.app.open_wallet(OpenWalletRequest { opened_by: Some(opened_by), ..own }).await
    }

    /// A member's province freezes his wallet. Asked again it is the same request.
    pub(super) async fn freeze(&self, member: &Listed) -> Result<Wallet, Status> {
        let request = FreezeWalletRequest {
            request_id: format!("demo-freeze-{}", member.key),
            party: Some(member.party()),
            reason_code: "SUSPECTED_MISUSE".to_owned(),
        };
        let province = member.province();
        let platform = self.platform(province).map_err(|error| Status::unknown(error.to_string()))?;
        let answer = platform.ask_node(province, request).await?;
        answer.wallet.ok_or_else(|| Status::unknown("the node's answer has no wallet"))
    }

    /// Every committed transfer since the folder was made.
    pub(super) async fn committed(&self) -> Result<Vec<Transfer>, DemoError> {
        self.app.list(TransferState::Committed).await.map_err(failed("hub, ListTransfers"))
    }
}

/// An amount that a server answered.
pub(super) fn money(what: &str, text: &str) -> Result<Money, DemoError> {
    Money::parse(text).map_err(|error| DemoError::Call(what.to_owned(), error.to_string()))
}
