//! A history as samples: its points have no attempts and no epochs.

use super::name::{Cell, norm};
use super::sample::{Measure, Sample, Samples};
use crate::record::{Point, Series, StepTime};

/// The form of the study's steps; others are named in the cell's settings.
const STUDY: &str = "b128-fp32";

impl Samples {
    /// Time of a step and speed at every point of every series.
    pub fn of_history(series: &[Series]) -> Samples {
        let of = |one: &Series| one.points.iter().flat_map(|point| samples(one, point)).collect::<Vec<Sample>>();
        Samples { samples: series.iter().flat_map(of).collect(), left_out: Vec::new() }
    }
}

fn samples(series: &Series, point: &Point) -> [Sample; 2] {
    let seconds = point.seconds.0;
    let speed = f64::from(series.arm.batch_size) / seconds;
    [(Measure::StepSeconds, seconds), (Measure::ImagesPerSecond, speed)].map(|(measure, value)| Sample {
        measure,
        value,
        cell: cell(&series.arm),
        attempt: 1,
        environment: series.environment.clone(),
        commit: point.commit.clone(),
        finished: point.at,
    })
}

fn cell(arm: &StepTime) -> Cell {
    let form = arm.form_name();
    Cell {
        architecture: arm.architecture,
        dataset: arm.dataset.clone(),
        epochs: 0,
        norm: norm(arm.norm, arm.deconvolution),
        settings: if form == STUDY { String::new() } else { form },
    }
}

#[cfg(test)]
mod tests {
    use super::super::{bmf, openmetrics, otava};
    use super::*;
    use crate::record::{Entry, made_up, series};

    #[test]
    fn every_form_has_the_points() {
        let probe = |day: i64, bn: f64| {
            let mut probe = made_up::probe(&[&[bn], &[0.5]]);
            probe.started = jiff::Timestamp::from_second(86_400 * day).unwrap();
            probe.environment.software.commit = format!("c{day}");
            Entry::of(&probe).unwrap()
        };
        let samples = Samples::of_history(&series(&[probe(0, 0.25), probe(1, 0.5)]));
        let json: serde_json::Value = serde_json::from_str(&bmf(&samples).unwrap()).unwrap();
        assert_eq!(json["vgg16/cifar10/nd/probe"]["step-seconds"]["value"], 0.5);
        let text = openmetrics(&samples, &[]);
        assert!(
            text.contains("ndbench_step_seconds{architecture=\"vgg16\"") && text.contains("} 256 86400.000"),
            "{text}"
        );
        let commit = |night: u32| format!("commit=\"c{night}\"}} 1 {}.000", 86_400 * night);
        assert!(text.contains(&commit(0)) && text.contains(&commit(1)), "{text}");
        let files = otava(&samples.samples);
        let csv = files.iter().find(|f| f.path.ends_with("vgg16-cifar10-bn-probe-step.csv")).unwrap();
        assert!(csv.text.contains("1970-01-02T00:00:00Z,c1,1,0.5"), "{}", csv.text);
    }
}
