//! A file that was read, with what is needed to say where in it a mistake stands.

use crate::config::error::ConfigError;
use serde::de::DeserializeOwned;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// A text and the file that it came from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The file, as it was named.
    pub(super) path: PathBuf,
    /// All that stands in it.
    pub(super) text: String,
}

impl Source {
    /// Reads a file of UTF-8 text.
    pub(super) fn read(path: &Path) -> Result<Source, ConfigError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Source { path: path.to_owned(), text }),
            Err(error) => Err(ConfigError {
                file: path.to_owned(),
                at: None,
                what: format!("cannot be read: {error}"),
                advice: "check the path and its permissions".to_owned(),
            }),
        }
    }

    /// Reads the text as TOML of the shape `T`.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        toml::from_str(&self.text).map_err(|mut error: toml::de::Error| {
            let span = error.span();
            // Without its input the error prints the message and the path of the key, not a drawing of the line.
            error.set_input(None);
            let mut what = error.to_string().trim_end().replace('\n', " ");
            let shown =
                span.clone().and_then(|span| self.text.get(span)).filter(|text| !text.trim().is_empty());
            if let Some(text) = shown.filter(|text| !what.contains('`') && !text.contains('\n')) {
                // Mistakes of grammar ("duplicate key") come without the text that they are about.
                what = format!("{what}: `{text}`");
            }
            self.error(span, what, "correct it; the example files in deploy/ explain every key")
        })
    }

    /// A mistake at `span`, given in bytes.
    pub(super) fn error(
        &self,
        span: Option<Range<usize>>,
        what: impl Into<String>,
        advice: &str,
    ) -> ConfigError {
        ConfigError {
            file: self.path.clone(),
            at: span.map(|span| self.position(span.start)),
            what: what.into(),
            advice: advice.to_owned(),
        }
    }

    /// A path that stands in this file, taken from the folder that the file is in.
    pub(super) fn resolve(&self, path: &Path) -> PathBuf {
        self.path.parent().map_or_else(|| path.to_owned(), |folder| folder.join(path))
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(&self.text);
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Shape {
        #[allow(dead_code)]
        port: u16,
        #[allow(dead_code)]
        items: Option<Vec<Item>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Item {
        #[allow(dead_code)]
        size: u8,
    }

    fn complaint(text: &str) -> String {
        let source = Source { path: PathBuf::from("x.toml"), text: text.to_owned() };
        source.parse::<Shape>().unwrap_err().to_string()
    }

    #[test]
    fn a_mistake_is_one_line_with_place_and_key() {
        for (text, at, key) in [
            ("port = 1\nprot = 2\n", "x.toml:2:1: ", "`prot`"),
            ("# 省\nport = \"a\"\n", "x.toml:2:8: ", "`port`"),
            ("port = 70000\n", "x.toml:1:8: ", "`port`"),
            ("port = 1\nitems = [{ size = 1 }, { size = 256 }]\n", "x.toml:2:33: ", "size`"),
            ("port = 1\nitems = [{ size = 1, 省 = 2 }]\n", "x.toml:2:22: ", ""),
            ("port = 1\nport = 2\n", "x.toml:2:1: ", "port"),
            ("port = \n", "x.toml:1:", ""),
            ("items = []\n", "x.toml:1:1: ", "`port`"),
        ] {
            let line = complaint(text);
            assert!(line.starts_with(at) && line.contains(key) && !line.contains('\n'), "{text:?}: {line}");
        }
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = Source::read(Path::new("/nowhere/x.toml")).unwrap_err();
        assert!(error.to_string().starts_with("/nowhere/x.toml: cannot be read: "), "{error}");
    }
}
