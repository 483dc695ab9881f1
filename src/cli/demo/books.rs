//! The money afterwards: balances of everyone involved, positions of the provinces, and whether all ledgers agree.

use super::attempt::Act;
use super::clients::{Clients, money};
use super::error::DemoError;
use super::perform::Played;
use crate::devkit::cast::{Listed, PROVINCES};
use crate::devkit::site::Site;
use crate::domain::hub::tables::PositionRow;
use crate::domain::machine::{Filter, Scan, TableRow};
use crate::domain::node::tables::AccountRow;
use crate::domain::value::{AccountKind, Day, MemberRef, Money, ProvinceCode};
use crate::domain::{hub, node};
use crate::proto::hub::Transfer;
use crate::proto::types::MaskedParty;
use crate::store::Tables;
use crate::store::sqlite::SqliteReader;
use crate::transport::identity::Role;
use std::collections::BTreeMap;

/// The zero reference owns a province's own accounts.
const PROVINCE: MemberRef = MemberRef([0; 16]);

/// What a person has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Balance {
    /// Personal account, in fen.
    pub(super) account: Option<i64>,
    /// Wallet, in fen.
    pub(super) wallet: Option<i64>,
}

/// Balances by key of the person.
pub(super) type Balances = BTreeMap<String, Balance>;

/// What these people have now.
pub(super) async fn balances<'a>(
    clients: &Clients,
    people: impl Iterator<Item = &'a Listed>,
) -> Result<Balances, DemoError> {
    let mut balances = Balances::new();
    for member in people {
        let account = if member.has_account() { Some(clients.account(member).await?.fen()) } else { None };
        let wallet = clients.wallet(member).await?.map(Money::fen);
        balances.insert(member.key.clone(), Balance { account, wallet });
    }
    Ok(balances)
}

/// What people must have after these attempts, when they had `before`: only what was committed moves money.
pub(super) fn expected(before: &Balances, played: &[Played]) -> Result<Balances, DemoError> {
    let mut after = before.clone();
    for it in played {
        if it.attempt.act == Act::OpenFor {
            after.entry(it.attempt.payee.to_owned()).or_default().wallet.get_or_insert(0);
        }
        let Some(transfer) = it.committed() else { continue };
        let amount = money("transfer", &transfer.amount)?.fen();
        let payer = after.entry(it.attempt.payer.to_owned()).or_default();
        payer.account = payer.account.map(|fen| fen - amount);
        let payee = after.entry(it.attempt.payee.to_owned()).or_default();
        payee.wallet = payee.wallet.map(|fen| fen + amount);
    }
    Ok(after)
}

/// What a province sent and received, and what three ledgers say that it owes.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(super) struct Position {
    /// Sent today, in fen.
    pub(super) sent: i64,
    /// Received today, in fen.
    pub(super) received: i64,
    /// Owed (+) or due (−) since the folder was made, by the transfers that the hub lists.
    pub(super) listed: i64,
    /// The same by the hub's own positions.
    pub(super) hub: i64,
    /// The same by the province's own ledger: its clearing account.
    pub(super) node: i64,
}

impl Position {
    /// Whether the three ledgers say the same.
    pub(super) fn agrees(&self) -> bool {
        self.listed == self.hub && self.hub == self.node
    }

    /// Owed (+) or due (−) today.
    pub(super) fn today(&self) -> i64 {
        self.sent - self.received
    }
}

/// Positions by province.
pub(super) type Positions = BTreeMap<ProvinceCode, Position>;

/// Whether every sum over the provinces is zero and every province's ledgers agree.
pub(super) fn balanced(positions: &Positions) -> bool {
    let zero = |part: fn(&Position) -> i64| positions.values().map(part).sum::<i64>() == 0;
    zero(Position::today)
        && zero(|it| it.listed)
        && zero(|it| it.hub)
        && zero(|it| it.node)
        && positions.values().all(Position::agrees)
}

/// Positions from what the hub lists, from its store, and from each node's store, read beside the servers.
pub(super) async fn positions(clients: &Clients, site: &Site, today: Day) -> Result<Positions, DemoError> {
    let mut positions: Positions = PROVINCES.into_iter().map(|it| (it, Position::default())).collect();
    let window = today.number().to_string();
    for transfer in clients.committed().await? {
        count(&mut positions, &transfer, transfer.window_id == window)?;
    }
    let mut hub = SqliteReader::<hub::Record>::open(&site.store(&Role::Hub))?;
    let all = Scan { filter: Filter::all(hub::Table::Position), after: None, limit: usize::MAX };
    for row in hub.scan(&all)?.iter().filter_map(PositionRow::of) {
        positions.entry(row.province).or_default().hub += row.owed.fen();
    }
    for province in PROVINCES {
        let mut node = SqliteReader::<node::Record>::open(&site.store(&Role::Node(province)))?;
        let rows = node.load(&[node::Key::Account(PROVINCE, AccountKind::Clearing)])?;
        let clearing = rows.first().and_then(Option::as_ref).and_then(AccountRow::of);
        positions.entry(province).or_default().node = clearing.map_or(0, |row| row.posted.fen());
    }
    Ok(positions)
}

fn count(positions: &mut Positions, transfer: &Transfer, is_today: bool) -> Result<(), DemoError> {
    let amount: Money = money("hub, ListTransfers", &transfer.amount)?;
    let payer = positions.entry(province(transfer.payer.as_ref())?).or_default();
    payer.listed += amount.fen();
    payer.sent += if is_today { amount.fen() } else { 0 };
    let payee = positions.entry(province(transfer.payee.as_ref())?).or_default();
    payee.listed -= amount.fen();
    payee.received += if is_today { amount.fen() } else { 0 };
    Ok(())
}

fn province(party: Option<&MaskedParty>) -> Result<ProvinceCode, DemoError> {
    let code = party.and_then(|party| party.region_code.get(..2)).and_then(ProvinceCode::parse);
    code.ok_or_else(|| DemoError::Call("hub, ListTransfers".to_owned(), "a party without a place".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cent_too_many_in_any_ledger_is_noticed() {
        let (hebei, sichuan) = (ProvinceCode::new(13), ProvinceCode::new(51));
        let owes = Position { sent: 500, received: 100, listed: 400, hub: 400, node: 400 };
        let due = Position { sent: 100, received: 500, listed: -400, hub: -400, node: -400 };
        let with = |owes: Position| Positions::from([(hebei, owes), (sichuan, due)]);
        assert!(balanced(&with(owes)));
        for wrong in [
            Position { sent: 501, ..owes },
            Position { listed: 401, ..owes },
            Position { hub: 401, ..owes },
            Position { node: 401, ..owes },
        ] {
            assert!(!balanced(&with(wrong)), "{wrong:?}");
        }
        let same_mistake = |it: Position, by: i64| Position { node: it.node + by, ..it };
        let shifted = Positions::from([(hebei, same_mistake(owes, 1)), (sichuan, same_mistake(due, -1))]);
        assert!(!balanced(&shifted), "the sum is zero, but the ledgers differ");
    }
}
