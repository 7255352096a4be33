//! The seconds that the study published: for each of its attempts on CIFAR, on a V100 with 16 GB, and for its trainings on
//! ImageNet (its Table 10), on an A100 with 80 GB.

use crate::scenario::{Architecture, Dataset, Norm};
use crate::units::Seconds;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// dataset,architecture,norm,epochs,attempt,accuracy_percent,train_seconds,test_seconds
const ATTEMPTS: &str = include_str!("../../scenarios/published/table1_attempts.csv");

/// architecture,norm,metric,original_percent,reproduced_percent,train_time,train_seconds
const IMAGENET: &str = include_str!("../../scenarios/published/table2.csv");

/// Length of its trainings on ImageNet.
const IMAGENET_EPOCHS: u32 = 90;

type Cell = (Dataset, Architecture, Norm);

static CELLS: LazyLock<BTreeMap<Cell, BTreeMap<u32, Vec<f64>>>> = LazyLock::new(|| {
    let mut cells = BTreeMap::<Cell, BTreeMap<u32, Vec<f64>>>::new();
    let attempts = ATTEMPTS.lines().skip(1).map(attempt);
    // Each training has a line for each of two accuracies.
    let on_imagenet = IMAGENET.lines().skip(1).filter(|line| line.contains(",top1,")).map(on_imagenet);
    for row in attempts.chain(on_imagenet) {
        let (cell, epochs, seconds) = row.expect("the embedded tables are well formed");
        cells.entry(cell).or_default().entry(epochs).or_default().push(seconds);
    }
    cells
});

fn attempt(line: &str) -> Option<(Cell, u32, f64)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [dataset, architecture, norm, epochs, _attempt, _accuracy, train, test] = fields[..] else { return None };
    let cell = (dataset.parse().ok()?, architecture.parse().ok()?, norm.parse().ok()?);
    Some((cell, epochs.parse().ok()?, train.parse::<f64>().ok()? + test.parse::<f64>().ok()?))
}

fn on_imagenet(line: &str) -> Option<(Cell, u32, f64)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [architecture, norm, _metric, _original, _reproduced, _time, seconds] = fields[..] else { return None };
    // Of networks that have a form for CIFAR too, this is the other.
    let architecture = format!("{architecture}-imagenet").parse().or_else(|_| architecture.parse()).ok()?;
    let norm = if norm == "none" { Norm::Plain } else { norm.parse().ok()? };
    Some(((Dataset::Imagenet, architecture, norm), IMAGENET_EPOCHS, seconds.parse().ok()?))
}

/// The mean seconds of training plus testing of a cell, over the study's attempts; of a length that the study did not
/// train, in proportion to the next longer length that it did, or else the longest. Absent for other networks and data.
pub(super) fn seconds(dataset: &Dataset, architecture: Architecture, norm: Norm, epochs: u32) -> Option<Seconds> {
    let lengths = CELLS.get(&(dataset.clone(), architecture, norm))?;
    let (length, attempts) = lengths.range(epochs..).next().or_else(|| lengths.last_key_value())?;
    let mean = attempts.iter().sum::<f64>() / attempts.len() as f64;
    Some(Seconds(mean * f64::from(epochs) / f64::from(*length)))
}

/// The batch of its trainings on `dataset`.
pub(super) fn batch_size(dataset: &Dataset) -> u32 {
    if *dataset == Dataset::Imagenet { 256 } else { 128 }
}

/// The speed of the device on which it trained on `dataset`, against the V100: of the A100 as its profile assumes it.
pub(super) fn speed(dataset: &Dataset) -> f64 {
    if *dataset == Dataset::Imagenet { 1.2 } else { 1.0 }
}
