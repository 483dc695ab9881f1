//! A window by totals: what the hub has counted between two provinces against what one of their nodes has.

use crate::domain::hub::tables::TotalRow;
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::add_digest;
use crate::domain::value::{Digest, Money, ProvinceCode, Side};
use std::collections::BTreeMap;

/// Of what a province's side of a window is counted: the other province, the direction, and the kind.
pub type Group = (ProvinceCode, Side, Kind);

/// What was counted of a group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub amount: Money,
    /// The sum of their digests; none of a node that does not tell it.
    pub digest: Option<Digest>,
}

impl Counted {
    /// The sum of two; what does not fit stays at the most there can be.
    #[must_use]
    pub fn and(self, other: Counted) -> Counted {
        Counted {
            count: self.count.saturating_add(other.count),
            amount: self.amount.checked_add(other.amount).unwrap_or(Money::from_fen(i64::MAX)),
            digest: self.digest.zip(other.digest).map(|(one, other)| add_digest(one, other)),
        }
    }

    /// Whether both have counted the same. Where one tells no digest, count and sum must do.
    pub(super) fn is_as(&self, other: &Counted) -> bool {
        let digests = self.digest.zip(other.digest);
        (self.count, self.amount) == (other.count, other.amount)
            && digests.is_none_or(|(one, two)| one == two)
    }
}

/// A province's side of what the hub has counted in a window.
pub fn side_of(province: ProvinceCode, totals: &[TotalRow]) -> BTreeMap<Group, Counted> {
    let of_side = |row: &TotalRow, side| {
        let (own, counter, digest) = match side {
            Side::Payer => (row.payer_province, row.payee_province, row.payer_digest),
            Side::Payee => (row.payee_province, row.payer_province, row.payee_digest),
        };
        let counted = Counted { count: row.count, amount: row.amount, digest: Some(digest) };
        (own == province).then_some(((counter, side, row.kind), counted))
    };
    totals.iter().flat_map(|row| Side::BOTH.map(|side| of_side(row, side))).flatten().collect()
}

/// The same where all kinds are counted together, as transfers: sums that do not fit are left out, and so differ.
pub fn of_all_kinds(side: &BTreeMap<Group, Counted>) -> BTreeMap<Group, Counted> {
    let mut together: BTreeMap<Group, Counted> = BTreeMap::new();
    for ((counter, side, _), one) in side {
        let sum = together.entry((*counter, *side, Kind::TRANSFER)).or_default();
        sum.count = sum.count.saturating_add(one.count);
        sum.amount = sum.amount.checked_add(one.amount).unwrap_or(sum.amount);
    }
    together
}

/// Where hub and node have counted otherwise: the group, what the hub has, and what the node has.
pub fn differences(
    hub: &BTreeMap<Group, Counted>,
    node: &BTreeMap<Group, Counted>,
) -> Vec<(Group, Counted, Counted)> {
    let nothing = Counted::default();
    let mut groups: Vec<&Group> = hub.keys().chain(node.keys()).collect();
    groups.sort_unstable();
    groups.dedup();
    let of = |counted: &BTreeMap<Group, Counted>, group| counted.get(group).copied().unwrap_or(nothing);
    let pairs = groups.into_iter().map(|group| (*group, of(hub, group), of(node, group)));
    pairs.filter(|(_, hub, node)| !hub.is_as(node)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::value::Window;

    fn row(payer: u8, payee: u8, count: u64, fen: i64) -> TotalRow {
        TotalRow {
            window: Window::parse("20261121").expect("a window"),
            payer_province: ProvinceCode::new(payer),
            payee_province: ProvinceCode::new(payee),
            kind: Kind::TRANSFER,
            count,
            amount: Money::from_fen(fen),
            payer_digest: Digest([payer; 32]),
            payee_digest: Digest([payee; 32]),
        }
    }

    #[test]
    fn a_province_has_what_it_paid_and_what_it_received() {
        let totals = [row(13, 51, 2, 500), row(51, 13, 1, 7), row(31, 51, 3, 9)];
        let side = side_of(ProvinceCode::new(13), &totals);
        let shown: Vec<_> = side.iter().map(|(group, it)| (group.0.number(), group.1, it.count)).collect();
        assert_eq!(shown, [(51, Side::Payer, 2), (51, Side::Payee, 1)]);
        let digests: Vec<_> = side.values().map(|it| it.digest).collect();
        assert_eq!(digests, [Some(Digest([13; 32])), Some(Digest([13; 32]))], "each direction has its own");
    }

    #[test]
    fn kinds_are_added_up_for_a_node_that_tells_none() {
        let back = TotalRow { kind: Kind::COMPENSATION, ..row(13, 51, 1, 30) };
        let side = side_of(ProvinceCode::new(13), &[row(13, 51, 2, 500), back]);
        let group = (ProvinceCode::new(51), Side::Payer, Kind::TRANSFER);
        let together = Counted { count: 3, amount: Money::from_fen(530), digest: None };
        assert_eq!(of_all_kinds(&side), [(group, together)].into());
    }

    #[test]
    fn each_part_of_a_total_is_compared_and_a_group_may_be_missing_on_either_side() {
        let hub = side_of(ProvinceCode::new(13), &[row(13, 51, 2, 500)]);
        assert_eq!(differences(&hub, &hub), []);
        let group = (ProvinceCode::new(51), Side::Payer, Kind::TRANSFER);
        let sound = hub[&group];
        let changed = |counted| differences(&hub, &[(group, counted)].into()).len();
        assert_eq!(changed(Counted { count: 3, ..sound }), 1);
        assert_eq!(changed(Counted { amount: Money::from_fen(501), ..sound }), 1);
        assert_eq!(changed(Counted { digest: Some(Digest([9; 32])), ..sound }), 1, "other transfers");
        assert_eq!(changed(Counted { digest: None, ..sound }), 0, "a node that tells none");
        let nothing = BTreeMap::new();
        assert_eq!(differences(&hub, &nothing), [(group, sound, Counted::default())]);
        assert_eq!(differences(&nothing, &hub), [(group, Counted::default(), sound)]);
    }
}
