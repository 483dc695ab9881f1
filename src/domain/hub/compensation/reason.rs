//! Why money is carried back, in an operator's words.

/// Most characters of a compensation's reason.
const REASON_CHARS_MAX: usize = 200;
/// So many digits in a row may be a phone or an identity number.
const DIGITS_MAX: usize = 10;

/// A compensation's reason as it is journaled: trimmed. Nothing when it is empty, too long, has control characters, or
/// holds a number that may be a person's: a journal cannot forget.
pub fn reason_of(text: &str) -> Option<String> {
    let text = text.trim();
    let short = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    let plain = !text.chars().any(char::is_control);
    let numbers = text.split(|c: char| !c.is_numeric());
    let longest = numbers.map(|digits| digits.chars().count()).max().unwrap_or(0);
    (short && plain && longest <= DIGITS_MAX).then(|| text.to_owned())
}
