//! Why a command failed, in words for people and programs.

use super::Exit;
use super::output::{OutputArgs, note, say};
use super::show::one_line;
use crate::transport::refusals::{Refusal, refusal};
use crate::transport::tls::with_sources;
use crate::wire::status::{Explanation, problem_of};
use serde_json::{Value, json};
use std::fmt;
use tonic::{Code, ConnectError, Status};

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Wrong arguments or a wrong file: exit code 64.
    Usage(String),
    /// Something on this machine: exit code 1.
    Local(String),
    /// A server's error, or none was reached: exit code 1.
    Call {
        /// The server.
        address: String,
        /// What came back.
        status: Box<Status>,
    },
}

impl Failure {
    /// The exit code. A command that changes something gives 2 by itself where its outcome is not known.
    pub fn exit(&self) -> Exit {
        match self {
            Failure::Usage(_) => Exit::Usage,
            Failure::Local(_) | Failure::Call { .. } => Exit::Refused,
        }
    }

    /// Whether the server does not offer what was asked: a province's own node need not.
    pub fn is_unimplemented(&self) -> bool {
        matches!(self, Failure::Call { status, .. } if status.code() == Code::Unimplemented)
    }

    /// Prints it, to standard error for people and as `{"error": …}` to standard output for programs.
    pub fn report(&self, output: OutputArgs) -> Exit {
        self.report_as(output, |document| document);
        self.exit()
    }

    /// The same, with what `document` makes of the JSON.
    pub fn report_as(&self, output: OutputArgs, document: impl FnOnce(Value) -> Value) {
        if output.json {
            say(document(json!({ "error": self.to_json() })));
        } else {
            note(format!("gongji: {self}"));
        }
    }

    /// The error for programs: `code` of gRPC, `reason`, `message`, `message_zh`, `metadata`.
    pub fn to_json(&self) -> Value {
        match self {
            Failure::Usage(text) | Failure::Local(text) => json!({ "message": text }),
            Failure::Call { status, .. } => match problem_of(status) {
                Some(it) => explanation_json(status.code(), &it),
                None => {
                    let code = code_name(status.code());
                    match refusal(status.as_ref()) {
                        Some(it) => json!({ "code": code, "message": it.english, "message_zh": it.chinese }),
                        None => json!({ "code": code, "message": self.to_string() }),
                    }
                }
            },
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (address, status) = match self {
            Failure::Usage(text) | Failure::Local(text) => return f.write_str(text),
            Failure::Call { address, status } => (address, status),
        };
        if let Some(it) = problem_of(status) {
            return f.write_str(&explanation_text(&it));
        }
        if let Some(Refusal { english, chinese }) = refusal(status.as_ref()) {
            return write!(
                f,
                "no TLS connection with {address}: {english}\n  无法与其建立 TLS 连接：{chinese}"
            );
        }
        let cause = std::error::Error::source(status.as_ref()).map_or_else(String::new, with_sources);
        match status.code() {
            _ if is_unreached(status) => {
                let cause = cause.strip_prefix("transport error: ").unwrap_or(&cause);
                write!(f, "{address} cannot be reached: {cause}; check the address and that the server runs")
            }
            Code::DeadlineExceeded | Code::Cancelled => {
                write!(f, "{address} did not answer in time; ask again, or with a longer --timeout")
            }
            code => write!(f, "{address}: {}: {}", code_name(code), one_line(status.message())),
        }
    }
}

/// "CODE: English" and, on a line of its own, 中文.
pub fn explanation_text(it: &Explanation) -> String {
    let (english, chinese) = (one_line(&it.message), one_line(&it.chinese));
    if chinese.is_empty() { english } else { format!("{english}\n  {chinese}") }
}

/// An error of this service for programs.
pub fn explanation_json(code: Code, it: &Explanation) -> Value {
    json!({
        "code": code_name(code),
        "reason": it.code,
        "message": it.message,
        "message_zh": it.chinese,
        "metadata": it.metadata,
    })
}

/// What a failed call says of what it should have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// It was refused; asking again will not help.
    Refused,
    /// The caller was not heard: nothing is said of what was asked before.
    NotHeard,
    /// This call did not do it, and another one may.
    NotTaken,
    /// It may have been done: ask again with the same id.
    Unknown,
}

/// What became of what a call should have done.
pub fn classify(status: &Status) -> CallOutcome {
    if let Some(it) = problem_of(status) {
        return classify_explained(&it);
    }
    match status.code() {
        _ if is_unreached(status) => CallOutcome::NotTaken,
        Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::FailedPrecondition
        | Code::OutOfRange => CallOutcome::Refused,
        Code::PermissionDenied | Code::Unimplemented | Code::Unauthenticated => CallOutcome::NotHeard,
        Code::Ok
        | Code::Cancelled
        | Code::Unknown
        | Code::DeadlineExceeded
        | Code::ResourceExhausted
        | Code::Aborted
        | Code::Internal
        | Code::Unavailable
        | Code::DataLoss => CallOutcome::Unknown,
    }
}

