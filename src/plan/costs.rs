//! What one image costs in each network.

use crate::scenario::Architecture;

/// The size of a network with batch normalisation, ten classes and 32x32 images. ND, and a hundred classes, change each
/// figure by a few per cent, which estimates ignore.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Multiply-accumulates of the forward pass of one image, convolutions and classifier.
    pub macs: u64,
    /// Trainable parameters.
    pub parameters: u64,
    /// Elements in the outputs of all convolutions for one image.
    pub activations: u64,
}

impl Cost {
    /// The cost of a network.
    pub fn of(architecture: Architecture) -> Self {
        let (macs, parameters, activations) = match architecture {
            Architecture::Vgg16 => (313_201_664, 14_728_266, 276_480),
            Architecture::Resnet18 => (37_016_576, 11_181_642, 50_688),
            Architecture::Resnet18Cifar => (555_422_720, 11_173_962, 614_400),
            Architecture::Preact18 => (555_422_720, 11_171_274, 614_400),
            Architecture::Densenet121 => (888_350_720, 6_956_298, 2_056_192),
            Architecture::Resnext29 => (772_483_072, 4_774_218, 3_571_712),
            Architecture::MobilenetV2 => (91_154_944, 2_296_922, 1_724_928),
            Architecture::Dpn92 => (2_042_422_272, 34_236_634, 5_721_600),
            Architecture::PnasnetA => (28_037_856, 130_646, 585_728),
            Architecture::Senet18 => (555_509_760, 11_260_354, 616_440),
            Architecture::Efficientnet => (26_977_792, 2_912_089, 472_511),
        };
        Self { macs, parameters, activations }
    }
}
