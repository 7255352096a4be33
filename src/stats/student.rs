//! Student's t: intervals and tests of means and of paired differences.

use super::interval::{Interval, is_level};
use super::{mean, sample_sd};
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// A two-sided t test.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TTest {
    /// The statistic.
    pub t: f64,
    /// Degrees of freedom.
    pub freedom: f64,
    /// Probability of a statistic at least as far from 0 where there is no difference.
    pub p: f64,
}

/// Differences, second less first, of values measured in pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Paired {
    /// Their mean.
    pub difference: f64,
    /// Confidence interval; absent for a single pair.
    pub interval: Option<Interval>,
    /// The test against no difference; absent for a single pair and where all differences are the same.
    pub test: Option<TTest>,
    /// How many pairs.
    pub n: usize,
}

/// Rounding errors of a difference, as a share of what was subtracted.
const ROUNDING: f64 = 4.0 * f64::EPSILON;

/// The interval of the mean; `None` for fewer than two values or a `level` outside 0 to 1. Identical values have an
/// interval without width.
pub fn t_interval(values: &[f64], level: f64) -> Option<Interval> {
    if !is_level(level) {
        return None;
    }
    let (centre, error) = (mean(values)?, standard_error(values)?);
    Interval::around(centre, quantile(0.5 + level / 2.0, values.len() as f64 - 1.0)? * error, level)
}

/// Whether the mean differs from `expected`; `None` for fewer than two values, or where they are identical: without a
/// spread there is nothing to measure a difference by.
pub fn t_test(values: &[f64], expected: f64) -> Option<TTest> {
    let (centre, error) = (mean(values)?, standard_error(values).filter(|&e| e > 0.0)?);
    let (t, freedom) = ((centre - expected) / error, values.len() as f64 - 1.0);
    let p = 2.0 * cdf(-t.abs(), freedom).filter(|_| t.is_finite())?;
    Some(TTest { t, freedom, p })
}

/// The paired t test and interval; `None` without pairs, or where a value is not a finite number.
pub fn paired_t(pairs: &[(f64, f64)], level: f64) -> Option<Paired> {
    let differences = differences(pairs);
    Some(Paired {
        difference: mean(&differences)?,
        interval: t_interval(&differences, level),
        test: t_test(&differences, 0.0),
        n: pairs.len(),
    })
}

/// Second less first of each pair. What they differ by in the last digits of the values comes from subtracting them, and is
/// no spread: such differences are the same.
pub(super) fn differences(pairs: &[(f64, f64)]) -> Vec<f64> {
    let mut differences: Vec<f64> = pairs.iter().map(|(first, second)| second - first).collect();
    let largest = pairs.iter().map(|(first, second)| first.abs().max(second.abs())).fold(0.0, f64::max);
    let [low, high] = [f64::min, f64::max].map(|of| differences.iter().copied().reduce(of).unwrap_or(0.0));
    if high - low <= ROUNDING * largest {
        differences.fill(0.5 * (low + high));
    }
    differences
}

/// Standard error of the mean; `None` for fewer than two values.
pub(super) fn standard_error(values: &[f64]) -> Option<f64> {
    Some(sample_sd(values)? / (values.len() as f64).sqrt())
}

/// The value below which the distribution has probability `p`.
pub(super) fn quantile(p: f64, freedom: f64) -> Option<f64> {
    Some(StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(p)).filter(|q| q.is_finite())
}

