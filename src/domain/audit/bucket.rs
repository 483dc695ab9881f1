//! In which way a commit differs, by what each side knows of it.

use super::search::Differing;
use super::totals::Group;
use crate::domain::hub::breaks::{Bucket, FoundBreak};
use crate::domain::value::{Money, Side, TransferId};

/// What the side that lacks a commit in its window knows of the transfer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elsewhere {
    /// Nothing.
    Nothing,
    /// It does not know the decision.
    Open,
    /// It has ended there otherwise; with this amount, if it is committed.
    Ended(Option<Money>),
}

/// What a difference is. `is_late`: the hub adopted it after its window had closed.
pub fn found_break(
    (counterpart, side, kind): Group,
    transfer_id: TransferId,
    it: &Differing,
    elsewhere: Elsewhere,
    is_late: bool,
) -> FoundBreak {
    let bucket = match (it.hub, it.node, elsewhere) {
        (Some(_), ..) if is_late => Bucket::Late,
        (Some(hub), Some(node), _) if hub.amount != node.amount => Bucket::Amount,
        (Some(_), Some(_), _) | (_, _, Elsewhere::Ended(_)) => Bucket::State,
        (_, _, Elsewhere::Open) => Bucket::InDoubt,
        (None, _, Elsewhere::Nothing) => Bucket::MissingAtHub,
        (Some(_), None, Elsewhere::Nothing) => match side {
            Side::Payer => Bucket::MissingAtPayer,
            Side::Payee => Bucket::MissingAtPayee,
        },
    };
    let other = match elsewhere {
        Elsewhere::Ended(amount) => amount,
        Elsewhere::Nothing | Elsewhere::Open => None,
    };
    FoundBreak {
        transfer_id,
        bucket,
        counterpart,
        side,
        kind,
        hub_seq: it.hub.or(it.node).map_or(0, |seen| seen.hub_seq),
        hub_amount: it.hub.map(|seen| seen.amount).or(other.filter(|_| it.hub.is_none())),
        node_amount: it.node.map(|seen| seen.amount).or(other.filter(|_| it.node.is_none())),
    }
}

/// A node that contradicts itself in a group: no transfer can be named.
pub fn contradiction((counterpart, side, kind): Group) -> FoundBreak {
    FoundBreak {
        transfer_id: TransferId::default(),
        bucket: Bucket::Contradiction,
        counterpart,
        side,
        kind,
        hub_seq: 0,
        hub_amount: None,
        node_amount: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::audit::search::Seen;
    use crate::domain::protocol::Kind;
    use crate::domain::value::{ProvinceCode, Window};

    #[test]
    fn each_bucket_is_told_by_what_both_sides_know() {
        let seen = |fen, hub_seq| {
            let (window, transfer_id) = (Window::parse("20261121").expect("a window"), TransferId([7; 16]));
            Some(Seen { window, hub_seq, transfer_id, amount: Money::from_fen(fen) })
        };
        let of = |side, hub, node, elsewhere, is_late| {
            let group = (ProvinceCode::new(51), side, Kind::TRANSFER);
            found_break(group, TransferId([7; 16]), &Differing { hub, node }, elsewhere, is_late)
        };
        use Elsewhere::{Ended, Nothing, Open};
        use Side::{Payee, Payer};
        let cases = [
            (of(Payer, seen(1, 1), None, Nothing, false), Bucket::MissingAtPayer),
            (of(Payee, seen(1, 1), None, Nothing, false), Bucket::MissingAtPayee),
            (of(Payer, None, seen(1, 1), Nothing, false), Bucket::MissingAtHub),
            (of(Payer, seen(1, 1), seen(2, 1), Nothing, false), Bucket::Amount),
            (of(Payer, seen(1, 1), seen(1, 2), Nothing, false), Bucket::State),
            (of(Payer, seen(1, 1), None, Ended(None), false), Bucket::State),
            (of(Payer, None, seen(1, 1), Ended(None), false), Bucket::State),
            (of(Payer, seen(1, 1), None, Open, false), Bucket::InDoubt),
            (of(Payer, None, seen(1, 1), Open, false), Bucket::InDoubt),
            (of(Payer, seen(1, 1), seen(2, 1), Nothing, true), Bucket::Late),
        ];
        for (found, bucket) in cases {
            assert_eq!(found.bucket, bucket);
        }
        let moved = of(Payer, seen(1, 9), None, Ended(Some(Money::from_fen(5))), false);
        assert_eq!(
            (moved.hub_seq, moved.hub_amount, moved.node_amount),
            (9, Some(Money::from_fen(1)), Some(Money::from_fen(5)))
        );
    }
}
