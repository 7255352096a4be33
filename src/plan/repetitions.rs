//! What was measured of trials like one that is planned.

use super::{StepKind, Trial};
use crate::files::sha256_hex;
use crate::stats::{LEVEL, mean, t_interval};
use crate::units::{Bytes, Seconds};
use std::collections::BTreeMap;

/// What measurements of one thing say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Repeated {
    /// Their mean.
    pub seconds: Seconds,
    /// How many.
    pub count: usize,
    /// How far the next one may be from it, as a share: the 95 % prediction interval of values that scatter normally; absent of
    /// one alone.
    pub band: Option<f64>,
}

impl Repeated {
    /// Of some; `None` of none.
    fn of(seconds: &[Seconds]) -> Option<Self> {
        let values: Vec<f64> = seconds.iter().map(|seconds| seconds.0).collect();
        let (mean, count) = (mean(&values)?, values.len());
        // The interval of the mean, wider by the scatter of the next one.
        let band =
            t_interval(&values, LEVEL).map(|interval| interval.width() / 2.0 * (count as f64 + 1.0).sqrt() / mean);
        Some(Self { seconds: Seconds(mean), count, band })
    }
}

/// Steps of a turn of a probe, mean of each.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StepSeen {
    /// By the host's clock, from batch to batch.
    pub step: Seconds,
    /// Of it, what an evaluation of such a batch does too.
    pub evaluation: Seconds,
}

/// What finished trials say of their repetitions, and probes of their steps. Put in only what one machine has measured.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repetitions {
    alone: bool,
    seconds: BTreeMap<String, Vec<Seconds>>,
    memory: BTreeMap<String, Bytes>,
    /// By what decides the time of a step, and its batch.
    steps: BTreeMap<(String, u32), Vec<StepSeen>>,
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

    /// Adds a turn of a probe with steps of `kind`.
    pub fn insert_steps(&mut self, kind: &StepKind, batch: u32, seen: StepSeen) {
        self.steps.entry((kind.key(), batch)).or_default().push(seen);
    }

    /// What the trials say that differ from `trial` in attempt and seed only.
    pub fn seconds(&self, trial: &Trial) -> Option<Repeated> {
        Repeated::of(self.seconds.get(&repetition(trial))?)
    }

    /// What a step of `trial` took, and what an evaluation of its batch does of it; `None` where no probe has measured such
    /// steps of whole batches.
    pub fn steps(&self, trial: &Trial) -> Option<(Repeated, Seconds)> {
        let key = (StepKind::from(trial).key(), trial.recipe.batch_size);
        let seen = self.steps.get(&key).filter(|_| trial.recipe.accumulate == 1)?;
        let of = |time: fn(&StepSeen) -> Seconds| Repeated::of(&seen.iter().map(time).collect::<Vec<_>>());
        Some((of(|seen| seen.step)?, of(|seen| seen.evaluation)?.seconds))
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
