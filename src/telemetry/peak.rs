//! Peaks of a sliding window, and of all.

use super::snapshot::Peaks;
use std::collections::VecDeque;
use std::time::Duration;

/// The span of a sliding peak.
const WINDOW: Duration = Duration::from_secs(30);

/// The largest value, ever and in a sliding window.
#[derive(Debug)]
pub struct Peak<T> {
    /// Falling values, each the largest since its time.
    window: VecDeque<(Duration, T)>,
    run: Option<T>,
}

impl<T> Default for Peak<T> {
    fn default() -> Self {
        Self { window: VecDeque::new(), run: None }
    }
}

impl<T: Copy + PartialOrd> Peak<T> {
    /// Takes a value.
    pub fn read(&mut self, at: Duration, value: T) {
        while self.window.back().is_some_and(|(_, last)| *last <= value) {
            self.window.pop_back();
        }
        self.window.push_back((at, value));
        if self.run.is_none_or(|run| run < value) {
            self.run = Some(value);
        }
    }

    /// The peaks as they stand at `now`.
    pub fn at(&mut self, now: Duration) -> Peaks<T> {
        while self.window.front().is_some_and(|(at, _)| *at + WINDOW < now) {
            self.window.pop_front();
        }
        Peaks { last_30s: self.window.front().map(|(_, value)| *value), run: self.run }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn peaks_are_those_of_the_window_and_of_all(values in prop::collection::vec((0u64..20_000, 0u32..100), 1..60)) {
            let mut peak = Peak::default();
            let (mut now, mut seen) = (0, Vec::new());
            for (step, value) in values {
                now += step;
                peak.read(Duration::from_millis(now), value);
                seen.push((now, value));
                let recent = seen.iter().filter(|(at, _)| at + 30_000 >= now).map(|(_, v)| *v).max();
                let all = seen.iter().map(|(_, v)| *v).max();
                prop_assert_eq!(peak.at(Duration::from_millis(now)), Peaks { last_30s: recent, run: all });
            }
        }
    }
}