/// The same of an error in this service's own words.
pub fn classify_explained(it: &Explanation) -> CallOutcome {
    match (it.code.as_str(), it.metadata.get("retry").map(String::as_str)) {
        ("OVERLOADED" | "DEADLINE_TOO_SHORT" | "NOT_ANNOUNCED", _) => CallOutcome::NotTaken,
        // What may not have come yet is not found by asking on: its sender repeats it.
        (code, _) if code.ends_with("_NOT_FOUND") => CallOutcome::Refused,
        ("CERTIFICATE_REQUIRED" | "ROLE_NOT_ALLOWED" | "PROVINCE_NOT_ALLOWED", _) => CallOutcome::NotHeard,
        (_, Some("SAME_ID")) => CallOutcome::Unknown,
        (_, _) => CallOutcome::Refused,
    }
}

/// Whether no connection was made, so that nothing was sent.
fn is_unreached(status: &Status) -> bool {
    let mut cause = std::error::Error::source(status);
    while let Some(error) = cause {
        if error.is::<ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The code's name in the gRPC documents.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::reason::Reason;
    use crate::wire::status::{Problem, status};

    #[test]
    fn the_outcome_follows_the_advice_of_the_reason() {
        for (reason, expected) in [
            (Reason::AmountMalformed, CallOutcome::Refused),
            (Reason::ContentDiffers, CallOutcome::Refused),
            (Reason::TransferNotFound, CallOutcome::Refused),
            (Reason::ProvinceNotAllowed, CallOutcome::NotHeard),
            (Reason::RoleNotAllowed, CallOutcome::NotHeard),
            (Reason::Overloaded, CallOutcome::NotTaken),
            (Reason::DeadlineTooShort, CallOutcome::NotTaken),
            (Reason::OutcomeUnknown, CallOutcome::Unknown),
            (Reason::Stopping, CallOutcome::Unknown),
            (Reason::Internal, CallOutcome::Unknown),
        ] {
            assert_eq!(classify(&status(reason)), expected, "{}", reason.code());
        }
    }

    #[test]
    fn what_does_not_come_from_the_service_is_unknown_unless_nothing_was_sent() {
        let unreached = Status::from_error(Box::new(ConnectError("refused".into())));
        assert_eq!(classify(&unreached), CallOutcome::NotTaken);
        for code in
            [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded, Code::Unknown, Code::Internal]
        {
            assert_eq!(classify(&Status::new(code, "x")), CallOutcome::Unknown, "{code:?}");
        }
        for code in [Code::PermissionDenied, Code::Unauthenticated, Code::Unimplemented] {
            assert_eq!(classify(&Status::new(code, "x")), CallOutcome::NotHeard, "{code:?}");
        }
    }

    #[test]
    fn failures_say_what_to_do_in_both_languages() {
        let call = |status| Failure::Call { address: "https://h:1".to_owned(), status: Box::new(status) };
        let refused = call(Problem::field("amount", Reason::AmountMalformed).into_status());
        let text = refused.to_string();
        assert!(text.starts_with("AMOUNT_MALFORMED: ") && text.contains("金额"), "{text}");
        let value = refused.to_json();
        assert_eq!(value["reason"], "AMOUNT_MALFORMED");
        assert_eq!(value["code"], "INVALID_ARGUMENT");
        assert_eq!(value["metadata"]["field"], "amount");
        let unreached = call(Status::from_error(Box::new(ConnectError("connection refused".into()))));
        let text = unreached.to_string();
        assert!(text.starts_with("https://h:1 cannot be reached: connection refused; "), "{text}");
        assert!(call(Status::cancelled("Timeout expired")).to_string().contains("--timeout"));
    }

    #[test]
    fn a_refused_certificate_is_named_in_both_languages_and_sent_nothing() {
        let revoked = rustls::Error::AlertReceived(rustls::AlertDescription::CertificateRevoked);
        let io = std::io::Error::new(std::io::ErrorKind::InvalidData, revoked);
        let status = Status::from_error(Box::new(ConnectError(Box::new(io))));
        assert_eq!(classify(&status), CallOutcome::NotTaken);
        let failure = Failure::Call { address: "https://h:1".to_owned(), status: Box::new(status) };
        assert_eq!(
            failure.to_string(),
            "no TLS connection with https://h:1: the peer refuses our certificate: it is revoked \
             (CertificateRevoked)\n  无法与其建立 TLS 连接：对方拒绝了本方的证书：证书已被吊销"
        );
        let json = failure.to_json();
        assert_eq!(json["code"], "UNAVAILABLE");
        assert!(json["message_zh"].as_str().expect("said").contains("吊销"), "{json}");
    }

    #[test]
    fn exit_codes_follow_the_kind_of_failure() {
        assert_eq!(Failure::Usage(String::new()).exit(), Exit::Usage);
        assert_eq!(Failure::Local(String::new()).exit(), Exit::Refused);
        let call = Failure::Call { address: String::new(), status: Box::new(Status::unavailable("")) };
        assert_eq!(call.exit(), Exit::Refused);
    }
}
