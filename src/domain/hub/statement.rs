//! Statements of clearing (清算明细): which commits of a window a reader is told, and what these add up to.

use crate::domain::hub::tables::{Table, TotalRow, TransferRow};
use crate::domain::machine::scan::value;
use crate::domain::machine::{Filter, Order, Term};
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, row_digest};
use crate::domain::value::column::Column;
use crate::domain::value::{Digest, Money, ProvinceCode, RegionCode, Side, TransferId, Window};

/// Which commits. All that is given must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// In which this province pays or receives.
    pub province: Option<ProvinceCode>,
    /// Whose other side is this province.
    pub counter: Option<ProvinceCode>,
    /// In which this pooling area pays or receives.
    pub area: Option<RegionCode>,
}

impl Selection {
    /// Whether it takes all that one province has paid to another, but for its pooling area.
    pub fn takes(&self, total: &TotalRow) -> bool {
        let pair = [total.payer_province, total.payee_province];
        [self.province, self.counter].into_iter().flatten().all(|it| pair.contains(&it))
    }

    /// Its commits of a window whose numbers begin with `first`, in order of their numbers: each branch follows the
    /// index by window and number.
    pub fn rows(&self, window: Window, first: u64) -> Filter<Table> {
        let place = [Term::Is("window", value(&window)), Term::AtLeast("hub_seq", value(&first))];
        let [payer, payee] = ["payer_province", "payee_province"];
        let pair = |one: ProvinceCode, two: ProvinceCode| {
            vec![Term::Is(payer, value(&one)), Term::Is(payee, value(&two))]
        };
        let provinces = match (self.province, self.counter) {
            (Some(province), Some(counter)) => vec![pair(province, counter), pair(counter, province)],
            (Some(one), None) | (None, Some(one)) => on_either_side([payer, payee], &one),
            (None, None) => vec![Vec::new()],
        };
        let areas = self
            .area
            .map_or_else(|| vec![Vec::new()], |area| on_either_side(["payer_region", "payee_region"], &area));
        let both =
            provinces.iter().flat_map(|terms| areas.iter().map(move |more| [&terms[..], more].concat()));
        let branches = both.map(|terms| [&place[..], &terms].concat()).collect();
        Filter { table: Table::Transfer, branches, order: Order::Rising("hub_seq") }
    }
}

/// The branch in which the first column holds this, and the one in which only the second does.
fn on_either_side([one, other]: [&'static str; 2], wanted: &impl Column) -> Vec<Vec<Term>> {
    let wanted = value(wanted);
    let first = vec![Term::Is(one, wanted.clone())];
    vec![first, vec![Term::Is(other, wanted.clone()), Term::IsNot(one, wanted)]]
}

/// What commits add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Their amounts in fen: those of a country may be more than one amount can be.
    pub fen: i128,
    /// The sum of the digests of both legs of each.
    pub digest: Digest,
}

impl Sum {
    /// With one commit more.
    #[must_use]
    pub fn with(self, row: &TransferRow) -> Sum {
        self.with_commit(row.hub_seq.unwrap_or(0), row.transfer_id, row.kind, row.amount)
    }

    /// The same of a commit with this number.
    #[must_use]
    pub fn with_commit(self, hub_seq: u64, id: TransferId, kind: Kind, amount: Money) -> Sum {
        let of = |side| row_digest(hub_seq, id, kind, side, amount);
        let digest = Side::BOTH.map(of).into_iter().fold(self.digest, add_digest);
        Sum { count: self.count.saturating_add(1), fen: self.fen + i128::from(amount.fen()), digest }
    }

    /// With all commits of a total.
    #[must_use]
    pub fn with_total(self, row: &TotalRow) -> Sum {
        let digest = [row.payer_digest, row.payee_digest].into_iter().fold(self.digest, add_digest);
        Sum {
            count: self.count.saturating_add(row.count),
            fen: self.fen + i128::from(row.amount.fen()),
            digest,
        }
    }
}

