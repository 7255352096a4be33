//! What steps were seen to take of one device's memory, and what ran out of it.

use super::StepKind;
use super::account::Subject;
use crate::profile::Device;
use crate::scenario::Recipe;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One measured step, or a training of such steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Images of a step.
    pub batch: u64,
    /// In live tensors at the peak.
    pub allocated: Bytes,
    /// Of these, images that no step of a training has: the data set, or that of a probe.
    pub data: Bytes,
}

/// What one kind of device showed, by network, norm and settings. Put in only what one kind of device has measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sightings {
    steps: BTreeMap<String, Vec<Seen>>,
    /// By steps and whether batches were computed in parts, and by the device.
    tried: BTreeMap<(String, bool), BTreeMap<String, Tried>>,
}

/// Trainings of one kind on one device, by images at once.
#[derive(Debug, Clone, Default, PartialEq)]
struct Tried {
    failed: BTreeSet<u64>,
    most_fitted: u64,
}

/// What an estimate of allocated memory rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Rests {
    /// The layers of the network.
    Analytic,
    /// Measured steps of it on such a device, of so many batch sizes; between them, the layers.
    Probes {
        /// How many sizes.
        batches: usize,
    },
}

impl Sightings {
    /// Adds a measured step.
    pub fn insert(&mut self, kind: &StepKind, seen: Seen) {
        self.steps.entry(kind.key()).or_default().push(seen);
    }

    /// Adds a training by `recipe` that ran out of the memory of a device, `on`.
    pub fn insert_failed(&mut self, kind: &StepKind, recipe: &Recipe, on: &str) {
        self.tried(kind, recipe, on).failed.insert(recipe.part_size().into());
    }

    /// Adds a training by `recipe` that was finished: what ran out of that device's memory with no more images was not alone
    /// there.
    pub fn insert_fitted(&mut self, kind: &StepKind, recipe: &Recipe, on: &str) {
        let tried = self.tried(kind, recipe, on);
        tried.most_fitted = tried.most_fitted.max(recipe.part_size().into());
    }

    fn tried(&mut self, kind: &StepKind, recipe: &Recipe, on: &str) -> &mut Tried {
        let of_kind = self.tried.entry((kind.key(), recipe.accumulate > 1)).or_default();
        of_kind.entry(on.into()).or_default()
    }

    /// The smallest batch, or part of one, that ran out of memory and tells that a training by `recipe` with as many images at
    /// once would. A part takes more than a whole batch of its size, since it leaves its gradients for the next: whole batches
    /// tell of both, parts of parts alone.
    pub fn failed(&self, kind: &StepKind, recipe: &Recipe) -> Option<u64> {
        let of = |in_parts| {
            let devices = self.tried.get(&(kind.key(), in_parts))?.values();
            devices.filter_map(|tried| tried.failed.range(tried.most_fitted + 1..).next().copied()).min()
        };
        let in_parts = of(true).filter(|_| recipe.accumulate > 1);
        of(false).into_iter().chain(in_parts).min()
    }

    /// Corrects the account of such steps by what was seen of them.
    pub fn correction(&self, kind: &StepKind, device: Device) -> Correction {
        let seen = self.steps.get(&kind.key()).map_or(&[][..], Vec::as_slice);
        Correction::of(&kind.subject(device), seen)
    }
}

/// How far allocated memory may be above an analytic estimate on a CPU; `docs/planning.md` has the measured errors.
const ANALYTIC: f64 = 0.05;
/// The same of estimates that measured steps correct.
const PROBES: f64 = 0.05;
/// The same on GPUs, where one network was measured: what its workspaces took beside the account, 50 to 200 MiB, is part of a
/// profile's `base_memory`, not of this.
const UNMEASURED: f64 = 0.15;

impl Rests {
    /// How far memory on such a device may be above an estimate that rests on this.
    pub fn band(self, device: Device) -> f64 {
        match (self, device) {
            (Self::Probes { batches: 2.. }, _) => PROBES,
            (_, Device::Cpu) => ANALYTIC,
            (_, Device::Cuda) => UNMEASURED,
        }
    }
}

/// What is added to an account: a line in the batch, so that measured steps come out right.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Correction {
    /// What it rests on.
    pub rests: Rests,
    fixed: f64,
    per_image: f64,
}

impl Correction {
    /// None.
    pub const NONE: Self = Self { rests: Rests::Analytic, fixed: 0.0, per_image: 0.0 };

