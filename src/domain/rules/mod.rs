//! Rules as data, judged by small pure functions: one rule a file. Each rule has one owner (hub, payer's node,
//! payee's node); rules are listed here in their fixed order of judgement.

mod acceptance;
mod amount_limit;
pub mod at_hub;
mod balance;
pub mod closed_hours;
mod daily_count;
pub mod identity;
mod insurance;
mod kinship;
mod open_transfer;
mod payee_type;
mod personal_account;
pub mod place_open;
mod public_medical;
pub mod rule_of;
pub mod rulebook;
pub mod settlement_suspended;
pub mod verification;
mod wallet_open;

use crate::domain::node::tables::{AccountRow, MemberRow, WalletRow};
use crate::domain::protocol::acceptance::{AcceptedLeg, LegTerms};
use crate::domain::protocol::returns::ReturnLeg;
use crate::domain::protocol::transfer::Leg;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::{Digest, TransferId};
use crate::domain::value::money::Money;
use crate::domain::value::region::RegionCode;
use crate::domain::value::side::Side;
use identity::Identity;
use rulebook::PlaceRules;

/// A leg as it reaches the core: with what its person is found by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentedLeg {
    /// The leg.
    pub leg: Leg,
    /// Keyed hash of its person's number.
    pub id_hash: Digest,
}

/// A leg that is refused, with what could be read of it: enough to name it, at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedLeg {
    /// The transfer.
    pub transfer_id: TransferId,
    /// Whose part.
    pub side: Side,
    /// Digest of the whole terms.
    pub terms_digest: Digest,
    /// Amount; zero when it cannot be read.
    pub amount: Money,
    /// The other side's pooling area, when it can be read.
    pub counter_region: Option<RegionCode>,
    /// When the hub received the transfer.
    pub receipt_time: Civil,
    /// Why.
    pub refusal: RefusalRecord,
}

/// What a node is asked to prepare or to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Presented {
    /// To be judged.
    Leg(PresentedLeg),
    /// To be judged again, now that the payee has accepted. Its person is known by the id.
    Accepted(AcceptedLeg),
    /// To carry money of a committed transfer back.
    Return(ReturnLeg),
    /// Refused before any rule for what it says: an unknown kind, an unknown place.
    Refused(RefusedLeg),
}

/// All that the rules of one side may look at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// What is asked.
    pub leg: &'a LegTerms,
    /// The member.
    pub member: &'a MemberRow,
    /// His personal account.
    pub account: Option<&'a AccountRow>,
    /// His wallet.
    pub wallet: Option<&'a WalletRow>,
    /// His live and committed transfers of the leg's day.
    pub day_count: u64,
    /// The rulebook of his place.
    pub rules: &'a PlaceRules,
}

/// One rule: why it stands against the leg, if it does.
type Rule = fn(&Facts) -> Option<RefusalRecord>;

/// The payer's rules in order.
const PAYER: &[Rule] = &[
    insurance::elsewhere,
    insurance::payer_employee,
    insurance::in_force,
    insurance::arrears,
    public_medical::excluded,
    settlement_suspended::lifted,
    personal_account::normal,
    kinship::allowed,
    amount_limit::within,
    daily_count::within,
    open_transfer::none,
    balance::enough,
];

/// The payee's rules in order.
const PAYEE: &[Rule] = &[
    insurance::elsewhere,
    insurance::in_force,
    insurance::arrears,
    public_medical::excluded,
    settlement_suspended::lifted,
    payee_type::allowed,
    kinship::allowed,
    wallet_open::open,
];

/// The rules that stand against a leg, in their order, and whether it has still to be accepted. Identity comes first
/// and hides the rest.
pub fn against<'a>(
    leg: &'a LegTerms,
    identity: Identity,
    member: Option<&MemberRow>,
    rest: impl FnOnce(&'a LegTerms) -> RestOfFacts<'a>,
) -> (Vec<RefusalRecord>, bool) {
    if let Some(refusal) = identity::known(identity, leg.side, member.is_some()) {
        return (vec![refusal], false);
    }
    let Some(member) = member else { return (Vec::new(), false) };
    let rest = rest(leg);
    let facts = Facts {
        leg,
        member,
        account: rest.account,
        wallet: rest.wallet,
        day_count: rest.day_count,
        rules: rest.rules,
    };
    let rules = match leg.side {
        Side::Payer => PAYER,
        Side::Payee => PAYEE,
    };
    let refusals = rules.iter().filter_map(|rule| rule(&facts)).collect();
    (refusals, acceptance::is_awaited(&facts))
}

/// Facts beside leg and member, gathered only when identity holds.
#[derive(Clone, Copy, Debug)]
pub struct RestOfFacts<'a> {
    /// His personal account.
    pub account: Option<&'a AccountRow>,
    /// His wallet.
    pub wallet: Option<&'a WalletRow>,
    /// His live and committed transfers of the leg's day.
    pub day_count: u64,
    /// The rulebook of his place.
    pub rules: &'a PlaceRules,
}

/// The payer's or the payee's version of a reason.
fn by_side(side: Side, payer: Reason, payee: Reason) -> RefusalRecord {
    match side {
        Side::Payer => RefusalRecord::new(payer, side),
        Side::Payee => RefusalRecord::new(payee, side),
    }
}