/// Commits that tests make up.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    use crate::domain::hub::transfer::begun;
    use crate::domain::protocol::TransferState;
    use crate::domain::value::{BySide, Civil};

    /// The first pooling area of a province.
    pub(crate) fn area(province: u8) -> RegionCode {
        RegionCode::new(u32::from(province) * 10_000 + 100).expect("six digits")
    }

    /// A commit of `number` hundred fen from one province to another one.
    pub(crate) fn commit(window: Window, number: u64, [payer, payee]: [u8; 2]) -> TransferRow {
        let place = |province| (area(province), ProvinceCode::new(province));
        let places = BySide { payer: place(payer), payee: place(payee) };
        let fen = i64::try_from(number * 100).expect("it fits");
        let id = TransferId((u128::from(number) + 1).to_be_bytes());
        TransferRow {
            state: TransferState::Committed,
            window: Some(window),
            hub_seq: Some(number),
            ..begun(Kind::TRANSFER, (id, Money::from_fen(fen)), places, (Civil(1), 1))
        }
    }

    /// What commits of one window between the same two provinces add up to.
    pub(crate) fn total(rows: &[&TransferRow]) -> TotalRow {
        let digests = |side| {
            let of = |row: &&TransferRow| {
                row_digest(row.hub_seq.unwrap_or(0), row.transfer_id, row.kind, side, row.amount)
            };
            rows.iter().map(of).fold(Digest::default(), add_digest)
        };
        let fen = rows.iter().map(|row| row.amount.fen()).sum();
        TotalRow {
            window: rows[0].window.expect("a commit"),
            payer_province: rows[0].payer_province,
            payee_province: rows[0].payee_province,
            kind: Kind::TRANSFER,
            count: rows.len() as u64,
            amount: Money::from_fen(fen),
            payer_digest: digests(Side::Payer),
            payee_digest: digests(Side::Payee),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::samples::{area, total};
    use super::*;
    use crate::domain::hub::Row;

    fn window() -> Window {
        Window::parse("20261121").expect("a window")
    }

    fn commit(number: u64, payer: u8, payee: u8) -> TransferRow {
        samples::commit(window(), number, [payer, payee])
    }

    #[test]
    fn each_row_that_is_selected_is_read_once() {
        let rows = [commit(1, 13, 51), commit(2, 51, 13), commit(3, 13, 44), commit(4, 44, 51)];
        let selected = |selection: Selection, first| {
            let filter = selection.rows(window(), first);
            let times = |row: &&TransferRow| {
                let row = Row::from((**row).clone());
                let of_branch = |terms: &Vec<Term>| {
                    let alone = Filter { branches: vec![terms.clone()], ..filter.clone() };
                    usize::from(alone.admits(&row))
                };
                filter.branches.iter().map(of_branch).sum::<usize>()
            };
            let found = rows.iter().map(|row| (row.hub_seq.unwrap_or(0), times(&row)));
            assert!(found.clone().all(|(_, times)| times <= 1), "{selection:?}");
            found.filter(|(_, times)| *times == 1).map(|(number, _)| number).collect::<Vec<_>>()
        };
        let [of, with] = [13, 51].map(|code| Some(ProvinceCode::new(code)));
        let none = Selection::default();
        assert_eq!(selected(none, 0), [1, 2, 3, 4]);
        assert_eq!(selected(none, 3), [3, 4], "behind the second");
        assert_eq!(selected(Selection { province: of, ..none }, 0), [1, 2, 3]);
        assert_eq!(selected(Selection { province: of, counter: with, area: None }, 0), [1, 2]);
        assert_eq!(selected(Selection { area: Some(area(44)), ..none }, 0), [3, 4]);
        let all = Selection { province: of, counter: with, area: Some(area(51)) };
        assert_eq!(selected(all, 2), [2]);
        // What is kept of a pair is taken exactly where its rows are.
        let pairs = |selection: Selection| {
            let taken = rows.iter().filter(|row| selection.takes(&total(&[row])));
            taken.filter_map(|row| row.hub_seq).collect::<Vec<_>>()
        };
        assert_eq!(pairs(none), [1, 2, 3, 4]);
        assert_eq!(pairs(Selection { province: of, ..none }), [1, 2, 3]);
        assert_eq!(pairs(Selection { province: of, counter: with, area: None }), [1, 2]);
    }

    #[test]
    fn rows_add_up_to_their_totals_and_to_nothing_else() {
        let (one, two) = (commit(1, 13, 51), commit(2, 13, 51));
        let kept = Sum::default().with_total(&total(&[&one, &two]));
        let read = Sum::default().with(&one).with(&two);
        assert_eq!((read, read.count, read.fen), (kept, 2, 300));
        assert_ne!(Sum::default().with(&one).with(&one), kept, "a row twice");
        let moved = TransferRow { hub_seq: Some(9), ..two };
        assert_ne!(Sum::default().with(&one).with(&moved), kept, "another number");
    }
}
