//! The rules that the values of a scenario must keep.

use super::checked::Raw;
use super::{Deconvolution, Norm, Recipe};
use crate::settings::{Checker, Document, SettingsError};

/// The most trials in one matrix: far above any study, far below what fills memory.
const MOST_TRIALS: u64 = 100_000;

/// Holds every value against its rule.
///
/// # Errors
/// All breaches at once.
pub(super) fn check(raw: &Raw, document: &Document) -> Result<(), SettingsError> {
    let mut checker = Checker::new(document);
    let c = &mut checker;
    c.present("name");
    let allowed = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || matches!(ch, '-' | '_' | '.');
    if document.has("name") {
        let fine = raw.name.starts_with(|ch: char| ch.is_ascii_alphanumeric()) && raw.name.chars().all(allowed);
        c.rule(fine, "name", "must be lower-case letters, digits, `-`, `_` or `.`, and begin with a letter or digit");
    }
    for (key, limit) in [("train_images", raw.train_images), ("test_images", raw.test_images)] {
        c.at_least(key, limit.unwrap_or(1), 1);
    }
    matrix(raw, document, c);
    recipe(&raw.recipe, c);
    if raw.matrix.norms.contains(&Norm::Nd) || document.has("deconvolution") {
        deconvolution(&raw.deconvolution, c);
    }
    checker.finish()
}

fn matrix(raw: &Raw, document: &Document, c: &mut Checker<'_>) {
    let m = &raw.matrix;
    c.list("matrix.architectures", &m.architectures);
    c.list("matrix.datasets", &m.datasets);
    c.list("matrix.norms", &m.norms);
    c.list("matrix.epochs", &m.epochs);
    for (i, epochs) in m.epochs.iter().enumerate() {
        c.at_least(&format!("matrix.epochs[{i}]"), *epochs, 1);
    }
    c.present("matrix.attempts");
    if document.has("matrix.attempts") {
        c.at_least("matrix.attempts", m.attempts, 1);
    }
    let lengths = [m.architectures.len(), m.datasets.len(), m.norms.len(), m.epochs.len()];
    let trials = lengths.into_iter().fold(u64::from(m.attempts), |n, length| n.saturating_mul(length as u64));
    c.rule(trials <= MOST_TRIALS, "matrix", format_args!("makes {trials} trials; at most {MOST_TRIALS} are allowed"));
}

fn recipe(r: &Recipe, c: &mut Checker<'_>) {
    c.at_least("recipe.batch_size", r.batch_size, 1);
    c.at_least("recipe.eval_batch_size", r.eval_batch_size, 1);
    c.positive("recipe.lr", r.lr);
    fraction(c, "recipe.momentum", r.momentum);
    let decay = r.weight_decay;
    let rule = format_args!("must be a finite number, 0 or above, not {decay}");
    c.rule(decay.is_finite() && decay >= 0.0, "recipe.weight_decay", rule);
    c.rule(!r.nesterov || r.momentum > 0.0, "recipe.nesterov", "needs a recipe.momentum above 0");
    fraction(c, "recipe.dropout", r.dropout.unwrap_or(0.0));
    let padding = r.augmentation.crop_padding;
    let rule = format_args!("must be at most 32, the side of an image, not {padding}");
    c.rule(padding <= 32, "recipe.augmentation.crop_padding", rule);
}

fn deconvolution(d: &Deconvolution, c: &mut Checker<'_>) {
    c.at_least("deconvolution.block", d.block, 1);
    c.at_least("deconvolution.block_fc", d.block_fc, 0);
    c.at_least("deconvolution.n_iter", d.n_iter, 1);
    c.positive("deconvolution.eps", d.eps);
    c.at_least("deconvolution.sampling_stride", d.sampling_stride, 1);
    let momentum = d.momentum;
    let rule = format_args!("must be above 0 and at most 1, not {momentum}");
    c.rule(momentum > 0.0 && momentum <= 1.0, "deconvolution.momentum", rule);
}

/// A number from 0, included, to 1, excluded.
fn fraction(c: &mut Checker<'_>, key: &str, value: f64) {
    c.rule((0.0..1.0).contains(&value), key, format_args!("must be at least 0 and below 1, not {value}"));
}
