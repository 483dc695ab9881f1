//! Who clears: two operators of the centre, and a maker and a checker in the finance office of each province.

use super::clients::failed;
use super::error::DemoError;
use super::folder::{APP, CHECKER, MAKER, SECOND_OPERATOR};
use crate::devkit::cast::PROVINCES;
use crate::devkit::client::Caller;
use crate::devkit::site::Site;
use crate::domain::value::ProvinceCode;
use crate::proto::Method;
use crate::transport::identity::Role;
use crate::wire::status::problem_of;
use std::collections::BTreeMap;

/// Somebody with a certificate of his own.
pub(super) struct Clerk {
    role: Role,
    caller: Caller,
}

impl Clerk {
    /// "operator:demo", "finance:13:wang".
    pub(super) fn name(&self) -> String {
        let name = self.role.to_string();
        name.trim_start_matches("urn:gongji:").to_owned()
    }

    /// Asks the hub for what it must give.
    pub(super) async fn ask<M: Method>(&self, message: M) -> Result<M::Answer, DemoError> {
        let what = std::any::type_name::<M>().rsplit("::").next().unwrap_or_default();
        let what = format!("hub, {} of {}", what.trim_end_matches("Request"), self.name());
        self.caller.ask_hub(message).await.map_err(failed(&what))
    }

    /// Asks the hub for what it must refuse; gives the reason, or nothing when it did not refuse.
    pub(super) async fn refused<M: Method>(&self, message: M) -> Option<String> {
        let status = self.caller.ask_hub(message).await.err()?;
        problem_of(&status).map(|said| said.code)
    }
}

/// All of them. Made inside a runtime.
pub(super) struct Clerks {
    /// The first operator.
    pub(super) operator: Clerk,
    /// The second one: nobody closes a break alone.
    pub(super) second: Clerk,
    offices: BTreeMap<ProvinceCode, (Clerk, Clerk)>,
}

/// Everybody in finance offices.
pub(super) fn finance() -> impl Iterator<Item = Role> {
    let of = |province| [MAKER, CHECKER].map(|name| Role::Finance(province, name.to_owned()));
    PROVINCES.into_iter().flat_map(of)
}

impl Clerks {
    /// With the site's certificates.
    pub(super) fn new(site: &Site) -> Result<Clerks, DemoError> {
        let clerk = |role: Role| -> Result<Clerk, DemoError> {
            let caller = Caller::at(site, &site.tls(&role)?).keep()?;
            Ok(Clerk { role, caller })
        };
        let office = |province| {
            let person = |name: &str| clerk(Role::Finance(province, name.to_owned()));
            Ok((province, (person(MAKER)?, person(CHECKER)?)))
        };
        Ok(Clerks {
            operator: clerk(Role::Operator(APP.to_owned()))?,
            second: clerk(Role::Operator(SECOND_OPERATOR.to_owned()))?,
            offices: PROVINCES.into_iter().map(office).collect::<Result<_, DemoError>>()?,
        })
    }

    /// Maker and checker of a province, by its two digits.
    pub(super) fn office(&self, code: &str) -> Result<&(Clerk, Clerk), DemoError> {
        let office = ProvinceCode::parse(code).and_then(|code| self.offices.get(&code));
        office.ok_or_else(|| DemoError::Cast(format!("province {code} has no finance office")))
    }
}
