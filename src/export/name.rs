//! Names that stay the same from store to store: of a cell, of an environment, of a file.

use crate::files::sha256_hex;
use crate::plan::Trial;
use crate::scenario::{Architecture, BatchNorm, Dataset, Deconvolution, Norm, Recipe};
use crate::telemetry::Environment;

/// The longest part of a name that is made from foreign text.
const LONGEST: usize = 48;

/// What is measured again and again: everything of a trial but the attempt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The network.
    pub architecture: Architecture,
    /// The data.
    pub dataset: Dataset,
    /// Length of the training; 0 of a probe.
    pub epochs: u32,
    /// `bn`; `nd` with the study's settings, else `nd-<implementation>~<hash of the settings>`.
    pub norm: String,
    /// A hash of the recipe where it is not the study's; else empty.
    pub settings: String,
}

impl Cell {
    /// The cell of a trial.
    pub fn of(trial: &Trial) -> Cell {
        Cell {
            architecture: trial.architecture,
            dataset: trial.dataset.clone(),
            epochs: trial.epochs,
            norm: norm(trial.norm, trial.deconvolution),
            settings: settings(trial),
        }
    }

    /// `vgg16/cifar10/nd/e100`, and `~<hash>` where the recipe is not the study's.
    pub fn name(&self) -> String {
        format!("{}/{}/{}/{}", self.architecture, self.dataset, self.norm, self.length())
    }

    /// The name as a part of a path: `vgg16-cifar10-nd-e100`.
    pub fn file(&self) -> String {
        format!("{}-{}-{}-{}", self.architecture, file_part(&self.dataset.to_string()), self.norm, self.length())
    }

    /// The settings as a value of a label: `study`, or their hash.
    pub fn settings_label(&self) -> &str {
        if self.settings.is_empty() { "study" } else { &self.settings }
    }

    /// Names and values of the labels by which metrics tell cells apart.
    pub(super) fn labels(&self) -> [(&'static str, String); 5] {
        [
            ("architecture", self.architecture.to_string()),
            ("dataset", self.dataset.to_string()),
            ("norm", self.norm.clone()),
            ("epochs", self.epochs.to_string()),
            ("settings", self.settings_label().into()),
        ]
    }

    /// `e100`, and `~<hash>` where the recipe is not the study's; `probe` where nothing was trained to an end.
    pub fn length(&self) -> String {
        let length = if self.epochs == 0 { "probe".into() } else { format!("e{}", self.epochs) };
        format!("{length}{}", mark(&self.settings))
    }
}

/// The norm, and what makes it another one than the study's.
pub(super) fn norm(norm: Norm, deconvolution: Option<Deconvolution>) -> String {
    let Some(deconvolution) = deconvolution.filter(|_| norm == Norm::Nd) else {
        return norm.to_string();
    };
    let plain = Deconvolution::default();
    let mut name = norm.to_string();
    if deconvolution.implementation != plain.implementation {
        name += &format!("-{}", deconvolution.implementation);
    }
    let others = Deconvolution { implementation: plain.implementation, ..deconvolution };
    if others != plain {
        name += &mark(&hash(&serde_json::to_string(&others).expect("settings are plain data")));
    }
    name
}

/// Recipe, limits and base seed; empty where all are the study's.
fn settings(trial: &Trial) -> String {
    let own = (trial.recipe, trial.batch_norm, trial.train_images, trial.test_images, trial.base_seed);
    if own == (Recipe::default(), BatchNorm::default(), None, None, 0) {
        return String::new();
    }
    // By way of the trial's own hash, which is that of its canonical JSON.
    let rest = Trial {
        architecture: Architecture::Vgg16,
        dataset: Dataset::Cifar10,
        norm: Norm::Bn,
        epochs: 1,
        attempt: 0,
        deconvolution: None,
        ..trial.clone()
    };
    rest.id().0[..6].into()
}

/// [`Environment::label`].
pub fn environment_label(environment: &Environment) -> String {
    environment.label()
}

/// What may stand in a path on any file system. Texts that differ stay apart: what had to be changed gets a hash.
pub(super) fn file_part(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._~-".contains(c) { c } else { '_' };
    let part: String = text.chars().take(LONGEST).map(safe).collect();
    if part == text { part } else { format!("{part}{}", mark(&hash(text))) }
}

fn hash(text: &str) -> String {
    sha256_hex(text.as_bytes())[..6].into()
}

fn mark(hash: &str) -> String {
    if hash.is_empty() { String::new() } else { format!("~{hash}") }
}

#[cfg(test)]
mod unit {
    use super::*;
    use crate::record::made_up;

    fn nd() -> Trial {
        made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 100, 2)
    }

    #[test]
    fn the_studys_settings_have_plain_names_and_others_a_mark() {
        let plain = Cell::of(&nd());
        assert_eq!((plain.name().as_str(), plain.file().as_str()), ("vgg16/cifar10/nd/e100", "vgg16-cifar10-nd-e100"));
        assert_eq!(Cell::of(&Trial { attempt: 3, ..nd() }), plain, "attempts share the cell");
        let limited = Cell::of(&Trial { train_images: Some(500), ..nd() });
        assert!(limited.name().starts_with("vgg16/cifar10/nd/e100~"), "{}", limited.name());
        let block = Deconvolution { block: 32, ..Deconvolution::default() };
        let other = Cell::of(&Trial { deconvolution: Some(block), ..nd() });
        assert!(other.norm.starts_with("nd~") && other.settings.is_empty(), "{other:?}");
        let bn = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Bn, 100, 1);
        assert_eq!(Cell::of(&Trial { train_images: Some(500), ..bn }).settings, limited.settings);
    }

    #[test]
    fn names_of_files_are_safe_and_stay_apart() {
        let file = |name: &str| Cell::of(&Trial { dataset: Dataset::Folder(name.into()), ..nd() }).file();
        assert_ne!(file("my birds"), file("my?birds"));
        let long = file(&"ü".repeat(500));
        assert!(long.is_ascii() && long.len() < 120, "{long}");
        assert_eq!(file_part("cifar10"), "cifar10");
    }
}
