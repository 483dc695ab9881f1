//! The one form in which names and remarks are compared, digested and stored.

use crate::domain::value::PersonName;
use unicode_normalization::UnicodeNormalization;

/// Longest remark, in characters after normalising.
pub const REMARK_CHARS_MAX: usize = 100;

/// Dots that people and systems put between the parts of a name, all meant as `·` (U+00B7): bullet, katakana middle
/// dot, hyphenation point, bullet operator, dot operator, half-width katakana middle dot.
const MIDDLE_DOTS: [char; 6] = ['\u{2022}', '\u{30fb}', '\u{2027}', '\u{2219}', '\u{22c5}', '\u{ff65}'];

/// A name as it is compared: NFC, no white space (the ideographic space too) at either end, every middle dot `·`.
/// White space inside stays. Nothing when it is then empty, longer than 50 characters or has control characters.
pub fn normalise_name(name: &str) -> Option<PersonName> {
    let one_dot = |c: char| if MIDDLE_DOTS.contains(&c) { '\u{b7}' } else { c };
    let normalised: String = name.nfc().map(one_dot).collect();
    PersonName::new(normalised.trim())
}

/// A remark as it is compared and kept: NFC, trimmed, control characters (line breaks) as spaces. Nothing when it is
/// then longer than 100 characters. An empty remark is none.
pub fn normalise_remark(remark: &str) -> Option<String> {
    let normalised: String = remark.nfc().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let trimmed = normalised.trim();
    (trimmed.chars().count() <= REMARK_CHARS_MAX).then(|| trimmed.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<String> {
        normalise_name(text).map(|name| name.reveal().to_owned())
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        assert_eq!(name(" \u{3000}张三\u{3000}\t").as_deref(), Some("张三"));
        for dot in ['·', '•', '・', '‧', '∙', '⋅', '･', '\u{387}'] {
            assert_eq!(name(&format!("买买提{dot}吐尔逊")).as_deref(), Some("买买提·吐尔逊"), "{dot}");
        }
        assert_eq!(name("Jose\u{301} Li").as_deref(), Some("José Li"));
        assert_eq!(name("欧阳 娜娜").as_deref(), Some("欧阳 娜娜"), "inner white space stays");
        assert_ne!(name("张三"), name("张 三"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", " \u{3000}", "张\n三", "张\u{0}三"] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
        assert_eq!(name(&"张".repeat(51)), None);
        assert!(name(&format!("  {}  ", "张".repeat(50))).is_some(), "counted after trimming");
    }

    #[test]
    fn remarks_are_counted_in_characters_after_trimming() {
        assert_eq!(normalise_remark("\u{3000} 给妈妈\n看病 ").as_deref(), Some("给妈妈 看病"));
        assert_eq!(normalise_remark("").as_deref(), Some(""));
        assert!(normalise_remark(&format!(" {} ", "药".repeat(100))).is_some());
        assert_eq!(normalise_remark(&"药".repeat(101)), None);
        assert!(normalise_remark(&"e\u{301}".repeat(100)).is_some(), "composed characters count once");
    }
}
