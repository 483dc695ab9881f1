//! Tables for people. Chinese characters take two columns of a terminal; the widths are right for them.

use comfy_table::{CellAlignment, Table, presets};

/// A table with a header.
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED).set_header(header.to_vec());
    table
}

/// Puts the contents of these columns to the right, as figures stand.
pub fn align_right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// A table of these rows; what stands in the columns `right` stands to the right, as figures do.
pub fn list<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    right: &[usize],
) -> Table {
    let mut table = table(&header);
    table.add_rows(rows);
    align_right(&mut table, right);
    table
}

/// A table of names and values; those without a value are left out.
pub fn facts(pairs: &[(&str, String)]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    for (name, value) in pairs.iter().filter(|(_, value)| !value.is_empty()) {
        table.add_row([*name, value.as_str()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_takes_two_columns() {
        let rows = [["石家庄市", "1.00"], ["abcdefgh", "400.00"]].map(|row| row.map(str::to_owned));
        let text = list(["place", "yuan"], rows, &[1]).to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[3], "│ 石家庄市 ┆   1.00 │");
        assert_eq!(lines[4], "│ abcdefgh ┆ 400.00 │");
    }

    #[test]
    fn facts_without_a_value_are_left_out() {
        let text = facts(&[("a", "1".to_owned()), ("b", String::new())]).to_string();
        assert!(text.contains("a ┆ 1") && !text.contains('b'), "{text}");
    }
}
