//! Which role may call which method: one table, and what the configuration grants to each app beyond it.

use crate::config::callers::Callers;
use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::transport::identity::Role;
use std::collections::{BTreeMap, BTreeSet};

/// Kinds of callers, as the table names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Caller {
    Hub,
    Node,
    /// Any app; what it may do there is for its grant to say.
    App,
    /// Any province's platform.
    Platform,
    /// The platform of the province whose node is called.
    OwnPlatform,
    Operator,
    /// A person of any province's finance office.
    Finance,
}

use Caller::{App, Finance, Hub, Node, Operator, OwnPlatform, Platform};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    /// Even without a certificate.
    Everyone,
    /// Any certificate with a role, but a finance person's: clearing alone is for these.
    AnyRole,
    /// These.
    Only(&'static [Caller]),
}

use Access::{AnyRole, Everyone, Only};

const HUB: Access = Only(&[Hub]);
const NODE: Access = Only(&[Node]);
const TRANSFER: Access = Only(&[App, Platform]);
const MEMBER: Access = Only(&[OwnPlatform]);
const WALLET: Access = Only(&[App, OwnPlatform]);
const OPERATOR: Access = Only(&[Operator]);
const CLEARING: Access = Only(&[Operator, Platform, Finance]);
/// A finance person speaks for his province, an operator for the national centre.
const SIGNING: Access = Only(&[Operator, Finance]);

/// Every method of ours and who may call it. A path that ends in `/` stands for all methods of a service.
const TABLE: &[(&str, Access)] = &[
    ("/gongji.hub.v1.TransferService/CreateTransfer", TRANSFER),
    ("/gongji.hub.v1.TransferService/CheckTransfer", TRANSFER),
    ("/gongji.hub.v1.TransferService/SubmitTransfers", TRANSFER),
    ("/gongji.hub.v1.TransferService/GetTransfer", TRANSFER),
    ("/gongji.hub.v1.TransferService/BatchGetTransfers", TRANSFER),
    ("/gongji.hub.v1.TransferService/ListTransfers", TRANSFER),
    ("/gongji.hub.v1.TransferService/WatchTransfers", TRANSFER),
    ("/gongji.hub.v1.TransferService/AcceptTransfer", TRANSFER),
    ("/gongji.hub.v1.TransferService/DeclineTransfer", TRANSFER),
    ("/gongji.hub.v1.CoordinatorService/AnnounceNode", NODE),
    ("/gongji.hub.v1.CoordinatorService/Resolve", NODE),
    ("/gongji.hub.v1.RegionService/ListRegions", AnyRole),
    ("/gongji.hub.v1.RegionService/GetRegion", AnyRole),
    ("/gongji.hub.v1.AuditService/ReadBooks", OPERATOR),
    ("/gongji.hub.v1.AuditService/ReadTransfers", OPERATOR),
    ("/gongji.hub.v1.AuditService/ListInFlight", OPERATOR),
    ("/gongji.hub.v1.AuditService/ListIncidents", OPERATOR),
    ("/gongji.hub.v1.AuditService/ListNodes", OPERATOR),
    ("/gongji.hub.v1.CompensationService/ProposeCompensation", OPERATOR),
    ("/gongji.hub.v1.CompensationService/ApproveCompensation", OPERATOR),
    ("/gongji.hub.v1.CompensationService/WithdrawCompensation", OPERATOR),
    ("/gongji.hub.v1.CompensationService/ListCompensations", OPERATOR),
    ("/gongji.hub.v1.OperationService/ProposeOperation", OPERATOR),
    ("/gongji.hub.v1.OperationService/ApproveOperation", OPERATOR),
    ("/gongji.hub.v1.OperationService/WithdrawOperation", OPERATOR),
    ("/gongji.hub.v1.OperationService/ListOperations", OPERATOR),
    ("/gongji.hub.v1.OperationService/AssignIncident", OPERATOR),
    ("/gongji.hub.v1.OperationService/GetClock", OPERATOR),
    ("/gongji.hub.v1.RulebookService/GetRulebook", AnyRole),
    ("/gongji.hub.v1.SettlementService/GetOpenWindow", CLEARING),
    ("/gongji.hub.v1.SettlementService/ListWindows", CLEARING),
    ("/gongji.hub.v1.SettlementService/CloseWindow", OPERATOR),
    ("/gongji.hub.v1.SettlementService/GetPositions", CLEARING),
    ("/gongji.hub.v1.SettlementService/ReconcileWindow", CLEARING),
    ("/gongji.hub.v1.SettlementService/GetStatement", CLEARING),
    ("/gongji.hub.v1.SettlementService/ListPeriods", CLEARING),
    ("/gongji.hub.v1.SettlementService/ClosePeriod", OPERATOR),
    ("/gongji.hub.v1.SettlementService/PublishPeriod", OPERATOR),
    ("/gongji.hub.v1.SettlementService/ListTables", CLEARING),
    ("/gongji.hub.v1.SettlementService/SignPeriod", SIGNING),
    ("/gongji.hub.v1.SettlementService/ObjectToItem", SIGNING),
    ("/gongji.hub.v1.SettlementService/ListObligations", CLEARING),
    ("/gongji.hub.v1.SettlementService/RecordPayment", SIGNING),
    ("/gongji.hub.v1.SettlementService/ConfirmReceipt", SIGNING),
    ("/gongji.hub.v1.SettlementService/VoidPayment", SIGNING),
    ("/gongji.hub.v1.SettlementService/CoverObligation", SIGNING),
    ("/gongji.hub.v1.SettlementService/GetPrefunds", CLEARING),
    ("/gongji.hub.v1.SettlementService/AdjustPrefund", SIGNING),
    ("/gongji.hub.v1.SettlementService/ListBreaks", CLEARING),
    ("/gongji.hub.v1.SettlementService/AssignBreak", OPERATOR),
    ("/gongji.hub.v1.SettlementService/CloseBreak", OPERATOR),
    ("/gongji.node.v1.ParticipantService/Prepare", HUB),
    ("/gongji.node.v1.ParticipantService/Decide", HUB),
    ("/gongji.node.v1.ParticipantService/Check", HUB),
    ("/gongji.node.v1.ParticipantService/Inspect", Only(&[Hub, OwnPlatform, Operator])),
    ("/gongji.node.v1.MemberService/UpsertMembers", MEMBER),
    ("/gongji.node.v1.MemberService/GetMember", MEMBER),
    ("/gongji.node.v1.MemberService/UpdateInsurance", MEMBER),
    ("/gongji.node.v1.MemberService/CreditAccount", MEMBER),
    ("/gongji.node.v1.MemberService/SuspendSettlement", MEMBER),
    ("/gongji.node.v1.WalletService/OpenWallet", WALLET),
    ("/gongji.node.v1.WalletService/GetWallet", WALLET),
    ("/gongji.node.v1.WalletService/ListEntries", WALLET),
    ("/gongji.node.v1.AuditService/ReadBooks", OPERATOR),
    ("/gongji.node.v1.AuditService/ListInDoubt", OPERATOR),
    ("/gongji.node.v1.AuditService/ListIncidents", OPERATOR),
    ("/gongji.node.v1.AuditService/ListSuspense", OPERATOR),
    ("/gongji.node.v1.WalletService/GetStatement", WALLET),
    ("/gongji.node.v1.WalletService/ChangePlace", MEMBER),
    ("/gongji.node.v1.WalletService/FreezeWallet", MEMBER),
    ("/gongji.node.v1.WalletService/UnfreezeWallet", MEMBER),
    ("/gongji.node.v1.WalletService/CloseWallet", MEMBER),
    ("/grpc.health.v1.Health/", Everyone),
    ("/grpc.reflection.v1.ServerReflection/", AnyRole),
    ("/grpc.reflection.v1alpha.ServerReflection/", AnyRole),
];

