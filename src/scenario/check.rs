//! The rules that the values of a scenario must keep.

use super::checked::Raw;
use super::{Architecture, BatchNorm, Dataset, Deconvolution, Norm, Normalisation};
use crate::settings::{Checker, Document, SettingsError};

/// The most trials in one matrix: far above any study, far below what fills memory.
const MOST_TRIALS: u64 = 100_000;
/// The other bounds are as wide: what lies beyond is a slip of the keyboard, or would not end.
const MOST_EPOCHS: u32 = 100_000;
const MOST_IMAGES: u32 = 100_000_000;
const MOST_IN_A_BATCH: u32 = 1_000_000;
/// A training at any such rate diverges.
const HIGHEST_RATE: f64 = 1000.0;
/// Newton-Schulz has long converged, or diverged.
const MOST_ITERATIONS: i64 = 100;
/// Steps before statistics freeze.
const MOST_STEPS: i64 = 1_000_000_000;
/// More channels or features than any layer has.
const LARGEST_BLOCK: i64 = 65_536;
/// The side of an image that may be padded.
const SIDE: u32 = 32;
/// No image has more pixels in a row.
const LONGEST_STRIDE: i64 = 224;

/// Holds every value against its rule.
///
/// # Errors
/// All breaches at once.
pub(super) fn check(raw: &Raw, document: &Document) -> Result<(), SettingsError> {
    let mut checker = Checker::new(document);
    let c = &mut checker;
    c.present("name");
    if document.has("name") {
        c.rule(is_name(&raw.name), "name", NAME_RULE);
    }
    images(raw, c);
    matrix(raw, document, c);
    networks(raw, c);
    recipe(raw, c);
    let BatchNorm { momentum, eps } = raw.batch_norm;
    c.positive("batch_norm.momentum", momentum, 1.0);
    c.positive("batch_norm.eps", eps, 1000.0);
    let all_norms = raw.networks.values().filter_map(|n| n.norms.as_ref()).chain([&raw.matrix.norms]);
    if all_norms.flatten().any(|norm| *norm == Norm::Nd) || document.has("deconvolution") {
        deconvolution("deconvolution", &raw.deconvolution, c);
    }
    variants(raw, c);
    checker.finish()
}

const NAME_RULE: &str = "must be lower-case letters, digits, `-`, `_` or `.`, and begin with a letter or digit";

fn is_name(name: &str) -> bool {
    let allowed = |ch: char| ch.is_ascii_lowercase() || ch.is_ascii_digit() || matches!(ch, '-' | '_' | '.');
    name.starts_with(|ch: char| ch.is_ascii_alphanumeric()) && name.chars().all(allowed)
}

/// No more images may be asked for than a data set has, where its name fixes how many that are.
fn images(raw: &Raw, c: &mut Checker<'_>) {
    let all = |of: fn((u32, u32)) -> u32| {
        let sizes = raw.matrix.datasets.iter().filter_map(|d| Some((of(d.images()?), d)));
        sizes.min_by_key(|(images, _)| *images)
    };
    let limits = [("train_images", raw.train_images, all(|n| n.0)), ("test_images", raw.test_images, all(|n| n.1))];
    for (key, limit, smallest) in limits {
        let Some(limit) = limit else { continue };
        c.count(key, limit, 1..=MOST_IMAGES);
        if let Some((images, dataset)) = smallest.filter(|_| limit <= MOST_IMAGES) {
            let rule = format_args!("must be at most {images}, which is all that {dataset} has, not {limit}");
            c.rule(limit <= images, key, rule);
        }
    }
}

fn matrix(raw: &Raw, document: &Document, c: &mut Checker<'_>) {
    let m = &raw.matrix;
    c.list("matrix.architectures", &m.architectures);
    c.list("matrix.datasets", &m.datasets);
    c.list("matrix.norms", &m.norms);
    c.rule(
        !m.norms.contains(&Norm::Plain),
        "matrix.norms",
        "`plain` is for probes and for a network of its own, as in `networks.vgg11.norms`; known here: bn, nd",
    );
    c.list("matrix.epochs", &m.epochs);
    for (i, epochs) in m.epochs.iter().enumerate() {
        c.count(&format!("matrix.epochs[{i}]"), *epochs, 1..=MOST_EPOCHS);
    }
    c.present("matrix.attempts");
    if document.has("matrix.attempts") {
        c.count("matrix.attempts", m.attempts, 1..=MOST_TRIALS as u32);
    }
    let norms = |a: &Architecture| raw.networks.get(a).and_then(|n| n.norms.as_ref()).unwrap_or(&m.norms).len();
    let arms = m.architectures.iter().map(|a| norms(a) + raw.variants.len()).fold(0, usize::saturating_add);
    let lengths = [arms, m.datasets.len(), m.epochs.len()];
    let trials = lengths.into_iter().fold(u64::from(m.attempts), |n, length| n.saturating_mul(length as u64));
    c.rule(trials <= MOST_TRIALS, "matrix", format_args!("makes {trials} trials; at most {MOST_TRIALS} are allowed"));
}

