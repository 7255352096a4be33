//! Tables 6, 7 and 10 of the study: three networks on ImageNet.

use crate::scenario::Norm;
use serde::{Deserialize, Serialize};

/// A network of the ImageNet tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImagenetNetwork {
    /// VGG-11.
    Vgg11,
    /// ResNet-18.
    Resnet18,
    /// DenseNet-121.
    Densenet121,
}

impl ImagenetNetwork {
    /// All, in the order of the study's tables.
    pub const ALL: [Self; 3] = [Self::Vgg11, Self::Resnet18, Self::Densenet121];

    /// The key of the published files.
    pub fn key(self) -> &'static str {
        match self {
            Self::Vgg11 => "vgg11",
            Self::Resnet18 => "resnet18",
            Self::Densenet121 => "densenet121",
        }
    }

    /// The name as the study's tables print it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vgg11 => "VGG-11",
            Self::Resnet18 => "ResNet-18",
            Self::Densenet121 => "DenseNet-121",
        }
    }
}

/// One training on ImageNet: 90 epochs, one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct ImagenetFigures {
    /// The network.
    pub network: ImagenetNetwork,
    /// BN or ND; absent for the plain VGG-11.
    pub norm: Option<Norm>,
    /// Top-1 accuracy.
    pub top1: Scores,
    /// Top-5 accuracy.
    pub top5: Scores,
    /// Time of the run as the study writes it.
    pub train_time: String,
    /// The same in seconds.
    pub train_seconds: f64,
}

/// An accuracy of the original and of the study, percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Scores {
    /// Ye et al., Table 2.
    pub original_percent: f64,
    /// The study's single attempt.
    pub reproduced_percent: f64,
}
