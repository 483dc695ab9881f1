//! One mistake in a configuration file, as one line.

use std::fmt;
use std::path::PathBuf;

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
        write!(f, ": {}; {}", self.what, self.advice)
    }
}

impl std::error::Error for ConfigError {}
