//! Shifts of the level of a series that grows point by point: ranks of the last few points among those before them.
//!
//! After each point the last four, and the last five, are compared with up to thirty before them by the rank sum of Mann
//! and Whitney (1947), and by their medians. Ranks and medians bear wild values, of which times have many; a spike of one
//! or two points is no shift. `ndbench track quality` measures how often this is wrong.

use super::order::median;

/// When a level counts as another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ShiftRule {
    /// How many of the last points are compared: each of these numbers.
    pub after: [usize; 2],
    /// With at most so many before them.
    pub window: usize,
    /// And at least so many.
    pub fewest: usize,
    /// The least difference of the medians.
    pub magnitude: f64,
    /// The least distance of the rank sum from its mean, in its standard deviations without a shift.
    pub deviations: f64,
}

impl Default for ShiftRule {
    fn default() -> Self {
        Self { after: [4, 5], window: 30, fewest: 10, magnitude: 1.035_f64.ln(), deviations: 2.8 }
    }
}

/// A level that became another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shift {
    /// The first point of the new level, as good as the points tell.
    pub at: usize,
    /// The point with which it was seen.
    pub seen: usize,
    /// New median less old one.
    pub change: f64,
    /// Of the rank sum, in standard deviations.
    pub deviations: f64,
}

/// The shifts in `values`, each found from the points up to [`Shift::seen`] alone. Nothing where a value is not finite.
pub fn shifts(values: &[f64], rule: &ShiftRule) -> Vec<Shift> {
    let (mut found, mut start) = (Vec::new(), 0);
    for end in 1..=values.len() {
        let looks = rule.after.iter().filter_map(|&after| look(&values[start..end], after, rule));
        let Some((before, after, change, deviations)) = looks.max_by(|a, b| a.3.total_cmp(&b.3)) else { continue };
        let first = end - before - after;
        let at = first + split(&values[first..end], after);
        found.push(Shift { at, seen: end - 1, change, deviations });
        start = at;
    }
    found
}

/// Points before and after, change and deviations, where the last `after` of `values` lie elsewhere than those before.
fn look(values: &[f64], after: usize, rule: &ShiftRule) -> Option<(usize, usize, f64, f64)> {
    let before = values.len().checked_sub(after).filter(|&n| n >= rule.fewest)?.min(rule.window);
    let (old, new) = values[values.len() - before - after..].split_at(before);
    let change = median(new)? - median(old)?;
    let deviations = rank_deviations(old, new);
    (change.abs() >= rule.magnitude && deviations >= rule.deviations).then_some((before, after, change, deviations))
}

/// How far the rank sum of `new` is from its mean; ties count half.
fn rank_deviations(old: &[f64], new: &[f64]) -> f64 {
    let wins = |n: &f64| old.iter().map(|o| 0.5 * (f64::from(n > o) + f64::from(n >= o))).sum::<f64>();
    let (m, n) = (old.len() as f64, new.len() as f64);
    (new.iter().map(wins).sum::<f64>() - 0.5 * m * n).abs() / (m * n * (m + n + 1.0) / 12.0).sqrt()
}

/// Where the deviations from the medians of two parts are the least: from two points before the last `after` on, to two
/// before the end.
fn split(values: &[f64], after: usize) -> usize {
    let off = |part: &[f64]| median(part).map_or(f64::NAN, |m| part.iter().map(|v| (v - m).abs()).sum());
    let cost = |&at: &usize| off(&values[..at]) + off(&values[at..]);
    let last = values.len() - 2;
    let places = (values.len() - after).saturating_sub(2).max(1)..=last;
    places.min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Ten levels of noise in an order that rises and falls, then the same `step` higher.
    fn stepped(before: usize, after: usize, step: f64) -> Vec<f64> {
        let noise = |i: usize| [0.0, 3.0, -2.0, 1.0, -3.0, 2.0, -1.0][i % 7] * 0.001;
        (0..before + after).map(|i| noise(i) + if i < before { 0.0 } else { step }).collect()
    }

    #[test]
    fn a_step_is_found_within_five_points_at_its_place() {
        for step in [0.05, -0.05] {
            for before in [10, 12, 30, 70] {
                let found = shifts(&stepped(before, 5, step), &ShiftRule::default());
                assert_eq!(found.len(), 1, "{before} {step}: {found:?}");
                assert!(found[0].at == before && found[0].seen <= before + 4, "{before} {step}: {found:?}");
                assert!((found[0].change - step).abs() < 0.005, "{found:?}");
            }
        }
    }

    #[test]
    fn there_and_back_are_two_shifts() {
        let mut values = stepped(20, 15, 0.05);
        values.extend(stepped(15, 0, 0.0));
        let places: Vec<usize> = shifts(&values, &ShiftRule::default()).iter().map(|s| s.at).collect();
        assert_eq!(places, [20, 35]);
    }

    #[test]
    fn spikes_small_steps_and_short_series_are_none() {
        let mut spiked = stepped(40, 0, 0.0);
        (spiked[15], spiked[16], spiked[30]) = (0.4, 0.4, 3.0);
        for values in [spiked, stepped(20, 20, 0.02), stepped(9, 4, 1.0), vec![], vec![f64::NAN; 30], vec![1.0; 60]] {
            assert_eq!(shifts(&values, &ShiftRule::default()), [], "{values:?}");
        }
    }

    #[test]
    fn rank_sums_are_those_of_mann_and_whitney() {
        // U = 20 of 20, mean 10, variance 4 * 5 * 10 / 12.
        let far = rank_deviations(&[1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0, 9.0]);
        assert!((far - 10.0 / (4.0 * 5.0 * 10.0_f64 / 12.0).sqrt()).abs() < 1e-12);
        assert_eq!(rank_deviations(&[1.0, 1.0], &[1.0, 1.0]), 0.0);
    }

    proptest! {
        #[test]
        fn scale_and_level_do_not_matter(values in prop::collection::vec(-999i32..999, 0..60), level in -9i32..9) {
            // Whole numbers: rounding would decide between places that are as good.
            let (values, level) = (values.into_iter().map(f64::from).collect::<Vec<_>>(), f64::from(level));
            let rule = ShiftRule { magnitude: 0.0, ..ShiftRule::default() };
            let moved: Vec<f64> = values.iter().map(|v| 2.0 * v + level).collect();
            let places = |values: &[f64]| shifts(values, &rule).iter().map(|s| s.seen).collect::<Vec<_>>();
            prop_assert_eq!(places(&values), places(&moved));
        }

        #[test]
        fn later_points_change_nothing(values in prop::collection::vec(-1f64..1.0, 0..60), cut in 0usize..60) {
            let all = shifts(&values, &ShiftRule::default());
            let cut = cut.min(values.len());
            let early: Vec<Shift> = all.into_iter().filter(|s| s.seen < cut).collect();
            prop_assert_eq!(shifts(&values[..cut], &ShiftRule::default()), early);
        }
    }
}
