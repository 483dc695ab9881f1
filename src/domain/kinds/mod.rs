//! THE table of kinds: what each side's leg of a transfer does to which account, what its lines are called, who owes by
//! it, who may begin it and what corrects it. One file a kind. What is not by the table yet stands in CONTRIBUTING.

mod compensation;
mod transfer;

use crate::domain::protocol::kind::Kind;
use crate::domain::rules::Rule;
use crate::domain::value::ledger::{AccountKind, EntryKind};
use crate::domain::value::side::{BySide, Side};

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct KindRow {
    /// Its number.
    pub kind: Kind,
    /// Its name, for people and programs.
    pub name: &'static str,
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
    /// Whether it moves what an earlier transfer brought: what came before it must be booked first.
    pub fn corrects(&self) -> bool {
        matches!(self.legs.payer.judged_by, JudgedBy::Original)
    }
}

/// What the leg of a side does at its node: a hold on the payer's side, a pending credit on the payee's; booked on
/// commit, released on abort.
#[derive(Clone, Copy, Debug)]
pub struct LegEffect {
    /// Number of the leg's kind on the wire (`gongji.node.v1.LegKind`).
    pub wire: i32,
    /// The member's account that it moves.
    pub account: AccountKind,
    /// What its line of a statement is.
    pub entry: EntryKind,
    /// Whether it counts against the limit of its day, from prepare on and until it is aborted.
    pub counts_in_day: bool,
    /// What judges it.
    pub judged_by: JudgedBy,
}

/// What judges a leg.
#[derive(Clone, Copy, Debug)]
pub enum JudgedBy {
    /// These rules, in this order, on the person that the leg names.
    Rules(&'static [Rule]),
    /// What is left of the leg whose money it carries back.
    Original,
}

/// Who may begin a transfer of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BegunBy {
    /// An app, or the platform of the payer's province.
    Client,
    /// One operator proposes, another one approves.
    TwoOperators,
}

/// Every kind, in order of its number.
pub const TABLE: &[KindRow] = &[transfer::ROW, compensation::ROW];

/// The row of a kind.
///
/// # Panics
/// When no row has this number: only kinds of the table are made.
pub fn of(kind: Kind) -> &'static KindRow {
    TABLE.iter().find(|row| row.kind == kind).expect("every kind has a row")
}

/// The kind and side whose leg has this number on the wire, if there is one.
pub fn by_wire(number: i32) -> Option<(&'static KindRow, Side)> {
    let sides = |row: &'static KindRow| Side::BOTH.map(|side| (row, side));
    TABLE.iter().flat_map(sides).find(|(row, side)| row.legs[*side].wire == number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn numbers_names_and_numbers_on_the_wire_are_given_once() {
        let numbers: BTreeSet<u8> = TABLE.iter().map(|row| row.kind.0).collect();
        let names: BTreeSet<&str> = TABLE.iter().map(|row| row.name).collect();
        let wire: BTreeSet<i32> =
            TABLE.iter().flat_map(|row| row.legs.map(|leg| leg.wire).into_array()).collect();
        assert_eq!((numbers.len(), names.len(), wire.len()), (TABLE.len(), TABLE.len(), 2 * TABLE.len()));
    }

    #[test]
    fn what_corrects_a_kind_is_a_kind_and_moves_the_same_accounts_the_other_way() {
        for row in TABLE {
            let Some(corrector) = row.corrected_by.map(of) else { continue };
            for side in Side::BOTH {
                assert_eq!(corrector.legs[side].account, row.legs[side.other()].account, "{}", row.name);
            }
        }
    }
}
