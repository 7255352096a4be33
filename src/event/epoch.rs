//! Results and outcomes: what an epoch brought, how a trial ended.

use crate::units::{Bytes, Seconds};
use serde::{Deserialize, Serialize};

/// Loss and accuracy over a set of images.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scores {
    /// Mean cross-entropy, nats.
    pub loss: f64,
    /// Fraction of images whose label is the first choice, 0 to 1.
    pub top1: f64,
    /// Fraction of images whose label is among the first five choices, 0 to 1.
    pub top5: f64,
}

/// What one epoch brought. Accuracies are fractions, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EpochResult {
    /// From 1.
    pub epoch: u32,
    /// Mean cross-entropy over the epoch's training batches, as the weights stood at each.
    pub train_loss: f64,
    /// Training top-1, as the weights stood at each batch.
    pub train_top1: f64,
    /// Training top-5, as the weights stood at each batch.
    pub train_top5: f64,
    /// Mean cross-entropy over the test images after the epoch.
    pub test_loss: f64,
    /// Test top-1 after the epoch.
    pub test_top1: f64,
    /// Test top-5 after the epoch.
    pub test_top5: f64,
    /// Learning rate of the epoch's last step.
    pub lr: f64,
    /// Training images seen.
    pub images: u64,
    /// Seconds by definition.
    pub seconds: EpochTimes,
}

/// The seconds of an epoch, by definition.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochTimes {
    /// `paper`: host time of the training loop, waiting for data included, evaluation excluded; what the study timed.
    pub paper: Seconds,
    /// Evaluation.
    pub evaluation: Seconds,
    /// Mean over the sampled steps, each part of one step; absent when no step was sampled.
    pub step: Option<StepSplit>,
    /// How many steps were sampled.
    pub sampled_steps: u64,
}

/// Where the host time of one training step goes. On CUDA the device is waited for after each part of a sampled step.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct StepSplit {
    /// Getting the batch: selection, augmentation, normalisation.
    pub data: Seconds,
    /// Network and loss.
    pub forward: Seconds,
    /// Gradients.
    pub backward: Seconds,
    /// The update.
    pub optimiser: Seconds,
}

impl StepSplit {
    /// The whole step.
    pub fn total(&self) -> Seconds {
        self.data + self.forward + self.backward + self.optimiser
    }
}

/// The largest amounts of memory seen; absent where it cannot be measured.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryPeak {
    /// Bytes in live tensors, as CUDA's caching allocator counts them, or on a CPU libtorch's.
    pub allocated: Option<Bytes>,
    /// Bytes the caching allocator had reserved from the device.
    pub reserved: Option<Bytes>,
    /// Resident set of the process.
    pub resident: Option<Bytes>,
}

impl MemoryPeak {
    /// The larger amounts of two executions of one trial; what one of them could not measure is absent.
    pub fn max(self, other: Self) -> Self {
        let larger = |a: Option<Bytes>, b: Option<Bytes>| a.zip(b).map(|(a, b)| a.max(b));
        Self {
            allocated: larger(self.allocated, other.allocated),
            reserved: larger(self.reserved, other.reserved),
            resident: larger(self.resident, other.resident),
        }
    }
}

/// How a trial ended. All of these are results; only `finished` fills a cell of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    /// All epochs done.
    Finished,
    /// The loss ceased to be a finite number.
    Diverged {
        /// The epoch, from 1.
        epoch: u32,
        /// The step of that epoch, from 1.
        step: u64,
    },
    /// Memory ran out.
    Oom {
        /// Bytes asked for, where the allocator said so.
        requested: Option<Bytes>,
        /// Bytes free at that moment, where known.
        free: Option<Bytes>,
        /// The allocator's words.
        message: String,
    },
    /// A signal ended it after a step; the checkpoint lets it go on.
    Interrupted {
        /// Epochs completed.
        epochs: u32,
        /// Steps of the epoch begun.
        steps: u64,
    },
    /// Anything else.
    Failed {
        /// What happened.
        message: String,
    },
}

impl Outcome {
    /// The word used in records, tables and filters.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Diverged { .. } => "diverged",
            Self::Oom { .. } => "oom",
            Self::Interrupted { .. } => "interrupted",
            Self::Failed { .. } => "failed",
        }
    }

    /// Running the trial again would bring nothing new.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Finished | Self::Diverged { .. } | Self::Oom { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_of_two_executions_is_the_larger_and_unknown_where_one_is_unknown() {
        let peak = |allocated: Option<u64>, resident: Option<u64>| MemoryPeak {
            allocated: allocated.map(Bytes),
            reserved: None,
            resident: resident.map(Bytes),
        };
        assert_eq!(peak(Some(1), Some(9)).max(peak(None, Some(3))), peak(None, Some(9)));
    }
}
