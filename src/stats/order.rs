//! Statistics of order: quantiles, median, median absolute deviation.

use super::interval::{Interval, is_level};
use statrs::distribution::{Binomial, DiscreteCDF};

/// Makes the median absolute deviation of normal values their standard deviation: 1 / quantile(0.75) of the normal
/// distribution.
const NORMAL: f64 = 1.482_602_218_505_602;

/// The value below which a fraction `q` of the values lies, linear between neighbours; `None` without values, where one
/// is not a finite number, or for a `q` outside 0 to 1.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    quantiles(values, [q]).map(|[found]| found)
}

/// Several of [`quantile`]; `None` where one of them is.
pub fn quantiles<const N: usize>(values: &[f64], q: [f64; N]) -> Option<[f64; N]> {
    if values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let found: Option<Vec<f64>> = q.into_iter().map(|q| quantile_of_sorted(&sorted, q)).collect();
    found?.try_into().ok()
}

/// The middle value; `None` as in [`quantile`].
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The interval of the median between two of the values, as many from either end: exact whatever the distribution, by the
/// sign test, and hardly moved by one wild value. `None` where the values are too few for `level` (below six for 95 %), or
/// where one is not a finite number.
pub fn median_interval(values: &[f64], level: f64) -> Option<Interval> {
    if !is_level(level) || values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let n = values.len();
    let signs = Binomial::new(0.5, n as u64).ok()?;
    // So many values may be left out at either end.
    let out = (0..n / 2).take_while(|out| 2.0 * signs.cdf(*out as u64) <= 1.0 - level).last()?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Some(Interval { low: sorted[out], high: sorted[n - 1 - out], level })
}

/// Median absolute deviation from the median, scaled to estimate the standard deviation of normal values; `None` for
/// fewer than two values, or where one is not a finite number.
pub fn mad(values: &[f64]) -> Option<f64> {
    let centre = median(values).filter(|_| values.len() > 1)?;
    let deviations: Vec<f64> = values.iter().map(|v| (v - centre).abs()).collect();
    Some(NORMAL * median(&deviations)?)
}

/// [`quantile`] of values that are finite and in order.
pub(super) fn quantile_of_sorted(sorted: &[f64], q: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1).filter(|_| (0.0..=1.0).contains(&q))?;
    let place = q * last as f64;
    let below = (place.floor() as usize).min(last);
    let (low, high) = (sorted[below], sorted[(below + 1).min(last)]);
    Some(low + (high - low) * (place - below as f64))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{cases, close, list};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scipy_agrees() {
        for case in cases("order") {
            let values = list(&case["values"]);
            close(median(&values).unwrap(), &case["median"]);
            close(mad(&values).unwrap(), &case["mad"]);
            close(quantile(&values, 0.1).unwrap(), &case["tenth"]);
        }
    }

    #[test]
    fn scipy_agrees_on_intervals_of_the_median() {
        for case in cases("median_interval") {
            let interval = median_interval(&list(&case["values"]), case["level"].as_f64().unwrap()).unwrap();
            close(interval.low, &case["low"]);
            close(interval.high, &case["high"]);
        }
        assert_eq!(median_interval(&[1.0; 5], 0.95), None, "all five on one side are no rarity");
        let six = median_interval(&[6.0, 1.0, 5.0, 2.0, 4.0, 3.0], 0.95).unwrap();
        assert_eq!((six.low, six.high), (1.0, 6.0));
        assert_eq!(median_interval(&[f64::NAN; 9], 0.95), None);
    }

    #[test]
    fn few_and_identical_values() {
        assert_eq!((median(&[]), mad(&[])), (None, None));
        assert_eq!((median(&[3.0]), mad(&[3.0])), (Some(3.0), None));
        assert_eq!((median(&[5.0; 4]), mad(&[5.0; 4])), (Some(5.0), Some(0.0)));
        assert_eq!((median(&[1.0, f64::NAN]), mad(&[1.0, f64::INFINITY])), (None, None));
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(quantile(&[1.0, 2.0], q), None);
        }
        assert_eq!((quantile(&[2.0, 1.0], 0.0), quantile(&[2.0, 1.0], 1.0)), (Some(1.0), Some(2.0)));
    }

    proptest! {
        #[test]
        fn one_wild_value_hardly_matters(values in prop::collection::vec(-1f64..1.0, 5..20), wild in 1e3f64..1e9) {
            let mut spoilt = values.clone();
            spoilt[0] = wild;
            prop_assert!(median(&spoilt).unwrap().abs() <= 1.0);
            prop_assert!(mad(&spoilt).unwrap() <= 2.0 * NORMAL);
        }

        #[test]
        fn quantiles_rise(values in prop::collection::vec(-1e3f64..1e3, 1..20), q in 0f64..1.0, more in 0f64..1.0) {
            let higher = (q + more).min(1.0);
            prop_assert!(quantile(&values, q).unwrap() <= quantile(&values, higher).unwrap() + 1e-9);
        }
    }
}
