//! From trials, records and published figures to a [`Report`].

use super::accuracy::{self, comparable};
use super::matrix::Matrix;
use super::model::{IMPLAUSIBLE_POINTS, Report, SCHEMA};
use super::time;
use super::words::cell_name;
use crate::plan::ResolvedTrial;
use crate::published::Published;
use crate::record::Record;
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::thread;

/// Printed values that differ from the attempts by more than this are remarked: percentage points, and a fraction of a
/// time.
const ROUNDING: (f64, f64) = (0.011, 0.01);

impl Report {
    /// What `records` say about `trials`, beside what was published. Pure: reads no file and no clock; `scenario` and
    /// `skipped` are left for the caller to fill.
    pub fn build<R: Borrow<Record>>(trials: &[ResolvedTrial], records: &[R], published: &Published) -> Report {
        let matrix = Matrix::new(trials, records.iter().map(Borrow::borrow));
        let (accuracy, time) = thread::scope(|scope| {
            let accuracy = scope.spawn(|| accuracy::rows(&matrix, published));
            let time = time::rows(&matrix, published);
            (accuracy.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), time)
        });
        let mut notes = disagreements(trials, published);
        if accuracy.iter().any(|row| row.study_implausible) {
            notes.push(format!(
                "† The study's mean exceeds the original by more than {IMPLAUSIBLE_POINTS} points: implausible for a test \
                 accuracy, usual for a training accuracy."
            ));
        }
        Report {
            schema: SCHEMA,
            scenario: String::new(),
            coverage: matrix.coverage(),
            overall: time::overall(&time),
            accuracy,
            time,
            notes,
            remarks: matrix.remarks(),
            environments: matrix.environments,
            skipped: Vec::new(),
        }
    }
}

/// Where the study prints other values than the means of its own attempts, for the cells of the matrix.
fn disagreements(trials: &[ResolvedTrial], published: &Published) -> Vec<String> {
    let (mut notes, mut seen) = (Vec::new(), BTreeSet::new());
    for trial in trials.iter().map(|t| &t.trial) {
        let Some(figures) = comparable(trial, published) else { continue };
        let name = cell_name(trial);
        if !seen.insert(name.clone()) {
            continue;
        }
        if let Some((mean, printed)) = figures.accuracy().map(|s| s.mean).zip(figures.printed_percent)
            && (mean - printed).abs() > ROUNDING.0
        {
            notes.push(format!(
                "{name}: the study's attempts have the mean {mean:.2} %, its table prints {printed:.2} %."
            ));
        }
        if let Some((mean, printed)) = figures.seconds().map(|s| s.mean).zip(figures.printed_seconds)
            && (mean - printed).abs() > ROUNDING.1 * mean
        {
            notes.push(format!(
                "{name}: the study's attempts took {mean:.1} s on average, its table prints {printed:.1} s."
            ));
        }
    }
    notes
}
