//! The only place where an error becomes a `tonic::Status`, and where refusals get their words.
//!
//! A message begins with the reason's code, since command line tools show details as base64. Details: exactly one
//! `ErrorInfo` and one `LocalizedMessage`, and a `BadRequest` when fields are malformed. Nothing here may carry a
//! person's number, name, phone or remark: callers name fields, never their contents.

use crate::domain::reason::{Class, Reason, RefusalRecord, RefusalSide};
use crate::proto::{rpc, types};
use crate::store::StoreError;
use prost::Message;
use prost_types::Any;
use std::collections::BTreeMap;
use tonic::{Code, Status};

/// The `domain` of every `ErrorInfo` of this service.
pub const DOMAIN: &str = "gongji";
/// Most bytes of an encoded google.rpc.Status; as a base64 trailer it stays far below what proxies take.
pub const DETAILS_MAX: usize = 4096;
/// Most malformed fields that are named; `violation_count` in the metadata tells how many there were.
pub const VIOLATIONS_MAX: usize = 10;

const LOCALE: &str = "zh-CN";
const TYPE_PREFIX: &str = "type.googleapis.com/google.rpc.";

/// A field of a request that is malformed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldViolation {
    /// Its path in the request, for example `payer.person.id_number`.
    pub field: String,
    /// What is wrong with it.
    pub reason: Reason,
    /// The character that may not stand in it.
    pub character: Option<char>,
}

impl FieldViolation {
    /// "payer.person.name", "payer.person.name U+200B".
    fn named(&self) -> String {
        let code_point = self.code_point().map_or_else(String::new, |it| format!(" {it}"));
        format!("{}{code_point}", cut(&self.field, FIELD_MAX))
    }

    fn code_point(&self) -> Option<String> {
        self.character.map(|c| format!("U+{:04X}", u32::from(c)))
    }
}

/// Why a call, or an item of a batch, is answered with an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The reason whose code and class the error has.
    pub reason: Reason,
    /// Malformed fields, in the documented order of checks.
    pub violations: Vec<FieldViolation>,
    /// Public facts such as `field`, `limit`, `value`. No personal data, no balance.
    pub metadata: Vec<(String, String)>,
}

impl Problem {
    /// A problem that is not about particular fields.
    pub fn new(reason: Reason) -> Problem {
        Problem { reason, violations: Vec::new(), metadata: Vec::new() }
    }

    /// A problem of one field.
    pub fn field(field: impl Into<String>, reason: Reason) -> Problem {
        Problem::fields(vec![FieldViolation { field: field.into(), reason, character: None }])
    }

    /// A problem of these fields; the first gives the reason. Without any the request as a whole is malformed.
    pub fn fields(violations: Vec<FieldViolation>) -> Problem {
        let reason = violations.first().map_or(Reason::RequestMalformed, |first| first.reason);
        Problem { reason, violations, metadata: Vec::new() }
    }

    /// The same with one more fact.
    pub fn with(mut self, name: &str, value: impl ToString) -> Problem {
        self.metadata.push((name.to_owned(), value.to_string()));
        self
    }

    /// The first field that is wrong, and what is wrong with it; an empty name when it is about no field.
    pub fn first_field(&self) -> (String, Reason) {
        (self.violations.first().map_or_else(String::new, |it| it.field.clone()), self.reason)
    }

    /// The error of a call.
    pub fn into_status(self) -> Status {
        let code = code_of(self.reason.row().class);
        let content = self.into_rpc_status();
        let details = content.encode_to_vec();
        Status::with_details(code, content.message, details.into())
    }

    /// The error of an item in a batch, with the same content as [`Problem::into_status`].
    pub fn into_rpc_status(self) -> rpc::Status {
        // Each is tighter than the one before; the last one fits whatever was handed in.
        let [first, tighter @ ..] = &BUDGETS;
        let fits = |content: &rpc::Status| content.encoded_len() <= DETAILS_MAX;
        tighter.iter().fold(
            self.within(first),
            |content, budget| {
                if fits(&content) { content } else { self.within(budget) }
            },
        )
    }

    fn within(&self, budget: &Budget) -> rpc::Status {
        let row = self.reason.row();
        let info = rpc::ErrorInfo {
            reason: row.code.to_owned(),
            domain: DOMAIN.to_owned(),
            metadata: self.facts(budget).into_iter().collect(),
        };
        let chinese = rpc::LocalizedMessage { locale: LOCALE.to_owned(), message: row.chinese.to_owned() };
        let mut details = vec![any("ErrorInfo", &info), any("LocalizedMessage", &chinese)];
        if !self.violations.is_empty() {
            let field_violations =
                self.violations.iter().take(budget.violations).map(violation_to_proto).collect();
            details.push(any("BadRequest", &rpc::BadRequest { field_violations }));
        }
        rpc::Status { code: i32::from(code_of(row.class)), message: self.message(budget), details }
    }

