//! Clients, letters as they arrive, and what chance does to all of them.

use super::allotments::allots;
use super::joint::goes_joint;
use super::network::{Event, Letter, Message, Said};
use super::payees::accepts;
use super::stale::goes_stale;
use super::world::{Pending, World};
use crate::domain::hub::WaitMode;
use crate::domain::protocol::TransferState;
use crate::domain::value::{ProvinceCode, TransferId};
use crate::store::memory::Fault;
use crate::testkit::{self, Call, Country, HUB, Wish};

impl World {
    /// What the next client wants.
    pub(super) fn wish(&mut self) -> Wish {
        let (provinces, members) = (self.cluster.country.provinces.clone(), self.cluster.country.members);
        let from = self.chance.next() as usize % provinces.len();
        let to = (from + 1 + self.chance.next() as usize % (provinces.len() - 1)) % provinces.len();
        // Ids in time order would hide what depends on their order.
        let transfer_id = TransferId(self.chance.bytes());
        let fen = i64::try_from(self.chance.between(1, 210_000)).unwrap_or(1);
        Wish {
            transfer_id,
            payer: (provinces[from], self.chance.between(0, members)),
            payee: (provinces[to], self.chance.between(0, members)),
            fen,
            wait: if self.chance.permille(500) { WaitMode::Decided } else { WaitMode::Recorded },
            deadline_ms: self.chance.between(400, 12_000),
        }
    }

    /// A client asks, and asks again until it knows.
    pub(super) fn ask(&mut self, number: usize) {
        self.allot(number);
        let Some(client) = self.clients.get_mut(number).filter(|client| !client.done) else { return };
        let mut wish = client.wish;
        client.asked_at.get_or_insert(self.at);
        // Now and then somebody takes an id that is taken, for something else.
        if !self.healing && self.chance.permille(self.plan.chaos) {
            wish.fen += 1;
            self.report.count("id reused");
        }
        let request = Box::new(Country::request(&wish));
        let message = Message::Create(request);
        self.send(Letter { from: HUB, to: HUB, call: number as u64, message });
        let again = self.at + wish.deadline_ms + self.chance.between(500, 3_000);
        self.cluster.network.at(again, Event::Ask(number));
    }

    /// An answer on its way to a client.
    pub(super) fn answer_client(&mut self, number: usize, message: Message) {
        self.send(Letter { from: HUB, to: HUB, call: number as u64, message });
    }

    fn client_hears(&mut self, number: usize, message: &Message) {
        if self.operator_hears(number, message) {
            return;
        }
        let last = self.last_province();
        let Some(client) = self.clients.get_mut(number) else { return };
        let (id, parties) = (client.wish.transfer_id, [client.wish.payer.0, client.wish.payee.0]);
        match message {
            Message::Stands(said) if said.state.is_decided() => {
                client.done = true;
                client.told.get_or_insert(said.state);
                let (first, asked_at) = (*client.first.get_or_insert(*said), client.asked_at);
                if self.is_told_otherwise(id, first, *said) {
                    return;
                }
                self.looked.told.push(id);
                let touched = parties.contains(&last);
                if let Some(asked) = asked_at.filter(|_| !touched) {
                    self.report.waits.push(self.at - asked);
                }
                self.report.count(if said.state == TransferState::Committed {
                    "committed"
                } else {
                    "aborted"
                });
            }
            Message::Stands(said) if said.state == TransferState::AwaitingAcceptance && !client.done => {
                self.await_payee(number);
            }
            // An id that was taken for something else, or a deadline too short, ends this client's wish.
            Message::NotTaken(reason) => {
                client.done = true;
                let name = format!("refused {}", reason.code());
                self.report.count(&name);
            }
            _ => {}
        }
    }

    /// Whether an ended transfer is told otherwise than it first was, which is a fault but for the reasons that are
    /// counted here.
    pub(super) fn is_told_otherwise(&mut self, id: TransferId, first: Said, now: Said) -> bool {
        if first.state == now.state {
            return false;
        }
        // Nothing committed is lost with a hub's store; an abort may be, and its id is free again (ADR 010): a letter
        // that came late began the transfer anew.
        let is_lost = |it: Said| it.state == TransferState::Aborted && it.life <= self.lost_life;
        if first.by_old || now.by_old {
            self.report.count("told otherwise by a hub that did not know that it was old");
        } else if self.joint.gone.contains(&id) {
            self.report.count("told otherwise than all had recorded who lost it");
        } else if self.finished.contains(&id) {
            self.report.count("told otherwise than operators have finished it");
        } else if is_lost(first) || is_lost(now) {
            self.report.count("told otherwise than a hub that has lost its abort");
        } else {
            self.complain(format!("INV-10: {id}: a terminal answer changed"));
        }
        true
    }

