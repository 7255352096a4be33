//! A Markdown table with columns padded to equal width, readable as plain text too.

use super::words::clean;

/// Rows of cells under a head; the first `left` columns are aligned left, the others right.
#[derive(Debug, Clone)]
pub struct Table {
    left: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table without rows.
    pub fn new(left: usize, head: &[&str]) -> Self {
        Self { left, rows: vec![head.iter().map(|h| (*h).into()).collect()] }
    }

    /// Adds a row of as many cells as the head has.
    pub fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|c| clean(c).replace('|', "\\|")).collect());
    }

    /// The text, which ends in a new line.
    pub fn render(&self) -> String {
        let columns = self.rows[0].len();
        let width = |c: usize| self.rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0).max(3);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let rule = widths.iter().enumerate().map(
            |(c, w)| {
                if c < self.left { "-".repeat(*w) } else { "-".repeat(w - 1) + ":" }
            },
        );
        let mut lines: Vec<String> = self.rows.iter().map(|row| self.line(row, &widths)).collect();
        lines.insert(1, format!("| {} |", rule.collect::<Vec<_>>().join(" | ")));
        lines.join("\n") + "\n"
    }

    fn line(&self, row: &[String], widths: &[usize]) -> String {
        let cells = row.iter().zip(widths).enumerate().map(|(c, (cell, &width))| {
            if c < self.left { format!("{cell:<width$}") } else { format!("{cell:>width$}") }
        });
        format!("| {} |", cells.collect::<Vec<_>>().join(" | "))
    }
}
