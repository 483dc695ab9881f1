//! `gongji settle statement`: the commits of closed windows, or what they add up to, as a file. The file has its name
//! once all of it is there and adds up.

mod detail;
mod draft;
mod form;
mod iso20022;
mod line;
mod paper;
mod shown;
mod signed;
mod stream;
mod xml;

use super::super::Exit;
use super::super::client::{CallArgs, Server};
use super::super::failure::Failure;
use super::super::table::facts;
use crate::domain::hub::statement::Sum;
use crate::domain::value::hex;
use crate::proto::hub::get_statement_request::Span;
use crate::proto::hub::{GetStatementRequest, StatementHeader};
use crate::wire::settlement::yuan;
use draft::{Draft, Progress};
use line::Lines;
use paper::{LinePaper, Paper};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use shown::Shown;
use std::io;
use std::path::{Path, PathBuf};
use stream::{Reading, Unread};

/// Arguments.
#[derive(clap::Args)]
#[command(group = clap::ArgGroup::new("span").required(true))]
pub(in crate::cli) struct Args {
    /// A closed window, for example 20261121 or 20261121-2
    #[arg(long, value_name = "WINDOW", group = "span")]
    window: Option<String>,
    /// A month whose windows are all closed, for example 202611
    #[arg(long, value_name = "YYYYMM", group = "span")]
    period: Option<String>,
    /// Only what this province pays or receives: two digits
    #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
    province: String,
    /// Of this only what is between the two provinces
    #[arg(long, value_name = "NN", default_value = "", hide_default_value = true)]
    counter: String,
    /// Of this only what this pooling area pays or receives: six digits
    #[arg(long, value_name = "CODE", default_value = "", hide_default_value = true)]
    area: String,
    /// What the file is
    #[arg(long, value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Instead: a form as XLSX. Of a month from its tables as far as both provinces have signed them; else of what the
    /// commits add up to, for checking
    #[arg(long, value_enum, conflicts_with = "format")]
    form: Option<form::Kind>,
    /// The file; one that is there is replaced once the new one is whole
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    call: CallArgs,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table in UTF-8, for people; goes on where an earlier command ended
    Csv,
    /// A JSON object a line, for programs; goes on where an earlier command ended
    Jsonl,
    /// A workbook, a new sheet after a million rows
    Xlsx,
    /// ISO 20022 camt.053.001.08: an entry for each commit of one province
    Camt053,
    /// ISO 20022 pacs.009.001.08: what one province pays to each other one
    Pacs009,
}

impl Args {
    fn request(&self) -> GetStatementRequest {
        let period = self.period.clone().map(Span::PeriodId);
        GetStatementRequest {
            span: self.window.clone().map(Span::WindowId).or(period),
            province_code: self.province.clone(),
            counter_province_code: self.counter.clone(),
            region_code: self.area.clone(),
            after: None,
        }
    }

    /// What tells one draft of a file from another: all that is asked for, and of which hub.
    fn question(&self, hub: &Server) -> String {
        let asked = format!("{:?} {:?} {:?} {}", self.request(), self.format, self.form, hub.address());
        hex(&Sha256::digest(asked))[..12].to_owned()
    }

    /// Rows that an earlier command has written stay, where no more than rows is in the file. Of a pooling area nothing
    /// says what all rows must add up to: there none are taken over.
    fn lines(&self) -> Option<Lines> {
        match (self.form, self.format) {
            (None, Format::Csv) => Some(Lines::Csv),
            (None, Format::Jsonl) => Some(Lines::Json),
            _ => None,
        }
    }

    fn paper(&self, draft: &Draft) -> io::Result<Box<dyn Paper>> {
        let to = draft.file.try_clone()?;
        let folder = self.out.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(match (self.form, self.format) {
            (Some(kind), _) => Box::new(form::FormPaper::new(kind, to)),
            (None, Format::Csv) => Box::new(LinePaper::new(Lines::Csv, to)),
            (None, Format::Jsonl) => Box::new(LinePaper::new(Lines::Json, to)),
            (None, Format::Xlsx) => Box::new(detail::DetailPaper::new(to, folder)?),
            (None, Format::Camt053) => Box::new(iso20022::Camt053::new(to)),
            (None, Format::Pacs009) => Box::new(iso20022::Pacs009::new(to)),
        })
    }

    async fn write(&self, hub: &Server) -> Result<(StatementHeader, Sum), Failure> {
        let local = |error: io::Error| Failure::Local(format!("{}: {error}", self.out.display()));
        let mut draft = Draft::open(&self.out, &self.question(hub)).map_err(local)?;
        let progress = match self.lines().filter(|_| self.area.is_empty()) {
            Some(lines) => draft.go_on(lines).map_err(local)?,
            None => {
                draft.begin_anew().map_err(local)?;
                Progress::default()
            }
        };
        let mut paper = self.paper(&draft).map_err(local)?;
        let shown = Shown::new(self.call.output);
        match Reading::new(hub, self.request(), progress, paper.as_mut(), shown).read().await {
            Ok(read) => {
                paper.end().map_err(local)?;
                draft.finish().map_err(local)?;
                Ok(read)
            }
            Err(Unread::Later(failure)) => {
                drop(paper);
                // Where no row has come nothing is kept.
                if !self.lines().is_some_and(|lines| draft.has_more_than(&lines.head())) {
                    draft.discard().map_err(local)?;
                }
                Err(failure)
            }
            Err(Unread::Never(failure)) => {
                draft.discard().map_err(local)?;
                Err(failure)
            }
        }
    }
}

/// `gongji settle statement`.
pub(super) fn statement(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let hub = connection.hub_as_operator()?;
        let file = args.out.display().to_string();
        if let Some(form) = args.signed(&hub).await? {
            args.write_signed(&form, &hub)?;
            let (maker, checker, issued) = (form.maker, form.rechecker, form.issued);
            args.call.output.print(
                || json!({ "file": file, "maker": maker, "checker": checker, "issued": issued }),
                || {
                    facts(&[
                        ("file 文件", file.clone()),
                        ("maker 制表", maker.clone()),
                        ("checker 复核", checker.clone()),
                        ("issued 日期", issued.clone()),
                    ])
                },
            );
            return Ok(Exit::Done);
        }
        let (header, sum) = args.write(&hub).await?;
        let digest = hex(&sum.digest.0);
        let (count, amount) = (sum.count, yuan(sum.fen));
        let windows = &header.window_ids;
        args.call.output.print(
            || json!({ "file": file, "window_ids": windows, "count": count, "amount": amount, "digest": digest }),
            || {
                facts(&[
                    ("file 文件", file.clone()),
                    ("windows 清算窗口", windows.join(" ")),
                    ("rows 笔数", count.to_string()),
                    ("amount 金额合计", amount.clone()),
                    ("digest 摘要", digest.clone()),
                ])
            },
        );
        Ok(Exit::Done)
    })
}

#[cfg(test)]
mod tests;
