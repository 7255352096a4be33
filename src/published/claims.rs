//! What the study says of itself in prose, as numbers.

use crate::scenario::{Architecture, Norm};
use serde::{Deserialize, Serialize};

/// A statement of the study that its own attempts can confirm, or a rule that it states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKey {
    /// Attempts on CIFAR.
    Attempts,
    /// Values of the original on CIFAR that were reproduced.
    Cells,
    /// Values that were reproduced.
    Values,
    /// Of these, on CIFAR-10.
    ValuesCifar10,
    /// On CIFAR-100.
    ValuesCifar100,
    /// On ImageNet.
    ValuesImagenet,
    /// Reproduced values above the original, printed green.
    Better,
    /// Of these, on CIFAR-10.
    BetterCifar10,
    /// On CIFAR-100.
    BetterCifar100,
    /// On ImageNet.
    BetterImagenet,
    /// Reproduced values that are green or black: not lower than the original by more than the rule allows.
    Within,
    /// Smallest mean squared deviation of a cell's attempts from the original, CIFAR-10.
    DeviationMinCifar10,
    /// Largest, CIFAR-10.
    DeviationMaxCifar10,
    /// Smallest, CIFAR-100.
    DeviationMinCifar100,
    /// Largest, CIFAR-100.
    DeviationMaxCifar100,
    /// Cells whose mean squared deviation is below the rule's.
    Consistent,
    /// Pairs of BN and ND of which ND is the more accurate, CIFAR.
    NdBetter,
    /// Pairs of BN and ND of which ND trains longer, CIFAR.
    NdSlower,
    /// Smallest increase of the training time by ND.
    OverheadMin,
    /// Largest.
    OverheadMax,
    /// Rule: a value is red when it is lower than the original by more than this many percent.
    RuleLower,
    /// Rule: a cell is consistent when its mean squared deviation is below this.
    RuleDeviation,
}

impl ClaimKey {
    /// The statement in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Attempts => "attempts on CIFAR",
            Self::Cells => "values of the original on CIFAR",
            Self::Values => "values reproduced",
            Self::ValuesCifar10 => "values reproduced, CIFAR-10",
            Self::ValuesCifar100 => "values reproduced, CIFAR-100",
            Self::ValuesImagenet => "values reproduced, ImageNet",
            Self::Better => "values above the original",
            Self::BetterCifar10 => "values above the original, CIFAR-10",
            Self::BetterCifar100 => "values above the original, CIFAR-100",
            Self::BetterImagenet => "values above the original, ImageNet",
            Self::Within => "values within the threshold",
            Self::DeviationMinCifar10 => "smallest deviation, CIFAR-10",
            Self::DeviationMaxCifar10 => "largest deviation, CIFAR-10",
            Self::DeviationMinCifar100 => "smallest deviation, CIFAR-100",
            Self::DeviationMaxCifar100 => "largest deviation, CIFAR-100",
            Self::Consistent => "consistent cells",
            Self::NdBetter => "ND more accurate than BN",
            Self::NdSlower => "ND trains longer than BN",
            Self::OverheadMin => "smallest increase of time by ND",
            Self::OverheadMax => "largest increase of time by ND",
            Self::RuleLower => "limit of a lower value",
            Self::RuleDeviation => "limit of the deviation",
        }
    }
}

/// A line of `claims.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Claim {
    /// What is stated.
    pub key: ClaimKey,
    /// The stated number.
    pub value: f64,
    /// Digits after its decimal point, as printed.
    pub decimals: usize,
    /// What it counts or measures.
    pub unit: String,
    /// Where in the study it stands.
    pub place: String,
}

/// A fact about the study's networks or settings that bears on what its numbers can be compared with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// A short name.
    pub key: String,
    /// The network that it is about, where it is about one.
    pub architecture: Option<Architecture>,
    /// The norm that it is about, where it is about one.
    pub norm: Option<Norm>,
    /// Convolutions of that network that are deconvolved.
    pub deconvolutions: Option<usize>,
    /// Its batch normalisations.
    pub batch_norms: Option<usize>,
    /// Side of the image after its first convolution, of 32.
    pub stem_side: Option<i64>,
    /// The remark.
    pub text: String,
    /// Where it can be seen.
    pub source: String,
}
