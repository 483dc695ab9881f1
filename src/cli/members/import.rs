//! `gongji members import`: feeds a file of insurance rows, and allotments, to a province's node.

use super::csv::{BadRow, Row};
use super::lines::Lines;
use super::numbers::{Accept, Numbers};
use super::report::Report;
use crate::cli::Exit;
use crate::cli::client::{CallArgs, Server};
use crate::cli::failure::{CallOutcome, Failure, classify, classify_explained};
use crate::cli::until_known::{Next, RetryUntilKnown};
use crate::domain::reason::Reason;
use crate::domain::value::{Day, Money, ProvinceCode, hex};
use crate::engine::SystemClock;
use crate::privacy::random::new_transfer_id;
use crate::proto::node::member_service_client::MemberServiceClient;
use crate::proto::node::{
    CreditAccountRequest, MemberChange, RejectedMember, UpsertMembersRequest, UpsertMembersResponse,
};
use crate::proto::rpc;
use crate::wire::status::{Explanation, explain, problem_of};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Seek};
use std::path::{Path, PathBuf};
use std::time::Instant;
use tokio::task::JoinSet;
use tonic::Status;

/// Rows of one call. A node describes the first 100 that it refuses, so each bad line has its description.
const CHUNK: usize = 100;

/// Arguments.
#[derive(clap::Args)]
#[command(after_help = "\
The file is UTF-8 CSV with a header that names its columns:
  id_number,name,region_code,insurance,status      needed
  in_arrears,public_medical,account_state,phone    may be left out
  credit                                           an allotment in yuan; needs --period
insurance: employee or 310, resident or 390. status: active, suspended, ended, none, or 1, 2, 3, 0.
Good rows are kept when others are bad: rows = accepted + unchanged + bad. A row that renames or moves a member, puts
his insurance in force again or ends it with money left is named by its line. A member gets one allotment for a month
from this command, however often it is run and whatever he is called now; --allotment names a further one.

Exit codes: 0 all rows were taken, 1 some were not (each is reported with its line), 2 not known yet: run it again.")]
pub struct Args {
    /// The file
    file: PathBuf,
    /// The province whose node is fed: two digits
    #[arg(long, value_name = "NN", value_parser = province)]
    province: ProvinceCode,
    /// Month that the allotments are for
    #[arg(long, value_name = "YYYYMM", value_parser = period)]
    period: Option<String>,
    /// Name of an allotment beside the usual one of that month, for example "supplement"
    #[arg(long, value_name = "NAME", default_value = "", hide_default_value = true)]
    allotment: String,
    /// Day that the file stands for, "2026-11-21": who was changed on a later day is not changed by it
    #[arg(long, value_name = "DAY", value_parser = day)]
    as_of: Option<Day>,
    #[command(flatten)]
    accept: Accept,
    #[command(flatten)]
    call: CallArgs,
}

fn day(text: &str) -> Result<Day, String> {
    Day::parse(text).ok_or_else(|| "a day is written YYYY-MM-DD".to_owned())
}

fn province(text: &str) -> Result<ProvinceCode, String> {
    ProvinceCode::parse(text).ok_or_else(|| "a province has two digits".to_owned())
}

fn period(text: &str) -> Result<String, String> {
    let digits = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let month = text.get(4..).filter(|_| digits).and_then(|month| month.parse::<u8>().ok());
    match month {
        Some(1..=12) => Ok(text.to_owned()),
        Some(_) | None => Err("a period is a month, written YYYYMM".to_owned()),
    }
}

