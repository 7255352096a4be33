//! How many attempts would make an interval as narrow as it must be.

use super::interval::is_level;
use super::student::quantile;

/// The largest number that is looked for: no training is repeated more often.
pub const MOST_ATTEMPTS: u32 = 10_000;

/// The smallest number of attempts, from 2, whose t interval at `level` has at most this half width where their standard
/// deviation is `sd`. That is an expectation, no promise: the attempts to come have a spread of their own.
///
/// `None` for a half width that is not positive, an `sd` that cannot be one, or more than [`MOST_ATTEMPTS`].
pub fn attempts_for_half_width(sd: f64, half_width: f64, level: f64) -> Option<u32> {
    let possible = sd >= 0.0 && sd.is_finite() && half_width > 0.0 && is_level(level);
    if !possible {
        return None;
    }
    let enough = |n: u32| {
        let n = f64::from(n);
        quantile(0.5 + level / 2.0, n - 1.0).is_some_and(|t| t * sd / n.sqrt() <= half_width)
    };
    // The half width falls with n: bisection between one that is too few and one that is enough.
    let (mut few, mut enough_at) = (1, MOST_ATTEMPTS);
    if !enough(enough_at) {
        return None;
    }
    while enough_at - few > 1 {
        let middle = few + (enough_at - few) / 2;
        if enough(middle) { enough_at = middle } else { few = middle }
    }
    Some(enough_at)
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{cases, float};
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scipy_agrees() {
        for case in cases("attempts") {
            let found =
                attempts_for_half_width(float(&case["sd"]), float(&case["half_width"]), float(&case["level"])).unwrap();
            assert_eq!(found, case["attempts"], "{case}");
        }
    }

    #[test]
    fn impossible_questions_have_no_answer() {
        for (sd, half, level) in [
            (-1.0, 1.0, 0.95),
            (f64::NAN, 1.0, 0.95),
            (f64::INFINITY, 1.0, 0.95),
            (1.0, 0.0, 0.95),
            (1.0, f64::NAN, 0.95),
            (1.0, 1.0, 1.0),
            (1.0, 1e-4, 0.95),
        ] {
            assert_eq!(attempts_for_half_width(sd, half, level), None, "{sd} {half} {level}");
        }
        assert_eq!(attempts_for_half_width(0.0, 0.1, 0.95), Some(2), "identical attempts");
    }

    proptest! {
        #[test]
        fn a_wider_spread_needs_more(sd in 0.01f64..5.0, half in 0.1f64..5.0, factor in 1f64..3.0) {
            let (few, many) = (attempts_for_half_width(sd, half, 0.95), attempts_for_half_width(sd * factor, half, 0.95));
            prop_assert!(few.unwrap_or(u32::MAX) <= many.unwrap_or(u32::MAX));
        }
    }
}
