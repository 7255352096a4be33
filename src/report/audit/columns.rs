//! Columns that do not hold what their head says.

use super::digits::{Grade, grade, matches};
use super::grid::Grid;
use super::model::{Column, ColumnPattern};

/// Rows that must fit before a column is said to hold another's means: one or two fit by chance.
const ROWS: usize = 3;

/// The columns of a table most of whose rows disagree, and whose means they hold: those of a column of `all`.
pub(super) fn patterns(grid: &Grid, all: &[Grid]) -> Vec<ColumnPattern> {
    grid.columns().iter().filter_map(|column| pattern(grid, column, all)).collect()
}

fn pattern(grid: &Grid, column: &Column, all: &[Grid]) -> Option<ColumnPattern> {
    let graded = grid.column(column).filter_map(|e| e.both().map(|(p, r)| grade(p, r, e.decimals)));
    let (mut rows, mut disagree) = (0, 0);
    for grade in graded {
        rows += 1;
        disagree += usize::from(grade == Grade::Disagrees);
    }
    if disagree < ROWS || 2 * disagree <= rows {
        return None;
    }
    let matching = |other: &&Column| {
        let fits = grid.column(column).filter(|e| {
            let value = grid.recomputed_in(all, e, other);
            e.printed.zip(value).is_some_and(|(p, v)| matches(p, v, e.decimals))
        });
        fits.count()
    };
    let candidates = grid.candidates(all);
    // Of equals the last: a column of the same table.
    let best = candidates.iter().filter(|other| *other != column).max_by_key(matching);
    let count = best.as_ref().map_or(0, matching);
    Some(ColumnPattern {
        table: grid.table,
        dataset: grid.dataset.clone(),
        measure: grid.measure,
        column: column.clone(),
        disagree,
        rows,
        holds: best.filter(|_| count >= ROWS && 2 * count > rows).cloned(),
        matching: count,
    })
}
