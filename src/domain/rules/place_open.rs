//! Both places must have opened the wallet on the day of receipt (policy_facts §2.7, R12). Owned by the hub.

use crate::domain::reason::{Reason, RefusalRecord, RefusalSide};
use crate::domain::value::{Day, RegionCode, RegionDirectory};

/// The refusals of the two places, payer's first.
pub fn against(
    places: &RegionDirectory,
    payer: RegionCode,
    payee: RegionCode,
    day: Day,
) -> Vec<RefusalRecord> {
    let closed = |region| !places.locate(region).is_some_and(|area| area.is_open(day));
    let sides = [(payer, Reason::PayerPlaceNotOpen), (payee, Reason::PayeePlaceNotOpen)];
    let refusal = |(region, reason)| {
        RefusalRecord::new(reason, RefusalSide::Hub).with("region", region).with("day", day)
    };
    sides.into_iter().filter(|(region, _)| closed(*region)).map(refusal).collect()
}
