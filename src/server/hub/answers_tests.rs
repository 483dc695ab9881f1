use super::*;
use crate::domain::kinds;
use crate::domain::protocol::{Kind, PROTOCOL_VERSION, Verdict, Vote};
use crate::domain::value::Digest;
use crate::proto::node;
use crate::wire::inspect::heard_leg_from_proto;
use crate::wire::prepare::{vote_from_proto, vote_to_proto};
use crate::wire::test_kit::leg;

const VOTES: Reading<node::Vote, Vote> = Reading {
    kind: AnswerKind::Vote,
    list: "votes",
    read: vote_from_proto,
    named: |vote| LegRef::new(vote.transfer_id, vote.side, vote.terms_digest),
    says: |vote| (&vote.transfer_id, vote.side),
};

fn yes(of: LegRef) -> node::Vote {
    let LegRef { id: LegId { transfer_id, side }, terms_digest } = of;
    let verdict = Verdict::Yes { leg_record: vec![1], rulebook: Digest([8; 32]) };
    vote_to_proto(&Vote { transfer_id, side, terms_digest, verdict })
}

fn asked() -> LegRef {
    LegRef::new(TransferId([1; 16]), Side::Payee, Digest([5; 32]))
}

/// What comes of this answer to one leg: how many votes count, the field of each fault, and that of the refusal.
fn sorted(votes: &[node::Vote]) -> (usize, Vec<(String, Reason)>, Option<String>) {
    let Sorted { counts, faults, without } = VOTES.sort([asked()].into_iter(), votes);
    let refused = without.first().map(|(id, refusal)| {
        assert_eq!((*id, refusal.reason), (asked().id.transfer_id, Reason::VoteMalformed));
        assert_eq!(refusal.side, Side::Payee.into());
        refusal.metadata[0].1.clone()
    });
    (counts.len(), faults.into_iter().map(|it| (it.field, it.reason)).collect(), refused)
}

fn fault(field: &str, reason: Reason) -> (usize, Vec<(String, Reason)>, Option<String>) {
    (0, vec![(field.to_owned(), reason)], Some(field.to_owned()))
}

#[test]
fn a_vote_that_does_not_count_is_told_by_its_field() {
    let good = yes(asked());
    assert_eq!(sorted(std::slice::from_ref(&good)), (1, Vec::new(), None));
    let with = |change: fn(&mut node::Vote)| {
        let mut wire = good.clone();
        change(&mut wire);
        sorted(&[wire])
    };
    assert_eq!(with(|vote| vote.leg_record.clear()), fault("leg_record", Reason::FieldRequired));
    assert_eq!(with(|vote| vote.leg_record = vec![0; 4_097]), fault("leg_record", Reason::RequestMalformed));
    assert_eq!(
        with(|vote| vote.rulebook_hash = vec![1; 3]),
        fault("rulebook_hash", Reason::RequestMalformed)
    );
    assert_eq!(
        with(|vote| vote.verdict = node::Verdict::Awaiting.into()),
        fault("until", Reason::FieldRequired)
    );
    assert_eq!(with(|vote| vote.terms_digest = vec![6; 32]), fault("terms_digest", Reason::TermsDiffer));
    assert_eq!(with(|vote| vote.terms_digest = vec![6; 31]), fault("terms_digest", Reason::RequestMalformed));
    assert_eq!(sorted(&[]), fault("votes", Reason::FieldRequired));
}

#[test]
fn a_vote_for_another_leg_leaves_its_own_without_one() {
    let other = LegRef::new(TransferId([2; 16]), Side::Payee, Digest([5; 32]));
    let expected = vec![
        ("transfer_id".to_owned(), Reason::RequestMalformed),
        ("votes".to_owned(), Reason::FieldRequired),
    ];
    assert_eq!(sorted(&[yes(other)]), (0, expected, Some("votes".to_owned())));
    // Beside the right one it does no harm.
    let (counts, faults, refused) = sorted(&[yes(other), yes(asked())]);
    assert_eq!((counts, faults.len(), refused), (1, 1, None));
    // An id in upper case is no id between servers.
    let mut shouted = yes(LegRef::new(TransferId([0xab; 16]), Side::Payee, Digest([5; 32])));
    shouted.transfer_id = shouted.transfer_id.to_uppercase();
    let (counts, faults, _) = sorted(&[shouted]);
    assert_eq!((counts, faults[0].clone()), (0, ("transfer_id".to_owned(), Reason::TransferIdMalformed)));
}

#[test]
fn a_node_is_not_asked_for_what_its_version_cannot_know() {
    let mut leg = leg(Side::Payee);
    assert_eq!(too_new(&leg, 1), None, "what was there before versions were told");
    let newer = kinds::TABLE.iter().find(|row| row.since > 1 && row.asked(Side::Payee).is_some());
    leg.terms.kind = newer.map_or(Kind::TRANSFER, |row| row.kind);
    let (_, refusal) = too_new(&leg, 1).expect("refused");
    assert_eq!((refusal.reason, refusal.side), (Reason::NodeTooOld, Side::Payee.into()));
    assert_eq!(too_new(&leg, PROTOCOL_VERSION), None);
}

/// Nobody was told why a hub went on recovering.
#[test]
fn a_leg_that_cannot_be_read_is_named_with_what_is_wrong() {
    let id = TransferId([0xab; 16]);
    let leg = node::LegView { transfer_id: id.to_string().to_uppercase(), ..node::LegView::default() };
    let problem = heard_leg_from_proto(&leg).expect_err("upper case");
    let fault = Fault::of_leg(&leg, &problem);
    assert_eq!((fault.kind, fault.transfer_id), (AnswerKind::Leg, Some(id)));
    assert_eq!((fault.field.as_str(), fault.reason), ("transfer_id", Reason::TransferIdMalformed));
}
