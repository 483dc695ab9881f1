//! What stands against a leg: where it is to go, whose it is, and every rule of its kind. Asked without preparing it,
//! and by prepare.

use super::account::free;
use super::{NodeMachine, Step, daily};
use crate::domain::kinds::{self, JudgedBy};
use crate::domain::machine::Ticket;
use crate::domain::node::tables::{AccountRow, Key, MemberRow, PersonRow, WalletRow};
use crate::domain::protocol::{Ask, Leg, LegRead, LegTerms};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::rules::identity::{Identity, known};
use crate::domain::rules::rulebook::PlaceRules;
use crate::domain::rules::{AccountFacts, Facts, against};
use crate::domain::value::{AccountKind, Day, Digest, MemberRef, Person, Side};

/// What the rules of a leg look at of its member.
pub(super) fn needs_of_rules(leg: &Leg, member_ref: MemberRef) -> impl Iterator<Item = Key> {
    let side = leg.reference.id.side;
    let account = kinds::of(leg.terms.kind).legs[side].account;
    let wallet = (side == Side::Payee).then_some(Key::Wallet(member_ref));
    [Key::Member(member_ref), Key::Account(member_ref, account)].into_iter().chain(wallet)
}

impl NodeMachine {
    /// What stands against each leg; writes nothing. A leg without its person can be prepared, never checked.
    pub(super) fn check(
        &self,
        ticket: Ticket<Vec<Vec<RefusalRecord>>>,
        legs: &[LegRead],
        step: &mut Step<'_>,
    ) {
        let refusals = legs.iter().map(|read| match read {
            Ok(leg) => match &leg.ask {
                Ask::ByPerson { person, id_hash } => {
                    self.judge(leg, self.identify(person, *id_hash, step), step).0
                }
                Ask::ById => vec![unsupported(leg, "accepted")],
                Ask::ByOriginal { .. } => vec![unsupported(leg, "kind")],
            },
            Err(refused) => vec![refused.refusal.clone()],
        });
        let refusals: Vec<Vec<RefusalRecord>> = refusals.collect();
        step.answer(ticket, refusals);
    }

    pub(super) fn rules(&self, terms: &LegTerms) -> &PlaceRules {
        self.rulebook.rules(terms.province, terms.region, Day::of(terms.receipt_time))
    }

    /// Who a leg's person is here.
    pub(super) fn identify(&self, person: &Person, id_hash: Digest, step: &Step<'_>) -> Identity {
        let row = step.rows().get::<PersonRow>(&Key::Person(id_hash)).filter(|row| !row.is_awaited());
        match row.map(|row| (row.member_ref, self.vault.holds(row, person))) {
            None => Identity::Unknown,
            Some((member_ref, Some(true))) => Identity::Known(member_ref),
            Some((_, Some(false))) => Identity::NameDiffers,
            // One damaged row must not take the other legs of the call down with it.
            Some((_, None)) => Identity::Damaged,
        }
    }

    /// Every rule that stands against the leg, in the fixed order, and whether it has still to be accepted. Identity
    /// comes first and hides the rest.
    pub(super) fn judge(&self, leg: &Leg, identity: Identity, step: &Step<'_>) -> (Vec<RefusalRecord>, bool) {
        let (side, terms) = (leg.reference.id.side, &leg.terms);
        let served = self.places.locate(terms.region).is_some_and(|area| area.province == self.province);
        if !served {
            return (vec![RefusalRecord::new(Reason::RegionElsewhere, side)], false);
        }
        let row = kinds::of(terms.kind);
        let Some(JudgedBy::Rules(rules)) = row.asked(side).map(|asked| asked.judged_by) else {
            return (vec![unsupported(leg, "kind")], false);
        };
        let rows = step.rows();
        let member_ref = if let Identity::Known(member_ref) = identity { Some(member_ref) } else { None };
        let member = member_ref.and_then(|it| rows.get::<MemberRow>(&Key::Member(it)).map(|row| (it, row)));
        if let Some(refusal) = known(identity, side, member.is_some()) {
            return (vec![refusal], false);
        }
        let Some((member_ref, member)) = member else {
            // `known` has refused whoever is no member; nobody is let through for want of a row.
            return (vec![RefusalRecord::new(Reason::Internal, side)], false);
        };
        let account = rows.get::<AccountRow>(&Key::Account(member_ref, row.legs[side].account));
        let account = account.filter(|row| row.kind == AccountKind::Personal);
        let wallet = if side == Side::Payee { rows.get(&Key::Wallet(member_ref)) } else { None };
        let facts = Facts {
            side,
            terms,
            accepted: leg.is_accepted(),
            insurance: &member.insurance(),
            suspended_until: member.settlement_suspended_until,
            account: account.map_or_else(AccountFacts::default, |row| AccountFacts {
                free: free(row),
                held: row.held,
                day_count: daily::count(row, Day::of(terms.receipt_time)),
            }),
            wallet: wallet.map(|wallet: &WalletRow| wallet.state),
            rules: self.rules(terms),
        };
        against(rules, &facts)
    }
}

/// What this node cannot carry out or look at of a leg, by the field that says so.
fn unsupported(leg: &Leg, field: &str) -> RefusalRecord {
    RefusalRecord::new(Reason::Unsupported, leg.reference.id.side).with("field", field)
}
