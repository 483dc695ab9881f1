//! A row of a node's tables that is changed behind the node's back, and put right again.

use super::error::DemoError;
use super::folder::Folder;
use crate::domain::value::{Money, ProvinceCode, TransferId};
use crate::transport::identity::Role;
use rusqlite::{Connection, params};

/// A leg in a node's store.
struct Leg {
    store: Connection,
    id: TransferId,
}

impl Leg {
    fn open(folder: &Folder, province: ProvinceCode, transfer_id: &str) -> Result<Leg, DemoError> {
        let path = folder.site().store(&Role::Node(province)).join("gongji.sqlite");
        let id = TransferId::parse(transfer_id).ok_or_else(|| DemoError::Planted("no id".to_owned()))?;
        Ok(Leg { store: Connection::open(path)?, id })
    }

    fn fen(&self) -> Result<i64, DemoError> {
        let query = "SELECT amount FROM leg WHERE transfer_id = ?";
        Ok(self.store.query_row(query, [self.id.0], |row| row.get(0))?)
    }

    fn set(&self, fen: i64) -> Result<(), DemoError> {
        let update = "UPDATE leg SET amount = ? WHERE transfer_id = ?";
        match self.store.execute(update, params![fen, self.id.0])? {
            1 => Ok(()),
            rows => Err(DemoError::Planted(format!("{rows} rows were changed"))),
        }
    }
}

/// Adds 0.01 to a leg, beside the running node. What stood there is noted first: a demonstration that is killed puts it
/// right at its next start, where the node would not open such a store.
pub(super) fn plant(folder: &Folder, province: ProvinceCode, transfer_id: &str) -> Result<(), DemoError> {
    let leg = Leg::open(folder, province, transfer_id)?;
    let fen = leg.fen()?;
    folder.note_planted(&format!("{province} {transfer_id} {fen}\n"))?;
    leg.set(Money::from_fen(fen).checked_add(Money::from_fen(1)).map_or(fen, Money::fen))
}

/// Puts right what was planted; nothing to do where nothing was.
pub(super) fn put_right(folder: &Folder) -> Result<(), DemoError> {
    let Some(text) = folder.planted()? else { return Ok(()) };
    let noted: Vec<&str> = text.split_whitespace().collect();
    let unread = || DemoError::Planted(format!("`{}` cannot be read", text.trim()));
    let &[province, transfer_id, fen] = noted.as_slice() else { return Err(unread()) };
    let (province, fen) = ProvinceCode::parse(province).zip(fen.parse().ok()).ok_or_else(unread)?;
    Leg::open(folder, province, transfer_id)?.set(fen)?;
    folder.forget_planted()
}
