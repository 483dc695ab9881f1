//! Why money is carried back, in an operator's words.

use crate::domain::value::text::{is_hidden, may_name_somebody};

/// Most characters of a compensation's reason.
const REASON_CHARS_MAX: usize = 200;

/// A compensation's reason as it is journaled: trimmed. Nothing when it is empty, too long, has characters that nobody
/// sees, or holds what may be a person's number or address: a journal cannot forget.
pub fn reason_of(text: &str) -> Option<String> {
    let text = text.trim();
    let short = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    (short && !text.contains(is_hidden) && !may_name_somebody(text)).then(|| text.to_owned())
}
