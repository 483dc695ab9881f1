//! Reception: a new transfer is journaled and both provinces are asked; a repeat joins the wait.

use super::decide::decision;
pub(super) use super::transfer::needs;
use super::transfer::tombstone;
use super::{CreateRequest, Effect, HubMachine, Rows, Step, TransferRow, begun, is_parked, refusal, row};
use crate::domain::hub::record::{TransferBegun, TransferReceived};
use crate::domain::machine::Ticket;
use crate::domain::machine::own::{note_time, own};
use crate::domain::protocol::{Ask, Kind, Leg, LegRef, LegTerms, Terms};
use crate::domain::reason::Reason;
use crate::domain::rules::at_hub::{self, HubFacts, HubRefusal};
use crate::domain::rules::demands;
use crate::domain::rules::rulebook::PlaceRules;
use crate::domain::value::{BySide, Civil, Day, Digest, TransferId};
use std::sync::Arc;

/// Share of a caller's deadline after which an undecided transfer is aborted, in percent.
pub(super) const DECIDE_PERCENT: u64 = 80;

impl HubMachine {
    /// Check order: owner, content (a repeat), deadline, ids left to people, then the hub's own rules. After the first
    /// record nothing may fail.
    pub(super) fn create(
        &mut self,
        ticket: Ticket<Arc<TransferRow>>,
        request: CreateRequest,
        step: &mut Step<'_>,
    ) {
        if let Some(known) = row(request.transfer_id, step) {
            return self.repeat(ticket, &request, &known, step);
        }
        let deadline_ms = request.deadline_ms.min(self.deadlines.most_ms);
        if let Some(refusal) = self.deadlines.too_short(deadline_ms) {
            return step.refuse(ticket, refusal);
        }
        if is_parked(request.transfer_id, step) {
            return step.refuse(ticket, refusal(Reason::OutcomeUnknown));
        }
        let terms = &request.terms;
        let provinces = BySide { payer: terms.payer.province, payee: terms.payee.province };
        if let Some(refusal) = self.not_heard(provinces) {
            return step.refuse(ticket, refusal);
        }
        let refusal = self.hub_refusal(&request, step);
        let decide_within_ms = deadline_ms * DECIDE_PERCENT / 100;
        step.keep(request.parties.clone());
        let received = TransferReceived {
            transfer_id: request.transfer_id,
            owner: request.owner.clone(),
            payer_region: request.terms.payer.region,
            payer_province: request.terms.payer.province,
            payee_region: request.terms.payee.region,
            payee_province: request.terms.payee.province,
            kinship: request.terms.kinship,
            amount: request.terms.amount,
            digests: request.digests,
            receipt_time: step.now.civil,
            decide_within_ms,
        };
        match request.terms.kind {
            // As it was journaled before there was another kind.
            Kind::TRANSFER => step.record(received),
            kind => step.record(TransferBegun { kind, received }),
        }
        self.wait(ticket, request.transfer_id, (request.wait, deadline_ms), step);
        match refusal {
            Some(found) => self.refuse_at_once(request.transfer_id, found, step),
            None => self.ask_both(&request, decide_within_ms, step),
        }
    }

    /// Aborts a transfer as it begins, before any province was asked.
    pub(super) fn refuse_at_once(&mut self, transfer_id: TransferId, found: HubRefusal, step: &mut Step<'_>) {
        // A hub that was restored may have asked the provinces for this id before.
        let lost = own(step.rows()).recovered > 0;
        let (rulebooks, owed) = (BySide::new(|side| found.rulebook(side)), BySide::new(|_| lost));
        step.record(decision(transfer_id, step.now.civil, Err(found.refusal), rulebooks, owed));
        self.tell(transfer_id, step);
    }

    /// What the hub itself has against a new transfer.
    fn hub_refusal(&self, request: &CreateRequest, step: &Step<'_>) -> Option<HubRefusal> {
        let terms = &request.terms;
        let facts = HubFacts::new(terms, request.verification, step.now.civil, &self.places, &self.rulebook);
        let provinces = BySide { payer: terms.payer.province, payee: terms.payee.province };
        let asked_for = tombstone(request.transfer_id, step).map(HubRefusal::plain);
        let by_rules = || at_hub::against(&facts).into_iter().next();
        asked_for.or_else(by_rules).or_else(|| self.unreachable(provinces).map(HubRefusal::plain))
    }

