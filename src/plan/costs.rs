//! What one image costs in each network.

use crate::scenario::{Architecture, Implementation};
use crate::units::{Bytes, Seconds};

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
        let (macs, parameters) = match architecture {
            Architecture::Vgg16 => (313_201_664, 14_728_266),
            Architecture::Resnet18 => (37_016_576, 11_181_642),
            Architecture::Resnet18Cifar => (555_422_720, 11_173_962),
            Architecture::Preact18 => (555_422_720, 11_171_274),
            Architecture::Densenet121 => (888_350_720, 6_956_298),
            Architecture::Resnext29 => (772_483_072, 4_774_218),
            Architecture::MobilenetV2 => (91_154_944, 2_296_922),
            Architecture::Dpn92 => (2_042_422_272, 34_236_634),
            Architecture::PnasnetA => (28_037_856, 130_646),
            Architecture::Senet18 => (555_509_760, 11_260_354),
            Architecture::Efficientnet => (26_977_792, 2_912_089),
            Architecture::Vgg11 => (7_609_090_048, 132_868_840),
            Architecture::Resnet18Imagenet => (1_814_073_344, 11_689_512),
            Architecture::Densenet121Imagenet => (2_834_161_664, 7_978_856),
        };
        Self { macs, parameters }
    }
}

/// Bytes of live tensors at the peak of a training step in single precision, ten classes, the study's settings; momentum
/// apart. They are measured, not counted: a test measures them again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepMemory {
    /// For every image of the batch: what the backward pass needs of the forward pass, and gradients under way.
    pub per_image: Bytes,
    /// Whatever the batch: parameters, running statistics, gradients, the iterates of Newton-Schulz.
    pub fixed: Bytes,
    /// For every image of an evaluation batch, with batch normalisation; ND takes less.
    pub evaluation: Bytes,
}

impl StepMemory {
    /// Of a network with batch normalisation, or with this code for the deconvolution; `None` where it was not measured.
    pub fn of(architecture: Architecture, deconvolution: Option<Implementation>) -> Option<Self> {
        // In KiB. Training, by image and whatever the batch: BN, published, fast; evaluation.
        let ([bn, published, fast], evaluation) = match architecture {
            Architecture::Vgg16 => ([(2_293, 114_384), (2_400, 548_137), (1_441, 465_107)], 772),
            Architecture::Resnet18 => ([(352, 87_072), (488, 591_406), (248, 479_911)], 40),
            Architecture::Resnet18Cifar => ([(4_213, 85_389), (4_384, 591_155), (2_208, 476_658)], 1_284),
            Architecture::Preact18 => ([(4_131, 85_015), (4_352, 591_154), (2_208, 476_692)], 1_540),
            Architecture::Densenet121 => ([(38_497, 35_044), (27_827, 1_571_351), (19_865, 1_117_673)], 3_588),
            Architecture::Resnext29 => ([(26_296, 26_187), (16_226, 224_673), (12_168, 182_639)], 3_840),
            Architecture::MobilenetV2 => ([(13_180, 13_356), (10_151, 54_621), (6_544, 53_645)], 1_952),
            Architecture::Dpn92 => ([(44_160, 191_106), (29_300, 1_431_445), (22_324, 1_214_425)], 5_248),
            Architecture::PnasnetA => ([(8_426, 559), (17_996, 343_227), (5_962, 261_887)], 1_056),
            Architecture::Senet18 => ([(5_176, 85_392), (5_583, 594_835), (3_403, 479_199)], 1_540),
            Architecture::Efficientnet => ([(3_545, 20_371), (3_667, 20_920), (3_667, 21_425)], 584),
            Architecture::Vgg11 | Architecture::Resnet18Imagenet | Architecture::Densenet121Imagenet => return None,
        };
        let (per_image, fixed) = match deconvolution {
            None => bn,
            Some(Implementation::Published) => published,
            Some(Implementation::Fast) => fast,
        };
        let kib = |n: u64| Bytes(n << 10);
        Some(Self { per_image: kib(per_image), fixed: kib(fixed), evaluation: kib(evaluation) })
    }

    /// The live tensors of a step with so many images, momentum apart.
    pub fn live(self, batch: u64) -> Bytes {
        Bytes(self.fixed.0 + batch * self.per_image.0)
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
