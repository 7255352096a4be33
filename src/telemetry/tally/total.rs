//! The growth of a counter over the executions of a trial.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What was watched for less of the time is no sum of the trial.
const COVERED: f64 = 0.9;

/// The growth of a counter, and the time over which it was watched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Total {
    grown: Option<f64>,
    seconds: f64,
    /// The last reading of this execution.
    #[serde(skip)]
    last: Option<(f64, Duration)>,
}

impl Total {
    /// Takes a reading of what is itself summed over time without its gaps: after one longer than `gap` it goes on from
    /// here.
    pub fn read_without_gaps(&mut self, value: f64, at: Duration, gap: Duration) {
        if self.last.is_some_and(|(_, then)| at.saturating_sub(then) > gap) {
            self.pause();
        }
        self.read(value, at);
    }

    /// Takes a reading; the first one of an execution is where it begins.
    pub fn read(&mut self, value: f64, at: Duration) {
        let grown = self.grown.get_or_insert(0.0);
        if let Some((before, then)) = self.last {
            *grown += (value - before).max(0.0);
            self.seconds += at.saturating_sub(then).as_secs_f64();
        }
        self.last = Some((value, at));
    }

    /// Adds what was not read as a difference.
    pub fn more(&mut self, by: f64) {
        *self.grown.get_or_insert(0.0) += by;
    }

    /// The next reading is the first of another execution.
    pub fn pause(&mut self) {
        self.last = None;
    }

    /// The growth; absent without a reading.
    pub fn known(&self) -> Option<f64> {
        self.grown
    }

    /// The growth, where it was watched for long enough of `seconds`.
    pub fn covering(&self, seconds: f64) -> Option<f64> {
        self.known().filter(|_| self.seconds >= COVERED * seconds)
    }

    /// The growth; without a reading none.
    pub fn sum(&self) -> f64 {
        self.grown.unwrap_or(0.0)
    }

    /// The time over which it was watched.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_add_up_and_what_lies_between_them_does_not_count() {
        let s = Duration::from_secs;
        let mut total = Total::default();
        assert_eq!((total.known(), total.sum()), (None, 0.0));
        total.read(1000.0, s(10));
        total.read(1500.0, s(12));
        let kept = serde_json::to_string(&total).unwrap();
        let mut total: Total = serde_json::from_str(&kept).unwrap();
        total.read(9000.0, s(1));
        total.read(9100.0, s(2));
        assert_eq!((total.known(), total.seconds()), (Some(600.0), 3.0));
    }

    #[test]
    fn a_gap_is_not_watched_time() {
        let s = Duration::from_secs;
        let mut total = Total::default();
        for (value, at) in [(0.0, 0), (5.0, 5), (5.0, 13), (6.0, 14)] {
            total.read_without_gaps(value, s(at), s(5));
        }
        assert_eq!((total.known(), total.seconds()), (Some(6.0), 6.0));
    }
}
