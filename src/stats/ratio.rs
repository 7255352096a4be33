//! How many times larger one time is than another, from pairs measured side by side.

use super::bootstrap::Bootstrap;
use super::interval::Interval;
use super::{mean, t_interval};
use serde::Serialize;

/// Numbers drawn for one bootstrap, about: many values need fewer resamples for the same precision, and a large store's
/// report must not wait for them. No fewer and no more resamples than [`RESAMPLES`].
const DRAWS: usize = 400_000;
const RESAMPLES: (usize, usize) = (1_000, 4_000);

/// The ratio of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Ratio {
    /// Geometric mean of the pairs' ratios.
    pub value: f64,
    /// Confidence interval, the wider of `t` and `bootstrap`; absent for a single pair.
    pub interval: Option<Interval>,
    /// Student's t interval; absent for a single pair.
    pub t: Option<Interval>,
    /// Percentile bootstrap over the pairs; absent for fewer than three.
    pub bootstrap: Option<Interval>,
    /// How many pairs.
    pub n: usize,
}

/// The ratios of several groups of pairs taken together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Pooled {
    /// Geometric mean over the groups of each group's geometric mean: every group counts the same.
    pub value: f64,
    /// Confidence interval for groups like these: the wider of Student's t over the groups' mean log-ratios and the
    /// percentile bootstrap, groups drawn first and then pairs within them; absent for fewer than three groups.
    pub interval: Option<Interval>,
    /// How many groups.
    pub groups: usize,
}

/// Geometric mean; `None` without values, or where one is not a positive finite number.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    mean(&logarithms(values.iter().copied())?).map(f64::exp)
}

/// The ratio of the second to the first of each pair: geometric mean, with the interval of the log-ratios taken back to
/// the scale of ratios. What a pair has in common (machine, load, temperature) falls out of its ratio.
///
/// The t interval trusts that log-ratios are normal, the bootstrap that the pairs are like those to come; the wider of
/// the two is published. `None` without pairs, or where a time is not a positive finite number.
pub fn paired_ratio(pairs: &[(f64, f64)], level: f64) -> Option<Ratio> {
    let below = logarithms(pairs.iter().map(|p| p.0))?;
    let above = logarithms(pairs.iter().map(|p| p.1))?;
    let logs: Vec<f64> = above.iter().zip(&below).map(|(a, b)| a - b).collect();
    let t = t_interval(&logs, level);
    let bootstrap = bootstrap(logs.len(), level).interval(&logs, average);
    let [interval, t, bootstrap] = [wider(t, bootstrap), t, bootstrap].map(|i| i.map(Interval::exp));
    Some(Ratio { value: mean(&logs)?.exp(), interval, t, bootstrap, n: pairs.len() })
}

/// The ratios of groups, such as the blocks of each network, taken together. `None` without groups, with an empty one,
/// or where a ratio is not a positive finite number.
pub fn pooled_ratio(groups: &[Vec<f64>], level: f64) -> Option<Pooled> {
    let logs: Vec<Vec<f64>> = groups.iter().map(|g| logarithms(g.iter().copied())).collect::<Option<_>>()?;
    let statistic = |groups: &[Vec<f64>]| average(&groups.iter().map(|g| average(g)).collect::<Vec<_>>());
    let values = logs.iter().map(Vec::len).sum();
    let drawn = bootstrap(values, level).clustered(&logs, statistic);
    let t = drawn.and_then(|_| t_interval(&logs.iter().map(|g| average(g)).collect::<Vec<_>>(), level));
    let interval = wider(t, drawn).map(Interval::exp);
    let value = Some(statistic(&logs)).filter(|v| v.is_finite())?.exp();
    Some(Pooled { value, interval, groups: groups.len() })
}

/// The one that promises less.
fn wider(one: Option<Interval>, other: Option<Interval>) -> Option<Interval> {
    one.into_iter().chain(other).max_by(|a, b| a.width().total_cmp(&b.width()))
}

/// The bootstrap of so many values.
fn bootstrap(values: usize, level: f64) -> Bootstrap {
    let resamples = (DRAWS / values.max(1)).clamp(RESAMPLES.0, RESAMPLES.1);
    Bootstrap { level, resamples, ..Bootstrap::default() }
}

fn average(values: &[f64]) -> f64 {
    mean(values).unwrap_or(f64::NAN)
}

/// Natural logarithms; `None` where one does not exist.
fn logarithms(values: impl Iterator<Item = f64>) -> Option<Vec<f64>> {
    values.map(|v| (v > 0.0 && v.is_finite()).then(|| v.ln())).collect()
}

