//! Payees in worlds where some provinces ask for acceptance: they take, decline, wait, and let the hour pass.

use super::network::{Letter, Message};
use super::world::{Client, World};
use crate::domain::hub::tables::TransferRow;
use crate::domain::hub::{AcceptRequest, Key};
use crate::domain::machine::TableRow;
use crate::domain::protocol::TransferState;
use crate::testkit::{Country, HUB, NOON_TO_SIX_MS};

/// A world with acceptance begins so long before 06:00.
const BEFORE_SIX_MS: i64 = 15_000;

/// Whether a seed's world has provinces that ask for acceptance.
pub fn accepts(seed: u64) -> bool {
    matches!(seed % 5, 1 | 2)
}

/// How far the clocks of such a world are off at first: the hour comes while it runs.
pub const SKEW_MS: i64 = NOON_TO_SIX_MS - BEFORE_SIX_MS;

impl World {
    /// Once all has healed, payees take what awaits them also where nobody waits for it: a client whose id was taken
    /// for something else has gone, and the hour of the next day is far.
    pub(super) fn remind_payees(&mut self) {
        let gone = |client: &Client| self.healing && client.done && client.told.is_none();
        let awaits = |client: &Client| {
            let row = self.cluster.hub.disk.row(&Key::Transfer(client.wish.transfer_id));
            row.as_ref()
                .and_then(TransferRow::of)
                .is_some_and(|row| row.state == TransferState::AwaitingAcceptance)
        };
        let clients = self.clients.iter().enumerate();
        let left: Vec<usize> =
            clients.filter(|(_, it)| gone(it) && awaits(it)).map(|(number, _)| number).collect();
        left.into_iter().for_each(|number| self.await_payee(number));
    }

    /// A transfer awaits its payee. Every fourth one does nothing of himself until all has healed: the hour finds him.
    pub(super) fn await_payee(&mut self, number: usize) {
        let Some(client) = self.clients.get(number) else { return };
        let wish = client.wish;
        let takes = if self.healing {
            true
        } else if number.is_multiple_of(4) || self.chance.permille(300) {
            return;
        } else {
            self.chance.permille(800)
        };
        self.report.count(if takes { "taken" } else { "declined" });
        let request = AcceptRequest {
            transfer_id: wish.transfer_id,
            payee: Country::request(&wish).digests.payee,
            takes,
            wait: wish.wait,
            deadline_ms: wish.deadline_ms,
        };
        let message = Message::Accept(request);
        self.send(Letter { from: HUB, to: HUB, call: number as u64, message });
    }
}
