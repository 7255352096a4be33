//! A scenario: the matrix of trainings and how each is trained, checked.

use super::{Architecture, BatchNorm, Dataset, Deconvolution, Norm, Recipe};
use crate::settings::{Document, SettingsError, find};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// The scenarios that the binary carries, by name.
pub const BUILT_IN: [(&str, &str); 7] = [
    ("demo", include_str!("../../scenarios/demo.toml")),
    ("overhead-frontier", include_str!("../../scenarios/overhead-frontier.toml")),
    ("smoke", include_str!("../../scenarios/smoke.toml")),
    ("smoke-imagenet", include_str!("../../scenarios/smoke-imagenet.toml")),
    ("table1-cifar10", include_str!("../../scenarios/table1-cifar10.toml")),
    ("table1-cifar100", include_str!("../../scenarios/table1-cifar100.toml")),
    ("table2-imagenet", include_str!("../../scenarios/table2-imagenet.toml")),
];

/// A published table that a scenario answers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Published {
    /// Table 1 of Ye et al. (2020), with the study's three attempts at each of its cells.
    Table1,
    /// Table 2 of Ye et al. (2020), with the study's single attempt at each of its cells.
    Table2,
}

/// Everything that is combined with everything else.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table with architectures, datasets, norms, epochs and attempts")]
pub struct Matrix {
    /// Networks, in the order in which they run.
    pub architectures: Vec<Architecture>,
    /// Data sets, in the order in which they run.
    pub datasets: Vec<Dataset>,
    /// One norm, or both for paired comparisons; of a network that has its own, [`Scenario::norms`].
    pub norms: Vec<Norm>,
    /// Lengths of training.
    pub epochs: Vec<u32>,
    /// Repetitions of each cell.
    pub attempts: u32,
}

/// What holds for one network in place of what holds for all.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table with norms or lr")]
pub(super) struct Network {
    pub(super) norms: Option<Vec<Norm>>,
    pub(super) lr: Option<f64>,
}

/// The raw form: what a file may say. The shape is checked by serde, the values by [`super::check`].
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) published: Option<Published>,
    pub(super) base_seed: u64,
    pub(super) train_images: Option<u32>,
    pub(super) test_images: Option<u32>,
    pub(super) matrix: Matrix,
    pub(super) networks: BTreeMap<Architecture, Network>,
    pub(super) recipe: Recipe,
    pub(super) batch_norm: BatchNorm,
    pub(super) deconvolution: Deconvolution,
    pub(super) variants: BTreeMap<String, Deconvolution>,
}

/// A checked scenario. It can only be made by [`Scenario::load`], [`Scenario::parse`] and [`Scenario::with`], so every
/// rule holds for every scenario there is.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    raw: Raw,
    document: Document,
}

impl Scenario {
    /// The scenario of a file, given by its path, or the built-in of that name.
    ///
    /// # Errors
    /// A file that is not there, cannot be read, or breaks a rule: with file, line, column, key and rule.
    pub fn load(name_or_path: &str) -> Result<Self, SettingsError> {
        let (label, text) = find("scenario", name_or_path, &BUILT_IN)?;
        Self::parse(&label, &text)
    }

    /// The scenario written in `text`; `label` names it in messages and sources.
    ///
    /// # Errors
    /// Text that breaks a rule: with line, column, key and rule.
    pub fn parse(label: &str, text: &str) -> Result<Self, SettingsError> {
        Self::checked(Document::from_file::<Raw>(label, text)?)
    }

    /// This scenario with the value of one dotted key replaced (`matrix.attempts`, `5`); `flag` names the source in
    /// messages and records (`--attempts`).
    ///
    /// # Errors
    /// A key or value that breaks a rule.
    pub fn with(&self, flag: &str, key: &str, value: &str) -> Result<Self, SettingsError> {
        let mut document = self.document.clone();
        document.merge(Document::from_flag::<Raw>(flag, key, value)?);
        Self::checked(document)
    }

    fn checked(document: Document) -> Result<Self, SettingsError> {
        let raw: Raw = document.value()?;
        super::check::check(&raw, &document)?;
        Ok(Self { raw, document })
    }

    /// The name, as results are filed under.
    pub fn name(&self) -> &str {
        &self.raw.name
    }

    /// A sentence for people.
    pub fn description(&self) -> &str {
        &self.raw.description
    }

    /// The published table that the report sets beside the results.
    pub fn published(&self) -> Option<Published> {
        self.raw.published
    }

    /// What is combined with what; no list is empty or names anything twice.
    pub fn matrix(&self) -> &Matrix {
        &self.raw.matrix
    }

    /// The norms that a network is trained with.
    pub fn norms(&self, architecture: Architecture) -> &[Norm] {
        let own = self.raw.networks.get(&architecture).and_then(|network| network.norms.as_ref());
        own.unwrap_or(&self.raw.matrix.norms)
    }

    /// How networks are trained, but for the learning rate of those that have their own.
    pub fn recipe(&self) -> &Recipe {
        &self.raw.recipe
    }

    /// How a network is trained.
    pub fn recipe_of(&self, architecture: Architecture) -> Recipe {
        let own = self.raw.networks.get(&architecture).and_then(|network| network.lr);
        Recipe { lr: own.unwrap_or(self.raw.recipe.lr), ..self.raw.recipe }
    }

    /// The settings of BN.
    pub fn batch_norm(&self) -> &BatchNorm {
        &self.raw.batch_norm
    }

    /// The settings of ND.
    pub fn deconvolution(&self) -> &Deconvolution {
        &self.raw.deconvolution
    }

    /// Other settings of ND, by name, that are trained beside those of [`Scenario::deconvolution`].
    pub fn variants(&self) -> &BTreeMap<String, Deconvolution> {
        &self.raw.variants
    }

    /// Only the first so many training images; absent: all.
    pub fn train_images(&self) -> Option<u32> {
        self.raw.train_images
    }

    /// Only the first so many test images; absent: all.
    pub fn test_images(&self) -> Option<u32> {
        self.raw.test_images
    }

    /// Mixed into the seed of every trial.
    pub fn base_seed(&self) -> u64 {
        self.raw.base_seed
    }

    /// Where the value of a dotted key (`recipe.lr`, `matrix.epochs[0]`) was written, `demo.toml:12`; absent when the
    /// scenario leaves it out.
    pub fn source(&self, key: &str) -> Option<String> {
        self.document.source(key)
    }
}

/// The name.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