/// `gongji members import`.
pub fn import(args: &Args) -> Exit {
    args.call.run(async |connection| {
        let (lines, size) = open(&args.file)?;
        if lines.header().has_credit() && args.period.is_none() {
            let what =
                "the file has a column `credit`: name the month of the allotments with --period YYYYMM";
            return Err(Failure::Usage(what.to_owned()));
        }
        let node = connection.node_as_platform(args.province)?;
        let mut import = Import {
            node,
            period: args.period.clone().unwrap_or_default(),
            allotment: args.allotment.clone(),
            same_name: !args.accept.accept_new_names,
            as_of: args.as_of,
            numbers: Numbers::new(args.accept, Day::of(SystemClock::new(None, None).now().civil)),
            credit_lines: BTreeMap::new(),
        };
        let mut report = Report::new(args.call.output, size);
        let failure = import.all(lines, &mut report).await.err();
        Ok(report.finish(failure.as_ref()))
    })
}

fn open(path: &Path) -> Result<(Lines<BufReader<File>>, u64), Failure> {
    let wrong = |what: String| Failure::Usage(format!("{}: {what}", path.display()));
    let file = File::open(path).map_err(|error| wrong(error.to_string()))?;
    let size = file.metadata().map_err(|error| wrong(error.to_string()))?.len();
    Lines::check(BufReader::new(&file)).map_err(wrong)?;
    (&file).rewind().map_err(|error| wrong(error.to_string()))?;
    Ok((Lines::open(BufReader::new(file)).map_err(wrong)?, size))
}

/// How an import ends early: what is behind this line was not sent, or is not known.
struct Stopped;

struct Import {
    node: Server,
    period: String,
    allotment: String,
    /// Whether a known number must keep its name.
    same_name: bool,
    as_of: Option<Day>,
    numbers: Numbers,
    /// Line on which each member's allotment stands.
    credit_lines: BTreeMap<[u8; 32], u64>,
}

impl Import {
    async fn all(&mut self, mut lines: Lines<BufReader<File>>, report: &mut Report) -> Result<(), Failure> {
        loop {
            let (mut rows, mut ended) = (Vec::new(), false);
            while rows.len() < CHUNK {
                let Some(row) = lines.next_row().map_err(|error| Failure::Local(error.to_string()))? else {
                    ended = true;
                    break;
                };
                report.row();
                match row.and_then(|row| self.numbers.check(row)) {
                    Ok(row) => rows.push(row),
                    Err(bad) => report.bad(bad),
                }
            }
            if !rows.is_empty() {
                let (first, last) = (rows[0].line, rows[rows.len() - 1].line);
                if self.take(rows, report).await?.is_err() {
                    report.stopped(first, last);
                    return Ok(());
                }
            }
            report.progress(lines.bytes());
            if ended {
                return Ok(());
            }
        }
    }

    /// Sends rows, then the allotments of those that were taken; and of those that have another name, since what was
    /// booked for a number is booked.
    async fn take(&mut self, rows: Vec<Row>, report: &mut Report) -> Result<Result<(), Stopped>, Failure> {
        rows.iter().filter(|row| row.credit.is_some()).for_each(|_| report.credit());
        let taken = match self.upsert(rows, report).await? {
            Ok(taken) => taken,
            Err(stopped) => return Ok(Err(stopped)),
        };
        self.credit(taken, report).await
    }

