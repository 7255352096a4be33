//! How long a trial will take, and how much memory.

use super::need::need;
use super::{Cost, Sightings, StepTime, Trial, study};
use crate::files::sha256_hex;
use crate::profile::Profile;
use crate::scenario::{Deconvolution, Implementation, Norm, Precision, Recipe};
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
    /// The study's published seconds for the cell on its device, divided by the profile's assumed speed against that.
    Study {
        /// That speed.
        speed: f64,
    },
    /// Steps measured on two cores of a server, divided by the profile's assumed speed against them.
    Steps {
        /// That speed.
        speed: f64,
    },
    /// Operations over the profile's assumed rate.
    Assumed,
    /// Nothing: the size of the data set is not known beforehand, or the operator or the arithmetic has settings of which
    /// nothing is known.
    Unknown,
}

/// `3 records`, `study / 1.67`, `steps`, `assumed`, `unknown`.
impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records { trials: 1 } => f.pad("1 record"),
            Self::Records { trials } => f.pad(&format!("{trials} records")),
            Self::Study { speed: 1.0 } => f.pad("study"),
            Self::Study { speed } => f.pad(&format!("study / {}", (speed * 100.0).round() / 100.0)),
            Self::Steps { speed: 1.0 } => f.pad("steps"),
            Self::Steps { speed } => f.pad(&format!("steps / {speed}")),
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
    /// Peak memory, on the device for CUDA, of the process for a CPU; absent where nothing is known.
    pub memory: Option<Bytes>,
    /// `memory` is the largest peak of finished trials that differ in attempt, seed and length only; else it is good to a
    /// factor of two.
    pub memory_measured: bool,
    /// `memory` is within the profile's budget, or unknown.
    pub fits: bool,
}

/// What finished trials say of their repetitions. Put in only what one machine has measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repetitions {
    alone: bool,
    seconds: BTreeMap<String, Vec<Seconds>>,
    memory: BTreeMap<String, Bytes>,
}

impl Repetitions {
    /// The same, and nothing but them is to be relied on: trials run on another device than the profile's.
    pub fn alone(self) -> Self {
        Self { alone: true, ..self }
    }

    /// Whether nothing else is to be relied on.
    pub fn are_alone(&self) -> bool {
        self.alone
    }

    /// Adds a finished trial: the seconds of training and evaluation, where they count, and the peak memory, where it is
    /// known.
    pub fn insert(&mut self, trial: &Trial, seconds: Option<Seconds>, memory: Option<Bytes>) {
        if let Some(seconds) = seconds {
            self.seconds.entry(repetition(trial)).or_default().push(seconds);
        }
        if let Some(memory) = memory {
            let largest = self.memory.entry(shorter(trial)).or_default();
            *largest = memory.max(*largest);
        }
    }

    /// The mean over the trials that differ from `trial` in attempt and seed only, and their number.
    pub fn seconds(&self, trial: &Trial) -> Option<(Seconds, usize)> {
        let all = self.seconds.get(&repetition(trial))?;
        Some((Seconds(all.iter().copied().sum::<Seconds>().0 / all.len() as f64), all.len()))
    }

    /// The largest peak memory of the trials that differ from `trial` in attempt, seed and length only.
    pub fn memory(&self, trial: &Trial) -> Option<Bytes> {
        self.memory.get(&shorter(trial)).copied()
    }
}

/// Equal for trials that take the same time.
fn repetition(trial: &Trial) -> String {
    let one = Trial { attempt: 1, base_seed: 0, ..trial.clone() };
    sha256_hex(serde_json::to_string(&one).expect("a trial is plain data").as_bytes())
}

/// Equal for trials that take the same memory.
fn shorter(trial: &Trial) -> String {
    repetition(&Trial { epochs: 1, ..trial.clone() })
}

/// Estimates a trial on the machine of `profile`: from its `repetitions` where there are any, else from the study's
/// seconds, else from measured steps, else from the number of operations.
pub fn estimate(trial: &Trial, profile: &Profile, repetitions: &Repetitions) -> Estimate {
    let (seconds, basis) = if let Some((seconds, trials)) = repetitions.seconds(trial) {
        (Some(seconds), Basis::Records { trials })
    } else if repetitions.are_alone() {
        (None, Basis::Unknown)
    } else if let Some((seconds, speed)) = from_study(trial, profile) {
        (Some(seconds), Basis::Study { speed })
    } else if let Some((seconds, speed)) = from_steps(trial, profile) {
        (Some(seconds), Basis::Steps { speed })
    } else if let Some(seconds) = from_operations(trial, profile) {
        (Some(seconds), Basis::Assumed)
    } else {
        (None, Basis::Unknown)
    };
    let measured = repetitions.memory(trial);
    let memory = measured
        .or_else(|| need(trial, profile, &Sightings::default()).map(|need| need.device).filter(|_| !repetitions.alone));
    let fits = repetitions.alone || memory.is_none_or(|memory| memory <= profile.memory());
    Estimate { seconds, basis, memory, memory_measured: measured.is_some(), fits }
}

