//! What the instruments cost the trainings of an environment, as their records say.

use super::model::EnvironmentEntry;
use super::words::plural;
use crate::record::{Record, StepOverhead};
use crate::telemetry::Level;
use crate::units::Ratio;
use serde::Serialize;

/// Of the trainings that one level watched.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watching {
    /// How much was watched.
    pub level: Level,
    /// Records.
    pub trials: usize,
    /// The largest share of one core that the instruments' own threads took.
    pub cpu_share: Option<Ratio>,
    /// By how much they make steps longer, as the newest of the probes says that the records name.
    pub step: Option<StepOverhead>,
}

impl EnvironmentEntry {
    /// Adds what `record`, of this environment, says.
    pub(super) fn watched(&mut self, record: &Record) {
        let Some(overhead) = &record.telemetry_overhead else { return };
        let known = self.watching.iter().position(|w| w.level == overhead.level);
        let index = known.unwrap_or_else(|| {
            self.watching.push(Watching { level: overhead.level, trials: 0, cpu_share: None, step: None });
            self.watching.len() - 1
        });
        let watching = &mut self.watching[index];
        watching.trials += 1;
        if let Some(share) = overhead.cpu_share
            && watching.cpu_share.is_none_or(|largest| largest.0 < share.0)
        {
            watching.cpu_share = Some(share);
        }
        // Names of probes end in their time.
        let time = |step: &StepOverhead| step.probe.rsplit('-').next().map(str::to_owned);
        if overhead.step.as_ref().map(time) > watching.step.as_ref().map(time) {
            watching.step.clone_from(&overhead.step);
        }
    }
}

impl Watching {
    /// In words: `telemetry full in 3 trials: at most 0.29 % of a core, steps +1.00 % [-6.06, +8.60] (probe …)`.
    pub(super) fn words(&self) -> String {
        let share = self.cpu_share.map(|share| format!("at most {:.2} % of a core", 100.0 * share.0));
        let step = self.step.as_ref().map_or("steps not compared with unwatched ones".into(), step);
        let costs: Vec<String> = share.into_iter().chain([step]).collect();
        format!("telemetry {} in {}: {}", self.level, plural(self.trials, "trial"), costs.join(", "))
    }
}

fn step(step: &StepOverhead) -> String {
    let percent = |share: f64| format!("{:+.2}", 100.0 * share);
    let interval = step.interval.map(|[low, high]| format!(" [{}, {}]", percent(low), percent(high)));
    let relative = percent(step.relative);
    format!("steps {relative} %{} (of {}, probe {})", interval.unwrap_or_default(), step.of, step.probe)
}

#[cfg(test)]
mod tests {
    use crate::published::Published;
    use crate::record::{StepOverhead, TelemetryOverhead, made_up};
    use crate::report::Report;
    use crate::scenario::{Architecture, Dataset};
    use crate::telemetry::Level;
    use crate::units::Ratio;

    #[test]
    fn an_environment_says_what_watching_cost() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 2);
        let overhead = |share: f64, time: u32| {
            let step = StepOverhead {
                probe: format!("resnet18-cifar10-{time}"),
                of: "resnet18 bn".into(),
                relative: 0.004,
                interval: (time > 1).then_some([-0.001, 0.009]),
                rounds: 9,
            };
            let step = (time > 0).then_some(step);
            Some(TelemetryOverhead { level: Level::Full, cpu_share: Some(Ratio(share)), step })
        };
        let with = |trial: usize, overhead| {
            let mut record = made_up::record(&trials[trial], 0.5, 9.0);
            record.telemetry_overhead = overhead;
            record
        };
        let words = |records: &[_]| {
            let report = Report::build(&trials, records, &Published::embedded().unwrap());
            report.environments[0].watching.iter().map(super::Watching::words).collect::<Vec<_>>()
        };
        let none: [String; 0] = [];
        assert_eq!(words(&[with(0, None)]), none);
        let unknown = "telemetry full in 1 trial: at most 0.20 % of a core, steps not compared with unwatched ones";
        assert_eq!(words(&[with(0, overhead(0.002, 0))]), [unknown]);
        let records = [with(0, overhead(0.002, 2)), with(1, overhead(0.003, 1)), with(2, overhead(0.001, 0))];
        let newest = "telemetry full in 3 trials: at most 0.30 % of a core, steps +0.40 % [-0.10, +0.90] \
                      (of resnet18 bn, probe resnet18-cifar10-2)";
        assert_eq!(words(&records), [newest]);
    }
}
