//! How long a trial will take, and how much memory.

use super::{Cost, Trial, study};
use crate::files::sha256_hex;
use crate::profile::Profile;
use crate::scenario::{Implementation, Norm, Precision};
use crate::units::{Bytes, Seconds};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// What an estimate of time rests on, best first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Basis {
    /// The mean of finished trials that differ in attempt and seed only.
    Records {
        /// How many.
        trials: usize,
    },
    /// The study's published seconds for the cell on a V100, divided by the profile's assumed speed against it.
    Study {
        /// That speed.
        speed: f64,
    },
    /// Operations over the profile's assumed rate.
    Assumed,
    /// Nothing: the size of the data set is not known beforehand.
    Unknown,
}

/// `3 records`, `study / 1.2`, `assumed`, `unknown`.
impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records { trials: 1 } => f.pad("1 record"),
            Self::Records { trials } => f.pad(&format!("{trials} records")),
            Self::Study { speed: 1.0 } => f.pad("study"),
            Self::Study { speed } => f.pad(&format!("study / {speed}")),
            Self::Assumed => f.pad("assumed"),
            Self::Unknown => f.pad("unknown"),
        }
    }
}

/// An estimate of one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Training and evaluation; absent where nothing is known.
    pub seconds: Option<Seconds>,
    /// What `seconds` rests on.
    pub basis: Basis,
    /// Peak memory, on the device for CUDA, of the process for a CPU; always an assumption, good to a factor of two.
    pub memory: Bytes,
    /// `memory` is within the profile's budget.
    pub fits: bool,
}

/// Seconds of finished trials, to estimate their repetitions from. Put in only what one machine has measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Timings(BTreeMap<String, Vec<Seconds>>);

impl Timings {
    /// Adds the seconds, training and evaluation, of a finished and uninterrupted trial.
    pub fn insert(&mut self, trial: &Trial, seconds: Seconds) {
        self.0.entry(repetition(trial)).or_default().push(seconds);
    }

    /// The mean over the trials that differ from `trial` in attempt and seed only, and their number.
    pub fn mean(&self, trial: &Trial) -> Option<(Seconds, usize)> {
        let all = self.0.get(&repetition(trial))?;
        Some((Seconds(all.iter().copied().sum::<Seconds>().0 / all.len() as f64), all.len()))
    }
}

/// Equal for trials that take the same time.
fn repetition(trial: &Trial) -> String {
    let one = Trial { attempt: 1, base_seed: 0, ..trial.clone() };
    sha256_hex(serde_json::to_string(&one).expect("a trial is plain data").as_bytes())
}

/// Estimates a trial on the machine of `profile`: from `timings` where they know it, else from the study's seconds,
/// else from the number of operations.
pub fn estimate(trial: &Trial, profile: &Profile, timings: &Timings) -> Estimate {
    let (seconds, basis) = if let Some((seconds, trials)) = timings.mean(trial) {
        (Some(seconds), Basis::Records { trials })
    } else if let Some((seconds, speed)) = from_study(trial, profile) {
        (Some(seconds), Basis::Study { speed })
    } else if let Some(seconds) = from_operations(trial, profile) {
        (Some(seconds), Basis::Assumed)
    } else {
        (None, Basis::Unknown)
    };
    let memory = memory(trial, profile);
    Estimate { seconds, basis, memory, fits: memory <= profile.memory() }
}

/// The study's seconds, for trials like the study's: its batch, its arithmetic, its code; fewer images take less.
fn from_study(trial: &Trial, profile: &Profile) -> Option<(Seconds, f64)> {
    let speed = profile.estimates().study_speed?;
    let published = trial.deconvolution.is_none_or(|d| d.implementation == Implementation::Published);
    if trial.recipe.batch_size != 128 || trial.recipe.precision != Precision::Fp32 || !published {
        return None;
    }
    let all = study::seconds(&trial.dataset, trial.architecture, trial.norm, trial.epochs)?;
    let share = f64::from(images(trial)?.0) / f64::from(trial.dataset.images()?.0);
    Some((Seconds(all.0 * share / speed), speed))
}

/// Two operations a multiply-accumulate; training needs a forward and a backward pass, the latter twice as long.
fn from_operations(trial: &Trial, profile: &Profile) -> Option<Seconds> {
    let (train, test) = images(trial)?;
    let passes = f64::from(trial.epochs) * (3.0 * f64::from(train) + f64::from(test));
    let operations = passes * 2.0 * Cost::of(trial.architecture).macs as f64;
    let assumed = profile.estimates();
    let factor = if trial.norm == Norm::Nd { assumed.nd_factor } else { 1.0 };
    Some(Seconds(operations * factor / assumed.flops_per_second))
}

/// Training and test images after the trial's limits.
fn images(trial: &Trial) -> Option<(u32, u32)> {
    let limit = |limit: Option<u32>, all: Option<u32>| match (limit, all) {
        (Some(limit), Some(all)) => Some(limit.min(all)),
        (limit, all) => limit.or(all),
    };
    let all = trial.dataset.images();
    Some((limit(trial.train_images, all.map(|a| a.0))?, limit(trial.test_images, all.map(|a| a.1))?))
}

/// The base, the images (one byte a value), weights with gradient and momentum, and what the backward pass needs:
/// assumed as the outputs of all convolutions and of what follows each; for ND once more, the sampled patches.
fn memory(trial: &Trial, profile: &Profile) -> Bytes {
    let cost = Cost::of(trial.architecture);
    let width = if trial.recipe.precision == Precision::Fp64 { 8 } else { 4 };
    let copies = if trial.norm == Norm::Nd { 3 } else { 2 };
    let batch = u64::from(trial.recipe.batch_size);
    // Of a folder whose size is not known, the images are left out and batches are taken as full.
    let (data, batch) = images(trial).map_or((0, batch), |(train, test)| {
        ((u64::from(train) + u64::from(test)) * 3 * 32 * 32, batch.min(train.into()))
    });
    let weights = 3 * cost.parameters * width;
    Bytes(profile.estimates().base_memory.0 + data + weights + copies * cost.activations * width * batch)
}
