//! What errors and refusals must look like, whoever gives them.

use gongji::proto::hub::{Transfer, TransferState};
use gongji::proto::{rpc, types};
use prost::Message;
use std::collections::BTreeMap;
use tonic::{Code, Status};

/// What an error of this service said beyond its code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Facts of the ErrorInfo.
    pub metadata: BTreeMap<String, String>,
    /// Malformed fields with their reasons, in order.
    pub fields: Vec<(String, String)>,
}

impl Said {
    /// A fact.
    pub fn fact(&self, name: &str) -> Option<&str> {
        self.metadata.get(name).map(String::as_str)
    }
}

fn has_chinese(text: &str) -> bool {
    text.chars().any(|one| ('\u{4e00}'..='\u{9fff}').contains(&one))
}

fn details<T: Message + Default>(status: &rpc::Status, name: &str) -> Vec<T> {
    let url = format!("type.googleapis.com/google.rpc.{name}");
    let ours = status.details.iter().filter(|any| any.type_url == url);
    ours.map(|any| T::decode(any.value.as_slice()).expect("a readable detail")).collect()
}

/// Demands an error of this form and reason.
pub fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) -> Said {
    let status = answer.expect_err(reason);
    assert_eq!(status.code(), code, "{status:?}");
    assert!(status.details().len() <= 4096, "details stay small");
    let content = rpc::Status::decode(status.details()).expect("google.rpc.Status");
    assert_eq!(content.message, status.message());
    item_refused(&content, code, reason)
}

/// Demands that an item's error has this form and reason.
pub fn item_refused(content: &rpc::Status, code: Code, reason: &str) -> Said {
    assert_eq!(content.code, code as i32, "{content:?}");
    assert!(content.message.starts_with(&format!("{reason}: ")), "{}", content.message);
    let infos: Vec<rpc::ErrorInfo> = details(content, "ErrorInfo");
    let texts: Vec<rpc::LocalizedMessage> = details(content, "LocalizedMessage");
    let ([info], [text]) = (&infos[..], &texts[..]) else {
        panic!("not exactly one ErrorInfo and one LocalizedMessage: {content:?}");
    };
    assert_eq!((info.domain.as_str(), info.reason.as_str()), ("gongji", reason));
    assert_eq!(text.locale, "zh-CN");
    assert!(has_chinese(&text.message), "{}", text.message);
    let bad: Vec<rpc::BadRequest> = details(content, "BadRequest");
    assert!(bad.len() <= 1);
    let violations = bad.into_iter().flat_map(|bad| bad.field_violations);
    Said {
        metadata: info.metadata.clone().into_iter().collect(),
        fields: violations.map(|one| (one.field, one.reason)).collect(),
    }
}

/// Demands that this one field is wrong for this reason.
pub fn malformed<T: std::fmt::Debug>(answer: Result<T, Status>, field: &str, reason: &str) {
    let said = refused(answer, Code::InvalidArgument, reason);
    assert_eq!(said.fields, vec![(field.to_owned(), reason.to_owned())]);
}

/// Demands a transfer that was aborted for this reason, with texts in both languages.
pub fn aborted(transfer: &Transfer, side: types::RefusalSide, reason: &str) -> types::Refusal {
    assert_eq!(transfer.state(), TransferState::Aborted, "{:?}", transfer.refusal);
    let refusal = transfer.refusal.clone().expect("an aborted transfer says why");
    assert_eq!((refusal.reason.as_str(), refusal.side()), (reason, side));
    assert!(!refusal.message.is_empty() && has_chinese(&refusal.message_zh));
    assert_eq!((transfer.hub_seq, transfer.window_id.as_str()), (0, ""), "it is in no window");
    refusal
}

/// Demands a transfer that both provinces have recorded.
pub fn recorded(transfer: &Transfer) {
    assert_eq!(transfer.state(), TransferState::Committed, "{:?}", transfer.refusal);
    assert!(transfer.payer_recorded && transfer.payee_recorded, "both have recorded it");
    assert!(transfer.hub_seq > 0 && transfer.refusal.is_none());
    assert_eq!(transfer.window_id, "20261121");
}
