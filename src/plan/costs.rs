//! What one image costs in each network.

use super::account::Subject;
use crate::scenario::{Architecture, Implementation, Norm};
use crate::units::Seconds;

/// The size of a network with batch normalisation, for images of [`Architecture::side`] and [`Architecture::classes`]. ND,
/// and a hundred classes in place of ten, change each figure by a few per cent, which estimates ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates of the forward pass of one image, convolutions and classifier.
    pub macs: u64,
    /// Trainable parameters.
    pub parameters: u64,
}

impl Cost {
    /// The cost of a network.
    pub fn of(architecture: Architecture) -> Self {
        let subject = Subject::new(architecture, Norm::Bn, None);
        Self { macs: subject.layers().iter().map(|layer| layer.macs).sum(), parameters: subject.resident().0 }
    }
}

/// Time of a training step of [`StepTime::BATCH`] images in single precision with the study's settings.
pub struct StepTime;

impl StepTime {
    /// Images of the step.
    pub const BATCH: u32 = 128;

    /// As it was measured on two cores of a server; a test compares with the records. `None` where it was not measured.
    pub fn of(architecture: Architecture, deconvolution: Option<Implementation>) -> Option<Seconds> {
        // BN, published, fast.
        let [bn, published, fast] = match architecture {
            Architecture::Vgg16 => [1.29, 3.40, 2.68],
            Architecture::Resnet18 => [0.21, 2.37, 1.46],
            Architecture::Resnet18Cifar => [2.32, 5.70, 4.66],
            Architecture::Preact18 => [2.27, 5.66, 4.51],
            Architecture::Densenet121 => [6.67, 17.78, 12.97],
            Architecture::Resnext29 => [6.46, 6.86, 6.07],
            Architecture::MobilenetV2 => [1.63, 2.60, 2.40],
            Architecture::Dpn92 => [16.11, 17.78, 16.01],
            Architecture::PnasnetA => [2.64, 6.35, 5.66],
            Architecture::Senet18 => [2.43, 6.13, 4.60],
            Architecture::Efficientnet => [0.80, 0.82, 0.85],
            Architecture::Vgg11 | Architecture::Resnet18Imagenet | Architecture::Densenet121Imagenet => return None,
        };
        Some(Seconds(match deconvolution {
            None => bn,
            Some(Implementation::Published) => published,
            Some(Implementation::Fast) => fast,
        }))
    }
}
