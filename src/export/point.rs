//! Samples of one cell, environment and commit taken together: the points of a history.

use super::name::Cell;
use super::sample::{Measure, Sample};
use crate::stats::median;
use std::collections::BTreeMap;

/// What one commit measured of one cell in one environment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Point<'a> {
    pub cell: &'a Cell,
    pub commit: &'a str,
    /// When the last of its attempts was finished.
    pub finished: jiff::Timestamp,
    /// The attempts' values.
    pub values: BTreeMap<Measure, Vec<f64>>,
}

impl Point<'_> {
    /// The median of the attempts: one slow attempt does not move it.
    pub fn median(&self, measure: Measure) -> Option<f64> {
        median(self.values.get(&measure)?)
    }
}

/// The points by environment, in order of cell and time.
pub(super) fn points(samples: &[Sample]) -> BTreeMap<&str, Vec<Point<'_>>> {
    let mut found: BTreeMap<(&str, &Cell, &str), Point> = BTreeMap::new();
    for sample in samples {
        let key = (sample.environment.as_str(), &sample.cell, sample.commit.as_str());
        let point = found.entry(key).or_insert_with(|| Point {
            cell: &sample.cell,
            commit: &sample.commit,
            finished: sample.finished,
            values: BTreeMap::new(),
        });
        point.finished = point.finished.max(sample.finished);
        point.values.entry(sample.measure).or_default().push(sample.value);
    }
    let mut all: BTreeMap<&str, Vec<Point>> = BTreeMap::new();
    for ((environment, _, _), point) in found {
        all.entry(environment).or_default().push(point);
    }
    for points in all.values_mut() {
        points.sort_by(|a, b| (a.cell, a.finished, a.commit).cmp(&(b.cell, b.finished, b.commit)));
    }
    all
}
