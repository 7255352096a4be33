//! What the study's statements count and measure: one item a value, with what can be said of it.

use super::digits::unit;
use crate::published::{Cell, Figures, ImagenetFigures, Published};
use crate::report::words::{dataset_title, length, norm_title};
use crate::scenario::{Dataset, Norm};
use crate::stats::mean;

/// A value with its labels.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// What it belongs to, such as `CIFAR-10`, `VGG-16`, `ND`, `100 epochs`.
    pub labels: Vec<String>,
    pub value: f64,
}

/// How a statement sums up items.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Aggregate {
    /// Sum of ones and zeros.
    Count,
    /// Share of ones, percent.
    Percent,
    Smallest,
    Largest,
}

impl Aggregate {
    /// The aggregate; `None` without items.
    pub fn of(self, items: &[&Item]) -> Option<f64> {
        let values: Vec<f64> = items.iter().map(|i| i.value).collect();
        match self {
            _ if values.is_empty() => None,
            Self::Count => Some(values.iter().sum()),
            Self::Percent => mean(&values).map(|share| 100.0 * share),
            Self::Smallest => values.into_iter().reduce(f64::min),
            Self::Largest => values.into_iter().reduce(f64::max),
        }
    }
}

/// Whether a number rounds to the stated one of `decimals` digits.
pub(super) fn rounds_to(value: f64, stated: f64, decimals: usize) -> bool {
    (value - stated).abs() <= (0.5 + 1e-6) * unit(decimals)
}

/// A reproduced value beside the original.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub labels: Vec<String>,
    /// Absent for ImageNet.
    pub dataset: Option<Dataset>,
    pub original: f64,
    pub reproduced: f64,
}

impl Pair {
    /// The reproduced value is the better.
    pub fn is_green(&self) -> bool {
        self.reproduced > self.original
    }

    /// Lower by more than `percent` of the original.
    pub fn is_red(&self, percent: f64) -> bool {
        self.reproduced < self.original * (1.0 - percent / 100.0)
    }

    /// Lower by more than so many percentage points.
    pub fn is_red_by_points(&self, points: f64) -> bool {
        self.reproduced < self.original - points
    }
}

/// Every value with an original: means on CIFAR, the single attempts on ImageNet.
pub(super) fn pairs(published: &Published) -> Vec<Pair> {
    let cifar = published.cells().iter().filter_map(|(cell, figures)| {
        let (original, reproduced) = (figures.original_percent?, figures.accuracy()?.mean);
        Some(Pair { labels: labels(cell), dataset: Some(cell.dataset.clone()), original, reproduced })
    });
    let imagenet = published.imagenet().iter().flat_map(|run| {
        [("top-1", run.top1), ("top-5", run.top5)].map(|(metric, scores)| Pair {
            labels: imagenet_labels(run, metric),
            dataset: None,
            original: scores.original_percent,
            reproduced: scores.reproduced_percent,
        })
    });
    cifar.chain(imagenet).collect()
}

/// Mean squared deviation of a cell's attempts from the original, accuracies as fractions; the sum is divided by the
/// number of attempts less `lost`.
pub(super) fn squared_deviation(figures: &Figures, lost: usize) -> Option<f64> {
    let original = figures.original_percent?;
    let squares = figures.each(|a| ((a.accuracy_percent - original) / 100.0).powi(2));
    let divisor = squares.len().checked_sub(lost).filter(|&d| d > 0)?;
    Some(squares.iter().sum::<f64>() / divisor as f64)
}

/// BN and ND of every network, data set and length.
pub(super) fn both_norms(published: &Published) -> impl Iterator<Item = (&Cell, &Figures, &Figures)> {
    published.cells().iter().filter(|(cell, _)| cell.norm == Norm::Nd).filter_map(|(cell, nd)| {
        let bn = published.figures(&Cell { norm: Norm::Bn, ..cell.clone() })?;
        Some((cell, bn, nd))
    })
}

/// ND/BN of the mean training times.
pub(super) fn time_ratio(bn: &Figures, nd: &Figures) -> Option<f64> {
    Some(nd.seconds()?.mean / bn.seconds()?.mean)
}

/// What can be said of a cell.
pub(super) fn labels(cell: &Cell) -> Vec<String> {
    let Cell { dataset, architecture, norm, epochs } = cell;
    vec![dataset_title(dataset), architecture.title().into(), norm_title(*norm).into(), length(*epochs)]
}

fn imagenet_labels(run: &ImagenetFigures, metric: &str) -> Vec<String> {
    let norm = run.norm.map_or("the plain network", norm_title);
    vec!["ImageNet".into(), run.network.title().into(), norm.into(), metric.into()]
}
