//! Operators who lose patience, in some worlds: of the provinces for which a restored hub waits the last are left out
//! of its recovery, whether their nodes are down, slow or cut off. They come back by themselves.

use super::joint::goes_joint;
use super::stale::goes_stale;
use super::world::World;
use crate::domain::hub::Key;
use crate::domain::machine::operation::Operation;
use crate::domain::machine::{PeerRow, TableRow};
use crate::domain::value::ProvinceCode;
use crate::testkit::HUB;

/// Whether provinces are left out in a seed's world.
pub fn leaves_out(seed: u64) -> bool {
    seed % 15 == 8 && !goes_stale(seed) && !goes_joint(seed)
}

impl World {
    /// Two operators leave a province out, once half of all were heard.
    pub(super) fn leave_out(&mut self) {
        // A life that was lost and had left out others may have given numbers again that one of them knows: what it
        // tells then is left to people, which no world expects.
        let again = self.report.counts.contains_key("hub recovered");
        // By a clock that is not believed they end no recovery.
        if again || self.cluster.hub.doubts || !self.hub_restored || !leaves_out(self.plan.seed) {
            return;
        }
        let unheard =
            self.cluster.hub.core.as_ref().map_or_else(Vec::new, |_| self.cluster.hub.machine().unheard());
        if let Some(province) =
            unheard.last().filter(|_| unheard.len() * 2 <= self.cluster.country.provinces.len())
        {
            self.log(format_args!("{province} is left out"));
            self.report.count("left out of a recovery");
            self.two_operators(HUB, Operation::LeaveOut(*province));
        }
    }

    /// Whether somebody was left out and not heard yet: the hub's books lack what that province alone knows.
    pub(super) fn lacks_somebody(&self) -> bool {
        let is_left = |province: &ProvinceCode| {
            let row = self.cluster.hub.disk.row(&Key::Peer(*province));
            row.as_ref().and_then(PeerRow::of).is_some_and(|peer| peer.left_out.is_some())
        };
        self.hub_lost && self.cluster.country.provinces.iter().any(is_left)
    }
}
