//! How far a training is.

use super::{EpochResult, EpochTimes, StepSplit};
use crate::plan::Trial;
use crate::units::Seconds;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The form of a checkpoint, by [`head`](crate::files::head); its header has the trial's `trial_id` and its `progress`, a
/// [`Progress`].
pub const CHECKPOINT: &str = "ndbench.checkpoint/3";

/// Bytes of the SHA-256 with which a checkpoint ends.
pub const CHECKPOINT_DIGEST: usize = 32;

/// How far a training is, and what it has measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Results of the epochs done.
    pub epochs: Vec<EpochResult>,
    /// Steps done of the epoch under way; all of them while its evaluation is due.
    pub step: u64,
    /// Images of those steps of the epoch under way that had fewer than they should, since pictures could not be read.
    #[serde(default)]
    pub smaller: BTreeMap<u64, u64>,
    /// Training time of the epoch under way.
    pub paper: Seconds,
    /// Parts of the sampled steps of the epoch under way, summed.
    pub split: StepSplit,
    /// How many steps were sampled.
    pub sampled: u64,
}

impl Progress {
    /// What is left of `trial`, where each epoch takes as long as those done; where none is done, of `whole`, which it was
    /// estimated to take. Absent where nothing is known.
    pub fn left(&self, trial: &Trial, whole: Option<Seconds>) -> Option<Seconds> {
        let done = self.epochs.len() as f64;
        let taken: Seconds = self.epochs.iter().map(|epoch| epoch.seconds.paper + epoch.seconds.evaluation).sum();
        let left = if done > 0.0 { (f64::from(trial.epochs) - done) * taken.0 / done } else { whole?.0 };
        Some(Seconds((left - self.paper.0).max(0.0)))
    }

    /// The epoch under way, from 1.
    pub fn epoch(&self) -> u32 {
        self.epochs.len() as u32 + 1
    }

    /// Adds a sampled step.
    pub fn sample(&mut self, split: StepSplit) {
        let sum = &mut self.split;
        sum.data += split.data;
        sum.forward += split.forward;
        sum.backward += split.backward;
        sum.optimiser += split.optimiser;
        self.sampled += 1;
    }

    /// The seconds of the epoch under way, whose evaluation took so long.
    pub fn times(&self, evaluation: Seconds) -> EpochTimes {
        let n = self.sampled as f64;
        let sum = self.split;
        let step = (self.sampled > 0).then(|| StepSplit {
            data: Seconds(sum.data.0 / n),
            forward: Seconds(sum.forward.0 / n),
            backward: Seconds(sum.backward.0 / n),
            optimiser: Seconds(sum.optimiser.0 / n),
        });
        EpochTimes { paper: self.paper, evaluation, step, sampled_steps: self.sampled }
    }

    /// Ends the epoch under way with this result.
    pub fn end_epoch(&mut self, result: EpochResult) {
        let mut epochs = std::mem::take(&mut self.epochs);
        epochs.push(result);
        *self = Self { epochs, ..Self::default() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampled_steps_are_averaged_part_by_part() {
        let mut progress = Progress { paper: Seconds(9.0), ..Progress::default() };
        assert_eq!(progress.times(Seconds(1.0)).step, None);
        for x in [1.0, 3.0] {
            let [data, forward, backward, optimiser] = [0.1, 1.0, 2.0, 0.5].map(|part| Seconds(part * x));
            progress.sample(StepSplit { data, forward, backward, optimiser });
        }
        let times = progress.times(Seconds(1.0));
        assert_eq!((times.paper, times.evaluation, times.sampled_steps), (Seconds(9.0), Seconds(1.0), 2));
        assert_eq!(times.step.unwrap().backward, Seconds(4.0));
    }
}
