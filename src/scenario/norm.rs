//! What stands between convolution and activation.

use super::UnknownName;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;

/// How a network normalises.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub enum Norm {
    /// Batch normalisation (Ioffe and Szegedy, 2015).
    Bn,
    /// Network deconvolution (Ye et al., 2020).
    Nd,
    /// Neither: ordinary convolutions with bias where ND has whitening ones. It is trained of VGG-11 only, as in the
    /// study; of other networks it is probed, to tell what whitening adds.
    Plain,
}

impl Norm {
    /// What is compared, in the order of the study's tables.
    pub const ALL: [Norm; 2] = [Self::Bn, Self::Nd];

    /// What can be trained, in the order of the study's tables.
    pub const TRAINED: [Norm; 3] = [Self::Plain, Self::Bn, Self::Nd];

    /// The key used in scenarios and records.
    pub fn key(self) -> &'static str {
        match self {
            Self::Bn => "bn",
            Self::Nd => "nd",
            Self::Plain => "plain",
        }
    }
}

impl fmt::Display for Norm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.key())
    }
}

impl FromStr for Norm {
    type Err = UnknownName;
    fn from_str(name: &str) -> Result<Self, UnknownName> {
        Self::TRAINED.into_iter().find(|n| n.key() == name).ok_or_else(|| UnknownName {
            what: "norm",
            name: name.into(),
            known: Self::ALL.map(Self::key).join(", "),
        })
    }
}

impl<'de> Deserialize<'de> for Norm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        super::by_name(deserializer)
    }
}

impl From<Norm> for String {
    fn from(n: Norm) -> String {
        n.key().into()
    }
}