/// The probability of a value of `t` at most.
pub(super) fn cdf(t: f64, freedom: f64) -> Option<f64> {
    // The library panics on a value that is no number.
    let distribution = StudentsT::new(0.0, 1.0, freedom).ok().filter(|_| !t.is_nan())?;
    Some(distribution.cdf(t))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{cases, close, float, list, pairs};
    use super::super::{LEVEL, sample_sd};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn quantiles_are_those_of_the_tables() {
        // 12.7062 (1 degree of freedom), 4.3027 (2), 2.2622 (9).
        for (n, quantile) in [(2usize, 12.706_204_736), (3, 4.302_652_730), (10, 2.262_157_163)] {
            let values: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let half = quantile * sample_sd(&values).unwrap() / (n as f64).sqrt();
            let i = t_interval(&values, LEVEL).unwrap();
            assert!((i.width() - 2.0 * half).abs() < 1e-6, "n = {n}: {i:?}");
        }
    }

    #[test]
    fn scipy_agrees() {
        for case in cases("t") {
            let values = list(&case["values"]);
            let i = t_interval(&values, float(&case["level"])).unwrap();
            let test = t_test(&values, float(&case["expected"])).unwrap();
            close(i.low, &case["low"]);
            close(i.high, &case["high"]);
            close(test.t, &case["statistic"]);
            close(test.freedom, &case["freedom"]);
            close(test.p, &case["p"]);
        }
        for case in cases("paired_t") {
            let paired = paired_t(&pairs(&case), LEVEL).unwrap();
            let (interval, test) = (paired.interval.unwrap(), paired.test.unwrap());
            close(paired.difference, &case["difference"]);
            close(interval.low, &case["low"]);
            close(interval.high, &case["high"]);
            close(test.t, &case["statistic"]);
            close(test.p, &case["p"]);
        }
    }

    #[test]
    fn few_and_identical_values() {
        for values in [&[][..], &[3.0], &[1.0, f64::NAN]] {
            assert_eq!((t_interval(values, LEVEL), t_test(values, 0.0)), (None, None), "{values:?}");
        }
        assert!(t_interval(&[1.0, 2.0], LEVEL).is_some(), "two values have an interval, though a wide one");
        assert_eq!(t_interval(&[7.0; 3], LEVEL), Some(Interval { low: 7.0, high: 7.0, level: LEVEL }));
        assert_eq!((t_test(&[7.0; 3], 7.0), t_test(&[7.0; 3], 6.0)), (None, None));
        let one = paired_t(&[(1.0, 3.0)], LEVEL).unwrap();
        assert_eq!((one.difference, one.interval, one.test, one.n), (2.0, None, None, 1));
        assert_eq!(paired_t(&[], LEVEL), None);
        // Both differences are 0.77 on paper.
        let same = paired_t(&[(94.96, 95.73), (95.03, 95.80)], LEVEL).unwrap();
        assert_eq!((same.test, same.interval.unwrap().width()), (None, 0.0));
        assert!(paired_t(&[(94.96, 95.73), (95.03, 95.81)], LEVEL).unwrap().test.is_some());
        assert_eq!(paired_t(&[(1.0, f64::INFINITY)], LEVEL), None);
        assert_eq!(t_test(&[1.0, 2.0], f64::NAN), None);
        for level in [0.0, 1.0, -0.5, f64::NAN] {
            assert_eq!(t_interval(&[1.0, 2.0], level), None);
        }
    }

    proptest! {
        #[test]
        fn higher_confidence_is_wider(values in prop::collection::vec(-1e3f64..1e3, 2..20)) {
            let (narrow, wide) = (t_interval(&values, 0.8).unwrap(), t_interval(&values, 0.99).unwrap());
            prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
        }

        #[test]
        fn the_test_and_the_interval_say_the_same(
            values in prop::collection::vec(-10f64..10.0, 2..12), expected in -5f64..5.0,
        ) {
            let (interval, test) = (t_interval(&values, LEVEL).unwrap(), t_test(&values, expected).unwrap());
            let inside = interval.low < expected && expected < interval.high;
            prop_assert!((test.p - (1.0 - LEVEL)).abs() < 1e-6 || inside == (test.p > 1.0 - LEVEL));
        }

        #[test]
        fn exchanging_the_sides_changes_the_sign(pairs in prop::collection::vec((-1e3f64..1e3, -1e3f64..1e3), 2..12)) {
            let turned: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (r, s) = (paired_t(&pairs, LEVEL).unwrap(), paired_t(&turned, LEVEL).unwrap());
            prop_assert!((r.difference + s.difference).abs() < 1e-9);
            prop_assert!((r.interval.unwrap().low + s.interval.unwrap().high).abs() < 1e-6);
            prop_assert!((r.test.unwrap().p - s.test.unwrap().p).abs() < 1e-9);
        }
    }
}