/// Why a call goes no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// CERTIFICATE_REQUIRED, ROLE_NOT_ALLOWED, PROVINCE_NOT_ALLOWED or NODE_NOT_LISTED.
    Because(Reason),
    /// No row: what is not in the table is not served. Told only to callers with a role.
    NoSuchMethod,
}

/// What the configuration lets one app do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AppGrant {
    /// Provinces that it serves: the payer's to create, the payee's to accept, the member's for his wallet.
    pub provinces: BTreeSet<ProvinceCode>,
    /// Methods, as `TransferService.CreateTransfer`.
    pub methods: BTreeSet<String>,
}

/// Whom the configuration lists, and what it lets apps do. Who is not in a list that is there may do nothing but what
/// every role may; a list that is not there holds everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grants {
    apps: Option<BTreeMap<String, AppGrant>>,
    callers: Callers,
    nodes: Option<BTreeSet<ProvinceCode>>,
}

/// A grant names a method that does not exist or is not for apps.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "app `{app}`: `{method}` is not a method that an app may call; write it as TransferService.CreateTransfer"
)]
pub struct GrantError {
    /// The app.
    pub app: String,
    /// What stands there.
    pub method: String,
}

fn service_and_method(path: &str) -> Option<(&str, &str)> {
    let (service, method) = path.rsplit_once('/')?;
    Some((service.rsplit('.').next().unwrap_or(service), method))
}

