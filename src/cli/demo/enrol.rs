//! Enrolment through the services that a province has for it. Every request is done once, so each start sends all.

use super::clients::Clients;
use super::error::DemoError;
use crate::devkit::cast::{Listed, PROVINCES};
use crate::domain::value::{Day, Money};

/// Makes the members known, with their first allotments and wallets, and fills up the accounts that earlier starts
/// (or visitors) have emptied by more than half. Gives how many were filled up.
pub(super) async fn enrol(clients: &Clients, cast: &[Listed], today: Day) -> Result<usize, DemoError> {
    let period = (today.number() / 100).to_string();
    let mut filled = 0;
    for province in PROVINCES {
        let members: Vec<&Listed> = cast.iter().filter(|member| member.province() == province).collect();
        clients.upsert(province, &members).await?;
        for member in members {
            if let Some(allotment) = member.allotment() {
                filled += usize::from(fill(clients, member, allotment, &period, today).await?);
            }
            if member.wallet {
                clients.open_wallet(member).await?;
            }
        }
    }
    Ok(filled)
}

/// The first allotment, or what is missing when less than half of it is left: then true.
async fn fill(
    clients: &Clients,
    member: &Listed,
    allotment: Money,
    period: &str,
    today: Day,
) -> Result<bool, DemoError> {
    // The month is the same at each repeat, or it would be another request.
    clients.credit(member, format!("demo-first-{}", member.key), allotment, FIRST_PERIOD).await?;
    let balance = clients.account(member).await?;
    if balance.fen() >= allotment.fen() / 2 {
        return Ok(false);
    }
    let missing = Money::from_fen(allotment.fen() - balance.fen());
    let request_id = format!("demo-fill-{}-{}", today, member.key);
    clients.credit(member, request_id, missing, period).await?;
    Ok(true)
}

/// Month of the first allotments.
const FIRST_PERIOD: &str = "202605";
