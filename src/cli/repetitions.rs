//! What records say about the time and the memory of trials on the machine of a profile.

use super::fitting::fits;
use crate::event::MemoryPeak;
use crate::plan::Repetitions;
use crate::profile::Profile;
use crate::record::Record;
use crate::telemetry::Environment;
use crate::units::{Bytes, Seconds};

/// What finished trials in `records` measured on the machine of `profile`: those of the environment `here`, if that fits the
/// profile's device, else those of the environment that does and has the newest record whose time counts. Environments
/// are never pooled.
pub fn repetitions(records: &[Record], profile: &Profile, here: Option<&Environment>) -> Repetitions {
    let fitting = || records.iter().filter(|r| r.is_finished() && fits(profile, &r.environment.device));
    let here = here.filter(|e| fits(profile, &e.device));
    let newest = || fitting().filter(|r| r.is_timed()).max_by_key(|r| r.finished).map(|r| &*r.environment);
    let environment = here.or_else(newest).map(Environment::class);
    let mut repetitions = Repetitions::default();
    for record in fitting().filter(|r| Some(r.environment.class()) == environment) {
        repetitions.insert(&record.trial, seconds(record), peak(record.memory));
    }
    repetitions
}

/// What finished trials in `records` measured in the environment `here`: all that is known where trials run on another
/// device than the one that the profile describes.
#[cfg(any(feature = "torch", test))]
pub fn repetitions_elsewhere(records: &[Record], here: Option<&Environment>) -> Repetitions {
    let mut repetitions = Repetitions::default();
    let here = here.map(Environment::class);
    for record in records.iter().filter(|r| r.is_finished() && Some(r.environment.class()) == here) {
        repetitions.insert(&record.trial, seconds(record), peak(record.memory));
    }
    repetitions.alone()
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
            let repetitions = repetitions(&records, &Profile::load(profile).unwrap(), here);
            repetitions.seconds(&records[0].trial).map(|(seconds, trials)| (seconds.0, trials))
        };
        assert_eq!(mean("cpu", Some(&alpha)), Some((100.25, 1)));
        assert_eq!(mean("cpu", None), Some((400.25, 2)), "the newest record is of beta");
        assert_eq!(mean("cpu", Some(&made_up::environment("gamma"))), None);
        assert_eq!(mean("h200", Some(&alpha)), Some((7.25, 1)), "planned on a machine without the device");
        assert_eq!(mean("a100-80gb", None), Some((9.25, 1)));
        assert_eq!(mean("v100-16gb", None), None);
        let elsewhere = repetitions_elsewhere(&records, Some(&alpha));
        assert_eq!(elsewhere.seconds(&records[0].trial).map(|(_, trials)| trials), Some(1));
        assert!(elsewhere.are_alone() && repetitions_elsewhere(&records, None).seconds(&records[0].trial).is_none());
    }
}