impl Grants {
    /// These grants, by app name, and everybody else.
    ///
    /// # Errors
    /// When an app is given a method that is not for apps.
    pub fn new(apps: BTreeMap<String, AppGrant>) -> Result<Grants, GrantError> {
        let is_for_apps = |name: &str| {
            TABLE.iter().any(|(path, access)| {
                matches!(access, Only(callers) if callers.contains(&App))
                    && service_and_method(path) == name.split_once('.')
            })
        };
        for (app, grant) in &apps {
            if let Some(method) = grant.methods.iter().find(|method| !is_for_apps(method)) {
                return Err(GrantError { app: app.clone(), method: method.clone() });
            }
        }
        Ok(Grants { apps: Some(apps), ..Grants::any() })
    }

    /// Every app, every province: for tests, demos and servers whose authority issues to trusted apps only.
    pub fn any() -> Grants {
        Grants::default()
    }

    /// The same, and of operators, platforms and finance persons only these.
    pub fn with_callers(self, callers: Callers) -> Grants {
        Grants { callers, ..self }
    }

    /// The same, and of nodes only these provinces'.
    pub fn with_nodes(self, nodes: impl IntoIterator<Item = ProvinceCode>) -> Grants {
        Grants { nodes: Some(nodes.into_iter().collect()), ..self }
    }

    /// Whether the app may call the method at this path, as far as grants go.
    pub fn allows_method(&self, app: &str, path: &str) -> bool {
        let is_method = |method: &String| method.split_once('.') == service_and_method(path);
        self.holds(app, |grant| grant.methods.iter().any(is_method))
    }

    /// Whether the app may act for members of this province. For handlers: the layer does not read requests.
    pub fn allows_province(&self, app: &str, province: ProvinceCode) -> bool {
        self.holds(app, |grant| grant.provinces.contains(&province))
    }

    fn holds(&self, app: &str, test: impl FnOnce(&AppGrant) -> bool) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.get(app).is_some_and(test))
    }

    /// Whether a caller other than an app is in its list.
    fn lists(&self, role: &Role) -> bool {
        fn holds<T: Ord>(list: Option<&BTreeSet<T>>, one: &T) -> bool {
            list.is_none_or(|list| list.contains(one))
        }
        let Callers { operators, platforms, finance } = &self.callers;
        match role {
            Role::Hub | Role::App(_) => true,
            Role::Node(province) => holds(self.nodes.as_ref(), province),
            Role::Platform(province) => holds(platforms.as_ref(), province),
            Role::Operator(name) => holds(operators.as_ref(), name),
            Role::Finance(province, name) => holds(finance.as_ref(), &(*province, name.clone())),
        }
    }
}

/// Whether a caller with this role (none: no certificate, or one without a role) may call the method at `path` on a
/// server with the role `server`. Looks at nothing else, so that who may not call learns nothing from validation.
pub fn check(path: &str, role: Option<&Role>, server: &Role, grants: &Grants) -> Result<(), Denial> {
    let row = TABLE.iter().find(|(row, _)| *row == path || (row.ends_with('/') && path.starts_with(row)));
    let Some(role) = role else {
        let open = row.is_some_and(|(_, access)| *access == Everyone);
        return if open { Ok(()) } else { Err(Denial::Because(Reason::CertificateRequired)) };
    };
    match row {
        None => Err(Denial::NoSuchMethod),
        Some((_, Everyone)) => Ok(()),
        Some((_, AnyRole)) if !matches!(role, Role::Finance(..)) => Ok(()),
        Some((_, AnyRole)) => Err(Denial::Because(Reason::RoleNotAllowed)),
        Some((_, Only(callers))) => {
            check_caller(callers, path, role, server, grants).map_err(Denial::Because)
        }
    }
}

fn check_caller(
    callers: &[Caller],
    path: &str,
    role: &Role,
    server: &Role,
    grants: &Grants,
) -> Result<(), Reason> {
    let has = |caller: Caller| callers.contains(&caller);
    let for_role = match role {
        Role::Hub => has(Hub),
        Role::Node(_) => has(Node),
        Role::Operator(_) => has(Operator),
        Role::App(name) => has(App) && grants.allows_method(name, path),
        Role::Platform(_) => has(Platform) || has(OwnPlatform),
        Role::Finance(..) => has(Finance),
    };
    match (for_role, grants.lists(role), role) {
        (true, false, Role::Node(_)) => Err(Reason::NodeNotListed),
        (false, ..) | (_, false, _) => Err(Reason::RoleNotAllowed),
        // Another province's platform, where only the own one may call.
        (true, true, Role::Platform(_)) if has(OwnPlatform) && server.province() != role.province() => {
            Err(Reason::ProvinceNotAllowed)
        }
        (true, true, _) => Ok(()),
    }
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
