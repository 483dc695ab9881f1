use super::*;
use crate::domain::machine::Output;
use crate::domain::node::{Answer, Input};
use crate::testkit::{PAYER, Pair};

fn tell(pair: &mut Pair, notices: &[(u64, u64)]) -> u64 {
    let notices = notices.iter().map(|(number, previous)| Notice {
        number: *number,
        previous: *previous,
        content: vec![1],
    });
    let (hub, notices) = (pair.hub.mark(), notices.collect());
    let outputs = pair.run_node(PAYER, Input::Notices { ticket: Ticket::new(9), hub, notices });
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Answer(9, Answer::Noticed(Noticed(last))) => Some(last),
        _ => None,
    });
    answer.expect("an answer")
}

#[test]
fn notices_are_kept_once_in_order_and_without_a_gap() {
    let mut pair = Pair::new();
    assert_eq!(tell(&mut pair, &[]), 0, "how far are you");
    assert_eq!(tell(&mut pair, &[(5, 3)]), 0, "3 is not here");
    assert_eq!(tell(&mut pair, &[(3, 0), (5, 3)]), 5);
    assert_eq!(tell(&mut pair, &[(3, 0), (5, 3), (9, 5)]), 9, "told again from the beginning");
    let kept: Vec<u64> = pair
        .node(PAYER)
        .rows()
        .iter()
        .filter_map(|row| match row {
            Row::Notice(row) => Some(row.number),
            _ => None,
        })
        .collect();
    assert_eq!(kept, [3, 5, 9]);
    assert!(pair.rebuilds().into_iter().all(|(_, (same, _))| same));
}
