//! The settings of batch normalisation that a scenario may change.

use serde::{Deserialize, Serialize};

/// Settings of every batch normalisation, also of those that networks with deconvolution keep.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table such as { momentum = 0.1, eps = 1e-5 }")]
pub struct BatchNorm {
    /// Weight of the newest batch in the running statistics.
    pub momentum: f64,
    /// Added to the variance.
    pub eps: f64,
}

impl Default for BatchNorm {
    /// The study's settings, which are PyTorch's.
    fn default() -> Self {
        Self { momentum: 0.1, eps: 1e-5 }
    }
}

impl BatchNorm {
    /// Whether these are the study's settings.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
