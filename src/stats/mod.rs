//! Pure numerics: means, intervals, ratios of paired times.
//!
//! Every function returns `None` where the numbers do not determine the answer, rather than a number that looks like
//! one: an interval from a single value, a logarithm of zero, a mean of nothing.

use serde::Serialize;
use statrs::distribution::{ContinuousCDF, StudentsT};

/// The confidence level of every interval in tables and figures.
pub const LEVEL: f64 = 0.95;

/// A range that covers the true value with probability `level`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level, 0 to 1.
    pub level: f64,
}

/// Several values of one quantity, summed up.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Summary {
    /// Arithmetic mean.
    pub mean: f64,
    /// Sample standard deviation; absent for a single value.
    pub sd: Option<f64>,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// How many values.
    pub n: usize,
}

/// How many times larger one time is than another, from pairs measured side by side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// Geometric mean of the pairs' ratios.
    pub value: f64,
    /// Confidence interval; absent for a single pair.
    pub interval: Option<Interval>,
    /// How many pairs.
    pub n: usize,
}

impl Summary {
    /// Sums up `values`; `None` without values, or where one is not a finite number.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let mean = mean(values)?;
        let (min, max) =
            values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
        Some(Summary { mean, sd: sample_sd(values), min, max, n: values.len() })
    }
}

/// Arithmetic mean; `None` without values, or where one is not a finite number.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    // Divided before it is summed, so that large values do not overflow.
    let n = values.len() as f64;
    Some(values.iter().map(|v| v / n).sum())
}

/// Standard deviation of a sample (n - 1 in the denominator); `None` for fewer than two values.
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let freedom = values.len().checked_sub(1).filter(|&f| f > 0)? as f64;
    Some((values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / freedom).sqrt())
}

/// Student's t interval of the mean; `None` for fewer than two values or a `level` outside 0 to 1.
pub fn t_interval(values: &[f64], level: f64) -> Option<Interval> {
    if !(level > 0.0 && level < 1.0) {
        return None;
    }
    let (centre, sd) = (mean(values)?, sample_sd(values)?);
    let n = values.len() as f64;
    let quantile = StudentsT::new(0.0, 1.0, n - 1.0).ok()?.inverse_cdf(0.5 + level / 2.0);
    let half = quantile * sd / n.sqrt();
    Some(Interval { low: centre - half, high: centre + half, level })
}

/// Geometric mean; `None` without values, or where one is not a positive finite number.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    mean(&logarithms(values.iter().copied())?).map(f64::exp)
}

/// The ratio of the second to the first of each pair: geometric mean, with the t interval of the log-ratios taken back
/// to the scale of ratios. What a pair has in common (machine, load, temperature) falls out of its ratio.
///
/// `None` without pairs, or where a time is not a positive finite number.
pub fn paired_ratio(pairs: &[(f64, f64)], level: f64) -> Option<Ratio> {
    let below = logarithms(pairs.iter().map(|p| p.0))?;
    let above = logarithms(pairs.iter().map(|p| p.1))?;
    let logs: Vec<f64> = above.iter().zip(&below).map(|(a, b)| a - b).collect();
    let interval = t_interval(&logs, level).map(|i| Interval { low: i.low.exp(), high: i.high.exp(), level: i.level });
    Some(Ratio { value: mean(&logs)?.exp(), interval, n: pairs.len() })
}

