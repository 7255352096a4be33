//! How a printed value that disagrees may have come about: found by search, never by knowing the cell.

use super::digits::{Slip, matches, slip};
use super::grid::{Entry, Grid};
use super::model::{Column, ColumnPattern, OtherTable};
use crate::published::Cell;
use crate::report::words::{dataset_title, norm_title};
use crate::stats::mean;
use serde::{Serialize, Serializer};
use std::fmt;

/// An explanation that fits; in JSON its text.
#[derive(Debug, Clone, PartialEq)]
pub enum Explanation {
    /// The column holds another column's means.
    Column {
        /// The column that is printed.
        printed: Column,
        /// The column whose means it holds.
        holds: Column,
        /// Rows in which it does.
        matching: usize,
        /// Rows.
        rows: usize,
    },
    /// The median of the attempts.
    Median,
    /// One attempt's value.
    Attempt(u32),
    /// The mean of some attempts.
    Subset(Vec<u32>),
    /// One digit differs: the number that seems meant.
    Digit {
        /// As printed.
        printed: String,
        /// As it seems meant.
        meant: String,
    },
    /// Two neighbouring digits changed places.
    Transposed {
        /// As printed.
        printed: String,
        /// As it seems meant.
        meant: String,
    },
    /// The value of one other cell of the table.
    OtherCell(Cell),
}

/// The first explanation that fits a disagreeing entry: what explains more than one cell first.
pub(super) fn explain(grid: &Grid, all: &[Grid], entry: &Entry, patterns: &[ColumnPattern]) -> Option<Explanation> {
    let (printed, recomputed) = entry.both()?;
    let fits = |value: f64| matches(printed, value, entry.decimals);
    of_column(grid, all, entry, patterns, &fits)
        .or_else(|| of_attempts(grid, entry, &fits))
        .or_else(|| of_digits(printed, recomputed, entry.decimals))
        .or_else(|| of_other_cell(grid, entry, &fits))
}

fn of_column(
    grid: &Grid,
    all: &[Grid],
    entry: &Entry,
    patterns: &[ColumnPattern],
    fits: &impl Fn(f64) -> bool,
) -> Option<Explanation> {
    let column = Column::of(entry.cell);
    let pattern = patterns.iter().find(|p| p.column == column)?;
    let holds = pattern.holds.clone()?;
    let value = grid.recomputed_in(all, entry, &holds)?;
    let (matching, rows) = (pattern.matching, pattern.rows);
    fits(value).then_some(Explanation::Column { printed: column, holds, matching, rows })
}

/// Median, a single attempt, then the mean of all attempts but one.
fn of_attempts(grid: &Grid, entry: &Entry, fits: &impl Fn(f64) -> bool) -> Option<Explanation> {
    let values = entry.values(grid.measure);
    if values.len() < 2 {
        return None;
    }
    if median(&values).is_some_and(fits) {
        return Some(Explanation::Median);
    }
    let numbers: Vec<u32> = entry.figures.attempts.iter().map(|a| a.number).collect();
    if let Some(i) = (0..values.len()).find(|&i| fits(values[i])) {
        return Some(Explanation::Attempt(numbers[i]));
    }
    let without = |i: usize| values.iter().enumerate().filter(|(j, _)| *j != i).map(|(_, v)| *v).collect::<Vec<_>>();
    let left_out = (0..values.len()).find(|&i| mean(&without(i)).is_some_and(fits))?;
    Some(Explanation::Subset(numbers.into_iter().enumerate().filter(|(i, _)| *i != left_out).map(|(_, n)| n).collect()))
}

/// A slip from the recomputed value, rounded or cut off.
fn of_digits(printed: f64, recomputed: f64, decimals: usize) -> Option<Explanation> {
    let text = format!("{printed:.decimals$}");
    let scale = 10f64.powi(decimals as i32);
    let rounded = [(recomputed * scale).round() / scale, (recomputed * scale).floor() / scale];
    rounded.into_iter().map(|m| format!("{m:.decimals$}")).find_map(|meant| {
        let printed = text.clone();
        slip(&text, &meant).map(|slip| match slip {
            Slip::One => Explanation::Digit { printed, meant },
            Slip::Transposed => Explanation::Transposed { printed, meant },
        })
    })
}

/// The only other cell of the table with this value.
fn of_other_cell(grid: &Grid, entry: &Entry, fits: &impl Fn(f64) -> bool) -> Option<Explanation> {
    let others = grid.entries.iter().filter(|e| e.cell != entry.cell && e.recomputed.is_some_and(fits));
    match others.collect::<Vec<_>>()[..] {
        [only] => Some(Explanation::OtherCell(only.cell.clone())),
        _ => None,
    }
}

/// The middle value; the mean of the middle two.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() % 2 {
        1 => Some(sorted[middle]),
        _ => mean(sorted.get(middle.checked_sub(1)?..=middle)?),
    }
}

impl Column {
    /// What a column holds.
    pub(super) fn what(&self) -> &'static str {
        if self.original { "values" } else { "means" }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let original = if self.original { "the original's " } else { "" };
        let name = format!("{original}{} {}", norm_title(self.norm), self.epochs);
        match &self.elsewhere {
            Some(OtherTable { table, dataset }) => {
                f.pad(&format!("{name} of Table {table} ({})", dataset_title(dataset)))
            }
            None => f.pad(&name),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Column { printed, holds, matching, rows } => {
                let what = holds.what();
                write!(f, "the column {printed} holds the {what} of {holds}, in {matching} of {rows} rows")
            }
            Self::Median => write!(f, "it is the median of the attempts"),
            Self::Attempt(number) => write!(f, "it is the value of attempt {number} alone"),
            Self::Subset(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
                write!(f, "it is the mean of attempts {} alone", numbers.join(" and "))
            }
            Self::Digit { printed, meant } => write!(f, "one digit differs: {printed} for {meant}"),
            Self::Transposed { printed, meant } => write!(f, "two digits changed places: {printed} for {meant}"),
            Self::OtherCell(cell) => {
                write!(f, "it is the value of {} {}", cell.architecture.title(), Column::of(cell))
            }
        }
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_is_the_mean_of_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_slip_is_sought_in_the_rounded_and_in_the_cut_off_value() {
        let text = |p, r, d| of_digits(p, r, d).map(|e| e.to_string());
        assert_eq!(text(158.08, 153.08, 2).unwrap(), "one digit differs: 158.08 for 153.08");
        assert_eq!(text(37.09, 27.096_7, 2).unwrap(), "one digit differs: 37.09 for 27.09");
        assert_eq!(text(72.1, 27.1, 2).unwrap(), "two digits changed places: 72.10 for 27.10");
        assert_eq!(text(84.12, 81.633, 2), None);
    }
}
