//! A repeat that says what was said at first, though names, remarks or places are read otherwise today: it finds the
//! first answer. Looked for only where today's reading was refused.

use super::Shared;
use crate::domain::hub::tables::{Key, TransferRow};
use crate::domain::machine::TableRow;
use crate::domain::protocol::{Party, Terms, TermsDigests};
use crate::domain::reason::Reason;
use crate::domain::value::{BySide, Digest, ProvinceCode, RegionCode, TransferId};
use crate::privacy::key::VaultKey;
use crate::privacy::names::Form;
use crate::proto::hub::CreateTransferRequest;
use crate::proto::types;
use crate::wire::accept::PayeesWord;
use crate::wire::reader::Reader;
use crate::wire::status::Problem;
use crate::wire::terms::NewTransfer;

/// Whether what was refused so may be a repeat in another form.
pub(super) fn may_be_repeat(problem: &Problem) -> bool {
    use Reason::{ContentDiffers, NameMalformed, RemarkMalformed, RemarkTooLong, TransferNotFound};
    let named = [ContentDiffers, TransferNotFound, NameMalformed, RemarkTooLong, RemarkMalformed];
    named.contains(&problem.reason)
}

impl Shared {
    /// The transfer with this id, which its terms' digest and areas are compared with.
    async fn first(&self, transfer_id: TransferId) -> Option<TransferRow> {
        self.recovery.life().ok()?;
        let rows = self.reader.run(move |tables| tables.load(&[Key::Transfer(transfer_id)])).await.ok()?;
        rows.iter().flatten().find_map(TransferRow::of).cloned()
    }

    /// The request as it was made at first, with the digests of then, if it says the same.
    pub(super) async fn as_at_first(
        &self,
        request: &CreateTransferRequest,
        read: impl Fn(&Reader<'_>) -> Result<NewTransfer, Problem>,
    ) -> Option<(NewTransfer, TermsDigests)> {
        let readings: Vec<NewTransfer> =
            Form::ALL.iter().filter_map(|form| read(&self.reading_in(*form)).ok()).collect();
        let row = self.first(readings.first()?.transfer_id).await?;
        let places = BySide::new(|side| (row.regions()[side], row.provinces()[side]));
        said_at_first(&self.keys.now(), (row.terms_digest, places), request, &readings)
    }

    /// The digest of a payee's word as that of the transfer's payee, if he is the same.
    pub(super) async fn payee_at_first(
        &self,
        payee: &Option<types::Party>,
        read: impl Fn(&Reader<'_>) -> Result<PayeesWord, Problem>,
    ) -> Option<(PayeesWord, Digest)> {
        let readings: Vec<PayeesWord> =
            Form::ALL.iter().filter_map(|form| read(&self.reading_in(*form)).ok()).collect();
        let row = self.first(readings.first()?.transfer_id).await?;
        readings.into_iter().find_map(|word| {
            let parties = in_both_areas(&word.payee, payee, (row.payee_region, row.payee_province));
            let mut digests = parties.flat_map(|party| {
                Form::ALL.map(|form| self.keys.now().payee_digest(form, row.transfer_id, &party))
            });
            let digest = digests.find(|digest| *digest == row.payee_digest)?;
            Some((word.clone(), digest))
        })
    }
}

/// The reading that says what was digested at first, between these places, with the digests of then. Each part may have
/// been said in either form, and digested in either.
fn said_at_first(
    key: &VaultKey,
    (terms_digest, places): (Digest, BySide<(RegionCode, ProvinceCode)>),
    request: &CreateTransferRequest,
    readings: &[NewTransfer],
) -> Option<(NewTransfer, TermsDigests)> {
    let parties = |of: fn(&Terms) -> &Party, stated: &Option<types::Party>, then| -> Vec<Party> {
        readings.iter().flat_map(|it| in_both_areas(of(&it.content.terms), stated, then)).collect()
    };
    let payers = parties(|it| &it.payer, &request.payer, places.payer);
    let payees = parties(|it| &it.payee, &request.payee, places.payee);
    let pairs = || payers.iter().flat_map(|payer| payees.iter().map(move |payee| (payer, payee)));
    Form::ALL.iter().find_map(|form| {
        readings.iter().find_map(|reading| {
            let digests = pairs().map(|(payer, payee)| {
                let (payer, payee) = (payer.clone(), payee.clone());
                let terms = Terms { payer, payee, ..reading.content.terms.clone() };
                key.terms_digests(*form, reading.transfer_id, &terms, &reading.content.remark)
            });
            let same = digests.into_iter().find(|digests| digests.whole == terms_digest)?;
            Some((reading.clone(), same))
        })
    })
}

/// A party, and the same in the area of then, where the place that it states belongs to that by its code: a county
/// that was moved to another pooling area is still the place that the caller means.
fn in_both_areas(
    party: &Party,
    stated: &Option<types::Party>,
    (region, province): (RegionCode, ProvinceCode),
) -> impl Iterator<Item = Party> + use<> {
    let stated = stated.as_ref().and_then(|stated| RegionCode::parse(&stated.region_code));
    let moved = stated.filter(|code| party.region != region && belongs(*code, region));
    let moved = moved.map(|_| Party { region, province, ..party.clone() });
    std::iter::once(party.clone()).chain(moved)
}

/// Whether a county belongs by its code to a pooling area: of a prefecture, or of a whole province.
fn belongs(county: RegionCode, area: RegionCode) -> bool {
    let (county, area) = (county.number(), area.number());
    let span = if area.is_multiple_of(10_000) { 10_000 } else { 100 };
    county / span == area / span
}

#[cfg(test)]
#[path = "repeats_tests.rs"]
mod tests;
