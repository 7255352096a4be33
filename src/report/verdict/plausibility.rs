//! Could this be a test accuracy?

use super::Evidence;
use crate::report::model::IMPLAUSIBLE_POINTS;
use crate::stats::mean;
use serde::Serialize;

/// Percentage points by which a mean test accuracy may exceed the mean training accuracy.
pub const ABOVE_TRAIN_POINTS: f64 = 3.0;

/// Only from this length on do the rules count. Training accuracy is an average over the last epoch, taken while the
/// weights improve and on augmented images: in a short training the test is far above it. And after one epoch honest
/// attempts differ from one another by more than the points that a mean may exceed the original by.
pub const SETTLED_EPOCHS: u32 = 20;

/// How far the mean test accuracy lies above what bounds it, percentage points.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plausibility {
    /// Above the training accuracy; absent where that is not known.
    pub above_train: Option<f64>,
    /// Above the original; absent without one.
    pub above_original: Option<f64>,
    /// Whether the rules count: the training is no shorter than [`SETTLED_EPOCHS`].
    pub counts: bool,
    /// No rule is broken. True also where none counts or could be applied.
    pub plausible: bool,
}

impl Plausibility {
    pub(super) fn of(evidence: &Evidence) -> Self {
        let above = |bound: Option<f64>| Some(mean(&evidence.test)? - bound?);
        let mut found = Self {
            above_train: above(mean(&evidence.train)),
            above_original: above(evidence.original),
            counts: evidence.epochs >= SETTLED_EPOCHS,
            plausible: true,
        };
        found.plausible = found.why().is_none();
        found
    }

    /// What is broken.
    pub(super) fn why(&self) -> Option<String> {
        let broken = |above: Option<f64>, most: f64, what: &str| {
            let above = above.filter(|&a| self.counts && a > most)?;
            Some(format!("test accuracy is {above:.2} points above {what}, more than {most}"))
        };
        let reasons = [
            broken(self.above_train, ABOVE_TRAIN_POINTS, "training accuracy"),
            broken(self.above_original, IMPLAUSIBLE_POINTS, "the original"),
        ];
        let reasons: Vec<String> = reasons.into_iter().flatten().collect();
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
