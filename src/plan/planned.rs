//! What is planned for a trial before it runs, as its record keeps it.

use super::account::Load;
use super::need::{account, load};
use super::seen::Rests;
use super::{StepKind, Trial};
use crate::profile::Device;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// What is planned for a trial before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Planned {
    /// In live tensors at the peak, the data set among them.
    pub allocated: Bytes,
    /// What that rests on.
    pub rests: Rests,
    /// How far above it memory may be, as a share.
    pub band: f64,
}

impl Planned {
    /// For `trial` on such a device, from the network's layers; `None` where nothing is known of its operator.
    pub fn of(trial: &Trial, device: Device) -> Option<Self> {
        let load: Load = load(trial);
        let account = account(&StepKind::from(trial), device, load, None)?;
        let rests = Rests::Analytic;
        Some(Self { allocated: account.allocated(), rests, band: rests.band(device) })
    }
}

/// Whether a step of `trial` takes at least as much as its evaluation on such a device, so that its peak tells of steps.
pub fn peaks_in_a_step(trial: &Trial, device: Device) -> bool {
    let account = account(&StepKind::from(trial), device, load(trial), None);
    account.is_some_and(|account| account.step.total() >= account.evaluation.total())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Sightings, need};
    use crate::profile::Profile;

    #[test]
    fn an_evaluation_with_large_batches_is_the_peak() {
        let mut trial = crate::plan::tests::only(&["architecture=vgg16,norm=bn,epochs=1,attempt=1"]).remove(0).trial;
        assert!(peaks_in_a_step(&trial, Device::Cpu));
        (trial.recipe.batch_size, trial.recipe.eval_batch_size) = (8, 2000);
        assert!(!peaks_in_a_step(&trial, Device::Cpu));
    }

    #[test]
    fn the_plan_of_a_trial_is_that_of_its_need() {
        let trial = crate::plan::tests::only(&["architecture=vgg16,norm=bn,epochs=1,attempt=1"]).remove(0).trial;
        for name in ["cpu", "h200"] {
            let profile = Profile::load(name).unwrap();
            let planned = Planned::of(&trial, profile.device()).unwrap();
            let need = need(&trial, &profile, &Sightings::default()).unwrap();
            assert_eq!((planned.allocated, planned.band), (need.allocated, need.band), "{name}");
        }
    }
}
