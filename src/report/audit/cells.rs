//! Every printed value beside the study's own figures.

use super::columns::patterns;
use super::digits::{Grade, grade};
use super::explanation::explain;
use super::grid::{Entry, Grid, grids};
use super::model::{ColumnPattern, Finding, Measure, Place, TableTotal};
use crate::published::{Published, seconds_of};

/// What the tables' values give.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub findings: Vec<Finding>,
    pub last_digit: Vec<Finding>,
    pub columns: Vec<ColumnPattern>,
    pub tables: Vec<TableTotal>,
}

/// Compares all tables, those of ImageNet last.
pub(super) fn compare(published: &Published) -> Compared {
    let mut compared = Compared::default();
    let grids = grids(published);
    grids.iter().for_each(|grid| compared.add(grid, &grids));
    compared.add_times(published);
    compared
}

impl Compared {
    fn add(&mut self, grid: &Grid, all: &[Grid]) {
        let patterns = patterns(grid, all);
        let mut total = TableTotal::new(grid.table, grid.measure);
        for entry in &grid.entries {
            let Some((printed, recomputed)) = entry.both() else {
                total.missing += 1;
                continue;
            };
            total.compared += 1;
            let finding = |explanation| Finding {
                table: grid.table,
                measure: grid.measure,
                place: Place::Cifar(entry.cell.clone()),
                printed,
                recomputed,
                unit: grid.unit(),
                explanation,
            };
            match graded(grid, entry, printed, recomputed) {
                Grade::Agrees => total.agree += 1,
                Grade::LastDigit => {
                    total.last_digit += 1;
                    self.last_digit.push(finding(None));
                }
                Grade::Disagrees => {
                    total.disagree += 1;
                    self.findings.push(finding(explain(grid, all, entry, &patterns)));
                }
            }
        }
        self.tables.push(total);
        self.columns.extend(patterns);
    }

    /// The times of Table 10 as text, beside their seconds.
    fn add_times(&mut self, published: &Published) {
        let mut total = TableTotal::new(10, Measure::Time);
        for run in published.imagenet() {
            let Some(printed) = seconds_of(&run.train_time) else {
                total.missing += 1;
                continue;
            };
            total.compared += 1;
            if (printed - run.train_seconds).abs() < 0.5 {
                total.agree += 1;
                continue;
            }
            total.disagree += 1;
            self.findings.push(Finding {
                table: total.table,
                measure: total.measure,
                place: Place::Imagenet { dataset: "imagenet", architecture: run.network, norm: run.norm },
                printed,
                recomputed: run.train_seconds,
                unit: "seconds",
                explanation: None,
            });
        }
        self.tables.push(total);
    }
}

/// The original values were copied, not computed: nothing is rounded there.
fn graded(grid: &Grid, entry: &Entry, printed: f64, recomputed: f64) -> Grade {
    match grid.measure {
        Measure::Original if (printed - recomputed).abs() > 1e-9 => Grade::Disagrees,
        Measure::Original => Grade::Agrees,
        _ => grade(printed, recomputed, entry.decimals),
    }
}

impl TableTotal {
    fn new(table: u8, measure: Measure) -> Self {
        Self { table, measure, compared: 0, missing: 0, agree: 0, last_digit: 0, disagree: 0 }
    }
}