    async fn upsert(
        &self,
        rows: Vec<Row>,
        report: &mut Report,
    ) -> Result<Result<Vec<ToCredit>, Stopped>, Failure> {
        // A new key each time, the same for repeats: a member who goes back to an earlier state must be told too.
        let mut open: Vec<(Row, UpsertMembersRequest)> = rows
            .into_iter()
            .map(|row| {
                let request_id = new_transfer_id().to_string();
                let member = Some(row.member.clone());
                let as_of_date = self.as_of.map_or_else(String::new, |day| day.to_string());
                let (phone, same_name) = (row.phone.clone(), self.same_name);
                let request = UpsertMembersRequest { request_id, member, phone, same_name, as_of_date };
                (row, request)
            })
            .collect();
        let mut retry = RetryUntilKnown::new(Instant::now(), self.node.timeout(), false);
        let mut taken = Vec::new();
        loop {
            let requests: Vec<UpsertMembersRequest> =
                open.iter().map(|(_, request)| request.clone()).collect();
            let left = retry.left(Instant::now());
            let call = self.node.request_within(tokio_stream::iter(requests), left);
            let answer = MemberServiceClient::new(self.node.peer().service()).upsert_members(call).await;
            let (outcome, failure) = match answer {
                Ok(answer) => {
                    let settled = settle(open, answer.into_inner());
                    report.count(settled.accepted, settled.unchanged);
                    settled.bad.into_iter().for_each(|bad| report.bad(bad));
                    settled.changed.into_iter().for_each(|(line, change)| report.changed(line, change));
                    taken.extend(settled.taken);
                    open = settled.open;
                    (CallOutcome::Unknown, None)
                }
                Err(status) => (classify(&status), Some(self.node.failed(status))),
            };
            if open.is_empty() {
                return Ok(Ok(taken));
            }
            match (retry.after(outcome, Instant::now()), failure) {
                (Next::Again(wait), _) => tokio::time::sleep(wait).await,
                (Next::Stop(Exit::Unknown), failure) => {
                    failure.iter().for_each(|failure| report.note(&failure.to_string()));
                    return Ok(Err(Stopped));
                }
                (Next::Stop(_), Some(failure)) => return Err(failure),
                (Next::Stop(_), None) => return Ok(Err(Stopped)),
            }
        }
    }

    async fn credit(
        &mut self,
        rows: Vec<ToCredit>,
        report: &mut Report,
    ) -> Result<Result<(), Stopped>, Failure> {
        let mut calls = JoinSet::new();
        for ToCredit { row, taken } in rows {
            let (Some(amount), Some(party)) = (row.credit, row.member.party) else { continue };
            let id_number = party.person.as_ref().map_or("", |person| person.id_number.as_str());
            let id = credit_id(id_number, &self.period, &self.allotment);
            let first = *self.credit_lines.entry(id).or_insert(row.line);
            if first != row.line {
                let note = format!("line {first} already gives this member an allotment");
                report.bad_credit(BadRow::new(row.line, "credit", Reason::RequestMalformed, &note));
                continue;
            }
            let request = CreditAccountRequest {
                request_id: hex(&id),
                party: Some(party),
                amount: amount.to_string(),
                period: self.period.clone(),
                remark: String::new(),
            };
            calls.spawn(book(self.node.clone(), (row.line, taken), amount, request));
        }
        let mut credits = Vec::new();
        while let Some(credit) = calls.join_next().await {
            credits.push(credit.map_err(|error| Failure::Local(format!("a call ended early: {error}")))?);
        }
        credits.sort_by_key(|credit| credit.line);
        let (mut outcome, mut failure) = (Ok(()), None);
        for credit in credits {
            match credit.refused {
                None => report.credited(credit.amount),
                Some(status) => match (classify(&status), problem_of(&status)) {
                    // The row is bad already, and says why.
                    (CallOutcome::Refused | CallOutcome::NotHeard, Some(it))
                        if !credit.taken && it.code == Reason::MemberNotFound.code() => {}
                    (CallOutcome::Refused | CallOutcome::NotHeard, Some(it)) => {
                        report.bad_credit(bad_credit(credit.line, &it));
                    }
                    // What the others became is told first.
                    (CallOutcome::Refused | CallOutcome::NotHeard, None) => {
                        failure = Some(self.node.failed(status));
                    }
                    (CallOutcome::NotTaken | CallOutcome::Unknown, _) => {
                        report.note(&format!("line {}: {}", credit.line, self.node.failed(status)));
                        outcome = Err(Stopped);
                    }
                },
            }
        }
        failure.map_or(Ok(outcome), Err)
    }
}

/// A row whose allotment is to be booked; of one that was not taken only what was booked before counts.
struct ToCredit {
    row: Row,
    taken: bool,
}

struct Credited {
    line: u64,
    taken: bool,
    amount: Money,
    refused: Option<Status>,
}

