//! How a network is trained: optimiser, schedule, batches, augmentation.

use serde::{Deserialize, Serialize};

/// Everything about a training but the network, the data and its length. The default is the study's.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table such as { batch_size = 128, lr = 0.1 }")]
pub struct Recipe {
    /// Images in a training batch.
    pub batch_size: u32,
    /// Images in an evaluation batch.
    pub eval_batch_size: u32,
    /// Learning rate of the first step.
    pub lr: f64,
    /// Momentum of SGD.
    pub momentum: f64,
    /// Added to the gradient of every parameter, norms and biases included.
    pub weight_decay: f64,
    /// Nesterov's form of momentum.
    pub nesterov: bool,
    /// How the learning rate falls.
    pub schedule: Schedule,
    /// Leave out the last, smaller batch of an epoch.
    pub drop_last: bool,
    /// Dropout probability of networks that have dropout; absent: their own.
    pub dropout: Option<f64>,
    /// What happens to a training image.
    pub augmentation: Augmentation,
    /// Arithmetic of the network.
    pub precision: Precision,
    /// Steps are captured and launched as CUDA graphs: the same function with fewer launches; only written where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cuda_graph: bool,
    /// Images lie in memory pixel by pixel (`NHWC`), and what the network makes of them follows: the same function, by other
    /// kernels; only written where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub channels_last: bool,
    /// Parts of a batch whose gradients are added up before the update, so that only one part's activations are in
    /// memory: the same function where no layer measures its batch; BN and ND measure each part. Only written where there
    /// are several.
    #[serde(skip_serializing_if = "is_one")]
    pub accumulate: u32,
    /// Constants of the normalisation; absent: the data set's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<Normalisation>,
}

fn is_one(parts: &u32) -> bool {
    *parts == 1
}

/// `(x / 255 - mean) / std`, a channel at a time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a table with mean and std, three numbers each")]
pub struct Normalisation {
    /// Means, scale 0 to 1.
    pub mean: [f64; 3],
    /// Standard deviations, scale 0 to 1.
    pub std: [f64; 3],
}

/// How the learning rate falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// `lr (1 + cos(pi t / T)) / 2` after `t` of `T` steps (Loshchilov and Hutter, 2017), without restarts.
    Cosine,
    /// To a tenth after each third of the steps: after 30 and 60 of 90 epochs.
    Step,
    /// Never.
    Constant,
}

/// What happens to a training image before normalisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table with crop_padding, flip and resized_crop")]
pub struct Augmentation {
    /// Zero pixels added on each side before a random crop of the original size; 0 switches cropping off.
    pub crop_padding: u32,
    /// Mirror left and right with probability one half.
    pub flip: bool,
    /// A random part of the picture, 8 to 100 % of its area with sides in a ratio of 3:4 to 4:3, is scaled to the size that
    /// networks see (Szegedy et al., 2015); of ImageNet, and only written where it is so.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resized_crop: bool,
}

/// Arithmetic of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Precision {
    /// IEEE single precision throughout; TF32 off.
    Fp32,
    /// Single precision with TF32 allowed in convolutions and matrix products (CUDA only).
    Tf32,
    /// libtorch's autocast in bfloat16: convolutions and linear products, forward and back, compute in it. Parameters, their
    /// gradients, the optimiser, what norms and ND measure, the weight that ND makes of it, and the loss stay in single
    /// precision, TF32 off.
    Bf16,
    /// Double precision.
    Fp64,
}

impl Precision {
    /// The word used in scenarios, records and labels.
    pub fn key(self) -> &'static str {
        match self {
            Self::Fp32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
            Self::Fp64 => "fp64",
        }
    }

    /// `, bf16`, to stand behind the name of what computes so; empty for the usual one.
    pub fn suffix(self) -> String {
        if self == Self::Fp32 { String::new() } else { format!(", {}", self.key()) }
    }
}

impl Recipe {
    /// Images whose activations are in memory at once: a part of a batch where gradients are accumulated.
    pub fn part_size(&self) -> u32 {
        self.batch_size.div_ceil(self.accumulate.max(1))
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            batch_size: 128,
            eval_batch_size: 128,
            lr: 0.1,
            momentum: 0.9,
            weight_decay: 1e-3,
            nesterov: false,
            schedule: Schedule::Cosine,
            drop_last: false,
            dropout: None,
            augmentation: Augmentation::default(),
            precision: Precision::Fp32,
            cuda_graph: false,
            channels_last: false,
            accumulate: 1,
            normalisation: None,
        }
    }
}

impl Default for Augmentation {
    fn default() -> Self {
        Self { crop_padding: 4, flip: true, resized_crop: false }
    }
}

impl Schedule {
    /// The learning rate of step `step` (counted from 0) of `total`, starting at `lr`.
    pub fn rate(self, lr: f64, step: u64, total: u64) -> f64 {
        match self {
            Self::Constant => lr,
            Self::Step => lr * [1.0, 0.1, 0.01][(3 * step / total.max(1)).min(2) as usize],
            Self::Cosine => 0.5 * lr * (1.0 + (std::f64::consts::PI * step as f64 / total.max(1) as f64).cos()),
        }
    }
}
