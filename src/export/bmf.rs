//! Bencher Metric Format: <https://bencher.dev/docs/reference/bencher-metric-format/>.

use super::error::ExportError;
use super::sample::{Measure, Sample, Samples};
use crate::stats::{LEVEL, geometric_mean, mean, paired_ratio, t_interval};
use serde::Serialize;
use std::collections::BTreeMap;

/// One value with the ends of its confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Metric {
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    lower_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upper_value: Option<f64>,
}

/// One JSON object: benchmark (`vgg16/cifar10/nd/e100`) to measure (`paper-seconds`) to value. Of several attempts the
/// value is the mean (of overheads the geometric mean), and the lower and upper values are its 95 % interval; a single
/// attempt has none.
///
/// # Errors
/// [`ExportError::SeveralEnvironments`]: the form leaves the machine (the testbed) to the upload.
pub fn bmf(samples: &Samples) -> Result<String, ExportError> {
    let labels = samples.environments();
    if labels.len() > 1 {
        return Err(ExportError::SeveralEnvironments { form: "bmf", labels });
    }
    let mut values: BTreeMap<String, BTreeMap<Measure, Vec<&Sample>>> = BTreeMap::new();
    for sample in &samples.samples {
        values.entry(sample.cell.name()).or_default().entry(sample.measure).or_default().push(sample);
    }
    let report: BTreeMap<String, BTreeMap<&str, Metric>> = values
        .into_iter()
        .map(|(name, measures)| {
            let metrics = measures.into_iter().filter_map(|(m, found)| Some((m.slug(), metric(m, &found)?)));
            (name, metrics.collect())
        })
        .collect();
    Ok(serde_json::to_string_pretty(&report).expect("names and numbers are plain data") + "\n")
}

fn metric(measure: Measure, samples: &[&Sample]) -> Option<Metric> {
    let values: Vec<f64> = samples.iter().map(|s| s.value).collect();
    let (value, interval) = if measure == Measure::NdOverhead {
        // The ratios are those of pairs already; against 1 they keep their mean and interval.
        let pairs: Vec<(f64, f64)> = values.iter().map(|&v| (1.0, v)).collect();
        (geometric_mean(&values)?, paired_ratio(&pairs, LEVEL)?.interval)
    } else {
        (mean(&values)?, t_interval(&values, LEVEL))
    };
    // Nothing that is measured here is negative.
    Some(Metric { value, lower_value: interval.map(|i| i.low.max(0.0)), upper_value: interval.map(|i| i.high) })
}
