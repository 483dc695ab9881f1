//! An opened wallet (医保钱包) is moved inside the province, frozen, unfrozen or closed. Nothing here moves money: there is
//! no way back to a personal account and no withdrawal (policy_facts §2.4).

use super::account::account;
use super::request::{Course, conclude, done, is_repeat, refusal};
use super::{NodeMachine, Standing, Step};
use crate::domain::machine::{Ticket, WorkingSet};
use crate::domain::node::record::{RequestMark, WalletClosed, WalletFrozen, WalletMoved, WalletUnfrozen};
use crate::domain::node::tables::{Key, Row, WalletRow};
use crate::domain::reason::{Reason, RefusalRecord};
use crate::domain::value::{AccountKind, MemberRef, RegionCode, WalletState};

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
    /// Changes an opened wallet.
    pub(super) fn change_wallet(
        &mut self,
        ticket: Ticket<Box<Standing>>,
        request: RequestMark,
        member_ref: MemberRef,
        change: WalletChange,
        step: &mut Step<'_>,
    ) {
        let judged = (self.judge_change(&request, member_ref, &change, step), request);
        conclude(ticket, judged, member_ref, step, |request, time, step| match change {
            WalletChange::Move(use_region) => {
                step.record(WalletMoved { member_ref, use_region, time, request });
            }
            WalletChange::Freeze(code) => step.record(WalletFrozen { member_ref, code, time, request }),
            WalletChange::Unfreeze(code) => step.record(WalletUnfrozen { member_ref, code, time, request }),
            WalletChange::Close => step.record(WalletClosed { member_ref, time, request }),
        });
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

fn wallet(member_ref: MemberRef, rows: &WorkingSet<Row>) -> WalletRow {
    rows.get::<WalletRow>(&Key::Wallet(member_ref)).expect("only an opened wallet is changed").clone()
}

/// A wallet's place of use was changed.
pub fn moved(record: &WalletMoved, rows: &mut WorkingSet<Row>) {
    let row = wallet(record.member_ref, rows);
    rows.put(WalletRow { use_region: record.use_region, ..row });
    done(&record.request, None, record.time, rows);
}

/// A wallet was frozen.
pub fn frozen(record: &WalletFrozen, rows: &mut WorkingSet<Row>) {
    let (row, code) = (wallet(record.member_ref, rows), Some(record.code.clone()));
    rows.put(WalletRow { state: WalletState::Frozen, state_code: code, state_time: record.time, ..row });
    done(&record.request, None, record.time, rows);
}

/// A frozen wallet may be used again.
pub fn unfrozen(record: &WalletUnfrozen, rows: &mut WorkingSet<Row>) {
    let (row, code) = (wallet(record.member_ref, rows), Some(record.code.clone()));
    rows.put(WalletRow { state: WalletState::Open, state_code: code, state_time: record.time, ..row });
    done(&record.request, None, record.time, rows);
}

/// A wallet was closed.
pub fn closed(record: &WalletClosed, rows: &mut WorkingSet<Row>) {
    let row = wallet(record.member_ref, rows);
    rows.put(WalletRow { state: WalletState::Closed, state_time: record.time, ..row });
    done(&record.request, None, record.time, rows);
}