    /// Metadata of the `ErrorInfo`: what was handed in, the retry advice, the first field and their number.
    fn facts(&self, budget: &Budget) -> BTreeMap<String, String> {
        let mut facts: BTreeMap<String, String> = self
            .metadata
            .iter()
            .take(budget.facts)
            .map(|(name, value)| (cut(name, 40), cut(value, budget.bytes)))
            .collect();
        if let Some(first) = self.violations.first() {
            facts.entry("field".to_owned()).or_insert_with(|| cut(&first.field, FIELD_MAX));
            facts.extend(first.code_point().map(|it| ("code_point".to_owned(), it)));
        }
        if self.violations.len() > budget.violations {
            facts.insert("violation_count".to_owned(), self.violations.len().to_string());
        }
        facts.insert("retry".to_owned(), self.reason.row().retry.name().to_owned());
        facts
    }

    /// "CODE: text (field, name=value); also CODE (field)".
    fn message(&self, budget: &Budget) -> String {
        let row = self.reason.row();
        let named = &self.violations[..self.violations.len().min(budget.violations)];
        let mut notes: Vec<String> =
            named.iter().filter(|one| one.reason == self.reason).map(FieldViolation::named).collect();
        let facts = self.metadata.iter().take(budget.facts);
        notes.extend(facts.map(|(name, value)| format!("{}={}", cut(name, 40), cut(value, budget.bytes))));
        let mut text = format!("{}: {}", row.code, row.english);
        if !notes.is_empty() {
            text.push_str(&format!(" ({})", notes.join(", ")));
        }
        for other in named.iter().filter(|one| one.reason != self.reason) {
            text.push_str(&format!("; also {} ({})", other.reason.code(), other.named()));
        }
        if self.violations.len() > named.len() {
            text.push_str(&format!("; and {} more", self.violations.len() - named.len()));
        }
        text
    }
}

/// A refusal by a rule, where a call has no transfer to carry it, such as opening a wallet.
impl From<RefusalRecord> for Problem {
    fn from(refusal: RefusalRecord) -> Problem {
        Problem { reason: refusal.reason, violations: Vec::new(), metadata: refusal.metadata }
    }
}

/// A reason that needs no figures, such as why a question to an engine was not answered.
impl From<Reason> for Problem {
    fn from(reason: Reason) -> Problem {
        Problem::new(reason)
    }
}

impl From<Reason> for Status {
    fn from(reason: Reason) -> Status {
        status(reason)
    }
}

/// The error of a call for a reason that needs no figures.
pub fn status(reason: Reason) -> Status {
    Problem::new(reason).into_status()
}

impl From<Problem> for Status {
    fn from(problem: Problem) -> Status {
        problem.into_status()
    }
}

/// What a caller is told whose request tonic could not read: more bytes than `bytes_max`, or no message of the method's
/// type. Nothing for errors that have their form already, or are not about reading.
pub fn unreadable(status: &Status, bytes_max: usize) -> Option<Status> {
    if !status.details().is_empty() {
        return None;
    }
    let problem = Problem::new(Reason::RequestMalformed);
    match status.code() {
        Code::OutOfRange => Some(problem.with("limit_bytes", bytes_max).into_status()),
        Code::Internal => Some(problem.into_status()),
        _ => None,
    }
}

/// A store that cannot be read, for a caller: logged here, told as an unknown outcome.
pub fn problem_of_store(error: StoreError) -> Problem {
    tracing::error!(%error, "the store cannot be read");
    Problem::new(Reason::Internal)
}

/// What an error of this service says, as a client reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Reason code; perhaps one that this program does not know.
    pub code: String,
    /// Facts, with the retry advice under `retry`.
    pub metadata: BTreeMap<String, String>,
    /// English text, beginning with the code.
    pub message: String,
    /// Chinese text; empty when there is none.
    pub chinese: String,
}

/// What an error of a call says; nothing when it does not come from this service (a proxy, the connection).
pub fn problem_of(status: &Status) -> Option<Explanation> {
    rpc::Status::decode(status.details()).ok().and_then(|content| explain(&content))
}

/// The reason of a peer's error, if it is one of the table: by its `ErrorInfo`, or, since not every library can send
/// that, by the code with which its message begins, "RECOVERING: …".
pub fn reason_of(status: &Status) -> Option<Reason> {
    let code = problem_of(status).map(|problem| problem.code);
    let begins = || status.message().split(':').next().unwrap_or_default().to_owned();
    Reason::from_code(&code.unwrap_or_else(begins))
}

