//! How the study trains a network, and whether a trial is trained so.

use super::accuracy::saw_a_part;
use super::words::{dataset_title, length};
use crate::plan::Trial;
use crate::published::{IMAGENET_EPOCHS, ImagenetNetwork};
use crate::record::Record;
use crate::scenario::{
    Architecture, BUILT_IN, BatchNorm, Dataset, Deconvolution, Implementation, Recipe, Scenario, Schedule,
};
use serde::Serialize;
use std::sync::LazyLock;

/// The scenario of the study's trainings on ImageNet.
static IMAGENET: LazyLock<Scenario> = LazyLock::new(|| {
    let text = BUILT_IN.iter().find(|(name, _)| *name == "table2-imagenet").map_or("", |(_, text)| text);
    Scenario::parse("table2-imagenet.toml", text).expect("built-in scenarios hold")
});

/// How a training of a network for ImageNet stands to the study's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Standing {
    /// The same: data, length, settings.
    Same,
    /// It sees other or fewer images: it shows that the path works, and no more.
    Smoke {
        /// What was trained: `birds, 1 epoch, 32 training images`.
        what: String,
    },
    /// Another length, or other settings.
    Otherwise,
}

/// The trial with the study's settings in place of its own; network, data, norm, length and attempt stay.
pub(super) fn like_the_study(trial: &Trial) -> Trial {
    let recipes = recipes(trial.architecture);
    let own = |r: &&Recipe| (r.schedule, r.lr) == (trial.recipe.schedule, trial.recipe.lr);
    let block_fc = trial.architecture.block_fc();
    Trial {
        recipe: *recipes.iter().find(own).unwrap_or(&recipes[0]),
        batch_norm: BatchNorm::default(),
        deconvolution: trial.deconvolution.map(|_| Deconvolution { block_fc, ..Deconvolution::default() }),
        train_images: None,
        test_images: None,
        base_seed: 0,
        ..trial.clone()
    }
}

/// Whether all images are seen by the study's recipe and operator settings. Implementation, arithmetic, the size of
/// evaluation batches, the layout of images and how steps are launched may differ. `records`, which are to stand beside
/// the study's, must have seen all images too.
pub(super) fn is_like_the_study(trial: &Trial, records: &[&Record]) -> bool {
    let whole = trial.train_images.is_none() && trial.test_images.is_none();
    has_its_settings(trial) && whole && !records.iter().any(|record| saw_a_part(record))
}

/// How the training of a network for ImageNet stands to the study's; `None` of other networks.
pub(super) fn standing(trial: &Trial, records: &[&Record]) -> Option<Standing> {
    ImagenetNetwork::of(trial.architecture)?;
    let limited = trial.train_images.is_some() || trial.test_images.is_some();
    let part = limited || records.iter().any(|record| saw_a_part(record));
    Some(if trial.dataset != Dataset::Imagenet || part {
        let images = trial.train_images.map_or(String::new(), |n| format!(", {n} training images"));
        Standing::Smoke { what: format!("{}, {}{images}", dataset_title(&trial.dataset), length(trial.epochs)) }
    } else if trial.epochs == IMAGENET_EPOCHS && has_its_settings(trial) {
        Standing::Same
    } else {
        Standing::Otherwise
    })
}

fn has_its_settings(trial: &Trial) -> bool {
    let study = like_the_study(trial);
    let Recipe { precision, eval_batch_size, channels_last, cuda_graph, .. } = study.recipe;
    let recipe = Recipe { precision, eval_batch_size, channels_last, cuda_graph, ..trial.recipe };
    let operator = trial.deconvolution.map(|d| Deconvolution { implementation: Implementation::Published, ..d });
    recipe == study.recipe && trial.batch_norm.is_default() && operator == study.deconvolution
}

/// The recipes that the study may have used: on ImageNet its text and its command lines allow two.
fn recipes(architecture: Architecture) -> Vec<Recipe> {
    if ImagenetNetwork::of(architecture).is_none() {
        return vec![Recipe::default()];
    }
    let steps = IMAGENET.recipe_of(architecture);
    vec![steps, Recipe { schedule: Schedule::Cosine, lr: Recipe::default().lr, ..steps }]
}
