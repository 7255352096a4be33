//! The bootstrap: how a statistic varies over samples drawn again from the sample.

mod draw;
mod limits;

use super::interval::{Interval, LEVEL, is_level};
use draw::Draw;

/// Fewer values, or clusters, than this have no interval: their resamples are too few to speak of 95 % of them.
pub const FEWEST: usize = 3;

/// How an interval is read from the resamples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// The quantiles of the resamples.
    Percentile,
    /// Bias-corrected and accelerated (Efron, 1987): for skewed statistics; of few values it is itself uncertain.
    Bca,
}

/// A bootstrap with its settings. Equal settings and values give equal intervals on every machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How the interval is read.
    pub method: Method,
    /// Confidence level.
    pub level: f64,
    /// How many resamples. Where there are no more different ones in all (n^n for n values), each is taken once.
    pub resamples: usize,
    /// Seed of the generator, ChaCha8.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self { method: Method::Percentile, level: LEVEL, resamples: 10_000, seed: 0 }
    }
}

impl Bootstrap {
    /// The interval of a statistic of `values`; `None` for fewer than [`FEWEST`] values, where a value or the statistic
    /// of a resample is not finite, or without a possible level.
    pub fn interval(&self, values: &[f64], statistic: impl Fn(&[f64]) -> f64) -> Option<Interval> {
        let n = values.len();
        if n < FEWEST || values.iter().any(|v| !v.is_finite()) {
            return None;
        }
        let mut distribution = Vec::new();
        let mut sample = Vec::with_capacity(n);
        Draw::new(self.seed).choices(n, self.resamples, |choice| {
            sample.clear();
            sample.extend(choice.iter().map(|&i| values[i]));
            distribution.push(statistic(&sample));
        });
        let left_out = (0..n).map(|out| statistic(&without(values, out)));
        self.read(distribution, statistic(values), left_out.collect())
    }

    /// The interval of a statistic of values in clusters: first the clusters are drawn, then within each drawn cluster
    /// its values. `None` for fewer than [`FEWEST`] clusters, an empty one, and otherwise as [`Bootstrap::interval`].
    pub fn clustered(&self, clusters: &[Vec<f64>], statistic: impl Fn(&[Vec<f64>]) -> f64) -> Option<Interval> {
        let n = clusters.len();
        let usable = |cluster: &Vec<f64>| !cluster.is_empty() && cluster.iter().all(|v| v.is_finite());
        if n < FEWEST || !clusters.iter().all(usable) {
            return None;
        }
        let mut draw = Draw::new(self.seed);
        let mut sample: Vec<Vec<f64>> = vec![Vec::new(); n];
        let distribution = (0..self.resamples).map(|_| {
            for drawn in &mut sample {
                let cluster = &clusters[draw.below(n)];
                drawn.clear();
                drawn.extend((0..cluster.len()).map(|_| cluster[draw.below(cluster.len())]));
            }
            statistic(&sample)
        });
        let distribution = distribution.collect();
        let left_out = (0..n).map(|out| statistic(&without(clusters, out)));
        self.read(distribution, statistic(clusters), left_out.collect())
    }

    /// The interval from the statistic of the resamples, of the sample and of the sample less one.
    fn read(&self, mut distribution: Vec<f64>, estimate: f64, left_out: Vec<f64>) -> Option<Interval> {
        let finite = |values: &[f64]| !values.is_empty() && values.iter().all(|v| v.is_finite());
        if !is_level(self.level) || !finite(&distribution) || !estimate.is_finite() {
            return None;
        }
        distribution.sort_by(f64::total_cmp);
        match self.method {
            Method::Percentile => limits::percentile(&distribution, self.level),
            Method::Bca if finite(&left_out) => limits::bca(&distribution, estimate, &left_out, self.level),
            Method::Bca => None,
        }
    }
}

/// All items but one.
fn without<T: Clone>(items: &[T], out: usize) -> Vec<T> {
    [&items[..out], &items[out + 1..]].concat()
}

#[cfg(test)]
mod tests;
