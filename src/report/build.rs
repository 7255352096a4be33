//! From trials, records and published figures to a [`Report`].

use super::accuracy::{self, comparable, published_cell, saw_a_part};
use super::audit::{Finding, Measure, Place, findings};
use super::differences::differences;
use super::matrix::Matrix;
use super::model::{IMPLAUSIBLE_POINTS, Report, SCHEMA};
use super::resources;
use super::time;
use super::verdict;
use super::words::cell_name;
use crate::plan::ResolvedTrial;
use crate::published::Published;
use crate::record::Record;
use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::thread;

impl Report {
    /// What `records` say about `trials`, beside what was published. Pure: reads no file and no clock; `scenario` and
    /// `skipped` are left for the caller to fill.
    pub fn build<R: Borrow<Record>>(trials: &[ResolvedTrial], records: &[R], published: &Published) -> Report {
        let matrix = Matrix::new(trials, records.iter().map(Borrow::borrow));
        let ((accuracy, resources), time, mut notes) = thread::scope(|scope| {
            let others = scope.spawn(|| (accuracy::rows(&matrix, published), resources::rows(&matrix)));
            let (time, mut notes) = (time::rows(&matrix, published), disagreements(trials, published));
            notes.extend(parts(&matrix));
            (others.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), time, notes)
        });
        let verdicts = verdict::cells(&accuracy);
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
            settings: differences(trials),
            overall: time::overall(&time),
            directions: verdict::directions(&time, &accuracy, &verdicts),
            verdicts,
            accuracy,
            time,
            resources,
            notes,
            remarks: matrix.mixtures().into_iter().chain(matrix.remarks()).collect(),
            invalid: matrix.invalid(),
            environments: matrix.environments,
            skipped: Vec::new(),
        }
    }
}

/// Cells with records that saw another number of images than their data set has.
fn parts(matrix: &Matrix) -> Vec<String> {
    let mut notes: Vec<String> = Vec::new();
    for run in &matrix.runs {
        if run.records.values().any(|record| saw_a_part(record)) {
            let name = cell_name(&run.resolved.trial);
            let note = format!("{name}: trained on a part of the images, so nothing published stands beside it.");
            notes.extend((!notes.contains(&note)).then_some(note));
        }
    }
    notes
}

/// Where the study prints other values than the means of its own attempts, for the cells of the matrix.
fn disagreements(trials: &[ResolvedTrial], published: &Published) -> Vec<String> {
    let findings = findings(published);
    let (mut notes, mut seen) = (Vec::new(), BTreeSet::new());
    for trial in trials.iter().map(|t| &t.trial) {
        let cell = published_cell(trial);
        if !seen.contains(&cell) && comparable(trial, &[], published).is_some() {
            seen.insert(cell.clone());
            let place = Place::Cifar(cell);
            notes.extend(findings.iter().filter(|f| f.place == place).map(|f| note(&cell_name(trial), f)));
        }
    }
    notes
}

/// A finding of the audit in one sentence.
fn note(name: &str, finding: &Finding) -> String {
    let Finding { table, printed, recomputed, explanation, .. } = finding;
    let text = match finding.measure {
        Measure::Seconds | Measure::Time => {
            format!("the study's attempts took {recomputed:.1} s on average, its Table {table} prints {printed:.1} s")
        }
        Measure::Accuracy => {
            format!("the study's attempts have the mean {recomputed:.2} %, its Table {table} prints {printed:.2} %")
        }
        Measure::Original => {
            format!("the original reports {recomputed:.2} %, Table {table} of the study prints {printed:.2} %")
        }
    };
    let why = explanation.as_ref().map_or(String::new(), |e| format!(" ({e})"));
    format!("{name}: {text}{why}.")
}
