//! What is to be trained: the names of architectures, data sets and norms, the recipe, and the scenario files.

mod architecture;
mod batch_norm;
mod check;
mod checked;
mod dataset;
mod deconvolution;
mod norm;
mod recipe;

pub use architecture::Architecture;
pub use batch_norm::BatchNorm;
pub use checked::{BUILT_IN, Matrix, Published, Scenario};
pub use dataset::Dataset;
pub use deconvolution::{Deconvolution, Freeze, Implementation, MatrixPrecision};
pub use norm::Norm;
pub use recipe::{Augmentation, Normalisation, Precision, Recipe, Schedule};

use serde::de::{Deserializer, Error, Visitor};
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

/// A name that no scenario may use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} `{name}`; known: {known}")]
pub struct UnknownName {
    /// What was named: `architecture`, `data set`, …
    pub what: &'static str,
    /// The name as given.
    pub name: String,
    /// Every accepted name, separated by commas.
    pub known: String,
}

/// Reads a value that is written as its name. A visitor, and not serde's `try_from`, so that the error keeps the place of
/// the name itself within a list.
fn by_name<'de, T: FromStr<Err = UnknownName>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Name<T>(PhantomData<T>);
    impl<T: FromStr<Err = UnknownName>> Visitor<'_> for Name<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name in quotes")
        }
        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            name.parse().map_err(E::custom)
        }
    }
    deserializer.deserialize_str(Name(PhantomData))
}

#[cfg(test)]
mod tests;
