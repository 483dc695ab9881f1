//! The project's files, and Rust text without what is no code.

use std::fs;
use std::path::{Path, PathBuf};

/// A Rust file.
pub struct Source {
    /// Path from the project's folder, with slashes.
    pub path: String,
    /// As it stands.
    pub text: String,
    /// The same length, with comments, strings and characters blanked.
    pub code: String,
}

/// The project's folder.
pub fn project() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All files below a folder of the project with this ending, in order; none when there is no such folder.
pub fn files(folder: &str, ending: &str) -> Vec<String> {
    let mut open = vec![project().join(folder)];
    let mut found: Vec<PathBuf> = Vec::new();
    while let Some(path) = open.pop() {
        let entries = fs::read_dir(&path).into_iter().flatten();
        for entry in entries.map(|entry| entry.expect("an entry").path()) {
            if entry.is_dir() {
                open.push(entry);
            } else if entry.extension().is_some_and(|it| it == ending) {
                found.push(entry);
            }
        }
    }
    let text =
        |path: PathBuf| path.strip_prefix(project()).expect("below it").to_string_lossy().replace('\\', "/");
    let mut found: Vec<String> = found.into_iter().map(text).collect();
    found.sort();
    found
}

/// The pages for people: those that stand at the top, and those below `docs`.
pub fn pages() -> Vec<String> {
    let entries = fs::read_dir(project()).expect("the project's folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let mut found: Vec<String> = names.filter(|name| name.ends_with(".md")).collect();
    found.sort();
    found.extend(files("docs", "md"));
    found
}

/// The text of a file of the project.
pub fn read(path: &str) -> String {
    fs::read_to_string(project().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All Rust files of these folders.
pub fn sources(folders: &[&str]) -> Vec<Source> {
    let paths = folders.iter().flat_map(|folder| files(folder, "rs"));
    let source = |path: String| {
        let text = read(&path);
        Source { code: code_of(&text), text, path }
    };
    let found: Vec<Source> = paths.map(source).collect();
    assert!(!found.is_empty(), "a check of nothing checks nothing");
    found
}

impl Source {
    /// Whether the whole file is for tests: a sibling of unit tests, or what only they use.
    pub fn is_test(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        let helpers =
            ["tests.rs", "conformance.rs", "samples.rs", "agreement.rs", "testing.rs", "test_kit.rs"];
        self.path.starts_with("tests/")
            || self.path.contains("_tests/")
            || name.ends_with("_tests.rs")
            || helpers.contains(&name)
    }

    /// The code without modules that stand inside the file under `#[cfg(test)]`.
    pub fn code_without_tests(&self) -> String {
        let mut code = self.code.clone();
        while let Some(at) = code.find("#[cfg(test)]") {
            let rest = &code[at..];
            let Some(open) = rest.find('{').filter(|open| !rest[..*open].contains(';')) else {
                code.replace_range(at..at + "#[cfg(test)]".len(), "            ");
                continue;
            };
            let end = at + open + block_end(&rest[open..]);
            let blank: String =
                code[at..end].chars().map(|one| if one == '\n' { '\n' } else { ' ' }).collect();
            code.replace_range(at..end, &blank);
        }
        code
    }
}

/// Length of the block that begins with the first brace of `code`.
pub fn block_end(code: &str) -> usize {
    let mut depth = 0;
    for (at, one) in code.char_indices() {
        match one {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 && one == '}' {
            return at + 1;
        }
    }
    code.len()
}

/// Comments, strings and characters become blanks; line breaks stay.
fn code_of(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(one) = rest.chars().next() {
        let skip = skipped(rest, out.chars().next_back());
        let length = if skip == 0 { one.len_utf8() } else { skip };
        let (taken, left) = rest.split_at(length);
        if skip == 0 {
            out.push(one);
        } else {
            out.extend(taken.chars().map(|one| if one == '\n' { '\n' } else { ' ' }));
        }
        rest = left;
    }
    out
}

/// How many bytes at the start of `rest` are a comment, a string or a character; `before` is what stands before it.
fn skipped(rest: &str, before: Option<char>) -> usize {
    let in_word = before.is_some_and(|one| one.is_alphanumeric() || one == '_');
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return rest.find("*/").map_or(rest.len(), |end| end + 2);
    }
    for (open, close) in [("r##\"", "\"##"), ("r#\"", "\"#"), ("r\"", "\"")] {
        if !in_word && rest.starts_with(open) {
            return rest[open.len()..].find(close).map_or(rest.len(), |end| open.len() + end + close.len());
        }
    }
    if rest.starts_with('"') {
        return quoted(rest, '"');
    }
    // A character, not a lifetime: closed after one character, or escaped.
    let mut after = rest.chars().skip(1);
    if rest.starts_with('\'') && (rest.starts_with("'\\") || after.nth(1) == Some('\'')) {
        return quoted(rest, '\'');
    }
    0
}

fn quoted(rest: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, one) in rest.char_indices().skip(1) {
        match one {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if one == quote => return at + one.len_utf8(),
            _ => {}
        }
    }
    rest.len()
}

#[test]
fn what_is_no_code_is_blanked() {
    let text = "a // b\nc \"d \\\" e\" f 'g' '\\'' r#\"h \" i\"# 'j /* k\n */ l";
    let code = code_of(text);
    assert_eq!(code.split_whitespace().collect::<Vec<_>>(), ["a", "c", "f", "'j", "l"]);
    assert_eq!(code.matches('\n').count(), 2);
}
