//! The data sets a scenario can name.

use super::UnknownName;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// A data set; networks see its images as `[3, side, side]`, with [`Dataset::side`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Dataset {
    /// CIFAR-10 (Krizhevsky, 2009): 50,000 + 10,000 images, 10 classes.
    Cifar10,
    /// CIFAR-100 (Krizhevsky, 2009): 50,000 + 10,000 images, 100 fine classes.
    Cifar100,
    /// MNIST (LeCun et al., 1998), padded to 32x32, repeated to 3 channels.
    Mnist,
    /// Fashion-MNIST (Xiao et al., 2017), padded to 32x32, repeated to 3 channels.
    FashionMnist,
    /// The balanced subset of Fashion-MNIST that ships with the repository: 6,000 + 1,000 images.
    FashionMini,
    /// ImageNet (ILSVRC 2012; Russakovsky et al., 2015): 1,281,167 + 50,000 images, 1,000 classes, seen as 224x224.
    Imagenet,
    /// A folder `<data>/<name>/{train,test}/<class>/*` of JPEG and PNG files; written `folder:<name>`.
    Folder(String),
}

impl Dataset {
    /// The data sets with a fixed name.
    pub const NAMED: [Dataset; 6] =
        [Self::Cifar10, Self::Cifar100, Self::Mnist, Self::FashionMnist, Self::FashionMini, Self::Imagenet];

    /// Height and width of the images as networks see them.
    pub fn side(&self) -> u32 {
        if *self == Self::Imagenet { 224 } else { 32 }
    }

    /// The number of classes, where the name alone fixes it.
    pub fn classes(&self) -> Option<usize> {
        match self {
            Self::Cifar10 | Self::Mnist | Self::FashionMnist | Self::FashionMini => Some(10),
            Self::Cifar100 => Some(100),
            Self::Imagenet => Some(1_000),
            Self::Folder(_) => None,
        }
    }

    /// The numbers of training and of test images, where the name alone fixes them.
    pub fn images(&self) -> Option<(u32, u32)> {
        match self {
            Self::Cifar10 | Self::Cifar100 => Some((50_000, 10_000)),
            Self::Mnist | Self::FashionMnist => Some((60_000, 10_000)),
            Self::FashionMini => Some((6_000, 1_000)),
            Self::Imagenet => Some((1_281_167, 50_000)),
            Self::Folder(_) => None,
        }
    }

    /// How many of `images` pictures a training may go on without, since they cannot be read or decoded. Data sets that are
    /// loaded whole are whole.
    pub fn may_lack(&self, images: u64) -> u64 {
        if *self == Self::Imagenet { (images / 10_000).max(1) } else { 0 }
    }
}

impl fmt::Display for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cifar10 => f.pad("cifar10"),
            Self::Cifar100 => f.pad("cifar100"),
            Self::Mnist => f.pad("mnist"),
            Self::FashionMnist => f.pad("fashion-mnist"),
            Self::FashionMini => f.pad("fashion-mini"),
            Self::Imagenet => f.pad("imagenet"),
            Self::Folder(name) => f.pad(&format!("folder:{name}")),
        }
    }
}

impl FromStr for Dataset {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        if let Some(found) = Self::NAMED.into_iter().find(|d| d.to_string() == name) {
            return Ok(found);
        }
        match name.strip_prefix("folder:") {
            // One path component only: a scenario cannot reach outside the data folder.
            Some(rest) if !rest.is_empty() && rest != "." && rest != ".." && !rest.contains(['/', '\\', '\0']) => {
                Ok(Self::Folder(rest.into()))
            }
            _ => Err(UnknownName {
                what: "data set",
                name: name.into(),
                known: Self::NAMED.map(|d| d.to_string()).join(", ") + ", folder:<name>",
            }),
        }
    }
}

impl<'de> Deserialize<'de> for Dataset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::by_name(deserializer)
    }
}

impl From<Dataset> for String {
    fn from(d: Dataset) -> String {
        d.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_folders_stay_inside() {
        for d in Dataset::NAMED.into_iter().chain([Dataset::Folder("birds".into())]) {
            assert_eq!(d.to_string().parse::<Dataset>().unwrap(), d);
        }
        for bad in ["folder:", "folder:..", "folder:a/b", "cifar", ""] {
            assert!(bad.parse::<Dataset>().is_err(), "{bad}");
        }
    }
}
