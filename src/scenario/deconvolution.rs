//! The settings of network deconvolution that a scenario may change.

use super::UnknownName;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// Which code computes the operator; every result names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(into = "String")]
pub enum Implementation {
    /// The operations of the published algorithm, one for one: its cost is what the study timed.
    Published,
    /// The same function with fewer operations and less memory.
    Fast,
}

impl Implementation {
    /// Every implementation a scenario can name.
    pub const ALL: [Implementation; 2] = [Self::Published, Self::Fast];

    /// The key used in scenarios and records.
    pub fn key(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::Fast => "fast",
        }
    }
}

impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl FromStr for Implementation {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|i| i.key() == name).ok_or_else(|| UnknownName {
            what: "implementation",
            name: name.into(),
            known: Self::ALL.map(Self::key).join(", "),
        })
    }
}

impl<'de> Deserialize<'de> for Implementation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::by_name(deserializer)
    }
}

impl From<Implementation> for String {
    fn from(i: Implementation) -> String {
        i.key().into()
    }
}

/// Which convolutions freeze their statistics after some training steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Freeze {
    /// None.
    None,
    /// The first of the network.
    First,
    /// All.
    All,
}

/// Numbers of less precision than the recipe's, for matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MatrixPrecision {
    /// bfloat16: eight bits of significand.
    Bf16,
}

/// Settings of the deconvolution layers (Ye et al., 2020, Algorithm 1). Layers with special settings of their own, such
/// as the first layer of most networks, keep them unless they are set here by `uniform`, `first_n_iter` or `freeze`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table such as { block = 64, n_iter = 5 }")]
pub struct Deconvolution {
    /// Which code computes the operator.
    pub implementation: Implementation,
    /// Channels whitened together in a convolution.
    pub block: i64,
    /// Features whitened together in the classifier; 0 keeps an ordinary linear classifier.
    pub block_fc: i64,
    /// Newton-Schulz iterations.
    pub n_iter: i64,
    /// Added to the diagonal of the covariance.
    pub eps: f64,
    /// The covariance is sampled at every so many pixels in each direction, times the layer's stride.
    pub sampling_stride: i64,
    /// Weight of the newest batch in the running statistics.
    pub momentum: f64,
    /// Every layer takes the settings above, whatever its network has of its own; only asked for, never written as false.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uniform: bool,
    /// Newton-Schulz iterations of the first layer; absent: the network's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_n_iter: Option<i64>,
    /// Which statistics freeze; absent: the network's own, with `uniform` none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze: Option<Freeze>,
    /// Where statistics freeze, they are updated in the first `freeze_iter + 1` of every `10 freeze_iter` training steps;
    /// absent: 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub freeze_iter: Option<i64>,
    /// Statistics are measured in every so many training steps, and kept in between, without gradient; absent: in each. This
    /// is another function than the published one, and cheaper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<i64>,
    /// The Newton-Schulz steps go on from the running deconvolution S instead of from the identity, on S C S^T; only written
    /// where it is so. This is another function too, and fewer steps do.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub warm_start: bool,
    /// Numbers that the Newton-Schulz steps compute with; absent: those of the recipe. Less precise ones are cheaper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matrix_precision: Option<MatrixPrecision>,
}

impl Deconvolution {
    /// The settings that make it another function than the published one, and a cheaper one, in words: `n_iter 3`, `refresh 5`.
    pub fn cheaper(&self) -> Vec<String> {
        let usual = Self::default();
        let words = [
            (self.n_iter < usual.n_iter).then(|| format!("n_iter {}", self.n_iter)),
            self.refresh.map(|steps| format!("refresh {steps}")),
            self.warm_start.then(|| "warm start".into()),
            self.matrix_precision.map(|MatrixPrecision::Bf16| "bf16 matrices".into()),
        ];
        words.into_iter().flatten().collect()
    }
}

impl Default for Deconvolution {
    /// The study's settings.
    fn default() -> Self {
        Self {
            implementation: Implementation::Published,
            block: 64,
            block_fc: 512,
            n_iter: 5,
            eps: 1e-5,
            sampling_stride: 3,
            momentum: 0.1,
            uniform: false,
            first_n_iter: None,
            freeze: None,
            freeze_iter: None,
            refresh: None,
            warm_start: false,
            matrix_precision: None,
        }
    }
}