async fn book(
    node: Server,
    (line, taken): (u64, bool),
    amount: Money,
    request: CreditAccountRequest,
) -> Credited {
    let mut retry = RetryUntilKnown::new(Instant::now(), node.timeout(), false);
    loop {
        let Err(status) = node.peer().call(request.clone(), retry.left(Instant::now())).await else {
            return Credited { line, taken, amount, refused: None };
        };
        match retry.after(classify(&status), Instant::now()) {
            Next::Again(wait) => tokio::time::sleep(wait).await,
            Next::Stop(_) => return Credited { line, taken, amount, refused: Some(status) },
        }
    }
}

/// The key of an allotment: the same for a member, a month and a name, so that neither a repeat nor a corrected file
/// pays twice. The amount is not in it: another amount for the same allotment is refused, not added.
fn credit_id(id_number: &str, period: &str, allotment: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in ["gongji members import", &id_number.to_ascii_uppercase(), period, allotment] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What an answer says of the rows that were sent.
#[derive(Default)]
struct Settled {
    accepted: u64,
    unchanged: u64,
    bad: Vec<BadRow>,
    changed: Vec<(u64, MemberChange)>,
    taken: Vec<ToCredit>,
    /// To be sent again.
    open: Vec<(Row, UpsertMembersRequest)>,
}

fn settle(sent: Vec<(Row, UpsertMembersRequest)>, answer: UpsertMembersResponse) -> Settled {
    let mut settled =
        Settled { accepted: answer.accepted_count, unchanged: answer.unchanged_count, ..Settled::default() };
    let refused = |at: u64| answer.rejected.iter().find(|rejected| rejected.index == at);
    for (at, (row, request)) in (0..).zip(sent) {
        let changed = answer.changed.iter().filter(|changed| changed.index == at);
        settled.changed.extend(changed.flat_map(|it| it.changes()).map(|change| (row.line, change)));
        match refused(at) {
            None => settled.taken.push(ToCredit { row, taken: true }),
            Some(rejected) => match rejection(rejected) {
                (CallOutcome::Refused | CallOutcome::NotHeard, it) => {
                    settled.bad.push(bad_member(row.line, it.as_ref()));
                    if it.is_some_and(|it| it.code == Reason::NameMismatch.code()) {
                        settled.taken.push(ToCredit { row, taken: false });
                    }
                }
                (CallOutcome::NotTaken | CallOutcome::Unknown, _) => settled.open.push((row, request)),
            },
        }
    }
    settled
}

fn rejection(rejected: &RejectedMember) -> (CallOutcome, Option<Explanation>) {
    let it = rejected.error.as_ref().and_then(|error: &rpc::Status| explain(error));
    (it.as_ref().map_or(CallOutcome::Refused, classify_explained), it)
}

/// The column of a field of the wire.
fn column(field: &str) -> &str {
    match field.rsplit('.').next().unwrap_or(field) {
        "insurance_type" => "insurance",
        "insurance_status" => "status",
        "amount" => "credit",
        other => other,
    }
}

fn bad_member(line: u64, it: Option<&Explanation>) -> BadRow {
    let Some(it) = it else {
        return BadRow::new(line, "", Reason::RequestMalformed, "the node gave no reason");
    };
    let field = it.metadata.get("field").map_or("", |field| column(field));
    let renamed = it.code == Reason::NameMismatch.code();
    let hint =
        if renamed { "; the number is known with another name, --accept-new-names replaces it" } else { "" };
    BadRow {
        line,
        field: field.to_owned(),
        reason: it.code.clone(),
        message: format!("{}{hint}", it.message),
        message_zh: it.chinese.clone(),
    }
}

fn bad_credit(line: u64, it: &Explanation) -> BadRow {
    let mut bad = bad_member(line, Some(it));
    if it.code == Reason::ContentDiffers.code() {
        bad.field = "credit".to_owned();
        bad.message.push_str("; this member already has this month's allotment with other content");
    }
    bad
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
