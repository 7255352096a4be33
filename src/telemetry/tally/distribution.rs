//! How a quantity is distributed, in memory that does not grow with the length of a run.

use super::summary::Spread;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Buckets between a value and its double: a percentile is off by half a percent at most, and exact where all values of
/// its bucket are equal.
const PER_OCTAVE: f64 = 128.0;

/// Values, counted by their size.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Distribution {
    /// How many values fell into each bucket, and their sum.
    buckets: BTreeMap<i32, (u64, f64)>,
    range: Option<(f64, f64)>,
}

impl Distribution {
    /// Takes a value; what is not finite is no value.
    pub fn add(&mut self, value: f64) {
        if !value.is_finite() {
            return;
        }
        let bucket = if value > 0.0 { (value.log2() * PER_OCTAVE).floor() as i32 } else { i32::MIN };
        let (count, sum) = self.buckets.entry(bucket).or_default();
        (*count, *sum) = (*count + 1, *sum + value);
        let (min, max) = self.range.unwrap_or((value, value));
        self.range = Some((min.min(value), max.max(value)));
    }

    /// Its summary, with values made by `make`; absent where there are none.
    pub fn spread<T>(&self, make: impl Fn(f64) -> T) -> Option<Spread<T>> {
        let (min, max) = self.range?;
        let (count, sum) = self.buckets.values().fold((0, 0.0), |(n, s), (count, sum)| (n + count, s + sum));
        let at = |share: f64| make(self.percentile((share * count as f64).ceil() as u64).clamp(min, max));
        let mean = (sum / count as f64).clamp(min, max);
        Some(Spread {
            min: make(min),
            mean: make(mean),
            p50: at(0.5),
            p95: at(0.95),
            p99: at(0.99),
            peak: make(max),
            samples: count,
        })
    }

    /// The value of this rank, from 1: the mean of its bucket.
    fn percentile(&self, rank: u64) -> f64 {
        let mut below = 0;
        for (count, sum) in self.buckets.values() {
            below += count;
            if below >= rank {
                return sum / *count as f64;
            }
        }
        f64::INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels_are_exact() {
        let mut memory = Distribution::default();
        assert_eq!(memory.spread(|v| v), None);
        [0.0; 10].iter().chain(&[3e9; 85]).chain(&[32_362.0 * 1048576.0; 5]).for_each(|v| memory.add(*v));
        memory.add(f64::NAN);
        let spread = memory.spread(|v| v as u64).unwrap();
        assert_eq!((spread.min, spread.p50, spread.p95, spread.samples), (0, 3_000_000_000, 3_000_000_000, 100));
        assert_eq!((spread.p99, spread.peak), (32_362 << 20, 32_362 << 20));
        let kept = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Distribution>(&kept).unwrap(), memory);
    }

    proptest! {
        #[test]
        fn percentiles_are_close_and_in_order(mut values in prop::collection::vec(1e-3..1e12f64, 1..300)) {
            let mut distribution = Distribution::default();
            values.iter().for_each(|v| distribution.add(*v));
            values.sort_by(f64::total_cmp);
            let spread = distribution.spread(|v| v).unwrap();
            for (share, got) in [(0.5, spread.p50), (0.95, spread.p95), (0.99, spread.p99)] {
                let want = values[(share * values.len() as f64).ceil() as usize - 1];
                prop_assert!((got / want - 1.0).abs() < 0.006, "{} {}", got, want);
            }
            prop_assert!(spread.min <= spread.p50 && spread.p50 <= spread.p95 && spread.p99 <= spread.peak);
            prop_assert_eq!((spread.min, spread.peak), (values[0], values[values.len() - 1]));
        }
    }
}
