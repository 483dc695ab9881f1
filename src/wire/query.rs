//! Requests that list or watch transfers.

use crate::domain::protocol::TransferState;
use crate::domain::reason::Reason;
use crate::domain::value::{Civil, ProvinceCode, TransferId, Window};
use crate::proto::hub;
use crate::wire::page::{page_size, read_number_token, read_token};
use crate::wire::reader::{Path, Reader, Violations};
use crate::wire::status::Problem;
use crate::wire::time::civil;

/// Which transfers a list shows. All that is given must hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferFilter {
    /// In which this province pays or receives.
    pub province: Option<ProvinceCode>,
    /// In this state.
    pub state: Option<TransferState>,
    /// Of this settlement window.
    pub window: Option<Window>,
    /// Received at or after.
    pub start_time: Option<Civil>,
    /// Received before.
    pub end_time: Option<Civil>,
}

impl TransferFilter {
    /// What a page token is bound to: it is good only for the same filters.
    pub fn scope(&self) -> Vec<u8> {
        format!("transfers {self:?}").into_bytes()
    }
}

/// A request for a page of transfers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferQuery {
    /// Which transfers are listed.
    pub filter: TransferFilter,
    /// At most so many.
    pub limit: usize,
    /// Only those behind this one: the list is newest first.
    pub after: Option<TransferId>,
}

/// What the token of a change is bound to: a province's stream cannot be resumed as another's, nor that of a journal
/// which was lost since. `life`: in which the hub last recovered, 0 when it never had to.
pub fn watch_scope(province: Option<ProvinceCode>, life: u64) -> Vec<u8> {
    format!("watch {province:?} {life}").into_bytes()
}

impl Reader<'_> {
    /// Reads a request for a page of transfers.
    ///
    /// # Errors
    /// `PAGE_SIZE_INVALID`, `UNKNOWN_REGION`, `VALUE_UNSUPPORTED`, `REQUEST_MALFORMED`, `PAGE_TOKEN_INVALID`.
    pub fn list_transfers(&self, request: &hub::ListTransfersRequest) -> Result<TransferQuery, Problem> {
        let limit = page_size(request.page_size)?;
        let (root, mut found) = (Path::Root, Violations::default());
        let state = match hub::TransferState::try_from(request.state) {
            Ok(hub::TransferState::Unspecified) => None,
            Ok(_) | Err(_) => {
                // One state here is no word of the wire: an acceptance that is being carried out.
                let state = TransferState::from_number(i64::from(request.state));
                let state = state.filter(|state| *state != TransferState::Accepted);
                found.need(&root.field("state"), Reason::ValueUnsupported, state)
            }
        };
        let mut time = |name, time: &Option<prost_types::Timestamp>| {
            time.as_ref()
                .and_then(|time| found.need(&root.field(name), Reason::RequestMalformed, civil(time)))
        };
        let (start_time, end_time) =
            (time("start_time", &request.start_time), time("end_time", &request.end_time));
        let window = match request.window_id.as_str() {
            "" => None,
            text => found.need(&root.field("window_id"), Reason::RequestMalformed, Window::parse(text)),
        };
        let province = self.province(&root.field("province_code"), &request.province_code, &mut found);
        let filter = found.finish(Some(TransferFilter { province, state, window, start_time, end_time }))?;
        let wrong = || Problem::field("page_token", Reason::PageTokenInvalid);
        let after = read_token("page_token", &filter.scope(), &request.page_token)?;
        let after = after.map(|bytes| TransferId::from_slice(&bytes).ok_or_else(wrong)).transpose()?;
        Ok(TransferQuery { filter, limit, after })
    }

    /// Reads a request to watch transfers: the province, and the journal sequence after which changes are wanted.
    /// `life` is the one of [`watch_scope`].
    ///
    /// # Errors
    /// `UNKNOWN_REGION`, `PAGE_TOKEN_INVALID`.
    pub fn watch_transfers(
        &self,
        request: &hub::WatchTransfersRequest,
        life: u64,
    ) -> Result<(Option<ProvinceCode>, Option<u64>), Problem> {
        let mut found = Violations::default();
        let province = self.province(&Path::Root.field("province_code"), &request.province_code, &mut found);
        let province = found.finish(Some(province))?;
        let after = read_number_token("resume_token", &watch_scope(province, life), &request.resume_token)?;
        Ok((province, after))
    }
}

#[cfg(test)]
#[path = "query_tests.rs"]
mod tests;
