//! The networks of the study.

use super::UnknownName;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// A network; the key is the one used in scenarios, records and tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Architecture {
    /// VGG-16 (Simonyan and Zisserman, 2015), CIFAR form.
    Vgg16,
    /// ResNet-18 as the study ran it: the ImageNet stem (7x7 stride 2, max pool) on 32x32 images.
    Resnet18,
    /// ResNet-18 with the CIFAR stem (3x3, no pool).
    Resnet18Cifar,
    /// Pre-activation ResNet-18 (He et al., 2016).
    Preact18,
    /// DenseNet-121, growth 32 (Huang et al., 2017), CIFAR stem.
    Densenet121,
    /// ResNeXt-29 32x4d (Xie et al., 2017).
    Resnext29,
    /// MobileNet v2 (Sandler et al., 2018).
    MobilenetV2,
    /// Dual path network 92 (Chen et al., 2017).
    Dpn92,
    /// PNASNet-A (Liu et al., 2018).
    PnasnetA,
    /// SENet-18 (Hu et al., 2018).
    Senet18,
    /// EfficientNet (Tan and Le, 2019), CIFAR form.
    Efficientnet,
    /// VGG-11 (Simonyan and Zisserman, 2015), ImageNet form.
    Vgg11,
    /// ResNet-18 (He et al., 2016), ImageNet form.
    Resnet18Imagenet,
    /// DenseNet-121, growth 32 (Huang et al., 2017), ImageNet form.
    Densenet121Imagenet,
}

impl Architecture {
    /// Every architecture, in the order of the study's tables (the CIFAR ResNet-18 beside the study's); those for
    /// ImageNet last.
    pub const ALL: [Architecture; 14] = [
        Self::Vgg16,
        Self::Resnet18,
        Self::Resnet18Cifar,
        Self::Preact18,
        Self::Densenet121,
        Self::Resnext29,
        Self::MobilenetV2,
        Self::Dpn92,
        Self::PnasnetA,
        Self::Senet18,
        Self::Efficientnet,
        Self::Vgg11,
        Self::Resnet18Imagenet,
        Self::Densenet121Imagenet,
    ];

    /// Height and width of the images that the network is made for: 32, or 224 for ImageNet. It takes others too.
    pub fn side(self) -> u32 {
        match self {
            Self::Vgg11 | Self::Resnet18Imagenet | Self::Densenet121Imagenet => 224,
            _ => 32,
        }
    }

    /// Classes of the data that the network is made for. It takes any number.
    pub fn classes(self) -> i64 {
        if self.side() == 224 { 1000 } else { 10 }
    }

    /// The networks for images of this height and width.
    pub fn for_side(side: u32) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |a| a.side() == side)
    }

    /// Features whitened together in the linear layers as the study trains it.
    pub fn block_fc(self) -> i64 {
        if self.side() == 224 { 64 } else { 512 }
    }

    /// Whether some of its features are dropped in training.
    pub fn has_dropout(self) -> bool {
        self == Self::Vgg11
    }

    /// The key used in scenarios, records and tables.
    pub fn key(self) -> &'static str {
        match self {
            Self::Vgg16 => "vgg16",
            Self::Resnet18 => "resnet18",
            Self::Resnet18Cifar => "resnet18-cifar",
            Self::Preact18 => "preact18",
            Self::Densenet121 => "densenet121",
            Self::Resnext29 => "resnext29",
            Self::MobilenetV2 => "mobilenetv2",
            Self::Dpn92 => "dpn92",
            Self::PnasnetA => "pnasnet-a",
            Self::Senet18 => "senet18",
            Self::Efficientnet => "efficientnet",
            Self::Vgg11 => "vgg11",
            Self::Resnet18Imagenet => "resnet18-imagenet",
            Self::Densenet121Imagenet => "densenet121-imagenet",
        }
    }

    /// The name in tables and figures.
    pub fn title(self) -> &'static str {
        match self {
            Self::Vgg16 => "VGG-16",
            Self::Resnet18 => "ResNet-18",
            Self::Resnet18Cifar => "ResNet-18 (CIFAR stem)",
            Self::Preact18 => "Preact-18",
            Self::Densenet121 => "DenseNet-121",
            Self::Resnext29 => "ResNeXt-29",
            Self::MobilenetV2 => "MobileNet v2",
            Self::Dpn92 => "DPN-92",
            Self::PnasnetA => "PNASNet-A",
            Self::Senet18 => "SENet-18",
            Self::Efficientnet => "EfficientNet",
            Self::Vgg11 => "VGG-11",
            Self::Resnet18Imagenet => "ResNet-18 (ImageNet)",
            Self::Densenet121Imagenet => "DenseNet-121 (ImageNet)",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl FromStr for Architecture {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::ALL.into_iter().find(|a| a.key() == name).ok_or_else(|| UnknownName {
            what: "architecture",
            name: name.into(),
            known: Self::ALL.map(Self::key).join(", "),
        })
    }
}

impl<'de> Deserialize<'de> for Architecture {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::by_name(deserializer)
    }
}

impl From<Architecture> for String {
    fn from(a: Architecture) -> String {
        a.key().into()
    }
}
