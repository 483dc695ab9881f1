//! Vaults that are sealed, in some worlds, and people who bring the key file of another one. A server that is started
//! with it must refuse, by the same proof as in production, before it finds or notes anybody by it; with its own keys
//! it goes on as if nothing had been.

use super::Broken;
use super::allotments::{allots, comes_later};
use super::joint::goes_joint;
use super::left_out::leaves_out;
use super::network::Event;
use super::stale::goes_stale;
use super::world::World;
use crate::domain::hub::CreateRequest;
use crate::domain::machine::{Record, TableRow, VaultKeyRow};
use crate::domain::node::{Input, Vault};
use crate::domain::protocol::{NodeRequest, PeerMark};
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, ProvinceCode};
use crate::engine::EngineError;
use crate::privacy::key::VaultKey;
use crate::privacy::people::MaskedParties;
use crate::privacy::proof::{WrongKey, begun};
use crate::privacy::sealed_row::SealedRow;
use crate::store::memory::MemoryDisk;
use crate::store::{Commit, Journal, StoreError, Tables};
use crate::testkit::{Asker, Call, Disk, HUB, Place, asked_of_node, person};
use std::sync::Arc;

/// Whether vaults are sealed in a seed's world, and key files mistaken.
pub fn seals(seed: u64) -> bool {
    seed % 13 == 7 && !goes_stale(seed) && !goes_joint(seed) && !leaves_out(seed) && !allots(seed)
}

/// The keys in the file of a server.
fn key_of(place: Place) -> VaultKey {
    VaultKey::from_bytes(&[place.number(); 32])
}

/// Proves keys against a store, and notes there what a start with them must note.
fn begin<R>(key: &VaultKey, disk: &MemoryDisk<R>, now: Civil) -> Result<Result<(), WrongKey>, StoreError>
where
    R: Record<Row: SealedRow + From<VaultKeyRow>>,
    VaultKeyRow: TableRow<R::Row>,
{
    let mut store = disk.open();
    let at = (now, Some(store.head().sequence));
    match begun(key, &mut |scan| store.scan(scan), at)? {
        Ok(vault) => store.append(&Commit { vault, ..Commit::default() }).map(|_| Ok(())),
        Err(wrong) => Ok(Err(wrong)),
    }
}

impl World {
    /// Whoever starts a server brings a key file: now and then that of the next server. Whether the server starts.
    pub(super) fn unlock(&mut self, place: Place) -> bool {
        if !seals(self.plan.seed) {
            return true;
        }
        let is_first = !self.keys.contains_key(&place);
        let mistaken = !is_first && !self.healing && self.chance.permille(250);
        let others: Vec<Place> = self.keys.keys().copied().filter(|other| *other != place).collect();
        let other = others.first().copied().filter(|_| mistaken);
        let key = key_of(other.unwrap_or(place));
        let now = self.cluster.hub.now(self.at).civil;
        let begun = match self.cluster.disk(place) {
            _ if self.plan.broken == Some(Broken::TakesAnyKey) => Ok(Ok(())),
            Some(Disk::Hub(disk)) => begin(&key, &disk, now),
            Some(Disk::Node(disk)) => begin(&key, &disk, now),
            None => return false,
        };
        match begun {
            Ok(Ok(())) => {
                if other.is_some() && self.plan.broken.is_none() {
                    self.complain(format!("{place} takes the key file of another server"));
                }
                self.keys.insert(place, Arc::new(key));
                true
            }
            Ok(Err(error)) => {
                self.log(format_args!("{place} does not start: {error}"));
                if other.is_none() {
                    self.complain(format!("{place} refuses its own key file: {error}"));
                }
                self.report.count("wrong key refused");
                let again = self.at + self.chance.between(100, 2_000);
                self.cluster.network.at(again, Event::Restart(place));
                false
            }
            Err(error) => {
                self.failed(place, &EngineError::Store(error));
                false
            }
        }
    }

    /// The keys by which a server goes, where vaults are sealed.
    pub(super) fn key(&self, place: Place) -> Option<Arc<VaultKey>> {
        self.keys.get(&place).map(Arc::clone)
    }

    /// What a node opens its people with.
    pub(super) fn vault(&self, province: ProvinceCode) -> Arc<dyn Vault> {
        match self.key(province) {
            Some(key) => key,
            None => Arc::clone(&self.cluster.country.vault),
        }
    }

    /// A node is asked to prepare: it looks for people by its keys.
    pub(super) fn prepare_by_key(
        &mut self,
        (province, hub): (ProvinceCode, PeerMark),
        call: Call,
        request: NodeRequest,
    ) {
        let Some((key, node)) = self.key(province).zip(self.cluster.nodes.get_mut(&province)) else { return };
        let caller = node.caller(Asker::Peer(HUB, call));
        node.inbox.extend(asked_of_node(request, (hub, caller), |number| key.id_hash(number)));
        self.soon(province);
    }

    /// A province's people as its node stores them.
    pub(super) fn enrolment(&self, province: ProvinceCode) -> Vec<Input> {
        let (country, seed) = (&self.cluster.country, self.plan.seed);
        let began = (0..country.members).filter(|member| !comes_later(seed, *member));
        let mut inputs: Vec<Input> =
            began.flat_map(|member| country.enrolment_of(province, member)).collect();
        let Some(key) = self.key(province) else { return inputs };
        let reports = inputs.iter_mut().filter_map(|input| match input {
            Input::Upsert { report, .. } => Some(report),
            _ => None,
        });
        for (member, report) in (0..).zip(reports) {
            let person = person(province, member);
            report.person.id_hash = key.id_hash(&person.id_number);
            report.person.sealed = key.seal_person(report.person.member_ref, &person, None);
        }
        inputs
    }

    /// What the hub keeps of persons is sealed.
    pub(super) fn seal_parties(&self, request: &mut CreateRequest) {
        if let Some(key) = self.key(HUB) {
            let parties = MaskedParties::of(&request.terms, "");
            request.parties.sealed = key.seal_parties(request.transfer_id, &parties);
        }
    }

    /// Everybody is insured, and known to his node, except in worlds in which some are reported late.
    pub(super) fn must_be_found(&mut self, reason: Reason) {
        if allots(self.plan.seed) {
            return;
        }
        if matches!(reason, Reason::PayerNotInsured | Reason::PayeeNotInsured | Reason::Internal) {
            self.complain(format!("a member is not found: {}", reason.code()));
        }
    }
}
