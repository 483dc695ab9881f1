//! Rules as data, judged by small pure functions: one rule a file. Each rule has one owner (hub, payer's node,
//! payee's node); rules are listed here in their fixed order of judgement.

mod acceptance;
mod amount_limit;
pub mod at_hub;
mod balance;
pub mod closed_hours;
mod daily_count;
pub mod demands;
pub mod disclosure;
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

use crate::domain::protocol::LegTerms;
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Day, Insurance, Money, Side, WalletState};
use rulebook::PlaceRules;

/// All that the rules of one side may look at: values, whoever keeps them.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The side whose leg it is: the payer's or the payee's.
    pub side: Side,
    /// All of the leg that rules may look at.
    pub terms: &'a LegTerms,
    /// Whether its payee has accepted.
    pub accepted: bool,
    /// How its person is insured.
    pub insurance: &'a Insurance,
    /// First day on which he is part of the network settlement again (暂停联网结算 until then); none: he is.
    pub suspended_until: Option<Day>,
    /// His personal account; zeros where there is none, or where the side has no part in it.
    pub account: AccountFacts,
    /// His wallet; none where there is none, or where the side has no part in it.
    pub wallet: Option<WalletState>,
    /// The rulebook of his place.
    pub rules: &'a PlaceRules,
}

/// What rules may know of a personal account.
#[derive(Clone, Copy, Debug, Default)]
pub struct AccountFacts {
    /// What is there and not set aside.
    pub free: Money,
    /// What earlier transfers have set aside.
    pub held: Money,
    /// Live and committed transfers of the leg's day.
    pub day_count: u64,
}

/// One rule: why it stands against the leg, if it does.
pub type Rule = fn(&Facts) -> Option<RefusalRecord>;

/// The payer's rules of a transfer, in order.
pub const PAYER: &[Rule] = &[
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

/// The payee's rules of a transfer, in order.
pub const PAYEE: &[Rule] = &[
    insurance::elsewhere,
    insurance::in_force,
    insurance::arrears,
    public_medical::excluded,
    settlement_suspended::lifted,
    payee_type::allowed,
    kinship::allowed,
    wallet_open::open,
];

/// Those of `rules` that stand against a leg, in their order, and whether it has still to be accepted.
pub fn against(rules: &[Rule], facts: &Facts) -> (Vec<RefusalRecord>, bool) {
    (rules.iter().filter_map(|rule| rule(facts)).collect(), acceptance::is_awaited(facts))
}

/// The payer's or the payee's version of a reason.
fn by_side(side: Side, payer: Reason, payee: Reason) -> RefusalRecord {
    match side {
        Side::Payer => RefusalRecord::new(payer, side),
        Side::Payee => RefusalRecord::new(payee, side),
    }
}