    /// A letter arrives, if somebody is there.
    pub(super) fn arrive(&mut self, letter: Letter) {
        let Letter { from, to, call, message } = letter;
        if let Message::Stands(_) | Message::Noted | Message::NotTaken(_) = message {
            return self.client_hears(usize::try_from(call).unwrap_or(usize::MAX), &message);
        }
        if self.cluster.life(to).is_none() {
            return;
        }
        if let Message::Peer(..) = message {
            self.hear_clock(from, to);
        }
        match message {
            Message::Peer(hub, testkit::Message::ToNode(request)) => {
                self.node_is_asked(to, call, hub, request);
            }
            Message::Peer(node, testkit::Message::ToHub(request)) => {
                self.hub_is_asked((from, node), call, request);
            }
            Message::Peer(node, testkit::Message::FromNode(reply)) => {
                if let Some(pending) = self.answered(to, call) {
                    self.hub_hears(pending, node, reply);
                }
            }
            Message::Peer(hub, testkit::Message::FromHub(reply)) => {
                if let Some(pending) = self.answered(to, call) {
                    self.node_hears(pending, hub, reply);
                }
            }
            client => self.hub_is_asked_by_client(call, client),
        }
    }

    /// Who waits for the answer to a call. One that comes twice, or to an earlier life, finds nobody.
    fn answered(&mut self, to: ProvinceCode, call: Call) -> Option<Pending> {
        let (life, pending) = self.calls.remove(&(to, call))?;
        (self.cluster.life(to) == Some(life)).then_some(pending)
    }

    /// Chance strikes, and will strike again.
    pub(super) fn fault(&mut self) {
        if self.healing {
            return;
        }
        let next = self.at + self.chance.between(50, 30_000 / self.plan.chaos.max(1) + 51);
        self.cluster.network.at(next, Event::Fault);
        let nodes = self.cluster.country.provinces.clone();
        // A store that comes back from here on may not know members who were reported since.
        if allots(self.plan.seed) && self.backups.is_empty() {
            nodes.iter().for_each(|province| self.back_up(*province));
        }
        let province = nodes[self.chance.next() as usize % nodes.len()];
        let place = if self.chance.permille(300) { HUB } else { province };
        match self.chance.between(0, 10) {
            0 | 1 if self.cluster.life(place).is_some() => self.crash(place, "killed"),
            2 => self.fail_store(place, Fault::Before),
            3 => self.fail_store(place, Fault::After),
            4 => self.partition(province),
            5 => self.cut.clear(),
            6 | 8 | 9 if goes_stale(self.plan.seed) => self.come_back_old(province),
            6 => self.skew(place),
            7 => self.back_up(province),
            8 => self.restored(province),
            _ => {}
        }
    }

    /// Whose store is lost in this world: every third loses the hub's, the others nodes'. Of both at once nobody could
    /// bring back what only they knew. Where payees accept, a hub that was restored may wait again, till six in the
    /// morning, for what had ended: these worlds end earlier, and lose nodes' stores only.
    pub(super) fn loser(&self, province: ProvinceCode) -> ProvinceCode {
        if self.plan.seed % 3 == 2 && !accepts(self.plan.seed) { HUB } else { province }
    }

    /// A disk is backed up while its server serves.
    fn back_up(&mut self, province: ProvinceCode) {
        let place = self.loser(province);
        let is_old = self.hub_restored || self.stale.hub_is_old();
        if let Some(disk) = self.cluster.disk(place).filter(|_| !(place == HUB && is_old)) {
            self.backups.insert(place, disk.backup());
            if place == HUB && goes_joint(self.plan.seed) {
                self.back_up_with_hub(province);
            }
        }
    }

    /// A store is lost, and its last backup is restored.
    fn restored(&mut self, province: ProvinceCode) {
        let place = self.loser(province);
        let Some(backup) = self.backups.get(&place).cloned() else { return };
        if self.cluster.life(place).is_some() {
            self.crash(place, "restored from a backup");
        }
        let before = self.cluster.hub.disk.records();
        if let Some(disk) = self.cluster.disk(place) {
            disk.restored(&backup);
        }
        if place == HUB {
            self.restore_with_hub(&before);
            (self.hub_restored, self.hub_lost) = (true, true);
            self.lost_life = self.cluster.hub.life;
            return self.report.count("hub restored");
        }
        self.restored.insert(place, u64::MAX);
        self.report.count("node restored");
    }

    fn fail_store(&mut self, place: ProvinceCode, fault: Fault) {
        let nth = self.chance.between(1, 4);
        if let Some(disk) = self.cluster.disk(place) {
            disk.fail_append(nth, fault);
        }
        self.report.count(match fault {
            Fault::Before => "write failed",
            Fault::After => "sync failed",
        });
    }

    /// Nothing passes to a province, from it, or either way.
    fn partition(&mut self, province: ProvinceCode) {
        self.report.count("partition");
        self.log(format_args!("{province} is cut off"));
        if self.chance.permille(700) {
            self.cut.insert((HUB, province));
        }
        if self.chance.permille(700) {
            self.cut.insert((province, HUB));
        }
    }
}
