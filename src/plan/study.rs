//! The seconds that the study published for each of its attempts, on a V100 with 16 GB.

use crate::scenario::{Architecture, Dataset, Norm};
use crate::units::Seconds;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// dataset,architecture,norm,epochs,attempt,accuracy_percent,train_seconds,test_seconds
const ATTEMPTS: &str = include_str!("../../scenarios/published/table1_attempts.csv");

type Cells = BTreeMap<(Dataset, Architecture, Norm), BTreeMap<u32, Vec<f64>>>;

static CELLS: LazyLock<Cells> = LazyLock::new(|| {
    let mut cells = Cells::new();
    for line in ATTEMPTS.lines().skip(1) {
        let (key, epochs, seconds) = row(line).expect("the embedded table is well formed");
        cells.entry(key).or_default().entry(epochs).or_default().push(seconds);
    }
    cells
});

fn row(line: &str) -> Option<((Dataset, Architecture, Norm), u32, f64)> {
    let fields: Vec<&str> = line.split(',').collect();
    let [dataset, architecture, norm, epochs, _attempt, _accuracy, train, test] = fields[..] else { return None };
    let key = (dataset.parse().ok()?, architecture.parse().ok()?, norm.parse().ok()?);
    Some((key, epochs.parse().ok()?, train.parse::<f64>().ok()? + test.parse::<f64>().ok()?))
}

/// The mean seconds of training plus testing of a cell, over the study's attempts; of a length that the study did not
/// train, in proportion to the next longer length that it did, or else the longest. Absent for other networks and data.
pub(super) fn seconds(dataset: &Dataset, architecture: Architecture, norm: Norm, epochs: u32) -> Option<Seconds> {
    let lengths = CELLS.get(&(dataset.clone(), architecture, norm))?;
    let (length, attempts) = lengths.range(epochs..).next().or_else(|| lengths.last_key_value())?;
    let mean = attempts.iter().sum::<f64>() / attempts.len() as f64;
    Some(Seconds(mean * f64::from(epochs) / f64::from(*length)))
}
