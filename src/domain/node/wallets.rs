//! The life of a wallet (医保钱包) at its node: opened, moved inside the province, frozen, unfrozen, closed. Each request
//! is done once. Nothing here moves money: there is no way back to a personal account and no withdrawal
//! (policy_facts §2.4).

use super::apply::account;
use super::members::{Course, is_repeat, leave, refusal, stand};
use super::{NodeMachine, Step};
use crate::domain::machine::step::Ticket;
use crate::domain::node::Standing;
use crate::domain::node::record::{
    RequestMark, WalletClosed, WalletFrozen, WalletMoved, WalletOpened, WalletOpenedFor, WalletUnfrozen,
};
use crate::domain::node::tables::{HolderRow, Key, MemberRow, WalletRow};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::calendar::Day;
use crate::domain::value::id::MemberRef;
use crate::domain::value::kinship::Kinship;
use crate::domain::value::ledger::AccountKind;
use crate::domain::value::member::{InsuranceStatus, WalletState};
use crate::domain::value::region::RegionCode;

/// How an opened wallet is to be. Each says the state that is wanted: what is so already is no error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WalletChange {
    /// 使用地变更: to this pooling area.
    Move(RegionCode),
    /// Frozen, with the province's own code for why.
    Freeze(String),
    /// In use again, with the province's own code for why.
    Unfreeze(String),
    /// 注销: ended, with nothing in it.
    Close,
}

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
        match self.judge_opening(&request, member_ref, use_region, step) {
            Err(refusal) => step.refuse(ticket, refusal),
            Ok(course @ (Course::Repeat | Course::AsItIs)) => {
                leave(ticket, (course, request), member_ref, step);
            }
            Ok(Course::Change) => {
                let time = step.now.civil;
                if let Some(holder) = holder {
                    step.keep(holder);
                }
                match opened_by {
                    None => step.record(WalletOpened { member_ref, use_region, time, request }),
                    Some(opened_by) => {
                        step.record(WalletOpenedFor { member_ref, use_region, opened_by, time, request });
                    }
                }
                stand(ticket, member_ref, None, true, step);
            }
        }
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

    fn must_be_open(&self, region: RegionCode, step: &Step<'_>) -> Result<(), RefusalRecord> {
        let day = Day::of(step.now.civil);
        if self.places.locate(region).is_some_and(|area| area.is_open(day)) {
            return Ok(());
        }
        Err(refusal(Reason::PlaceNotOpen).with("region", region).with("day", day))
    }

    /// Changes an opened wallet.
    pub(super) fn change_wallet(
        &mut self,
        ticket: Ticket<Box<Standing>>,
        request: RequestMark,
        member_ref: MemberRef,
        change: WalletChange,
        step: &mut Step<'_>,
    ) {
        match self.judge_change(&request, member_ref, &change, step) {
            Err(refusal) => return step.refuse(ticket, refusal),
            Ok(course @ (Course::Repeat | Course::AsItIs)) => {
                return leave(ticket, (course, request), member_ref, step);
            }
            Ok(Course::Change) => {}
        }
        let time = step.now.civil;
        match change {
            WalletChange::Move(use_region) => {
                step.record(WalletMoved { member_ref, use_region, time, request });
            }
            WalletChange::Freeze(code) => step.record(WalletFrozen { member_ref, code, time, request }),
            WalletChange::Unfreeze(code) => step.record(WalletUnfrozen { member_ref, code, time, request }),
            WalletChange::Close => step.record(WalletClosed { member_ref, time, request }),
        }
        stand(ticket, member_ref, None, true, step);
    }

    /// Check order: repeat, wallet, its state, then what the change asks.
    fn judge_change(
        &self,
        request: &RequestMark,
        member_ref: MemberRef,
        change: &WalletChange,
        step: &Step<'_>,
    ) -> Result<Course, RefusalRecord> {
        if is_repeat(request, step)? {
            return Ok(Course::Repeat);
        }
        let wallet: &WalletRow =
            step.rows().get(&Key::Wallet(member_ref)).ok_or_else(|| refusal(Reason::WalletNotFound))?;
        match (wallet.state, change) {
            (WalletState::Closed, WalletChange::Close) => Ok(Course::AsItIs),
            (WalletState::Closed, _) => Err(refusal(Reason::WalletClosed)),
            (WalletState::Frozen, WalletChange::Move(_) | WalletChange::Close) => {
                Err(refusal(Reason::WalletFrozen))
            }
            (WalletState::Open, WalletChange::Move(region)) => self.judge_move(wallet, *region, step),
            (WalletState::Open, WalletChange::Close) => judge_close(member_ref, step),
            (WalletState::Open, WalletChange::Freeze(_)) => Ok(Course::Change),
            (WalletState::Frozen, WalletChange::Freeze(code)) => {
                Ok(Course::change_if(wallet.state_code.as_ref() != Some(code)))
            }
            (WalletState::Open, WalletChange::Unfreeze(_)) => Ok(Course::AsItIs),
            (WalletState::Frozen, WalletChange::Unfreeze(_)) => Ok(Course::Change),
        }
    }

    /// Inside the province, to an area that has opened the wallet. Across provinces the money would have to move from
    /// one node to another: a transaction with two legs that does not exist yet.
    fn judge_move(
        &self,
        wallet: &WalletRow,
        region: RegionCode,
        step: &Step<'_>,
    ) -> Result<Course, RefusalRecord> {
        if self.places.locate(region).is_none_or(|area| area.province != self.province) {
            return Err(refusal(Reason::WalletMoveAcrossProvinces).with("region", region));
        }
        if wallet.use_region == region {
            return Ok(Course::AsItIs);
        }
        self.must_be_open(region, step)?;
        no_live_leg(wallet.member_ref, step)?;
        Ok(Course::Change)
    }
}

fn judge_close(member_ref: MemberRef, step: &Step<'_>) -> Result<Course, RefusalRecord> {
    no_live_leg(member_ref, step)?;
    if account(step.rows(), member_ref, AccountKind::Wallet).posted.is_positive() {
        return Err(refusal(Reason::WalletNotEmpty));
    }
    Ok(Course::Change)
}

/// What is promised to the wallet must land, or be given up, before it moves or ends.
fn no_live_leg(member_ref: MemberRef, step: &Step<'_>) -> Result<(), RefusalRecord> {
    let row = account(step.rows(), member_ref, AccountKind::Wallet);
    if row.pending.is_positive() || row.held.is_positive() {
        return Err(refusal(Reason::HasLiveLeg));
    }
    Ok(())
}