/// What holds for single networks.
fn networks(raw: &Raw, c: &mut Checker<'_>) {
    for (architecture, network) in &raw.networks {
        let key = format!("networks.{architecture}");
        c.rule(raw.matrix.architectures.contains(architecture), &key, "is not among matrix.architectures");
        if let Some(norms) = &network.norms {
            let key = format!("{key}.norms");
            c.list(&key, norms);
            let plain = norms.contains(&Norm::Plain) && *architecture != Architecture::Vgg11;
            c.rule(!plain, &key, "`plain` is trained of vgg11 only; known here: bn, nd");
        }
        if let Some(lr) = network.lr {
            c.positive(&format!("{key}.lr"), lr, HIGHEST_RATE);
        }
    }
}

fn recipe(raw: &Raw, c: &mut Checker<'_>) {
    let r = &raw.recipe;
    c.count("recipe.batch_size", r.batch_size, 1..=MOST_IN_A_BATCH);
    c.count("recipe.eval_batch_size", r.eval_batch_size, 1..=MOST_IN_A_BATCH);
    c.positive("recipe.lr", r.lr, HIGHEST_RATE);
    c.fraction("recipe.momentum", r.momentum);
    c.from_zero("recipe.weight_decay", r.weight_decay, 1000.0);
    c.rule(!r.nesterov || r.momentum > 0.0, "recipe.nesterov", "needs a recipe.momentum above 0");
    let drops = raw.matrix.architectures.iter().any(|a| a.has_dropout());
    c.rule(r.dropout.is_none() || drops, "recipe.dropout", "none of the networks has dropout: leave it out");
    c.fraction("recipe.dropout", r.dropout.unwrap_or(0.0));
    if let Some(Normalisation { mean, std }) = &r.normalisation {
        mean.iter().for_each(|m| c.from_zero("recipe.normalisation.mean", *m, 1.0));
        std.iter().for_each(|s| c.positive("recipe.normalisation.std", *s, 1000.0));
    }
    c.count("recipe.accumulate", r.accumulate, 1..=r.batch_size.max(1));
    let rule = "cannot be captured with recipe.accumulate above 1: leave out one of them";
    c.rule(!r.cuda_graph || r.accumulate <= 1, "recipe.cuda_graph", rule);
    augmentation(raw, c);
}

/// Pictures of ImageNet are cut and mirrored as the study does, images of other data sets padded or left alone.
fn augmentation(raw: &Raw, c: &mut Checker<'_>) {
    let (a, at) = (&raw.recipe.augmentation, |name: &str| format!("recipe.augmentation.{name}"));
    let padding = a.crop_padding;
    let rule = format_args!("must be at most {SIDE}, the side of an image, not {padding}");
    c.rule(padding <= SIDE, &at("crop_padding"), rule);
    let pictures = raw.matrix.datasets.contains(&Dataset::Imagenet);
    if pictures {
        let rule =
            "must be true for imagenet, whose pictures have all sizes; other data sets need a scenario of their own";
        c.rule(a.resized_crop, &at("resized_crop"), rule);
        c.rule(padding == 0, &at("crop_padding"), "must be 0 for imagenet: resized_crop crops");
        c.rule(a.flip, &at("flip"), "must be true for imagenet");
    }
    let others = raw.matrix.datasets.iter().find(|d| **d != Dataset::Imagenet);
    if let Some(other) = others.filter(|_| a.resized_crop) {
        c.rule(false, &at("resized_crop"), format_args!("is for imagenet, not for {other}"));
    }
}

/// Settings of ND beside those that the scenario has in any case.
fn variants(raw: &Raw, c: &mut Checker<'_>) {
    let mut known = vec![("deconvolution", &raw.deconvolution)];
    for (name, settings) in &raw.variants {
        let key = format!("variants.{name}");
        c.rule(is_name(name), &key, NAME_RULE);
        deconvolution(&key, settings, c);
        c.rule(raw.matrix.norms.contains(&Norm::Nd), &key, "needs `nd` among the norms");
        let twin = known.iter().find(|(_, known)| *known == settings);
        c.rule(twin.is_none(), &key, format_args!("is the same as {}", twin.map_or("", |(name, _)| name)));
        known.push((name, settings));
    }
}

fn deconvolution(key: &str, d: &Deconvolution, c: &mut Checker<'_>) {
    let at = |name: &str| format!("{key}.{name}");
    c.count(&at("block"), d.block, 1..=LARGEST_BLOCK);
    c.count(&at("block_fc"), d.block_fc, 0..=LARGEST_BLOCK);
    c.count(&at("n_iter"), d.n_iter, 1..=MOST_ITERATIONS);
    c.positive(&at("eps"), d.eps, 1000.0);
    c.count(&at("sampling_stride"), d.sampling_stride, 1..=LONGEST_STRIDE);
    c.positive(&at("momentum"), d.momentum, 1.0);
    c.count(&at("first_n_iter"), d.first_n_iter.unwrap_or(1), 1..=MOST_ITERATIONS);
    c.count(&at("freeze_iter"), d.freeze_iter.unwrap_or(1), 1..=MOST_STEPS);
    c.count(&at("refresh"), d.refresh.unwrap_or(1), 1..=MOST_STEPS);
}
