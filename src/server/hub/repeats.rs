//! A repeat that says what was said at first, though names, remarks or places are read otherwise today: it finds the
//! first answer. Looked for only where today's reading was refused.

use super::Shared;
use crate::domain::hub::tables::{Key, TransferRow};
use crate::domain::machine::TableRow;
use crate::domain::protocol::{Terms, TermsDigests, TransferState};
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Digest, Side};
use crate::privacy::key::VaultKey;
use crate::privacy::names::Form;
use crate::transport::identity::Role;
use crate::wire::accept::PayeesWord;
use crate::wire::reader::{Former, Reader, only_transfer_id};
use crate::wire::status::Problem;
use crate::wire::terms::NewTransfer;
use crate::wire::transfer::state_to_proto;

/// Whether what was refused so may be a repeat in another form.
pub(super) fn may_be_repeat(problem: &Problem) -> bool {
    use Reason::{
        ContentDiffers, NameMalformed, ProvinceNotAllowed, RemarkMalformed, RemarkTooLong, SameProvince,
        TooManyTries, TransferNotFound, UnknownRegion,
    };
    let texts = [NameMalformed, RemarkTooLong, RemarkMalformed];
    let places = [UnknownRegion, SameProvince, ProvinceNotAllowed];
    let named = [ContentDiffers, TransferNotFound, TooManyTries].into_iter().chain(texts).chain(places);
    named.into_iter().any(|reason| reason == problem.reason)
}

impl Shared {
    /// The transfer with this id, which its terms' digest and areas are compared with.
    async fn first(&self, transfer_id: &str) -> Option<TransferRow> {
        self.recovery.life().ok()?;
        let key = Key::Transfer(only_transfer_id(transfer_id).ok()?);
        let rows = self.reader.run(move |tables| tables.load(&[key])).await.ok()?;
        rows.iter().flatten().find_map(TransferRow::of).cloned()
    }

    /// Whether a caller may repeat what belongs to him, or to a province that he acts for.
    fn may_repeat(&self, role: &Role, row: &TransferRow, side: Side) -> bool {
        row.owner == role.to_string() || self.may_act_for(role, row.provinces()[side])
    }

    /// What is read in every form of texts, in the places of today and of then.
    fn readings<T>(&self, row: &TransferRow, read: impl Fn(&Reader<'_>) -> Result<T, Problem>) -> Vec<T> {
        let then = BySide::new(|side| (row.regions()[side], row.provinces()[side])).into_array();
        let formers = [Former::No, Former::These(&then)];
        let all = Form::ALL.iter().flat_map(|form| formers.map(|former| (*form, former)));
        all.filter_map(|(form, former)| read(&self.reading_in(form, former)).ok()).collect()
    }

    /// The request as it was made at first, with the digests of then, if it says the same. If it does not, as it can be
    /// read beside the first: nobody is told to correct a request whose id is taken.
    pub(super) async fn as_at_first(
        &self,
        role: &Role,
        transfer_id: &str,
        read: impl Fn(&Reader<'_>) -> Result<NewTransfer, Problem>,
    ) -> Option<(NewTransfer, TermsDigests)> {
        let row = self.first(transfer_id).await.filter(|row| self.may_repeat(role, row, Side::Payer))?;
        let (key, readings) = (self.keys.now(), self.readings(&row, read));
        let otherwise = || {
            let it = readings.first()?.clone();
            let (terms, remark) = (&it.content.terms, &it.content.remark);
            let digests = key.terms_digests(Form::TODAY, it.transfer_id, terms, remark);
            Some((it, digests))
        };
        said_at_first(&key, row.terms_digest, &readings).or_else(otherwise)
    }

    /// The digest of a payee's word as that of the transfer's payee, if he is the same.
    pub(super) async fn payee_at_first(
        &self,
        role: &Role,
        transfer_id: &str,
        read: impl Fn(&Reader<'_>) -> Result<PayeesWord, Problem>,
    ) -> Option<(PayeesWord, Digest)> {
        let row = self.first(transfer_id).await.filter(|row| self.may_repeat(role, row, Side::Payee))?;
        self.readings(&row, read).into_iter().find_map(|word| {
            let digest = |form: Form| self.keys.now().payee_digest(form, row.transfer_id, &word.payee);
            let digest = Form::ALL.map(digest).into_iter().find(|digest| *digest == row.payee_digest)?;
            Some((word, digest))
        })
    }

    /// What a refused repeat is told of what has its id: how that stands, if the caller may see it; its window, and
    /// that an aborted id is used up, if it is his.
    pub(super) async fn with_what_is_known(
        &self,
        role: &Role,
        transfer_id: &str,
        problem: Problem,
    ) -> Problem {
        if !matches!(problem.reason, Reason::ContentDiffers | Reason::NotOwner) {
            return problem;
        }
        let Some(row) = self.first(transfer_id).await.filter(|row| self.may_see(role, row)) else {
            return problem;
        };
        let own = row.owner == role.to_string();
        let used_up = own && row.state == TransferState::Aborted;
        let problem = if used_up { Problem { reason: Reason::IdUsedUp, ..problem } } else { problem };
        let name = state_to_proto(row.state).as_str_name().trim_start_matches("TRANSFER_STATE_");
        let problem = problem.with("state", name);
        match row.window.filter(|_| own) {
            Some(window) => problem.with("window_id", window.to_string()),
            None => problem,
        }
    }
}

/// The reading that says what was digested at first, with the digests of then. Each part may have been said in either
/// form and between the places of either time, and digested in either form.
fn said_at_first(
    key: &VaultKey,
    first: Digest,
    readings: &[NewTransfer],
) -> Option<(NewTransfer, TermsDigests)> {
    let pairs = || readings.iter().flat_map(|payer| readings.iter().map(move |payee| (payer, payee)));
    Form::ALL.iter().find_map(|form| {
        readings.iter().find_map(|reading| {
            let digests = pairs().map(|(payer, payee)| {
                let (payer, payee) = (payer.content.terms.payer.clone(), payee.content.terms.payee.clone());
                let terms = Terms { payer, payee, ..reading.content.terms.clone() };
                key.terms_digests(*form, reading.transfer_id, &terms, &reading.content.remark)
            });
            let same = digests.into_iter().find(|digests| digests.whole == first)?;
            Some((reading.clone(), same))
        })
    })
}

#[cfg(test)]
#[path = "repeats_tests.rs"]
mod tests;
