//! One fully specified training run.

use super::canonical::canonical;
use crate::files::sha256_hex;
use crate::scenario::{Architecture, BatchNorm, Dataset, Deconvolution, Norm, Recipe};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Everything that can change the result of a training, and nothing else (no host, path, time or job).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// The network.
    pub architecture: Architecture,
    /// The data.
    pub dataset: Dataset,
    /// BN or ND.
    pub norm: Norm,
    /// Length of the training; the schedule ends with it.
    pub epochs: u32,
    /// Which repetition of the same cell, from 1.
    pub attempt: u32,
    /// Optimiser, schedule, batches, augmentation, precision.
    pub recipe: Recipe,
    /// Settings of batch normalisation, of ND's remaining ones too; only written where they are not the study's.
    #[serde(default, skip_serializing_if = "BatchNorm::is_default")]
    pub batch_norm: BatchNorm,
    /// Settings of the operator; absent for BN.
    pub deconvolution: Option<Deconvolution>,
    /// Only the first so many training images; absent: all.
    pub train_images: Option<u32>,
    /// Only the first so many test images; absent: all.
    pub test_images: Option<u32>,
    /// Mixed into [`Trial::seed`]; lets a scenario ask for other random numbers.
    pub base_seed: u64,
}

/// A short hash of a [`Trial`]: 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub String);

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TrialId {
    /// The hash of a trial's canonical JSON.
    pub(super) fn of(canonical: &str) -> Self {
        let mut digits = sha256_hex(canonical.as_bytes());
        digits.truncate(16);
        Self(digits)
    }
}

impl Trial {
    /// The hash of everything that can change the result.
    pub fn id(&self) -> TrialId {
        TrialId::of(&canonical(self))
    }

    /// The seed of this trial's weights, order and augmentation: each trial has its own.
    pub fn seed(&self) -> u64 {
        let digest = self.digest();
        u64::from_str_radix(&digest[16..32], 16).expect("a SHA-256 digest is hexadecimal")
    }

    /// The cell of the published tables: everything but the norm and the attempt. BN and ND of one cell and one attempt
    /// make a block.
    pub fn cell(&self) -> String {
        format!("{}/{}/{}", self.dataset, self.architecture, self.epochs)
    }

    fn digest(&self) -> String {
        sha256_hex(canonical(self).as_bytes())
    }
}

/// `vgg16 nd cifar10, 20 epochs, attempt 1`.
impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.epochs == 1 { "" } else { "s" };
        let Trial { architecture, norm, dataset, epochs, attempt, .. } = self;
        write!(f, "{architecture} {norm} {dataset}, {epochs} epoch{plural}, attempt {attempt}")
    }
}

/// The trial, and the name of its variant of ND: `vgg16 nd cifar10, 20 epochs, attempt 1, bf16`.
impl fmt::Display for ResolvedTrial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = self.variant.as_ref().map_or(String::new(), |name| format!(", {name}"));
        write!(f, "{}{variant}", self.trial)
    }
}

/// The place of a trial in its block: BN and ND of one cell and attempt, run back to back, order alternating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// Names the block: cell and attempt.
    pub id: String,
    /// 0 for the trial that runs first.
    pub position: u32,
}

/// A trial with the source of each of its values and its place in the matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct ResolvedTrial {
    /// The training.
    pub trial: Trial,
    /// Dotted key (`recipe.lr`) to where the value came from (`default`, `demo.toml:12`, `--epochs`); the attempts of a cell
    /// share it.
    pub sources: Arc<BTreeMap<String, String>>,
    /// Its block.
    pub block: Block,
    /// The name of its settings of ND where they are a variant of the scenario's.
    pub variant: Option<Arc<str>>,
}