    /// By least squares over the difference between what was seen and the account of it. One batch size alone makes a
    /// factor.
    pub fn of(subject: &Subject, seen: &[Seen]) -> Self {
        let mut points: Vec<(f64, f64, f64)> = Vec::new();
        for seen in seen {
            let Some(account) = subject.step(seen.batch) else { return Self::NONE };
            let measured = seen.allocated.0.saturating_sub(seen.data.0);
            points.push((seen.batch as f64, measured as f64, account.0 as f64));
        }
        let mut batches: Vec<u64> = seen.iter().map(|seen| seen.batch).collect();
        batches.sort_unstable();
        batches.dedup();
        let rests = Rests::Probes { batches: batches.len() };
        let count = points.len() as f64;
        match batches.len() {
            0 => Self::NONE,
            1 => {
                let per_image =
                    points.iter().map(|(batch, measured, account)| (measured - account) / batch).sum::<f64>();
                Self { rests, fixed: 0.0, per_image: per_image / count }
            }
            _ => {
                let mean = |of: &dyn Fn(&(f64, f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / count;
                let (x, y) = (mean(&|p| p.0), mean(&|p| p.1 - p.2));
                let slope = mean(&|p| (p.0 - x) * (p.1 - p.2 - y)) / mean(&|p| (p.0 - x).powi(2));
                Self { rests, fixed: y - slope * x, per_image: slope }
            }
        }
    }

    /// What is added for a step of so many images.
    pub fn at(&self, batch: u64) -> f64 {
        self.fixed + self.per_image * batch as f64
    }
}

/// `analytic`, `2 probes`.
impl fmt::Display for Rests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Analytic => f.pad("analytic"),
            Self::Probes { batches: 1 } => f.pad("1 probe"),
            Self::Probes { batches } => f.pad(&format!("{batches} probes")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Architecture, Norm, Precision};

    fn kind(norm: Norm) -> StepKind {
        let (architecture, precision) = (Architecture::Resnet18, Precision::Fp32);
        StepKind {
            architecture,
            norm,
            deconvolution: None,
            precision,
            cuda_graph: false,
            channels_last: false,
            classes: Some(10),
        }
    }

    /// That steps take so much more than their account.
    fn seen(kind: &StepKind, more: impl Fn(u64) -> u64, batches: &[u64]) -> Sightings {
        let mut sightings = Sightings::default();
        for &batch in batches {
            let account = kind.subject(Device::Cpu).step(batch).unwrap();
            let allocated = Bytes(account.0 + more(batch) + 7);
            sightings.insert(kind, Seen { batch, allocated, data: Bytes(7) });
        }
        sightings
    }

    #[test]
    fn two_batches_make_a_line_and_one_a_share_of_each_image() {
        let kind = kind(Norm::Bn);
        let of = |batches: &[u64], at| {
            let sightings = seen(&kind, |batch| 1000 + 10 * batch, batches);
            let correction = sightings.correction(&kind, Device::Cpu);
            (correction.rests, correction.at(at).round() as i64)
        };
        assert_eq!(of(&[16, 32], 128), (Rests::Probes { batches: 2 }, 2280));
        assert_eq!(of(&[16, 32, 64, 64], 8), (Rests::Probes { batches: 3 }, 1080));
        assert_eq!(of(&[10], 20), (Rests::Probes { batches: 1 }, 2200));
        assert_eq!(of(&[], 20), (Rests::Analytic, 0));
    }

    #[test]
    fn other_steps_say_nothing() {
        let sightings = seen(&kind(Norm::Bn), |_| 1 << 20, &[16, 32]);
        assert_eq!(sightings.correction(&kind(Norm::Nd), Device::Cpu), Correction::NONE);
        let more = StepKind { classes: Some(100), ..kind(Norm::Bn) };
        assert_eq!(sightings.correction(&more, Device::Cpu), Correction::NONE);
    }

    #[test]
    fn the_smallest_batch_that_failed_counts() {
        let whole = |batch_size| Recipe { batch_size, accumulate: 1, ..Recipe::default() };
        let mut sightings = Sightings::default();
        for batch in [512, 256, 300] {
            sightings.insert_failed(&kind(Norm::Bn), &whole(batch), "a");
        }
        let failed = |sightings: &Sightings, norm| sightings.failed(&kind(norm), &whole(8));
        assert_eq!((failed(&sightings, Norm::Bn), failed(&sightings, Norm::Nd)), (Some(256), None));
        sightings.insert_fitted(&kind(Norm::Bn), &whole(128), "a");
        sightings.insert_fitted(&kind(Norm::Bn), &whole(512), "larger");
        assert_eq!(failed(&sightings, Norm::Bn), Some(256));
        sightings.insert_fitted(&kind(Norm::Bn), &whole(256), "a");
        assert_eq!(failed(&sightings, Norm::Bn), Some(300), "something else had the memory of that of 256");
    }

    #[test]
    fn parts_that_failed_tell_of_parts_and_whole_batches_of_both() {
        let (kind, whole) = (kind(Norm::Bn), Recipe { batch_size: 100, accumulate: 1, ..Recipe::default() });
        let parts = Recipe { accumulate: 4, ..whole };
        let mut sightings = Sightings::default();
        sightings.insert_failed(&kind, &Recipe { batch_size: 200, ..parts }, "a");
        assert_eq!([whole, parts].map(|recipe| sightings.failed(&kind, &recipe)), [None, Some(50)]);
        sightings.insert_failed(&kind, &whole, "a");
        assert_eq!([whole, parts].map(|recipe| sightings.failed(&kind, &recipe)), [Some(100), Some(50)]);
        sightings.insert_failed(&kind, &Recipe { batch_size: 40, ..whole }, "a");
        assert_eq!([whole, parts].map(|recipe| sightings.failed(&kind, &recipe)), [Some(40), Some(40)]);
    }
}
