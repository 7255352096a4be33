//! Rows of accuracy.

use super::like_study::{is_like_the_study, standing};
use super::matrix::{Matrix, Run, group_by, labels};
use super::model::{AccuracyRow, AttemptAccuracy, IMPLAUSIBLE_POINTS};
use crate::event::EpochResult;
use crate::plan::Trial;
use crate::published::{Cell, Figures, Published};
use crate::record::Record;
use crate::stats::Summary;

/// One row a network, length, norm and environment, in the order of the study's tables.
pub(super) fn rows(matrix: &Matrix, published: &Published) -> Vec<AccuracyRow> {
    let cells = group_by(&matrix.runs, |run| &run.cell);
    let mut rows: Vec<AccuracyRow> =
        cells.iter().flat_map(|runs| labels(runs).into_iter().map(|label| row(runs, label, published))).collect();
    rows.sort_by_key(|r| (r.dataset.clone(), r.architecture, r.epochs, r.norm, r.environment.clone()));
    rows
}

/// The row of one cell in one environment; `runs` is not empty.
fn row(runs: &[&Run], label: Option<String>, published: &Published) -> AccuracyRow {
    let trial = &runs[0].resolved.trial;
    let records: Vec<&Record> = label.iter().flat_map(|l| runs.iter().filter_map(move |run| run.finished(l))).collect();
    let last = |of: fn(&EpochResult) -> f64| {
        let values: Vec<f64> = records.iter().filter_map(|r| r.epochs.last()).map(|e| 100.0 * of(e)).collect();
        Summary::of(&values)
    };
    let curves_of = |of: fn(&EpochResult) -> f64| -> Vec<Vec<f64>> {
        records.iter().map(|r| r.epochs.iter().map(|e| 100.0 * of(e)).collect()).collect()
    };
    let curves = curves_of(|e| e.test_top1);
    let best: Vec<f64> = curves.iter().map(|c| c.iter().copied().fold(f64::NEG_INFINITY, f64::max)).collect();
    let figures = comparable(trial, &records, published);
    let original = figures.and_then(|f| f.original_percent);
    let study = figures.and_then(Figures::accuracy);
    AccuracyRow {
        dataset: trial.dataset.clone(),
        architecture: trial.architecture,
        norm: trial.norm,
        epochs: trial.epochs,
        cell: runs[0].cell.clone(),
        planned: runs.len(),
        unfinished: runs.iter().filter_map(|run| run.state(label.as_deref())).collect(),
        environment: label,
        test_top1: last(|e| e.test_top1),
        best_test_top1: Summary::of(&best),
        test_top5: last(|e| e.test_top5),
        train_top1: last(|e| e.train_top1),
        train_top5: last(|e| e.train_top5),
        original,
        study,
        study_implausible: study.zip(original).is_some_and(|(s, o)| s.mean > o + IMPLAUSIBLE_POINTS),
        curves,
        attempts: records.iter().filter_map(|record| attempt(record)).collect(),
        study_attempts: figures.map(study_attempts).unwrap_or_default(),
        train_curves: curves_of(|e| e.train_top1),
        imagenet: standing(trial, &records),
    }
}

fn attempt(record: &Record) -> Option<AttemptAccuracy> {
    let last = record.epochs.last()?;
    let train_top1 = Some(100.0 * last.train_top1);
    Some(AttemptAccuracy { attempt: record.trial.attempt, test_top1: 100.0 * last.test_top1, train_top1 })
}

/// The study's accuracies; it publishes no other.
fn study_attempts(figures: &Figures) -> Vec<AttemptAccuracy> {
    let attempt = |a: &crate::published::Attempt| AttemptAccuracy {
        attempt: a.number,
        test_top1: a.accuracy_percent,
        train_top1: None,
    };
    figures.attempts.iter().map(attempt).collect()
}

/// The published figures of a trial's cell, where trial and `records` are like the study's
/// ([`is_like_the_study`]).
pub(super) fn comparable<'p>(trial: &Trial, records: &[&Record], published: &'p Published) -> Option<&'p Figures> {
    let cell = published_cell(trial);
    let figures = published.figures(&cell).or_else(|| published.imagenet_figures(&cell));
    figures.filter(|_| is_like_the_study(trial, records))
}

/// The cell of the published tables that a trial belongs to.
pub(super) fn published_cell(trial: &Trial) -> Cell {
    let Trial { architecture, norm, epochs, .. } = *trial;
    Cell { dataset: trial.dataset.clone(), architecture, norm, epochs }
}

/// Whether some epoch of a trial on all images saw another number of training images than the data set has, but for those
/// that a training may go on without.
pub(super) fn saw_a_part(record: &Record) -> bool {
    let dataset = &record.trial.dataset;
    let Some((whole, test)) = dataset.images().map(|(train, test)| (u64::from(train), u64::from(test))) else {
        return false;
    };
    let least = whole - dataset.may_lack(whole + test);
    record.trial.train_images.is_none()
        && !record.trial.recipe.drop_last
        && record.epochs.iter().any(|epoch| !(least..=whole).contains(&epoch.images))
}
