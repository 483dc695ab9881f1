//! One mistake in a configuration file, as one line.

use std::fmt;
use std::path::{Path, PathBuf};

/// What is wrong with a file, where, and what to do. Prints `file:line:column: what; what to do`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Line and column (of characters), both from 1, where the mistake has a place in the file.
    pub at: Option<(usize, usize)>,
    /// What is wrong; names the key where there is one.
    pub what: String,
    /// What to do about it.
    pub advice: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.at {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}; {}", concealed(&self.what), self.advice)
    }
}

/// As long as this a word with digits in it may be a secret, or a piece of one: a key's digits, a password, a line of
/// PEM. No key of a file and no value that is wanted in one looks so.
const SECRET_CHARS: usize = 16;
/// As long as this it may be one even without digits.
const LONG_CHARS: usize = 32;

/// A text without what may be a secret: a key file may have been named as a configuration file, or a secret been
/// written where its file should be named.
pub(super) fn concealed(text: &str) -> String {
    let is_word = |one: char| one.is_ascii_alphanumeric() || "+/=".contains(one);
    let mut shown = String::new();
    let mut rest = text;
    // Word by word, with what stands between them.
    while let Some(start) = rest.find(is_word) {
        let word = &rest[start..];
        let word = &word[..word.find(|one| !is_word(one)).unwrap_or(word.len())];
        shown.push_str(&rest[..start]);
        let has_digits = word.bytes().any(|one| one.is_ascii_digit());
        match word.len() >= SECRET_CHARS && has_digits || word.len() >= LONG_CHARS {
            true => shown.push_str(&format!("({} characters, not shown)", word.len())),
            false => shown.push_str(word),
        }
        rest = &rest[start + word.len()..];
    }
    shown + rest
}

/// Whether a text that should be a path is a secret itself.
pub fn is_secret(path: &Path) -> bool {
    path.to_str().is_some_and(|text| text.contains('\n') || concealed(text) != text && !text.contains('/'))
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        let digits = "0123456789abcdef".repeat(4);
        let pem = "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg/K+abc=";
        for secret in [&digits[..], &digits[2..], &digits[..16], pem] {
            for text in [format!("invalid key: `{secret}`"), format!("a \"{secret}\", 省: {secret}")] {
                let shown = concealed(&text);
                assert!(!shown.contains(&secret[..16]) && shown.contains("not shown"), "{shown}");
            }
            assert!(is_secret(Path::new(secret)) || secret.contains('/'));
        }
        for plain in [
            "`SuspendSettlement` of `settlement_suspended`",
            "2026-11-21T10:00:00+08:00",
            "",
            "无法读取",
            "a=1",
        ] {
            assert_eq!(concealed(plain), plain);
        }
        assert!(
            !is_secret(Path::new("/var/lib/Gongji0123456789/key")) && !is_secret(Path::new("keys/hub.key"))
        );
        assert!(is_secret(Path::new("-----BEGIN PRIVATE KEY-----\nMIGH")));
    }
}
