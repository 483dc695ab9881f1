use super::*;

const OLD: Digest = Digest([1; 32]);
const NEW: Digest = Digest([2; 32]);
const NODE: ProvinceCode = ProvinceCode::new(51);

#[test]
fn only_what_is_known_and_told_can_differ() {
    for (known, told) in [
        (None, None),
        (None, Some(OLD)),
        (Some(OLD), None),
        (Some(OLD), Some(OLD)),
        (Some(FROM_NOTHING), Some(OLD)),
    ] {
        assert_eq!(same_lineage(NODE, known, told), Ok(()), "{known:?} {told:?}");
    }
    for found in [NEW, FROM_NOTHING] {
        let other = OtherLineage { peer: NODE, known: Some(OLD), found };
        assert_eq!(same_lineage(NODE, Some(OLD), Some(found)), Err(other));
    }
}

#[test]
fn a_refusal_says_whose_store_it_is_and_both_lineages() {
    let refusal = RefusalRecord::from(OtherLineage { peer: ProvinceCode::HUB, known: Some(OLD), found: NEW });
    let facts: Vec<(&str, &str)> = refusal.metadata.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
    let (old, new) = ("01".repeat(32), "02".repeat(32));
    assert_eq!(facts, [("peer", "hub"), ("known", &old), ("found", &new)]);
    assert_eq!(role_of(NODE), "node:51");
}