    fn ask_both(&mut self, request: &CreateRequest, decide_within_ms: u64, step: &mut Step<'_>) {
        let terms = &request.terms;
        let payer_rules =
            self.rulebook.rules(terms.payer.province, terms.payer.region, Day::of(step.now.civil));
        let legs = first_legs(
            request.transfer_id,
            request.digests.whole,
            terms,
            (step.now.civil, payer_rules),
            decide_within_ms,
        );
        let abort_at = step.now.mono.after(decide_within_ms);
        self.begin_live(request.transfer_id, payer_rules.hash, abort_at);
        for leg in legs.into_array() {
            step.effect(Effect::Prepare(leg.terms.province, Box::new(leg)));
        }
    }

    /// The same id again: the same content joins the wait, other content is refused with the first field that differs.
    fn repeat(
        &mut self,
        ticket: Ticket<Arc<TransferRow>>,
        request: &CreateRequest,
        known: &TransferRow,
        step: &mut Step<'_>,
    ) {
        // What one province told of it may be false, so nothing is held against that.
        let parked = is_parked(request.transfer_id, step);
        if parked && known.is_adopted() {
            return step.refuse(ticket, refusal(Reason::OutcomeUnknown));
        }
        // The client of a transfer that the hub lost and adopted again is not known: who knows the terms is taken for
        // it.
        if request.owner != known.owner && !known.is_adopted() {
            return step.refuse(ticket, refusal(Reason::NotOwner).with("field", "transfer_id"));
        }
        if let Some(field) = first_difference(request, known) {
            return step.refuse(ticket, refusal(Reason::ContentDiffers).with("field", field));
        }
        if parked {
            return step.refuse(ticket, refusal(Reason::OutcomeUnknown));
        }
        self.name_leg(&request.terms, known, step);
        self.wait(ticket, request.transfer_id, (request.wait, request.deadline_ms), step);
        self.answer_ready(request.transfer_id, step);
    }
}

/// Both legs of a transfer as its client states it, with their persons: to prepare, or to check.
pub fn first_legs(
    transfer_id: TransferId,
    terms_digest: Digest,
    terms: &Terms,
    (receipt_time, payer_rules): (Civil, &PlaceRules),
    time_left_ms: u64,
) -> BySide<Leg> {
    let parties = BySide { payer: &terms.payer, payee: &terms.payee };
    BySide::new(|side| {
        let party = parties[side];
        let terms = LegTerms {
            kind: terms.kind,
            region: party.region,
            province: party.province,
            counter_region: parties[side.other()].region,
            kinship: Some(terms.kinship),
            amount: terms.amount,
            receipt_time,
            demands: demands::on(side, payer_rules),
        };
        let ask = Ask::ByPerson { person: Box::new(party.person.clone()), id_hash: Digest::default() };
        Leg { reference: LegRef::new(transfer_id, side, terms_digest), terms, ask, time_left_ms }
    })
}

/// The first field, in the order of the contract, in which a repeat differs.
fn first_difference(request: &CreateRequest, known: &TransferRow) -> Option<&'static str> {
    if known.is_adopted() {
        // Of what it says, only the digest of the whole came back.
        return (request.digests.whole != known.terms_digest).then_some("content");
    }
    let fields = [
        ("kind", request.terms.kind == known.kind),
        ("payer", request.digests.payer == known.payer_digest),
        ("payee", request.digests.payee == known.payee_digest),
        ("kinship", Some(request.terms.kinship) == known.kinship),
        ("amount", request.terms.amount == known.amount),
        ("remark", request.digests.remark == known.remark_digest),
    ];
    fields.into_iter().find(|(_, same)| !same).map(|(field, _)| field)
}

/// A transfer was received.
pub(super) fn received(record: &TransferReceived, kind: Kind, sequence: u64, rows: &mut Rows) {
    note_time(record.receipt_time, rows);
    let payer = (record.payer_region, record.payer_province);
    let payee = (record.payee_region, record.payee_province);
    rows.put(TransferRow {
        owner: record.owner.clone(),
        kinship: Some(record.kinship),
        payer_digest: record.digests.payer,
        payee_digest: record.digests.payee,
        remark_digest: record.digests.remark,
        terms_digest: record.digests.whole,
        ..begun(
            kind,
            (record.transfer_id, record.amount),
            BySide { payer, payee },
            (record.receipt_time, sequence),
        )
    });
}