/// The images are as large as those that the network's costs are known for.
pub(super) fn sees_its_side(trial: &Trial) -> bool {
    trial.architecture.side() == trial.dataset.side()
}

/// The operator costs what it costs with the study's settings.
fn is_usual(trial: &Trial) -> bool {
    let study = Deconvolution { block_fc: trial.architecture.block_fc(), ..Deconvolution::default() };
    trial.deconvolution.is_none_or(|d| {
        let Deconvolution { implementation, eps, momentum, .. } = d;
        d == Deconvolution { implementation, eps, momentum, ..study }
    })
}

/// The study's seconds, for trials like the study's: its batch, its arithmetic, its layout of images, its code; fewer images
/// take less.
fn from_study(trial: &Trial, profile: &Profile) -> Option<(Seconds, f64)> {
    let speed = profile.estimates().study_speed? / study::speed(&trial.dataset);
    let published = trial.deconvolution.is_none_or(|d| d.implementation == Implementation::Published);
    let Recipe { batch_size, precision, channels_last, .. } = trial.recipe;
    if batch_size != study::batch_size(&trial.dataset)
        || precision != Precision::Fp32
        || channels_last
        || !published
        || !is_usual(trial)
    {
        return None;
    }
    let all = study::seconds(&trial.dataset, trial.architecture, trial.norm, trial.epochs)?;
    let share = f64::from(images(trial)?.0) / f64::from(trial.dataset.images()?.0);
    Some((Seconds(all.0 * share / speed), speed))
}

/// Measured steps. What an image costs with BN grows with the batch; what ND adds is mostly the same for every step.
fn from_steps(trial: &Trial, profile: &Profile) -> Option<(Seconds, f64)> {
    let speed = profile.estimates().step_speed?;
    if trial.recipe.channels_last || trial.recipe.precision != Precision::Fp32 || !is_usual(trial) {
        return None;
    }
    let (train, test) = images(trial)?;
    let step =
        |implementation| Some(StepTime::of(trial.architecture, implementation).filter(|_| sees_its_side(trial))?.0);
    let (bn, own) = (step(None)?, step(trial.deconvolution.map(|d| d.implementation))?);
    let batch = trial.recipe.batch_size.min(train).max(1);
    let image = bn.min(own) / f64::from(StepTime::BATCH);
    let training = f64::from(train) * image + f64::from(train.div_ceil(batch)) * (own - bn).max(0.0);
    // Of forward, backward and its two products an evaluation has the first.
    let evaluation = f64::from(test) * image / 3.0;
    Some((Seconds(f64::from(trial.epochs) * (training + evaluation) / speed), speed))
}

/// Two operations a multiply-accumulate; training needs a forward and a backward pass, the latter twice as long.
fn from_operations(trial: &Trial, profile: &Profile) -> Option<Seconds> {
    let known = is_usual(trial)
        && sees_its_side(trial)
        && match trial.recipe.precision {
            Precision::Fp32 | Precision::Tf32 => true,
            // What double precision costs the operator was not measured,
            Precision::Fp64 => trial.norm != Norm::Nd,
            // nor what bfloat16 saves, or costs a CPU.
            Precision::Bf16 => false,
        };
    let (train, test) = images(trial).filter(|_| known)?;
    let passes = f64::from(trial.epochs) * (3.0 * f64::from(train) + f64::from(test));
    let operations = passes * 2.0 * Cost::of(trial.architecture).macs as f64;
    let assumed = profile.estimates();
    let factor = if trial.norm == Norm::Nd { assumed.nd_factor } else { 1.0 };
    Some(Seconds(operations * factor / assumed.flops_per_second))
}

/// Training and test images after the trial's limits.
pub(super) fn images(trial: &Trial) -> Option<(u32, u32)> {
    let limit = |limit: Option<u32>, all: Option<u32>| match (limit, all) {
        (Some(limit), Some(all)) => Some(limit.min(all)),
        (limit, all) => limit.or(all),
    };
    let all = trial.dataset.images();
    Some((limit(trial.train_images, all.map(|a| a.0))?, limit(trial.test_images, all.map(|a| a.1))?))
}
