//! What records and probes say about the time and the memory of trials on the machine of a profile.

use super::fitting::fits;
use crate::event::MemoryPeak;
use crate::plan::{Repetitions, StepSeen};
use crate::profile::Profile;
use crate::record::{ProbeRecord, Record, Turn, step_kind};
use crate::telemetry::Environment;
use crate::units::{Bytes, Seconds};

/// What finished trials in `records` and the steps of `probes` measured on the machine of `profile`: in the environment `here`,
/// if that fits the profile's device, else in the one that does and was the last to time a training, or a probe where there was
/// none. Environments are never pooled.
pub fn repetitions(
    records: &[Record],
    probes: &[ProbeRecord],
    profile: &Profile,
    here: Option<&Environment>,
) -> Repetitions {
    let timed = records.iter().filter(|r| r.is_finished() && r.is_timed()).map(|r| (r.finished, &*r.environment));
    let probed = probes.iter().map(|probe| (probe.finished, &probe.environment));
    let here = here.filter(|e| fits(profile, &e.device));
    let here = here.or_else(|| newest(profile, timed)).or_else(|| newest(profile, probed));
    of(records, probes, here)
}

/// The last environment with the profile's device.
fn newest<'a>(
    profile: &Profile,
    ended: impl Iterator<Item = (jiff::Timestamp, &'a Environment)>,
) -> Option<&'a Environment> {
    let fitting = ended.filter(|(_, environment)| fits(profile, &environment.device));
    fitting.max_by_key(|(finished, _)| *finished).map(|(_, environment)| environment)
}

/// What was measured in the environment `here`: all that is known where trials run on another device than the one that the
/// profile describes.
#[cfg(any(feature = "torch", test))]
pub fn repetitions_elsewhere(records: &[Record], probes: &[ProbeRecord], here: Option<&Environment>) -> Repetitions {
    of(records, probes, here).alone()
}

/// What was measured in the environment `here`.
fn of(records: &[Record], probes: &[ProbeRecord], here: Option<&Environment>) -> Repetitions {
    let mut repetitions = Repetitions::default();
    let Some(here) = here.map(Environment::class) else { return repetitions };
    for record in records.iter().filter(|r| r.is_finished() && r.environment.class() == here) {
        repetitions.insert(&record.trial, seconds(record), peak(record.memory));
    }
    for probe in probes.iter().filter(|probe| probe.environment.class() == here) {
        for arm in probe.cell.arms.iter().filter(|arm| arm.flags().is_empty()) {
            let kind = step_kind(&probe.cell, arm);
            arm.turns.iter().for_each(|turn| repetitions.insert_steps(&kind, arm.batch_size, step(turn)));
        }
    }
    repetitions
}

/// A step of a turn, and what an evaluation does of it: with ND no statistics, where the parts are known.
fn step(turn: &Turn) -> StepSeen {
    let parts = turn.parts.map(|parts| parts.forward);
    let evaluation = parts.map_or(turn.split.forward, |parts| parts.convolution + parts.weight + parts.other);
    StepSeen { step: turn.step(), evaluation }
}

/// The amount that decides whether a training fits: what CUDA's allocator reserved, or what the process had resident.
fn peak(memory: MemoryPeak) -> Option<Bytes> {
    memory.reserved.or(memory.resident)
}

/// Time of a trial, evaluation included, where it counts.
pub fn seconds(record: &Record) -> Option<Seconds> {
    let counts = record.is_finished() && record.is_timed();
    counts.then(|| record.epochs.iter().map(|e| e.seconds.paper + e.seconds.evaluation).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};
    use crate::telemetry::{Cuda, Device};

    fn record(attempt: usize, seconds: f64, environment: Environment, finished: &str) -> Record {
        let trial = &made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 9)[2 * attempt];
        let finished = finished.parse().unwrap();
        Record { environment: environment.into(), finished, ..made_up::record(trial, 0.5, seconds) }
    }

    fn gpu(name: Option<&str>) -> Environment {
        let (name, uuid) = (name.map(String::from), None);
        let cuda = Cuda { index: 0, name, uuid, driver: None, cuda: None, cudnn: None, memory: None };
        Environment { device: Device::Cuda(cuda), ..made_up::environment("alpha") }
    }

    #[test]
    fn only_one_environment_with_the_profiles_device_counts() {
        let (alpha, beta) = (made_up::environment("alpha"), made_up::environment("beta"));
        let mut broken = record(5, 1.0, alpha.clone(), "2026-01-09T00:00:00Z");
        broken.time_valid = false;
        let records = [
            record(0, 100.0, alpha.clone(), "2026-01-01T00:00:00Z"),
            record(1, 300.0, beta.clone(), "2026-01-02T00:00:00Z"),
            record(2, 500.0, beta.clone(), "2026-01-01T00:00:00Z"),
            record(3, 7.0, gpu(Some("NVIDIA H200")), "2026-01-03T00:00:00Z"),
            record(4, 9.0, gpu(Some("NVIDIA A100-SXM4-80GB")), "2026-01-04T00:00:00Z"),
            record(5, 2.0, gpu(None), "2026-01-05T00:00:00Z"),
            broken,
        ];
        let mean = |profile: &str, here: Option<&Environment>| {
            let repetitions = repetitions(&records, &[], &Profile::load(profile).unwrap(), here);
            repetitions.seconds(&records[0].trial).map(|all| (all.seconds.0, all.count))
        };
        assert_eq!(mean("cpu", Some(&alpha)), Some((100.25, 1)));
        assert_eq!(mean("cpu", None), Some((400.25, 2)), "the newest record is of beta");
        assert_eq!(mean("cpu", Some(&made_up::environment("gamma"))), None);
        assert_eq!(mean("h200", Some(&alpha)), Some((7.25, 1)), "planned on a machine without the device");
        assert_eq!(mean("a100-80gb", None), Some((9.25, 1)));
        assert_eq!(mean("v100-16gb", None), None);
        let elsewhere = |here| repetitions_elsewhere(&records, &[], here);
        assert_eq!(elsewhere(Some(&alpha)).seconds(&records[0].trial).map(|all| all.count), Some(1));
        assert!(elsewhere(None).are_alone() && elsewhere(None).seconds(&records[0].trial).is_none());
    }

    #[test]
    fn an_environment_is_that_of_a_probe_where_no_training_was_timed() {
        let profile = Profile::load("cpu").unwrap();
        let (alpha, beta) = (made_up::environment("alpha"), made_up::environment("beta"));
        let probe = ProbeRecord { environment: beta.clone(), ..made_up::probe(&[&[1.0, 1.5], &[3.0, 3.25]]) };
        let mut trial = record(0, 100.0, alpha.clone(), "1969-12-31T00:00:00Z");
        let arm = &probe.cell.arms[0];
        trial.trial.recipe.batch_size = arm.batch_size;
        let of = |trials: &[Record], here: Option<&Environment>| {
            let known = repetitions(trials, std::slice::from_ref(&probe), &profile, here);
            let steps = known.steps(&trial.trial).map(|(step, _)| (step.seconds, step.count));
            (known.seconds(&trial.trial).is_some(), steps)
        };
        let steps: Seconds = arm.turns.iter().map(Turn::step).sum();
        let steps = Some((Seconds(steps.0 / 2.0), 2));
        assert_eq!(of(&[], None), (false, steps));
        let records = std::slice::from_ref(&trial);
        assert_eq!(of(records, None), (true, None), "a probe elsewhere hides no training");
        assert_eq!([of(records, Some(&alpha)), of(records, Some(&beta))], [(true, None), (false, steps)]);
    }
}
