//! CheckTransfer: what stands against a transfer, asked of both nodes; so often about a person, and no more.

use super::Shared;
use super::tries::Asked;
use crate::domain::hub::first_legs;
use crate::domain::protocol::{Leg, Terms};
use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::rules::at_hub::{self, HubFacts};
use crate::domain::rules::disclosure;
use crate::domain::rules::verification::Verification;
use crate::domain::value::{BySide, Day, Digest, ProvinceCode, TransferId};
use crate::proto::hub::{CheckTransferRequest, CheckTransferResponse};
use crate::proto::types;
use crate::transport::identity::Role;
use crate::wire::prepare::check_result_from_proto;
use crate::wire::status::{Problem, refusal_to_proto};
use std::time::Duration;
use tonic::Status;

impl Shared {
    /// Who asks about whom, as tries are counted.
    pub(super) fn asked<'a>(&self, role: &'a Role, terms: &Terms) -> Asked<'a> {
        let numbers = BySide { payer: &terms.payer, payee: &terms.payee };
        self.tries.asked(role, numbers.map(|party| &party.person.id_number))
    }

    pub(super) fn today(&self) -> Day {
        Day::of(self.clock.now().civil)
    }

    /// Answers a check, within this time.
    pub(super) async fn check(
        &self,
        role: &Role,
        request: &CheckTransferRequest,
        within: Duration,
    ) -> Result<CheckTransferResponse, Status> {
        let (content, stated) = self.reading().check_transfer(request)?;
        let (asked, day) = (self.asked(role, &content.terms), self.today());
        self.tries.check(asked, day)?;
        let found = self.against(&content.terms, stated, within).await;
        let (refusals, answered) = match &found {
            Ok((refusals, answered)) => (refusals.as_slice(), *answered),
            // Nothing was told.
            Err(_) => (&[][..], BySide::default()),
        };
        self.tries.checked(asked, answered, day, refusals);
        let (refusals, _) = found?;
        let refusals: Vec<types::Refusal> = refusals.iter().map(refusal_to_proto).collect();
        Ok(CheckTransferResponse { allowed: refusals.is_empty(), refusals })
    }

    /// Every rule that stands against a transfer, the hub's first, then the payer's, then the payee's, as far as a
    /// check may tell; and whose nodes have answered.
    async fn against(
        &self,
        terms: &Terms,
        stated: Option<Verification>,
        within: Duration,
    ) -> Result<(Vec<RefusalRecord>, BySide<bool>), Status> {
        let now = self.clock.now().civil;
        let rulebook = self.rulebook.now();
        let facts = HubFacts::new(terms, stated, now, &self.places, &rulebook);
        let hub: Vec<_> = at_hub::against(&facts).into_iter().map(|it| it.refusal).collect();
        let demanded = (now, facts.payer_rules);
        let legs = first_legs(TransferId::default(), Digest::default(), terms, demanded, 0);
        let (payer, payee) =
            tokio::join!(self.check_leg(legs.payer, within), self.check_leg(legs.payee, within));
        let sides = BySide { payer: payer?, payee: payee? };
        let has_answered = |refusals: &Vec<RefusalRecord>| {
            refusals.iter().all(|it| it.reason != Reason::ProvinceUnreachable)
        };
        let answered = sides.as_ref().map(has_answered);
        Ok((disclosure::told(hub, sides.payer, sides.payee), answered))
    }

    async fn check_leg(&self, leg: Leg, within: Duration) -> Result<Vec<RefusalRecord>, Status> {
        let (province, side) = (leg.terms.province, RefusalSide::from(leg.reference.id.side));
        let unreachable = |province: ProvinceCode| {
            vec![RefusalRecord::new(Reason::ProvinceUnreachable, RefusalSide::Hub).with("province", province)]
        };
        let Some(link) = self.links.get(&province) else { return Ok(unreachable(province)) };
        match link.check(&[leg], within).await {
            Ok(results) => {
                Ok(results.iter().flat_map(|result| check_result_from_proto(result, side)).collect())
            }
            // A node's own words are not passed on: they may say anything.
            Err(status) if status.code() == tonic::Code::ResourceExhausted => {
                Err(Problem::new(Reason::Overloaded).into())
            }
            Err(_) => Ok(unreachable(province)),
        }
    }
}
