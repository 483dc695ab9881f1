//! Tables in Markdown: read cell by cell, and written back with other cells while the rest of the page stays as it is.

use std::collections::BTreeMap;

/// One line of a table, by heading.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Line of the page, from 0.
    pub line: usize,
    cells: BTreeMap<String, String>,
}

impl Row {
    /// What stands under a heading; empty when there is no such column.
    pub fn get(&self, heading: &str) -> &str {
        self.cells.get(heading).map_or("", String::as_str)
    }

    /// Replaces what stands under a heading, if there is such a column.
    pub fn set(&mut self, heading: &str, text: &str) {
        if let Some(cell) = self.cells.get_mut(heading) {
            text.clone_into(cell);
        }
    }
}

/// A table of a page.
#[derive(Clone, Debug)]
pub struct Table {
    /// The nearest heading of the page above it.
    pub title: String,
    /// Column headings, in order.
    pub headings: Vec<String>,
    /// Its lines.
    pub rows: Vec<Row>,
}

impl Table {
    /// A line as it stands in the page.
    pub fn text(&self, row: &Row) -> String {
        let cells: Vec<&str> = self.headings.iter().map(|heading| row.get(heading)).collect();
        format!("| {} |", cells.join(" | ")).replace("|  |", "| |").replace("|  |", "| |")
    }
}

/// What a page is made of, as far as the runner looks at it.
#[derive(Clone, Debug)]
pub enum Block {
    /// A table.
    Table(Table),
    /// A fenced block of code: its language and its lines.
    Code(String, String),
}

fn cells(line: &str) -> Option<Vec<String>> {
    let inner = line.trim().strip_prefix('|')?.strip_suffix('|')?;
    Some(inner.split('|').map(|cell| cell.trim().to_owned()).collect())
}

fn is_rule(line: &str) -> bool {
    cells(line)
        .is_some_and(|cells| cells.iter().all(|cell| !cell.is_empty() && cell.trim_matches(':') == "---"))
}

/// Tables and blocks of code of a page, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let lines: Vec<&str> = page.lines().collect();
    let (mut found, mut title, mut at) = (Vec::new(), String::new(), 0);
    while at < lines.len() {
        let line = lines[at];
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<&str> =
                lines[at + 1..].iter().take_while(|line| **line != "```").copied().collect();
            at += body.len() + 2;
            found.push(Block::Code(language.to_owned(), body.join("\n") + "\n"));
        } else if let Some(text) = line.strip_prefix('#') {
            title = text.trim_start_matches('#').trim().to_owned();
            at += 1;
        } else if let (Some(headings), true) = (cells(line), lines.get(at + 1).is_some_and(|it| is_rule(it)))
        {
            let table = table(&lines, at, headings, &title);
            at += 2 + table.rows.len();
            found.push(Block::Table(table));
        } else {
            at += 1;
        }
    }
    found
}

fn table(lines: &[&str], at: usize, headings: Vec<String>, title: &str) -> Table {
    let mut rows = Vec::new();
    for (line, text) in lines.iter().enumerate().skip(at + 2) {
        let Some(cells) = cells(text) else { break };
        assert_eq!(cells.len(), headings.len(), "line {}: as many cells as headings", line + 1);
        rows.push(Row { line, cells: headings.iter().cloned().zip(cells).collect() });
    }
    Table { title: title.to_owned(), headings, rows }
}

/// The page with these lines in place of its own.
pub fn replaced(page: &str, lines: &BTreeMap<usize, String>) -> String {
    let line =
        |(number, text): (usize, &str)| lines.get(&number).map_or(text, String::as_str).to_owned() + "\n";
    page.lines().enumerate().map(line).collect()
}
