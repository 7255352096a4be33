//! The ends of a bootstrap interval.

use super::super::interval::Interval;
use super::super::order::quantile_of_sorted;
use statrs::distribution::{ContinuousCDF, Normal};

/// Resamples that differ from the estimate by less than this fraction of their range are equal to it: the rest is
/// rounding, as where the same values come in another order.
const TIE: f64 = 1e-12;

/// The quantiles of the resamples, which are in order.
pub fn percentile(sorted: &[f64], level: f64) -> Option<Interval> {
    between(sorted, (1.0 - level) / 2.0, (1.0 + level) / 2.0, level)
}

/// The quantiles moved for bias (how many resamples lie below the estimate) and acceleration (how the statistic's spread
/// changes with its value, from the sample less one value at a time). `None` where all resamples lie on one side.
pub fn bca(sorted: &[f64], estimate: f64, left_out: &[f64], level: f64) -> Option<Interval> {
    let tie = TIE * (sorted[sorted.len() - 1] - sorted[0]);
    let below = sorted.partition_point(|&v| v < estimate - tie);
    let not_above = sorted.partition_point(|&v| v <= estimate + tie);
    let normal = Normal::standard();
    let bias = normal.inverse_cdf((below + not_above) as f64 / (2 * sorted.len()) as f64);
    let acceleration = acceleration(left_out);
    let moved = |q: f64| {
        let z = bias + normal.inverse_cdf(q);
        normal.cdf(bias + z / (1.0 - acceleration * z))
    };
    between(sorted, moved((1.0 - level) / 2.0), moved((1.0 + level) / 2.0), level)
}

/// A sixth of the skewness of the statistic; 0 where leaving values out does not change it.
fn acceleration(left_out: &[f64]) -> f64 {
    let centre = left_out.iter().sum::<f64>() / left_out.len() as f64;
    let power = |p: i32| left_out.iter().map(|v| (centre - v).powi(p)).sum::<f64>();
    let scale = power(2).powf(1.5);
    if scale > 0.0 { power(3) / (6.0 * scale) } else { 0.0 }
}

fn between(sorted: &[f64], low: f64, high: f64, level: f64) -> Option<Interval> {
    let (low, high) = (quantile_of_sorted(sorted, low)?, quantile_of_sorted(sorted, high)?);
    (low <= high).then_some(Interval { low, high, level })
}

#[cfg(test)]
mod tests {
    use super::super::super::fixtures::{cases, close, float, list};
    use super::*;

    #[test]
    fn scipy_reads_the_same_limits_from_the_same_resamples() {
        for case in cases("bootstrap_limits") {
            let mut sorted = list(&case["distribution"]);
            sorted.sort_by(f64::total_cmp);
            let level = float(&case["level"]);
            let plain = percentile(&sorted, level).unwrap();
            close(plain.low, &case["percentile"][0]);
            close(plain.high, &case["percentile"][1]);
            let moved = bca(&sorted, float(&case["estimate"]), &list(&case["left_out"]), level).unwrap();
            close(moved.low, &case["bca"][0]);
            close(moved.high, &case["bca"][1]);
        }
    }

    #[test]
    fn resamples_on_one_side_of_the_estimate_have_no_bca() {
        assert_eq!(bca(&[1.0, 2.0, 3.0], 9.0, &[1.0, 2.0, 3.0], 0.95), None);
        assert_eq!(bca(&[1.0, 2.0, 3.0], 0.0, &[1.0, 2.0, 3.0], 0.95), None);
    }
}