/// What an item's error says; nothing when it is not one of this service's.
pub fn explain(content: &rpc::Status) -> Option<Explanation> {
    let info: rpc::ErrorInfo =
        detail(content, "ErrorInfo").filter(|info: &rpc::ErrorInfo| info.domain == DOMAIN)?;
    let chinese = detail(content, "LocalizedMessage")
        .map_or_else(String::new, |text: rpc::LocalizedMessage| text.message);
    let metadata = info.metadata.into_iter().collect();
    Some(Explanation { code: info.reason, metadata, message: content.message.clone(), chinese })
}

/// A side, where the wire means the party that refuses or is waited for.
pub fn refusal_side_to_proto(side: RefusalSide) -> types::RefusalSide {
    match side {
        RefusalSide::Hub => types::RefusalSide::Hub,
        RefusalSide::Payer => types::RefusalSide::Payer,
        RefusalSide::Payee => types::RefusalSide::Payee,
    }
}

/// A refusal in the words of the wire.
pub fn refusal_to_proto(refusal: &RefusalRecord) -> types::Refusal {
    let row = refusal.reason.row();
    types::Refusal {
        reason: row.code.to_owned(),
        side: refusal_side_to_proto(refusal.side).into(),
        message: row.english.to_owned(),
        message_zh: row.chinese.to_owned(),
        metadata: refusal.metadata.iter().cloned().collect(),
    }
}

/// A refusal as a peer sent it, for the journal, which cannot forget: texts are left out (the table has them), and of
/// the metadata only what the table lists for the reason stays, as far as it can be neither a name nor a number of a
/// person. `side` is who sent it, whatever it claims. A code that this program does not know, or that only the other
/// side's province can give, becomes `REFUSED_BY_PLACE` with the code under `code`.
pub fn refusal_from_proto(refusal: &types::Refusal, side: RefusalSide) -> RefusalRecord {
    let known = Reason::from_code(&refusal.reason).filter(|reason| reason.may_come_from(side));
    let Some(reason) = known else {
        let record = RefusalRecord::new(Reason::RefusedByPlace, side);
        return if is_code(&refusal.reason) { record.with("code", &refusal.reason) } else { record };
    };
    let harmless =
        refusal.metadata.iter().filter(|(name, value)| reason.row().may_carry(name) && is_fact_value(value));
    harmless.fold(RefusalRecord::new(reason, side), |record, (name, value)| record.with(name, value))
}

/// How much of a problem an answer may carry.
struct Budget {
    /// Bytes of a value.
    bytes: usize,
    /// Facts.
    facts: usize,
    /// Fields.
    violations: usize,
}

const BUDGETS: [Budget; 4] = [
    Budget { bytes: 256, facts: 32, violations: VIOLATIONS_MAX },
    Budget { bytes: 64, facts: 12, violations: VIOLATIONS_MAX },
    Budget { bytes: 32, facts: 8, violations: 5 },
    Budget { bytes: 16, facts: 4, violations: 2 },
];

const FIELD_MAX: usize = 96;
/// A phone number has 11 digits, an identity number 17 or 18: no fact of ours has such a run.
const DIGIT_RUN_MAX: usize = 10;

fn code_of(class: Class) -> Code {
    match class {
        Class::InvalidArgument => Code::InvalidArgument,
        Class::AlreadyExists => Code::AlreadyExists,
        Class::NotFound => Code::NotFound,
        Class::FailedPrecondition => Code::FailedPrecondition,
        Class::Unauthenticated => Code::Unauthenticated,
        Class::PermissionDenied => Code::PermissionDenied,
        Class::ResourceExhausted => Code::ResourceExhausted,
        Class::Unavailable => Code::Unavailable,
        Class::Internal => Code::Internal,
    }
}

fn violation_to_proto(violation: &FieldViolation) -> rpc::bad_request::FieldViolation {
    let row = violation.reason.row();
    rpc::bad_request::FieldViolation {
        field: cut(&violation.field, FIELD_MAX),
        description: row.english.to_owned(),
        reason: row.code.to_owned(),
        localized_message: None,
    }
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("{TYPE_PREFIX}{name}"), value: message.encode_to_vec() }
}

fn detail<T: Message + Default>(content: &rpc::Status, name: &str) -> Option<T> {
    let found = content.details.iter().find(|any| any.type_url.strip_prefix(TYPE_PREFIX) == Some(name))?;
    T::decode(found.value.as_slice()).ok()
}

/// At most `bytes` bytes of a text, cut between characters.
fn cut(text: &str, bytes: usize) -> String {
    text[..text.floor_char_boundary(bytes)].to_owned()
}

fn is_code(text: &str) -> bool {
    let fits = text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    (1..=63).contains(&text.len()) && fits && is_fact_value(text)
}

fn is_fact_value(text: &str) -> bool {
    let digits = text.split(|one: char| !one.is_ascii_digit()).map(str::len).max().unwrap_or(0);
    text.len() <= 64 && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) && digits <= DIGIT_RUN_MAX
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
