use super::*;
use crate::domain::hub::record::{DecisionsRecorded, LegNamed};
use crate::domain::machine::Ticket;
use crate::domain::node;
use crate::domain::protocol::Kind;
use crate::testkit::made_up_tests::{loan, repayment};
use crate::testkit::{PAYEE, PAYER, Pair, id};

/// Where a page of the payer's ends, whether it is the last, and whose decisions it holds.
fn page(pair: &Pair, page: Page) -> (u64, bool, Vec<TransferId>) {
    let Input::ReadBack { upto, end, decisions, .. } = pair.read_back(PAYER, page) else {
        panic!("another input")
    };
    (upto, end, decisions.iter().map(|it| it.transfer_id).collect())
}

fn recorded(province: ProvinceCode, legs: Vec<(TransferId, Side)>) -> Record {
    DecisionsRecorded { province, legs }.into()
}

/// Of the first transfer the node may not know the decision, of which it gives the receipt a page of the journal later;
/// of the second nobody has a receipt.
#[test]
fn what_is_told_again_is_not_cut_off_where_a_page_of_the_journal_ends() {
    let mut pair = Pair::new();
    for number in [1, 2] {
        let asked = pair.create(1, number, 10_000);
        let _untold = pair.vote_on(&asked);
    }
    let (decided, page_len) = (pair.hub.journal().len() as u64, PAGE as u64);
    pair.hub.rewrite(|records| {
        records.extend((0..PAGE).map(|_| recorded(PAYEE, Vec::new())));
        records.push(recorded(PAYER, vec![(id(1), Side::Payer)]));
        records.push(recorded(PAYEE, vec![(id(1), Side::Payee)]));
    });
    assert_eq!(page(&pair, Page::Late(decided)), (decided, false, vec![id(1), id(2)]));
    assert_eq!(page(&pair, Page::After(0)), (page_len, false, vec![id(1), id(2)]));
    let last = pair.hub.journal().len() as u64;
    assert_eq!(page(&pair, Page::After(page_len)), (last, true, vec![]));
    assert_eq!(page(&pair, Page::After(last - page_len)), (last, false, vec![]), "a full page has another");
    assert_eq!(page(&pair, Page::Late(0)), (0, false, vec![]));
}

/// A leg's own record is for its node alone.
#[test]
fn the_decisions_of_a_record_are_those_of_its_legs() {
    let mut pair = Pair::new();
    pair.done(|pair| pair.run_hub(loan(1, 100_000)));
    pair.run_node(PAYEE, node::Input::Post { ticket: Ticket::new(9), request: repayment(2, 1, 1_000) });
    pair.tick();
    pair.finish(Vec::new());
    let (posted, row) = (pair.hub.journal(), pair.transfer(2));
    assert_eq!(row.kind, Kind::REPAYMENT);
    let posted = posted.into_iter().find(|it| matches!(it, Record::TransferPosted(_))).expect("posted");
    assert_eq!(decisions_of(PAYER, &posted, &row), vec![]);
    let told = decisions_of(PAYEE, &posted, &row);
    assert_eq!(told.iter().map(|it| (it.transfer_id, it.side)).collect::<Vec<_>>(), [(id(2), Side::Payee)]);
    assert!(!told[0].leg_record.is_empty());
    let named: Record = LegNamed { transfer_id: id(1), side: Side::Payer, leg_record: vec![7] }.into();
    let told = decisions_of(PAYER, &named, &pair.transfer(1));
    assert_eq!((told.len(), &told[0].leg_record), (1, &vec![7]));
    assert_eq!(decisions_of(PAYEE, &named, &pair.transfer(1)), vec![]);
}
