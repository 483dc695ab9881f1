//! How many questions of nodes are worked on at once. A province that comes back after long asks about much at once:
//! that must not stand in the way of the others, nor of payments.

use crate::domain::reason::Reason;
use crate::domain::value::ProvinceCode;
use crate::wire::status::Problem;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Announcements of a province at once: one, and one that has taken its place.
const ANNOUNCEMENTS: usize = 2;

/// Seats of each province.
#[derive(Debug)]
pub(super) struct Inquiries {
    questions: Seats,
    announcements: Seats,
}

#[derive(Debug)]
struct Seats {
    of: BTreeMap<ProvinceCode, Arc<Semaphore>>,
    /// Of provinces that are not configured (any more), all together: their legs must end as well.
    others: Arc<Semaphore>,
}

impl Seats {
    fn new(provinces: &[ProvinceCode], each: usize) -> Seats {
        let seats = |province: &ProvinceCode| (*province, Arc::new(Semaphore::new(each)));
        Seats { of: provinces.iter().map(seats).collect(), others: Arc::new(Semaphore::new(each)) }
    }

    fn take(&self, province: ProvinceCode) -> Result<OwnedSemaphorePermit, Problem> {
        let seats = self.of.get(&province).unwrap_or(&self.others);
        Arc::clone(seats).try_acquire_owned().map_err(|_| overloaded(province))
    }
}

fn overloaded(province: ProvinceCode) -> Problem {
    Problem::new(Reason::Overloaded).with("province", province)
}

impl Inquiries {
    /// `each` seats for questions of each of these provinces.
    pub(super) fn new(provinces: impl IntoIterator<Item = ProvinceCode>, each: usize) -> Inquiries {
        let provinces: Vec<ProvinceCode> = provinces.into_iter().collect();
        let announcements = Seats::new(&provinces, ANNOUNCEMENTS);
        Inquiries { questions: Seats::new(&provinces, each), announcements }
    }

    /// A seat for an announcement of this province.
    ///
    /// # Errors
    /// `OVERLOADED`: nothing was begun, ask again later.
    pub(super) fn admit_announcement(&self, province: ProvinceCode) -> Result<OwnedSemaphorePermit, Problem> {
        self.announcements.take(province)
    }

    /// A seat for questions of this province. `loaded`: payments wait already, and come first.
    ///
    /// # Errors
    /// `OVERLOADED`: nothing was begun, ask again later.
    pub(super) fn admit(
        &self,
        province: ProvinceCode,
        loaded: bool,
    ) -> Result<OwnedSemaphorePermit, Problem> {
        if loaded { Err(overloaded(province)) } else { self.questions.take(province) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_province_has_so_many_seats_and_no_more_and_takes_nobody_else_s() {
        let [hebei, sichuan, fujian, hainan] = [13, 51, 35, 46].map(ProvinceCode::new);
        let inquiries = Inquiries::new([hebei, sichuan], 2);
        let seats = [inquiries.admit(hebei, false), inquiries.admit(hebei, false)];
        assert!(seats.iter().all(Result::is_ok));
        let refused = inquiries.admit(hebei, false).expect_err("two are taken");
        assert_eq!(refused.reason, Reason::Overloaded);
        assert!(inquiries.admit(sichuan, false).is_ok(), "another's seats are free");
        assert!(inquiries.admit_announcement(hebei).is_ok(), "it may show itself meanwhile");
        drop(seats);
        assert!(inquiries.admit(hebei, false).is_ok(), "given back");
        // Provinces that the configuration does not name share theirs.
        let seats = [inquiries.admit(fujian, false), inquiries.admit(hainan, false)];
        assert!(seats.iter().all(Result::is_ok));
        assert!(inquiries.admit(fujian, false).is_err(), "two are taken");
    }

    #[test]
    fn payments_come_first() {
        let province = ProvinceCode::new(13);
        let inquiries = Inquiries::new([province], 2);
        let refused = inquiries.admit(province, true).expect_err("payments wait");
        assert_eq!(refused.reason, Reason::Overloaded);
    }
}
