//! THE table of kinds: how a transfer of each is decided, what each side's leg does to which account, what its lines
//! are called, who owes by it, who may begin it and what corrects it. One file a kind.

mod compensation;
#[cfg(test)]
mod made_up;
mod transfer;

use crate::domain::protocol::Kind;
use crate::domain::rules::Rule;
use crate::domain::value::{AccountKind, BySide, Direction, EntryKind, Side};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    /// Its number.
    pub kind: Kind,
    /// Its name, for people and programs.
    pub name: &'static str,
    /// Version of the protocol that brought it: nodes of an older one cannot know it.
    pub since: u32,
    /// How it is decided.
    pub form: Form,
    /// What each side's leg does.
    pub legs: BySide<LegEffect>,
    /// Whose province owes the amount to the other's once it is committed; none: nobody owes anything.
    pub debtor: Option<Side>,
    /// Who may begin it.
    pub begun_by: BegunBy,
    /// The kind that corrects it; none: nothing does.
    pub corrected_by: Option<Kind>,
}

impl KindRow {
    /// How a node is asked for a side's leg; none: no node is.
    pub fn asked(&self, side: Side) -> Option<&AskedLeg> {
        match &self.form {
            Form::Prepared(legs) => Some(&legs[side]),
            Form::Posted { .. } => None,
        }
    }

    /// Whether it moves what an earlier transfer brought: what came before it must be booked first.
    pub fn corrects(&self) -> bool {
        let by_original = |asked: &AskedLeg| matches!(asked.judged_by, JudgedBy::Original);
        self.asked(Side::Payer).is_none_or(by_original)
    }
}

/// How a transfer of a kind is decided.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// Both nodes are asked and vote, and the hub decides.
    Prepared(BySide<AskedLeg>),
    /// The payee's node decides by itself, against what a committed transfer has brought there; the hub books it, and
    /// the payer's node is told.
    Posted {
        /// The kind of that transfer.
        backed_by: Kind,
    },
}

/// How a node is asked to prepare a leg.
#[derive(Clone, Copy, Debug)]
pub struct AskedLeg {
    /// Number of the leg's kind on the wire (`gongji.node.v1.LegKind`).
    pub wire: i32,
    /// What judges it.
    pub judged_by: JudgedBy,
}

/// What the leg of a side does at its node. Of a prepared kind: a hold (out) or a pending credit (in), booked on
/// commit, released on abort. Of a posted one: booked as it is decided, or told.
#[derive(Clone, Copy, Debug)]
pub struct LegEffect {
    /// The member's account that it moves.
    pub account: AccountKind,
    /// Which way its money goes.
    pub direction: Direction,
    /// What its line of a statement is.
    pub entry: EntryKind,
    /// Whether it counts against the limit of its day, from prepare on and until it is aborted.
    pub counts_in_day: bool,
}

/// What judges a leg.
#[derive(Clone, Copy, Debug)]
pub enum JudgedBy {
    /// These rules, in this order, on the person that the leg names.
    Rules(&'static [Rule]),
    /// What is left of the leg whose money it carries back.
    Original,
}

impl JudgedBy {
    /// Whether rules judge it.
    pub fn is_rules(&self) -> bool {
        matches!(self, JudgedBy::Rules(_))
    }
}

/// Who may begin a transfer of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BegunBy {
    /// An app, or the platform of the payer's province.
    Client,
    /// One operator proposes, another one approves.
    TwoOperators,
    /// The payee's node.
    Owner,
}

/// Every kind, in order of its number.
pub const TABLE: &[KindRow] = &[
    transfer::ROW,
    compensation::ROW,
    #[cfg(test)]
    made_up::LOAN,
    #[cfg(test)]
    made_up::REPAYMENT,
];

/// The row of a kind.
///
/// # Panics
/// When no row has this number: a test holds that there is one for every kind that this program knows.
pub fn of(kind: Kind) -> &'static KindRow {
    TABLE.iter().find(|row| row.kind == kind).expect("every kind has a row")
}

/// The kind and side whose leg has this number on the wire, if there is one.
pub fn by_wire(number: i32) -> Option<(&'static KindRow, Side)> {
    let sides = |row: &'static KindRow| Side::BOTH.map(|side| (row, side));
    TABLE
        .iter()
        .flat_map(sides)
        .find(|(row, side)| row.asked(*side).is_some_and(|asked| asked.wire == number))
}

/// The kind of a transfer that is shown without its kind: whether it names an original says which it is.
pub fn as_shown(names_original: bool) -> Kind {
    if names_original { Kind::COMPENSATION } else { Kind::TRANSFER }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn money_that_goes_back_is_judged_by_what_moved_it() {
        let rules =
            |kind| Side::BOTH.map(|side| of(kind).asked(side).map(|asked| asked.judged_by.is_rules()));
        assert_eq!(rules(Kind::TRANSFER), [Some(true); 2]);
        assert_eq!(rules(Kind::COMPENSATION), [Some(false); 2]);
    }

    #[test]
    fn numbers_names_and_numbers_on_the_wire_are_given_once() {
        let kinds: Vec<Kind> = TABLE.iter().map(|row| row.kind).collect();
        assert_eq!(kinds, Kind::ALL, "a row for every kind, in order of its number");
        let names: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
        let legs = |row: &'static KindRow| Side::BOTH.into_iter().filter_map(|side| row.asked(side));
        let wire = || TABLE.iter().flat_map(legs).map(|asked| asked.wire);
        assert_eq!(names.len(), TABLE.len());
        assert_eq!(wire().collect::<BTreeSet<i32>>().len(), wire().count());
    }

    #[test]
    fn what_corrects_a_kind_is_a_kind_and_moves_the_same_accounts_the_other_way() {
        for row in TABLE {
            let Some(corrector) = row.corrected_by.map(of) else { continue };
            for side in Side::BOTH {
                let (back, there) = (corrector.legs[side], row.legs[side.other()]);
                assert_eq!(
                    (back.account, back.direction),
                    (there.account, there.direction.back()),
                    "{}",
                    row.name
                );
            }
        }
    }

    /// What leaves one place comes to the other, so that the books of both sum to zero with what they owe.
    #[test]
    fn what_a_prepared_leg_of_the_payer_gives_that_of_the_payee_takes() {
        for row in TABLE {
            let directions = row.legs.map(|leg| leg.direction);
            match row.form {
                Form::Prepared(_) => {
                    assert_eq!((directions.payer, directions.payee), (Direction::Out, Direction::In))
                }
                Form::Posted { .. } => assert_eq!(directions.payer, directions.payee.back(), "{}", row.name),
            }
        }
    }

    #[test]
    fn what_backs_a_posted_kind_is_prepared_and_no_posting_counts_in_a_day() {
        for row in TABLE {
            let Form::Posted { backed_by } = row.form else { continue };
            assert!(matches!(of(backed_by).form, Form::Prepared(_)), "{}", row.name);
            // What counts in a day is reserved by a vote, and there is none.
            assert!(Side::BOTH.into_iter().all(|side| !row.legs[side].counts_in_day), "{}", row.name);
            assert_eq!(row.begun_by, BegunBy::Owner, "{}", row.name);
            // Two ways of giving the same money back would each look at what they have used alone.
            let corrector = of(backed_by).corrected_by.map(|kind| of(kind).form);
            assert!(!matches!(corrector, Some(Form::Prepared(_))), "{}", row.name);
        }
    }
}
