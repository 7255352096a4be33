//! Which batches a device's memory holds.

use super::estimate::need;
use super::{Need, Trial};
use crate::profile::Profile;
use crate::units::Bytes;
use serde::Serialize;

/// How far the memory of a step may be above its estimate: a test holds the estimates of live tensors within this of what is
/// measured on a CPU. Of GPUs nothing is measured.
pub const BAND: f64 = 0.15;

/// No batch is larger, nor than the data set.
const MOST: u32 = 1 << 20;

/// Batches are given in multiples of this.
const GRAIN: u32 = 8;

/// Whether a trial will run out of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// It fits even if it takes [`BAND`] more than estimated.
    Low,
    /// It fits if it takes what is estimated.
    Watch,
    /// It is estimated not to fit.
    High,
}

/// A trial's step on a device.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Capacity {
    /// With the trial's batch.
    pub need: Need,
    /// Whether that is too much.
    pub risk: Risk,
    /// The largest batch that is estimated to fit; 0 where none does.
    pub largest: u32,
    /// The largest that fits though it take [`BAND`] more than estimated; 0 where none does.
    pub safe: u32,
    /// So many such trainings fit on the device at a time, each with [`BAND`] more than estimated.
    pub at_a_time: u64,
}

impl Capacity {
    /// Of `trial` on the device of `profile`; `None` where nothing is known of its memory.
    pub fn of(trial: &Trial, profile: &Profile) -> Option<Self> {
        let need_of = |batch_size: u32| {
            let recipe = crate::scenario::Recipe { batch_size, ..trial.recipe };
            need(&Trial { recipe, train_images: None, ..trial.clone() }, profile)
        };
        let memory = profile.memory();
        let need = need(trial, profile)?;
        let most = trial.dataset.images().map_or(MOST, |(train, _)| train.min(MOST));
        let largest = |room: Bytes| largest(most, |batch| need_of(batch).is_some_and(|need| need.device <= room));
        let cautious = enlarged(need.device);
        let risk = match () {
            () if cautious <= memory => Risk::Low,
            () if need.device <= memory => Risk::Watch,
            () => Risk::High,
        };
        let safe = Bytes((memory.0 as f64 / (1.0 + BAND)) as u64);
        Some(Self {
            need,
            risk,
            largest: largest(memory),
            safe: largest(safe),
            at_a_time: memory.0 / cautious.0.max(1),
        })
    }
}

fn enlarged(bytes: Bytes) -> Bytes {
    Bytes((bytes.0 as f64 * (1.0 + BAND)) as u64)
}

/// The largest multiple of [`GRAIN`] up to `most` for which `fits`, which holds for all below one that it holds for.
fn largest(most: u32, fits: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, most / GRAIN + 1);
    while high - low > 1 {
        let middle = u32::midpoint(low, high);
        if fits(middle * GRAIN) { low = middle } else { high = middle }
    }
    low * GRAIN
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Filter, Overrides, expand};
    use crate::scenario::{Architecture, Implementation, Norm, Scenario};

    fn trials(scenario: &str, profile: &Profile) -> Vec<Trial> {
        let scenario = Scenario::load(scenario).unwrap();
        let all = expand(&scenario, profile, &Overrides::default(), &Filter::default()).unwrap();
        all.into_iter().map(|resolved| resolved.trial).collect()
    }

    #[test]
    fn the_largest_batch_is_the_last_that_fits() {
        assert_eq!(largest(MOST, |batch| batch <= 1000), 1000);
        assert_eq!(largest(MOST, |batch| batch <= 1007), 1000);
        assert_eq!(largest(MOST, |_| false), 0);
        assert_eq!(largest(MOST, |_| true), MOST);
        let profile = Profile::load("v100-16gb").unwrap();
        for trial in trials("table1-cifar10", &profile).iter().filter(|t| t.attempt == 1 && t.epochs == 1) {
            let capacity = Capacity::of(trial, &profile).unwrap();
            let with = |batch_size| {
                let recipe = crate::scenario::Recipe { batch_size, ..trial.recipe };
                need(&Trial { recipe, ..trial.clone() }, &profile).unwrap().device
            };
            let [fits, next] = [with(capacity.largest), with(capacity.largest + GRAIN)];
            assert!(fits <= profile.memory() && (next > profile.memory() || capacity.largest >= 50_000), "{trial}");
            assert!(capacity.safe < capacity.largest || capacity.largest >= 50_000, "{trial}");
        }
    }

    #[test]
    fn all_of_the_study_s_table_1_fits_its_own_gpu() {
        let profile = Profile::load("v100-16gb").unwrap();
        for scenario in ["table1-cifar10", "table1-cifar100"] {
            for trial in trials(scenario, &profile) {
                let capacity = Capacity::of(&trial, &profile).unwrap();
                assert_eq!(capacity.risk, Risk::Low, "{trial}: {}", capacity.need.device);
                assert!(capacity.largest >= 128 && capacity.at_a_time >= 1);
            }
        }
    }

    #[test]
    fn fast_leaves_room_for_larger_batches() {
        let profile = Profile::load("v100-16gb").unwrap();
        let of = |implementation| {
            let mut trial = trials("table1-cifar10", &profile)
                .into_iter()
                .find(|t| t.architecture == Architecture::Densenet121 && t.norm == Norm::Nd)
                .unwrap();
            trial.deconvolution.as_mut().unwrap().implementation = implementation;
            Capacity::of(&trial, &profile).unwrap()
        };
        let (published, fast) = (of(Implementation::Published), of(Implementation::Fast));
        assert!(fast.largest > published.largest && fast.need.allocated < published.need.allocated);
        assert!(fast.need.allocated < fast.need.reserved && fast.need.reserved < fast.need.device);
    }
}
