//! Texts that people write: what of them nobody can see, and what in them may name a person.

use crate::domain::value::PersonName;
use std::borrow::Cow;
use std::fmt::Write;

/// How the texts of a request are made comparable: one form of them.
#[derive(Clone, Copy)]
pub struct Texts {
    /// A name as it is compared.
    pub name: fn(&str) -> Result<PersonName, TextFault>,
    /// A remark as it is compared and kept.
    pub remark: fn(&str) -> Result<String, TextFault>,
}

/// Why a text is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextFault {
    /// It is too long, or empty where it may not be.
    Length,
    /// The first character that may not stand in it, or not there.
    Character(char),
}

/// Characters that format other text or are not seen at all (Unicode's Cf, default ignorable, and blanks that are no
/// white space): first and last of each range.
const HIDDEN: [(char, char); 32] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fdd0}', '\u{fdef}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffc}'),
    ('\u{fffe}', '\u{ffff}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{1fffe}', '\u{1ffff}'),
    ('\u{2fffe}', '\u{2ffff}'),
    ('\u{3fffe}', '\u{3ffff}'),
    ('\u{dfffe}', '\u{e0fff}'),
    ('\u{efffe}', '\u{effff}'),
];

/// Whether a character is a control, formats other text (bidirectional marks, joiners, variation selectors) or is not
/// seen at all.
pub fn is_hidden(c: char) -> bool {
    c.is_control() || HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Whether a character means what some system has agreed upon with itself alone.
pub fn is_private_use(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

/// A text as people may read it: what they would not see, or what would move their cursor, stands there as JSON writes
/// it, `\u202e`, so that a JSON document stays what it is. Line ends are kept where `lines` says that the text has
/// several.
pub fn visible(text: &str, lines: bool) -> Cow<'_, str> {
    let is_escaped = |c: char| is_hidden(c) && !(lines && matches!(c, '\n' | '\t'));
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let escaped = |mut said: String, c: char| {
        if is_escaped(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(said, "\\u{unit:04x}");
            }
        } else {
            said.push(c);
        }
        said
    };
    Cow::Owned(text.chars().fold(String::with_capacity(text.len()), escaped))
}

/// So many digits may be a phone or an identity number.
const DIGITS_MAX: usize = 10;

/// Whether a text may hold a person's number or address: more than ten digits, however they are written (full-width,
/// Chinese, in groups with spaces, dots or dashes between them), or an e-mail address.
pub fn may_name_somebody(text: &str) -> bool {
    let (mut digits, mut apart) = (0, 0);
    for c in text.chars() {
        if is_digit(c) {
            (digits, apart) = (digits + 1, 0);
        } else if c.is_alphanumeric() || apart == APART_MAX {
            (digits, apart) = (0, 0);
        } else {
            apart += 1;
        }
        if digits > DIGITS_MAX {
            return true;
        }
    }
    text.contains(['@', '＠', '﹫'])
}

/// So many characters that are neither letter nor digit may stand between two groups of one number.
const APART_MAX: usize = 3;

/// Digits of any script, and those that Chinese numbers are read out with.
fn is_digit(c: char) -> bool {
    c.is_numeric() || "〇零一二三四五六七八九壹贰叁肆伍陆柒捌玖幺".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_addresses_are_seen_however_they_are_written() {
        for named in [
            "13812345678",
            "1 3 8 1 2 3 4 5 6 7 8",
            "138-1234-5678",
            "138.1234.5678",
            "138 - 1234 - 5678",
            "１３８１２３４５６７８",
            "一三八一二三四五六七八",
            "壹叁捌 壹贰叁肆 伍陆柒捌",
            "139999 19700101 0017",
            "13999919700101002X",
            "①③⑧①②③④⑤⑥⑦⑧",
            "٠١٢٣٤٥٦٧٨٩٠",
            "138\u{200b}1234\u{200b}5678",
            "a@b",
            "li＠example.com",
        ] {
            assert!(may_name_somebody(named), "{named}");
        }
        for plain in [
            "",
            "工单 20261121-07",
            "2026 年 11 月 21 日，工单 17",
            "退回 400.00 元，第 3 次",
            "13 省 51 省",
            "12345678a901",
            "123456 ---- 789012",
        ] {
            assert!(!may_name_somebody(plain), "{plain}");
        }
    }

    #[test]
    fn what_nobody_sees_is_shown() {
        assert_eq!(visible("买药", false), "买药");
        assert_eq!(visible("a\u{1b}[2J\u{202e}b", false), r"a\u001b[2J\u202eb");
        assert_eq!(visible("a\u{e0100}", false), r"a\udb40\udd00");
        assert_eq!(visible("a\nb", false), r"a\u000ab");
        assert_eq!(visible("a\nb\tc\rd", true), "a\nb\tc\\u000dd");
    }

    #[test]
    fn ranges_stand_in_order() {
        for (first, last) in HIDDEN {
            assert!(first <= last);
        }
        for c in ['\u{200b}', '\u{202d}', '\u{feff}', '\u{e0100}', '\u{fe00}', '\u{0}', '\u{2028}'] {
            assert!(is_hidden(c), "{c:?}");
        }
        for c in ['张', '𠮷', '﨑', '·', ' ', '\u{3000}', 'é', 'ب'] {
            assert!(!is_hidden(c) && !is_private_use(c), "{c:?}");
        }
        assert!(is_private_use('\u{e863}') && is_private_use('\u{f0000}'));
    }
}
