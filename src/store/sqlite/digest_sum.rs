//! `digest_sum` and `digest_xor`, SQL aggregates: what the digests of committed legs add up to. A migration makes
//! totals of the rows of before with them, as the domain makes them of each commit since.

use super::StoreError;
use crate::domain::protocol::Kind;
use crate::domain::protocol::total::{add_digest, row_digest, set_digest, xor_digest};
use crate::domain::value::{Digest, Money, Side, TransferId};
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::{Connection, Error};

/// `digest_sum(hub_seq, transfer_id, kind, direction, amount)`.
struct DigestSum;

/// `digest_xor(hub_seq, transfer_id, amount)`: of totals of before.
struct DigestXor;

/// Makes them known to a connection.
pub(super) fn define(connection: &Connection) -> Result<(), StoreError> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("digest_sum", 5, flags, DigestSum)?;
    Ok(connection.create_aggregate_function("digest_xor", 3, flags, DigestXor)?)
}

fn wrong(what: &str) -> Error {
    Error::UserFunctionError(format!("digest of a leg: {what}").into())
}

fn number_and_id(row: &Context<'_>) -> rusqlite::Result<(u64, TransferId)> {
    let hub_seq = u64::try_from(row.get::<i64>(0)?).map_err(|_| wrong("hub_seq"))?;
    let id = row.get::<Vec<u8>>(1)?.try_into().map_err(|_| wrong("transfer_id"))?;
    Ok((hub_seq, TransferId(id)))
}

impl Aggregate<Digest, Vec<u8>> for DigestSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Digest> {
        Ok(Digest::default())
    }

    fn step(&self, row: &mut Context<'_>, sum: &mut Digest) -> rusqlite::Result<()> {
        let (hub_seq, id) = number_and_id(row)?;
        let kind = Kind::from_number(row.get(2)?).ok_or_else(|| wrong("kind"))?;
        let side = if row.get::<i64>(3)? == 1 { Side::Payer } else { Side::Payee };
        *sum = add_digest(*sum, row_digest(hub_seq, id, kind, side, Money::from_fen(row.get(4)?)));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Digest>) -> rusqlite::Result<Vec<u8>> {
        Ok(sum.unwrap_or_default().0.to_vec())
    }
}

impl Aggregate<Digest, Vec<u8>> for DigestXor {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Digest> {
        Ok(Digest::default())
    }

    fn step(&self, row: &mut Context<'_>, sum: &mut Digest) -> rusqlite::Result<()> {
        let (hub_seq, id) = number_and_id(row)?;
        *sum = xor_digest(*sum, set_digest(hub_seq, id, Money::from_fen(row.get(2)?)));
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Digest>) -> rusqlite::Result<Vec<u8>> {
        Ok(sum.unwrap_or_default().0.to_vec())
    }
}
