//! Breaks (差错) as operators and provinces read them.

use crate::domain::hub::breaks::{Bucket, FoundBreak};
use crate::domain::value::TransferId;
use crate::proto::hub;
use crate::wire::status::refusal_side_to_proto;

fn bucket_to_proto(bucket: Bucket) -> hub::BreakBucket {
    match bucket {
        Bucket::MissingAtHub => hub::BreakBucket::MissingAtHub,
        Bucket::MissingAtPayer => hub::BreakBucket::MissingAtPayer,
        Bucket::MissingAtPayee => hub::BreakBucket::MissingAtPayee,
        Bucket::Amount => hub::BreakBucket::Amount,
        Bucket::State => hub::BreakBucket::State,
        Bucket::InDoubt => hub::BreakBucket::InDoubt,
        Bucket::Late => hub::BreakBucket::Late,
        Bucket::Contradiction => hub::BreakBucket::Contradiction,
    }
}

fn id_text(id: TransferId) -> String {
    if id == TransferId::default() { String::new() } else { id.to_string() }
}

/// A commit that differs.
pub fn found_to_proto(it: &FoundBreak) -> hub::DifferingCommit {
    let text =
        |amount: Option<crate::domain::value::Money>| amount.map_or_else(String::new, |it| it.to_string());
    hub::DifferingCommit {
        transfer_id: id_text(it.transfer_id),
        bucket: bucket_to_proto(it.bucket).into(),
        counter_province_code: it.counterpart.to_string(),
        side: refusal_side_to_proto(it.side.into()).into(),
        kind: i32::from(it.kind.number()),
        hub_seq: it.hub_seq,
        hub_amount: text(it.hub_amount),
        node_amount: text(it.node_amount),
    }
}
