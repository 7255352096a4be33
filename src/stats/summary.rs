//! Means and spreads.

use serde::Serialize;

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

impl Summary {
    /// Sums up `values`; `None` without values, or where one is not a finite number.
    pub fn of(values: &[f64]) -> Option<Summary> {
        let (min, max) = range(values)?;
        Some(Summary { mean: mean(values)?, sd: sample_sd(values), min, max, n: values.len() })
    }
}

/// Arithmetic mean; `None` without values, or where one is not a finite number.
pub fn mean(values: &[f64]) -> Option<f64> {
    let (min, max) = range(values)?;
    // Divided before it is summed, so that large values do not overflow. Kept inside the range, so that the mean of
    // identical values is that value and their spread is 0.
    let n = values.len() as f64;
    Some(values.iter().map(|v| v / n).sum::<f64>().clamp(min, max))
}

/// Standard deviation of a sample (n - 1 in the denominator); `None` for fewer than two values, or where it is too large
/// for a number.
pub fn sample_sd(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let freedom = values.len().checked_sub(1).filter(|&f| f > 0)? as f64;
    let sd = (values.iter().map(|v| (v - centre).powi(2)).sum::<f64>() / freedom).sqrt();
    sd.is_finite().then_some(sd)
}

/// Smallest and largest value; `None` without values, or where one is not a finite number.
fn range(values: &[f64]) -> Option<(f64, f64)> {
    let all_finite = values.iter().all(|v| v.is_finite());
    (all_finite && !values.is_empty())
        .then(|| values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn textbook_values() {
        let s = Summary::of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]).unwrap();
        assert_eq!((s.mean, s.min, s.max, s.n), (5.0, 2.0, 9.0, 8));
        assert!((s.sd.unwrap() - (32.0_f64 / 7.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_value_has_no_spread_and_nothing_has_no_mean() {
        assert_eq!(Summary::of(&[3.0]), Some(Summary { mean: 3.0, sd: None, min: 3.0, max: 3.0, n: 1 }));
        assert_eq!(Summary::of(&[]), None);
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!((Summary::of(&[1.0, bad]), mean(&[bad]), sample_sd(&[1.0, bad])), (None, None, None));
        }
        assert_eq!(sample_sd(&[-1e300, 1e300]), None, "too large for a number");
        assert_eq!(mean(&[f64::MAX; 3]), Some(f64::MAX));
    }

    proptest! {
        #[test]
        fn identical_values_have_no_spread(value in -1e9f64..1e9, n in 2usize..20) {
            let s = Summary::of(&vec![value; n]).unwrap();
            prop_assert_eq!((s.mean, s.sd), (value, Some(0.0)));
        }

        #[test]
        fn the_mean_lies_inside_and_moves_with_the_values(
            values in prop::collection::vec(-1e6f64..1e6, 1..40), shift in -1e3f64..1e3,
        ) {
            let s = Summary::of(&values).unwrap();
            prop_assert!(s.min <= s.mean && s.mean <= s.max);
            let moved = Summary::of(&values.iter().map(|v| v + shift).collect::<Vec<_>>()).unwrap();
            prop_assert!((moved.mean - s.mean - shift).abs() < 1e-6);
            prop_assert!((moved.sd.unwrap_or(0.0) - s.sd.unwrap_or(0.0)).abs() < 1e-5);
        }
    }
}
