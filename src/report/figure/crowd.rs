//! Many attempts in one plot: beyond a number that the eye can follow, a few lines stand for all.

use crate::stats::quantiles;
use std::borrow::Cow;

/// More curves than this are drawn as three.
const CURVES: usize = 12;

/// More blocks than this have no mark of their own.
pub(super) const BLOCKS: usize = 60;

/// What the lines are where there are too many.
pub(super) const WORDS: &str = "Of more than 12 attempts: the median, and the ends of the middle 90 %.";

/// Whether there are too many.
pub(super) fn is_crowd(curves: &[Vec<f64>]) -> bool {
    curves.len() > CURVES
}

/// The curves; of too many the median of each epoch, between the ends of the middle 90 %.
pub(super) fn thinned(curves: &[Vec<f64>]) -> Cow<'_, [Vec<f64>]> {
    if !is_crowd(curves) {
        return Cow::Borrowed(curves);
    }
    let epochs = curves.iter().map(Vec::len).max().unwrap_or(0);
    let mut lines = vec![Vec::new(); 3];
    for epoch in 0..epochs {
        let values: Vec<f64> = curves.iter().filter_map(|curve| curve.get(epoch).copied()).collect();
        if let Some(found) = quantiles(&values, [0.05, 0.5, 0.95]) {
            lines.iter_mut().zip(found).for_each(|(line, value)| line.push(value));
        }
    }
    Cow::Owned(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_curves_stay_and_many_become_three() {
        let curves = |n: usize| -> Vec<Vec<f64>> { (0..n).map(|i| vec![i as f64, 10.0 * i as f64]).collect() };
        assert_eq!(thinned(&curves(12)).as_ref(), curves(12));
        let wanted: &[Vec<f64>] = &[vec![5.0, 50.0], vec![50.0, 500.0], vec![95.0, 950.0]];
        assert_eq!(thinned(&curves(101)).as_ref(), wanted);
    }
}
