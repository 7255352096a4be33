//! How long a trial will take, and how much memory.

use super::need::need;
use super::repetitions::Repeated;
use super::{Cost, Repetitions, Sightings, StepTime, Trial, study};
use crate::profile::Profile;
use crate::scenario::{Deconvolution, Freeze, Implementation, Norm, Precision, Recipe};
use crate::units::{Bytes, Seconds};
use serde::Serialize;
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
    /// Steps of probes of the same kind and batch.
    Probes {
        /// In how many turns.
        turns: usize,
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

/// `3 records`, `3 turns`, `study / 1.67`, `steps`, `assumed`, `unknown`.
impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records { trials: 1 } => f.pad("1 record"),
            Self::Records { trials } => f.pad(&format!("{trials} records")),
            Self::Probes { turns: 1 } => f.pad("1 turn"),
            Self::Probes { turns } => f.pad(&format!("{turns} turns")),
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
    /// How far one more like these may be from `seconds`, as a share of it, by the 95 % prediction interval; absent where fewer than
    /// two say, or where it rests on assumptions, of whose error nobody knows.
    pub band: Option<f64>,
    /// Peak memory, on the device for CUDA, of the process for a CPU; absent where nothing is known.
    pub memory: Option<Bytes>,
    /// `memory` is the largest peak of finished trials that differ in attempt, seed and length only; else it is good to a
    /// factor of two.
    pub memory_measured: bool,
    /// `memory` is within the profile's budget, or unknown.
    pub fits: bool,
}

/// Estimates a trial on the machine of `profile`: from its `repetitions` where there are any, else from steps that probes have
/// measured there, else from the study's seconds, else from steps measured elsewhere, else from the number of operations.
pub fn estimate(trial: &Trial, profile: &Profile, repetitions: &Repetitions) -> Estimate {
    let Time { seconds, basis, band } = time(trial, profile, repetitions);
    let measured = repetitions.memory(trial);
    let memory = measured.or_else(|| {
        need(trial, profile, &Sightings::default()).map(|need| need.device).filter(|_| !repetitions.are_alone())
    });
    let fits = repetitions.are_alone() || memory.is_none_or(|memory| memory <= profile.memory());
    Estimate { seconds, basis, band, memory, memory_measured: measured.is_some(), fits }
}

/// How long a trial takes, if that is known.
struct Time {
    seconds: Option<Seconds>,
    basis: Basis,
    band: Option<f64>,
}

impl Time {
    fn measured(all: Repeated, basis: impl Fn(usize) -> Basis) -> Self {
        Self { seconds: Some(all.seconds), basis: basis(all.count), band: all.band }
    }
}

fn time(trial: &Trial, profile: &Profile, repetitions: &Repetitions) -> Time {
    if let Some(all) = repetitions.seconds(trial) {
        return Time::measured(all, |trials| Basis::Records { trials });
    }
    if let Some(all) = from_probes(trial, repetitions) {
        return Time::measured(all, |turns| Basis::Probes { turns });
    }
    let study = || from_study(trial, profile).map(|(seconds, speed)| (seconds, Basis::Study { speed }));
    let steps = || from_steps(trial, profile).map(|(seconds, speed)| (seconds, Basis::Steps { speed }));
    let assumed = || from_operations(trial, profile).map(|seconds| (seconds, Basis::Assumed));
    let elsewhere = (!repetitions.are_alone()).then(|| study().or_else(steps).or_else(assumed)).flatten();
    let (seconds, basis) = elsewhere.map_or((None, Basis::Unknown), |(seconds, basis)| (Some(seconds), basis));
    Time { seconds, basis, band: None }
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

/// Steps that probes have measured, and evaluations as long as what they share with such a step, image by image.
fn from_probes(trial: &Trial, repetitions: &Repetitions) -> Option<Repeated> {
    let (train, test) = images(trial)?;
    let batch = trial.recipe.batch_size;
    let (step, shared) = repetitions.steps(trial).filter(|_| batch <= train && !has_cheaper_steps(trial))?;
    let steps = if trial.recipe.drop_last { train / batch } else { train.div_ceil(batch) };
    let training = f64::from(steps) * step.seconds.0;
    let evaluation = f64::from(test) * shared.0 / f64::from(batch);
    Some(Repeated { seconds: Seconds(f64::from(trial.epochs) * (training + evaluation)), ..step })
}

/// Some of its steps measure no statistics: those of a probe may be any.
fn has_cheaper_steps(trial: &Trial) -> bool {
    trial.deconvolution.is_some_and(|d| d.refresh.is_some_and(|steps| steps > 1) || d.freeze == Some(Freeze::All))
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