/// Natural logarithms; `None` where one does not exist.
fn logarithms(values: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    values.map(|v| (v > 0.0 && v.is_finite()).then(|| v.ln())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
    }

    #[test]
    fn textbook_values() {
        let s = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((s.mean, s.min, s.max, s.n), (5.0, 2.0, 9.0, 8));
        assert!(close(s.sd.unwrap(), (32.0_f64 / 7.0).sqrt()));
        assert!(close(geometric_mean(&[1.0, 10.0, 100.0]).unwrap(), 10.0));
        // t quantiles of the tables: 12.7062 (1 degree of freedom), 4.3027 (2), 2.2622 (9).
        for (n, quantile) in [(2usize, 12.706_204_736), (3, 4.302_652_730), (10, 2.262_157_163)] {
            let values: Vec<f64> = (0..n).map(|i| i as f64).collect();
            let i = t_interval(&values, LEVEL).unwrap();
            let half = quantile * sample_sd(&values).unwrap() / (n as f64).sqrt();
            assert!((i.high - i.low - 2.0 * half).abs() < 1e-6, "n = {n}: {i:?}");
        }
    }

    #[test]
    fn one_value_has_no_spread_and_nothing_has_no_mean() {
        assert_eq!(Summary::of(&[3.0]), Some(Summary { mean: 3.0, sd: None, min: 3.0, max: 3.0, n: 1 }));
        assert_eq!(t_interval(&[3.0], LEVEL), None);
        assert_eq!(paired_ratio(&[(2.0, 3.0)], LEVEL).map(|r| (r.interval, r.n)), Some((None, 1)));
        assert_eq!(Summary::of(&[]), None);
        assert_eq!(paired_ratio(&[], LEVEL), None);
        assert_eq!(Summary::of(&[1.0, f64::NAN]), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(paired_ratio(&[(1.0, 2.0), (bad, 2.0)], LEVEL), None, "{bad}");
            assert_eq!(geometric_mean(&[bad]), None, "{bad}");
        }
        for level in [0.0, 1.0, f64::NAN] {
            assert_eq!(t_interval(&[1.0, 2.0], level), None);
        }
    }

    proptest! {
        #[test]
        fn the_mean_lies_inside_and_moves_with_the_values(
            values in prop::collection::vec(-1e6f64..1e6, 1..40), shift in -1e3f64..1e3,
        ) {
            let s = Summary::of(&values).unwrap();
            prop_assert!(s.min - 1e-6 <= s.mean && s.mean <= s.max + 1e-6);
            let moved = Summary::of(&values.iter().map(|v| v + shift).collect::<Vec<_>>()).unwrap();
            prop_assert!((moved.mean - s.mean - shift).abs() < 1e-6);
            prop_assert!((moved.sd.unwrap_or(0.0) - s.sd.unwrap_or(0.0)).abs() < 1e-5);
        }

        #[test]
        fn a_ratio_ignores_what_a_pair_has_in_common(
            pairs in prop::collection::vec((0.1f64..1e4, 0.1f64..1e4, 0.5f64..2.0), 2..12),
        ) {
            let plain: Vec<_> = pairs.iter().map(|&(a, b, _)| (a, b)).collect();
            let loaded: Vec<_> = pairs.iter().map(|&(a, b, load)| (a * load, b * load)).collect();
            let (r, s) = (paired_ratio(&plain, LEVEL).unwrap(), paired_ratio(&loaded, LEVEL).unwrap());
            prop_assert!(close(r.value, s.value));
            let i = r.interval.unwrap();
            prop_assert!(i.low <= r.value && r.value <= i.high);
        }

        #[test]
        fn the_inverse_ratio_is_the_inverse(pairs in prop::collection::vec((0.1f64..1e4, 0.1f64..1e4), 2..12)) {
            let turned: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (r, s) = (paired_ratio(&pairs, LEVEL).unwrap(), paired_ratio(&turned, LEVEL).unwrap());
            prop_assert!(close(r.value * s.value, 1.0));
            let (i, j) = (r.interval.unwrap(), s.interval.unwrap());
            prop_assert!((i.low.ln() + j.high.ln()).abs() < 1e-6);
        }

        #[test]
        fn higher_confidence_is_wider(values in prop::collection::vec(-1e3f64..1e3, 2..20)) {
            let (narrow, wide) = (t_interval(&values, 0.8).unwrap(), t_interval(&values, 0.99).unwrap());
            prop_assert!(wide.low <= narrow.low && narrow.high <= wide.high);
        }
    }
}
