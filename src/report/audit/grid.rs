//! Which table of the study prints what, and the values that stand side by side there.

use super::digits::{decimals_on_paper, usual_decimals};
use super::model::{Column, Measure, OtherTable};
use crate::published::{Cell, Figures, Published};
use crate::scenario::Dataset;

/// One kind of value in one of the study's CIFAR tables.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Grid<'a> {
    pub table: u8,
    pub dataset: Dataset,
    pub measure: Measure,
    /// Every cell of the data set, column by column.
    pub entries: Vec<Entry<'a>>,
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry<'a> {
    pub cell: &'a Cell,
    pub figures: &'a Figures,
    pub printed: Option<f64>,
    /// Decimals of the printed value on paper.
    pub decimals: usize,
    /// The value from the study's own figures.
    pub recomputed: Option<f64>,
}

/// The tables of the study: number, data, what.
const TABLES: [(u8, Dataset, Measure); 6] = [
    (4, Dataset::Cifar10, Measure::Original),
    (4, Dataset::Cifar10, Measure::Accuracy),
    (5, Dataset::Cifar100, Measure::Original),
    (5, Dataset::Cifar100, Measure::Accuracy),
    (8, Dataset::Cifar10, Measure::Seconds),
    (9, Dataset::Cifar100, Measure::Seconds),
];

/// All tables with their values.
pub(super) fn grids(published: &Published) -> Vec<Grid<'_>> {
    let grid = |(table, dataset, measure): (u8, Dataset, Measure)| {
        let cells = || published.cells().iter().filter(|(cell, _)| cell.dataset == dataset);
        let usual = usual_decimals(cells().filter_map(|(_, f)| printed(f, measure)));
        let entry = |(cell, figures)| {
            let printed = printed(figures, measure);
            let decimals = printed.map_or(usual, |p| decimals_on_paper(p, usual));
            Entry { cell, figures, printed, decimals, recomputed: recomputed(figures, measure) }
        };
        let mut entries: Vec<Entry> = cells().map(entry).collect();
        entries.sort_by_key(|e| (e.cell.epochs, e.cell.norm, e.cell.architecture));
        Grid { table, dataset, measure, entries }
    };
    TABLES.into_iter().map(grid).collect()
}

impl<'a> Grid<'a> {
    /// The columns that have a cell, in the order of the study's tables.
    pub fn columns(&self) -> Vec<Column> {
        let mut columns: Vec<Column> = self.entries.iter().map(|e| Column::of(e.cell)).collect();
        columns.dedup();
        columns
    }

    /// The cells of a column.
    pub fn column(&self, column: &Column) -> impl Iterator<Item = &Entry<'a>> {
        self.entries.iter().filter(move |e| Column::of(e.cell) == *column)
    }

    /// The columns of `all` that a column may be taken for: those of other tables with the same measure, then its own, with
    /// the original's values before the means.
    pub fn candidates(&self, all: &[Grid]) -> Vec<Column> {
        let originals = all.iter().find(|g| g.measure == Measure::Original && g.table == self.table);
        let originals = originals.filter(|_| self.measure == Measure::Accuracy).map(Grid::columns).unwrap_or_default();
        let originals = originals.into_iter().map(|c| Column { original: true, ..c });
        let others = all.iter().filter(|g| g.measure == self.measure && g.table != self.table);
        let elsewhere = |g: &Grid| Some(OtherTable { table: g.table, dataset: g.dataset.clone() });
        let others = others.flat_map(|g| g.columns().into_iter().map(|c| Column { elsewhere: elsewhere(g), ..c }));
        others.chain(originals).chain(self.columns()).collect()
    }

    /// The recomputed value of a row in another column, of this table or of one of `all`.
    pub fn recomputed_in(&self, all: &[Grid], row: &Entry, column: &Column) -> Option<f64> {
        let number = column.elsewhere.as_ref().map_or(self.table, |other| other.table);
        let measure = if column.original { Measure::Original } else { self.measure };
        let grid = all.iter().find(|g| g.measure == measure && g.table == number)?;
        let here = Column { elsewhere: None, original: false, ..column.clone() };
        grid.column(&here).find(|e| e.cell.architecture == row.cell.architecture).and_then(|e| e.recomputed)
    }

    /// `percent` or `seconds`.
    pub fn unit(&self) -> &'static str {
        match self.measure {
            Measure::Original | Measure::Accuracy => "percent",
            Measure::Seconds | Measure::Time => "seconds",
        }
    }
}

impl Entry<'_> {
    /// The printed and the recomputed value.
    pub fn both(&self) -> Option<(f64, f64)> {
        self.printed.zip(self.recomputed)
    }

    /// What the mean is the mean of.
    pub fn values(&self, measure: Measure) -> Vec<f64> {
        match measure {
            Measure::Accuracy => self.figures.each(|a| a.accuracy_percent),
            Measure::Seconds => self.figures.each(|a| a.train_seconds),
            Measure::Original | Measure::Time => Vec::new(),
        }
    }
}

impl Column {
    /// The column of a cell.
    pub(super) fn of(cell: &Cell) -> Self {
        Self { norm: cell.norm, epochs: cell.epochs, elsewhere: None, original: false }
    }
}

fn printed(figures: &Figures, measure: Measure) -> Option<f64> {
    match measure {
        Measure::Original => figures.printed_original_percent,
        Measure::Accuracy => figures.printed_percent,
        Measure::Seconds => figures.printed_seconds,
        Measure::Time => None,
    }
}

fn recomputed(figures: &Figures, measure: Measure) -> Option<f64> {
    match measure {
        Measure::Original => figures.original_percent,
        Measure::Accuracy => figures.accuracy().map(|s| s.mean),
        Measure::Seconds => figures.seconds().map(|s| s.mean),
        Measure::Time => None,
    }
}
