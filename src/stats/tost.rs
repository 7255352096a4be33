//! Equivalence by two one-sided t tests (TOST): is a difference smaller than a margin, in both directions?

use super::interval::Interval;
use super::mean;
use super::student::{cdf, differences, quantile, standard_error};
use serde::Serialize;

/// The outcome of two one-sided tests.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tost {
    /// The difference found.
    pub difference: f64,
    /// The larger p of the two tests: how well values from beyond the margin would explain the difference.
    pub p: f64,
    /// The interval of the difference at level 1 - 2 alpha. It lies inside the margin exactly where `p` < alpha.
    pub interval: Interval,
    /// Equivalent: `p` < alpha.
    pub equivalent: bool,
}

/// Whether the mean of `values` is `expected`, within ± `margin`.
///
/// `None` for fewer than two values, a margin that is not positive, or an alpha outside 0 to 0.5. Identical values have
/// an interval without width, and a p of 0 or 1.
pub fn tost(values: &[f64], expected: f64, margin: f64, alpha: f64) -> Option<Tost> {
    let difference = mean(values)? - expected;
    both(difference, standard_error(values)?, values.len() as f64 - 1.0, margin, alpha)
}

/// Whether the second of each pair is the first, within ± `margin`, on average; otherwise as [`tost`].
pub fn tost_paired(pairs: &[(f64, f64)], margin: f64, alpha: f64) -> Option<Tost> {
    tost(&differences(pairs), 0.0, margin, alpha)
}

/// Whether two independent samples have the same mean, within ± `margin`; their spreads may differ (Welch). The
/// difference is that of the second to the first. `None` as in [`tost`], for either sample.
pub fn tost_welch(first: &[f64], second: &[f64], margin: f64, alpha: f64) -> Option<Tost> {
    let difference = mean(second)? - mean(first)?;
    let (a, b) = (standard_error(first)?.powi(2), standard_error(second)?.powi(2));
    let of = |error: f64, n: usize| error.powi(2) / (n as f64 - 1.0);
    // Welch and Satterthwaite; without any spread the degrees of freedom do not matter.
    let freedom =
        if a + b > 0.0 { (a + b).powi(2) / (of(a, first.len()) + of(b, second.len())) } else { first.len() as f64 };
    both(difference, (a + b).sqrt(), freedom, margin, alpha)
}

/// The tests of a difference with its standard error.
fn both(difference: f64, error: f64, freedom: f64, margin: f64, alpha: f64) -> Option<Tost> {
    let possible = margin > 0.0 && margin.is_finite() && alpha > 0.0 && alpha < 0.5 && difference.is_finite();
    if !possible {
        return None;
    }
    let p = if error > 0.0 {
        cdf(-(difference + margin) / error, freedom)?.max(cdf((difference - margin) / error, freedom)?)
    } else {
        f64::from(difference.abs() >= margin)
    };
    let interval = Interval::around(difference, quantile(1.0 - alpha, freedom)? * error, 1.0 - 2.0 * alpha)?;
    Some(Tost { difference, p, interval, equivalent: p < alpha })
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{cases, close, float, list, pairs};
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    fn same(found: Tost, case: &Value) {
        close(found.difference, &case["difference"]);
        close(found.p, &case["p"]);
        close(found.interval.low, &case["low"]);
        close(found.interval.high, &case["high"]);
    }

    #[test]
    fn scipy_agrees() {
        for case in cases("tost") {
            let (expected, margin, alpha) = (float(&case["expected"]), float(&case["margin"]), float(&case["alpha"]));
            same(tost(&list(&case["values"]), expected, margin, alpha).unwrap(), &case);
        }
        for case in cases("tost_paired") {
            same(tost_paired(&pairs(&case), float(&case["margin"]), float(&case["alpha"])).unwrap(), &case);
        }
        for case in cases("tost_welch") {
            let (first, second) = (list(&case["first"]), list(&case["second"]));
            same(tost_welch(&first, &second, float(&case["margin"]), float(&case["alpha"])).unwrap(), &case);
        }
    }

    #[test]
    fn few_values_and_impossible_questions_have_no_answer() {
        for values in [&[][..], &[93.0], &[93.0, f64::NAN]] {
            assert_eq!(tost(values, 93.0, 1.0, 0.05), None);
            assert_eq!(tost_welch(&[93.0, 94.0], values, 1.0, 0.05), None);
            assert_eq!(tost_welch(values, &[93.0, 94.0], 1.0, 0.05), None);
        }
        for (margin, alpha) in [(0.0, 0.05), (-1.0, 0.05), (f64::NAN, 0.05), (1.0, 0.0), (1.0, 0.5), (1.0, f64::NAN)] {
            assert_eq!(tost(&[93.0, 94.0], 93.0, margin, alpha), None, "{margin} {alpha}");
        }
        assert_eq!(tost(&[93.0, 94.0], f64::INFINITY, 1.0, 0.05), None);
        assert_eq!(tost_paired(&[], 1.0, 0.05), None);
    }

    #[test]
    fn identical_values_are_judged_by_their_value() {
        let inside = tost(&[93.5; 3], 93.0, 1.0, 0.05).unwrap();
        assert_eq!((inside.p, inside.equivalent, inside.interval.width()), (0.0, true, 0.0));
        let outside = tost(&[95.0; 3], 93.0, 1.0, 0.05).unwrap();
        assert_eq!((outside.p, outside.equivalent), (1.0, false));
        assert!(tost_welch(&[93.0; 2], &[93.5; 4], 1.0, 0.05).unwrap().equivalent);
        let half = tost_welch(&[93.0; 3], &[93.0, 93.1, 93.2], 1.0, 0.05).unwrap();
        assert!((half.interval.high - 0.1 - 2.919_985_580 * 0.1 / 3f64.sqrt()).abs() < 1e-6, "2 degrees of freedom");
    }

    proptest! {
        #[test]
        fn p_and_interval_say_the_same(
            values in prop::collection::vec(-3f64..3.0, 2..12), expected in -1f64..1.0, margin in 0.1f64..4.0,
        ) {
            let t = tost(&values, expected, margin, 0.05).unwrap();
            let near = (t.p - 0.05).abs() < 1e-6;
            prop_assert!(near || t.equivalent == t.interval.is_between(-margin, margin), "{t:?}");
        }

        #[test]
        fn a_wider_margin_is_easier(values in prop::collection::vec(-3f64..3.0, 2..12), margin in 0.1f64..4.0) {
            let (strict, loose) = (tost(&values, 0.0, margin, 0.05).unwrap(), tost(&values, 0.0, 2.0 * margin, 0.05).unwrap());
            prop_assert!(loose.p <= strict.p + 1e-12);
        }

        #[test]
        fn the_sides_of_welch_can_be_exchanged(
            a in prop::collection::vec(-3f64..3.0, 2..9), b in prop::collection::vec(-3f64..3.0, 2..9),
        ) {
            let (r, s) = (tost_welch(&a, &b, 1.0, 0.05).unwrap(), tost_welch(&b, &a, 1.0, 0.05).unwrap());
            prop_assert!((r.p - s.p).abs() < 1e-9 && (r.interval.low + s.interval.high).abs() < 1e-9);
        }
    }
}
