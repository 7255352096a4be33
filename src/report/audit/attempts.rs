//! Attempts and means that stand out.

use super::explanation::median;
use super::model::{AttemptOf, Duplicate, FarAttempt, Implausible, Measure};
use crate::published::{Attempt, Cell, Published};
use crate::report::model::IMPLAUSIBLE_POINTS;

/// A training time that differs more from the median of its cell is far, as a fraction of the median.
pub(super) const FAR_SECONDS_FRACTION: f64 = 0.2;
/// An accuracy that differs more from the median of its cell is far, percentage points.
pub(super) const FAR_POINTS: f64 = 5.0;

/// The attempts far from the median of their cell, accuracies first.
pub(super) fn far(published: &Published) -> Vec<FarAttempt> {
    let accuracy = far_by(published, Measure::Accuracy, |a| a.accuracy_percent, |_| FAR_POINTS);
    let seconds = far_by(published, Measure::Seconds, |a| a.train_seconds, |median| FAR_SECONDS_FRACTION * median);
    accuracy.into_iter().chain(seconds).collect()
}

fn far_by(
    published: &Published,
    measure: Measure,
    of: impl Fn(&Attempt) -> f64,
    limit: impl Fn(f64) -> f64,
) -> Vec<FarAttempt> {
    let mut found = Vec::new();
    for (cell, figures) in published.cells() {
        let Some(median) = median(&figures.each(&of)) else { continue };
        for attempt in &figures.attempts {
            let value = of(attempt);
            if (value - median).abs() > limit(median) {
                found.push(FarAttempt { of: named(cell, attempt), measure, value, median });
            }
        }
    }
    found
}

/// Attempts that agree in accuracy, training time and testing time: one of the two was probably copied.
pub(super) fn duplicates(published: &Published) -> Vec<Duplicate> {
    let all: Vec<(&Cell, &Attempt)> =
        published.cells().iter().flat_map(|(cell, f)| f.attempts.iter().map(move |a| (cell, a))).collect();
    let figures = |a: &Attempt| [a.accuracy_percent, a.train_seconds, a.test_seconds];
    let mut found = Vec::new();
    for (i, (cell, attempt)) in all.iter().enumerate() {
        for (other, twin) in &all[i + 1..] {
            if figures(attempt) == figures(twin) {
                found.push(Duplicate { first: named(cell, attempt), second: named(other, twin) });
            }
        }
    }
    found
}

/// The means that are implausible for a test accuracy.
pub(super) fn implausible(published: &Published) -> Vec<Implausible> {
    let mean = |(cell, figures): (&Cell, &crate::published::Figures)| {
        let (original, recomputed) = (figures.original_percent?, figures.accuracy()?.mean);
        let far = recomputed > original + IMPLAUSIBLE_POINTS;
        far.then(|| Implausible { cell: cell.clone(), original, recomputed })
    };
    published.cells().iter().filter_map(mean).collect()
}

fn named(cell: &Cell, attempt: &Attempt) -> AttemptOf {
    AttemptOf { cell: cell.clone(), attempt: attempt.number }
}
