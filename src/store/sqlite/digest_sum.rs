//! `digest_sum`, an SQL aggregate: what the digests of committed legs add up to. A migration makes totals of the rows
//! of before with it, as the domain makes them of each commit since.

use super::StoreError;
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, row_digest};
use crate::domain::value::{Digest, Money, Side, TransferId};
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Error};

/// `digest_sum(hub_seq, transfer_id, kind, direction, amount)`.
struct DigestSum;

/// Makes it known to a connection.
pub(super) fn define(connection: &Connection) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    Ok(connection.create_aggregate_function("digest_sum", 5, flags, DigestSum)?)
}

impl Aggregate<Digest, Vec<u8>> for DigestSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Digest> {
        Ok(Digest::default())
    }

    fn step(&self, row: &mut Context<'_>, sum: &mut Digest) -> rusqlite::Result<()> {
        let wrong = |what: &str| Error::UserFunctionError(format!("digest_sum: {what}").into());
        let hub_seq = u64::try_from(row.get::<i64>(0)?).map_err(|_| wrong("hub_seq"))?;
        let id = TransferId(row.get::<Vec<u8>>(1)?.try_into().map_err(|_| wrong("transfer_id"))?);
        let kind = Kind::from_number(row.get(2)?).ok_or_else(|| wrong("kind"))?;
        let side = if row.get::<i64>(3)? == 1 { Side::Payer } else { Side::Payee };
        *sum = add_digest(*sum, row_digest(hub_seq, id, kind, side, Money::from_fen(row.get(4)?)));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Digest>) -> rusqlite::Result<Vec<u8>> {
        Ok(sum.unwrap_or_default().0.to_vec())
    }
}
