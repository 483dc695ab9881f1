//! A wallet (医保钱包) is opened, by its member or by a relative for him (代开通), or opened anew after it was closed.

use super::request::{Course, conclude, done, is_repeat, refusal};
use super::{NodeMachine, Standing, Step};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::{RequestMark, WalletOpened, WalletOpenedFor};
use crate::domain::node::tables::{HolderRow, Key, MemberRow, Row, WalletRow};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{Civil, Day, InsuranceStatus, Kinship, MemberRef, RegionCode, WalletState};

impl NodeMachine {
    /// Opens a wallet, or opens one anew that was closed. Opening it again at the same place of use is no error.
    pub(super) fn open_wallet(
        &mut self,
        ticket: Ticket<Box<Standing>>,
        request: RequestMark,
        member_ref: MemberRef,
        (use_region, opened_by, holder): (RegionCode, Option<Kinship>, Option<HolderRow>),
        step: &mut Step<'_>,
    ) {
        let judged = (self.judge_opening(&request, member_ref, use_region, step), request);
        conclude(ticket, judged, member_ref, step, |request, time, step| {
            if let Some(holder) = holder {
                step.keep(holder);
            }
            match opened_by {
                None => step.record(WalletOpened { member_ref, use_region, time, request }),
                Some(opened_by) => {
                    step.record(WalletOpenedFor { member_ref, use_region, opened_by, time, request });
                }
            }
            self.set_off(member_ref, None, step);
        });
    }

    fn judge_opening(
        &self,
        request: &RequestMark,
        member_ref: MemberRef,
        use_region: RegionCode,
        step: &Step<'_>,
    ) -> Result<Course, RefusalRecord> {
        if is_repeat(request, step)? {
            return Ok(Course::Repeat);
        }
        let member: &MemberRow =
            step.rows().get(&Key::Member(member_ref)).ok_or_else(|| refusal(Reason::MemberNotFound))?;
        if member.insurance_status != InsuranceStatus::Active || member.in_arrears || member.public_medical {
            return Err(refusal(Reason::NotInsured));
        }
        self.must_be_open(member.region, step)?;
        self.must_be_open(use_region, step)?;
        let wallet = step.rows().get::<WalletRow>(&Key::Wallet(member_ref));
        match wallet.map(|wallet| (wallet.state, wallet.use_region == use_region)) {
            None | Some((WalletState::Closed, _)) => Ok(Course::Change),
            Some((WalletState::Open, true)) => Ok(Course::AsItIs),
            Some((WalletState::Open, false)) => Err(refusal(Reason::WalletAlreadyOpen)),
            Some((WalletState::Frozen, _)) => Err(refusal(Reason::WalletFrozen)),
        }
    }

    pub(super) fn must_be_open(&self, region: RegionCode, step: &Step<'_>) -> Result<(), RefusalRecord> {
        let day = Day::of(step.now.civil);
        if self.places.locate(region).is_some_and(|area| area.is_open(day)) {
            return Ok(());
        }
        Err(refusal(Reason::PlaceNotOpen).with("region", region).with("day", day))
    }
}

/// A wallet was opened.
pub fn opened_by_member(record: &WalletOpened, rows: &mut WorkingSet<Row>) {
    opened(record.member_ref, record.use_region, None, record.time, rows);
    done(&record.request, None, record.time, rows);
}

/// A wallet was opened by a relative.
pub fn opened_for(record: &WalletOpenedFor, rows: &mut WorkingSet<Row>) {
    opened(record.member_ref, record.use_region, Some(record.opened_by), record.time, rows);
    done(&record.request, None, record.time, rows);
}

/// A wallet that was closed before begins anew; its ledger goes on.
fn opened(
    member_ref: MemberRef,
    use_region: RegionCode,
    opened_by: Option<Kinship>,
    time: Civil,
    rows: &mut WorkingSet<Row>,
) {
    rows.put(WalletRow {
        member_ref,
        state: WalletState::Open,
        use_region,
        open_time: time,
        opened_by,
        state_code: None,
        state_time: time,
    });
}
