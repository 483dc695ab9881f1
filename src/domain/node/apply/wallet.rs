//! What records about a wallet do to its row.

use super::done;
use crate::domain::machine::working_set::WorkingSet;
use crate::domain::node::record::{
    WalletClosed, WalletFrozen, WalletMoved, WalletOpened, WalletOpenedFor, WalletUnfrozen,
};
use crate::domain::node::tables::{Key, Row, WalletRow};
use crate::domain::value::calendar::Civil;
use crate::domain::value::id::MemberRef;
use crate::domain::value::kinship::Kinship;
use crate::domain::value::member::WalletState;
use crate::domain::value::region::RegionCode;

/// A wallet was opened.
pub fn wallet_opened(record: &WalletOpened, rows: &mut WorkingSet<Row>) {
    opened(record.member_ref, record.use_region, None, record.time, rows);
    done(&record.request, None, record.time, rows);
}

/// A wallet was opened by a relative.
pub fn wallet_opened_for(record: &WalletOpenedFor, rows: &mut WorkingSet<Row>) {
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

fn wallet(member_ref: MemberRef, rows: &WorkingSet<Row>) -> WalletRow {
    rows.get::<WalletRow>(&Key::Wallet(member_ref)).expect("only an opened wallet is changed").clone()
}

/// A wallet's place of use was changed.
pub fn wallet_moved(record: &WalletMoved, rows: &mut WorkingSet<Row>) {
    let row = wallet(record.member_ref, rows);
    rows.put(WalletRow { use_region: record.use_region, ..row });
    done(&record.request, None, record.time, rows);
}

/// A wallet was frozen.
pub fn wallet_frozen(record: &WalletFrozen, rows: &mut WorkingSet<Row>) {
    let (row, code) = (wallet(record.member_ref, rows), Some(record.code.clone()));
    rows.put(WalletRow { state: WalletState::Frozen, state_code: code, state_time: record.time, ..row });
    done(&record.request, None, record.time, rows);
}

/// A frozen wallet may be used again.
pub fn wallet_unfrozen(record: &WalletUnfrozen, rows: &mut WorkingSet<Row>) {
    let (row, code) = (wallet(record.member_ref, rows), Some(record.code.clone()));
    rows.put(WalletRow { state: WalletState::Open, state_code: code, state_time: record.time, ..row });
    done(&record.request, None, record.time, rows);
}

/// A wallet was closed.
pub fn wallet_closed(record: &WalletClosed, rows: &mut WorkingSet<Row>) {
    let row = wallet(record.member_ref, rows);
    rows.put(WalletRow { state: WalletState::Closed, state_time: record.time, ..row });
    done(&record.request, None, record.time, rows);
}