#[cfg(test)]
mod tests {
    use super::super::LEVEL;
    use super::super::fixtures::{cases, close, list};
    use super::*;
    use proptest::prelude::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
    }

    #[test]
    fn scipy_agrees() {
        for case in cases("geometric_mean") {
            close(geometric_mean(&list(&case["values"])).unwrap(), &case["mean"]);
        }
    }

    #[test]
    fn few_and_impossible_pairs() {
        let one = paired_ratio(&[(2.0, 3.0)], LEVEL).unwrap();
        assert!(near(one.value, 1.5));
        assert_eq!((one.interval, one.t, one.bootstrap, one.n), (None, None, None, 1));
        let two = paired_ratio(&[(2.0, 3.0), (2.0, 3.1)], LEVEL).unwrap();
        assert_eq!((two.interval, two.bootstrap), (two.t, None));
        assert_eq!(paired_ratio(&[], LEVEL), None);
        for bad in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(paired_ratio(&[(1.0, 2.0), (bad, 2.0)], LEVEL), None, "{bad}");
            assert_eq!(geometric_mean(&[bad]), None, "{bad}");
            assert_eq!(pooled_ratio(&[vec![2.0], vec![bad]], LEVEL), None, "{bad}");
        }
        let same = paired_ratio(&[(2.0, 3.0); 4], LEVEL).unwrap();
        assert!(near(same.value, 1.5));
        assert_eq!(same.interval.unwrap().width(), 0.0);
    }

    #[test]
    fn the_wider_interval_is_published() {
        // Of three pairs that is always t's; of many the two are close, and either may be the wider.
        let three = paired_ratio(&[(1.0, 2.0), (1.0, 2.2), (1.0, 2.1)], LEVEL).unwrap();
        assert_eq!(three.interval, three.t);
        assert!(three.bootstrap.unwrap().width() < three.t.unwrap().width());
        for n in 20..40 {
            let pairs: Vec<(f64, f64)> = (0..n).map(|i| (1.0, 2.0 + f64::from(i % 5))).collect();
            let r = paired_ratio(&pairs, LEVEL).unwrap();
            let (t, bootstrap) = (r.t.unwrap(), r.bootstrap.unwrap());
            let log_width = |i: Interval| i.high.ln() - i.low.ln();
            assert!(near(log_width(r.interval.unwrap()), log_width(t).max(log_width(bootstrap))));
        }
    }

    #[test]
    fn groups_count_the_same_and_few_have_no_interval() {
        let pooled = pooled_ratio(&[vec![2.0], vec![8.0; 50]], LEVEL).unwrap();
        assert!(near(pooled.value, 4.0));
        assert_eq!((pooled.interval, pooled.groups), (None, 2));
        assert_eq!((pooled_ratio(&[], LEVEL), pooled_ratio(&[vec![]], LEVEL)), (None, None));
        assert_eq!(pooled_ratio(&[vec![3.0]], LEVEL).unwrap().interval, None);
        assert!(pooled_ratio(&[vec![3.0], vec![2.0], vec![4.0]], LEVEL).unwrap().interval.is_some());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_ratio_ignores_what_a_pair_has_in_common(
            pairs in prop::collection::vec((0.1f64..1e4, 0.1f64..1e4, 0.5f64..2.0), 2..6),
        ) {
            let plain: Vec<_> = pairs.iter().map(|&(a, b, _)| (a, b)).collect();
            let loaded: Vec<_> = pairs.iter().map(|&(a, b, load)| (a * load, b * load)).collect();
            let (r, s) = (paired_ratio(&plain, LEVEL).unwrap(), paired_ratio(&loaded, LEVEL).unwrap());
            prop_assert!(near(r.value, s.value));
            let i = r.interval.unwrap();
            prop_assert!(i.low <= r.value && r.value <= i.high);
        }

        #[test]
        fn the_inverse_ratio_is_the_inverse(pairs in prop::collection::vec((0.1f64..1e4, 0.1f64..1e4), 2..6)) {
            let turned: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (r, s) = (paired_ratio(&pairs, LEVEL).unwrap(), paired_ratio(&turned, LEVEL).unwrap());
            prop_assert!(near(r.value * s.value, 1.0));
            let (i, j) = (r.interval.unwrap(), s.interval.unwrap());
            prop_assert!((i.low.ln() + j.high.ln()).abs() < 1e-6);
        }

        #[test]
        fn pooling_scales_with_the_ratios(
            groups in prop::collection::vec(prop::collection::vec(0.5f64..5.0, 1..4), 3..6), factor in 0.5f64..3.0,
        ) {
            let scaled: Vec<Vec<f64>> = groups.iter().map(|g| g.iter().map(|r| r * factor).collect()).collect();
            let (r, s) = (pooled_ratio(&groups, LEVEL).unwrap(), pooled_ratio(&scaled, LEVEL).unwrap());
            prop_assert!(near(r.value * factor, s.value));
            prop_assert!(near(r.interval.unwrap().low * factor, s.interval.unwrap().low));
            prop_assert!(r.interval.unwrap().low <= r.value && r.value <= r.interval.unwrap().high);
        }
    }
}
