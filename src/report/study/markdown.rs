//! A table as Markdown.

use super::super::table::Table;
use super::super::words::clean;
use super::value::StudyTable;

/// Title, table and notes. The rows of the head become one.
pub fn table_markdown(table: &StudyTable) -> String {
    let head: Vec<String> = (0..table.columns()).map(|column| table.over(column)).collect();
    let mut rows = Table::new(1, &head.iter().map(String::as_str).collect::<Vec<_>>());
    for row in &table.rows {
        rows.row(std::iter::once(row.label.clone()).chain(row.cells.iter().map(|c| c.shown.clone())).collect());
    }
    let mut out = format!("**{}**\n\n{}\n", clean(&table.title()), rows.render());
    table.notes.iter().for_each(|note| out += &format!("- {}\n", clean(note)));
    out
}
