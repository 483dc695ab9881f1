//! The form of a month from its published tables, once its provinces have signed them.

use super::form::Kind;
use super::{Args, Draft};
use crate::cli::client::Server;
use crate::cli::failure::Failure;
use crate::cli::settle::forms::{Form, published, write};
use crate::proto::hub::{ListPeriodsRequest, ListTablesRequest, Period, PeriodState};
use std::io::{self, BufWriter};

impl Args {
    /// The form that counts. None: what was asked for is no form of a month, or what it is about is not signed yet.
    pub(super) async fn signed(&self, hub: &Server) -> Result<Option<Form>, Failure> {
        let (Some(kind), Some(period_id)) = (self.form, &self.period) else { return Ok(None) };
        let is_part = !self.area.is_empty() || (kind == Kind::Table && !self.province.is_empty());
        if is_part || (kind == Kind::Table && !is_all_signed(hub, period_id).await?) {
            return Ok(None);
        }
        let request = |page_size, page_token| ListTablesRequest {
            period_id: period_id.clone(),
            province_code: self.province.clone(),
            page_size,
            page_token,
        };
        let mut tables = hub.list(usize::MAX, request, |it| (it.tables, it.next_page_token)).await?.rows;
        let is_asked = |code: &String| self.counter.is_empty() || *code == self.counter;
        tables.retain(|it| is_asked(&it.first_province_code) || is_asked(&it.second_province_code));
        Ok(published(kind, period_id, &self.province, &tables))
    }

    /// Writes it.
    pub(super) fn write_signed(&self, form: &Form, hub: &Server) -> Result<(), Failure> {
        let written = || -> io::Result<()> {
            let mut draft = Draft::open(&self.out, &self.question(hub))?;
            draft.begin_anew()?;
            write(form, BufWriter::new(&draft.file))?;
            draft.finish()
        };
        written().map_err(|error| Failure::Local(format!("{}: {error}", self.out.display())))
    }
}

/// Whether every table of a month is final.
async fn is_all_signed(hub: &Server, period_id: &str) -> Result<bool, Failure> {
    let request = |page_size, page_token| ListPeriodsRequest { page_size, page_token };
    let periods = hub.list(usize::MAX, request, |it| (it.periods, it.next_page_token)).await?.rows;
    let found = periods.iter().find(|it| it.period_id == period_id).map(Period::state);
    Ok(matches!(found, Some(PeriodState::Signed | PeriodState::Settled)))
}
