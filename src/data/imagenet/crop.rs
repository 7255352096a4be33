//! Which part of a picture a network sees.
//!
//! The definitions are those of torchvision's `RandomResizedCrop`, and of `Resize` with `CenterCrop` after it.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Height and width of what networks see.
pub const SIDE: u32 = 224;
/// The shorter side to which evaluation scales a picture, before its centre is cut out.
const EVALUATION_SIDE: u32 = 256;
/// Least and largest share of a picture's area that training cuts out.
const SCALE: (f64, f64) = (0.08, 1.0);
/// Least and largest ratio of width to height of what training cuts out.
const RATIO: (f64, f64) = (3.0 / 4.0, 4.0 / 3.0);
/// After so many draws that do not fit, the largest part in the middle is taken.
const DRAWS: u32 = 10;
/// Words of the generator's stream that belong to one image; a picture needs at most `2 + 4 * DRAWS + 4`.
const WORDS: u128 = 64;

/// A part of a picture, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Area {
    /// Columns to its left.
    pub left: u32,
    /// Rows above it.
    pub top: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// What of a picture becomes [`SIDE`] x [`SIDE`] pixels, in pixels of the picture; it may begin and end within one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Window {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// Pixels outside count at its edges, as where a picture is scaled first and cut then.
    pub(super) open: bool,
}

/// How images become inputs of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A random part, half of them mirrored: functions of the seed of a training, its epoch, and the number of the image
    /// in its data set.
    Training {
        /// Of the training.
        seed: u64,
        /// From 1.
        epoch: u32,
    },
    /// The centre.
    Evaluation,
}

impl View {
    /// What is seen of image `number`, which has so many pixels, and whether it is mirrored.
    pub(super) fn of(self, number: u64, (width, height): (u32, u32)) -> (Window, bool) {
        let Self::Training { seed, epoch } = self else { return (centre(width, height), false) };
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        // Streams without this bit are those of the order of an epoch.
        rng.set_stream(1 << 63 | u64::from(epoch));
        rng.set_word_pos(u128::from(number) * WORDS);
        let mirrored = rng.next_u64() >> 63 == 1;
        let Area { left, top, width, height } = random_area(&mut rng, width, height);
        let [left, top, width, height] = [left, top, width, height].map(f64::from);
        (Window { left, top, width, height, open: false }, mirrored)
    }
}

/// A random part of a picture of `width` x `height` pixels.
pub fn random_area(rng: &mut impl Rng, width: u32, height: u32) -> Area {
    let area = f64::from(width) * f64::from(height);
    for _ in 0..DRAWS {
        let target = area * between(rng, SCALE.0, SCALE.1);
        let ratio = between(rng, RATIO.0.ln(), RATIO.1.ln()).exp();
        let w = (target * ratio).sqrt().round_ties_even() as u32;
        let h = (target / ratio).sqrt().round_ties_even() as u32;
        if (1..=width).contains(&w) && (1..=height).contains(&h) {
            let (top, left) = (below(rng, height - h + 1), below(rng, width - w + 1));
            return Area { left, top, width: w, height: h };
        }
    }
    middle(width, height)
}

/// The largest part in the middle whose ratio of sides is allowed.
fn middle(width: u32, height: u32) -> Area {
    let ratio = f64::from(width) / f64::from(height);
    let (w, h) = match ratio {
        r if r < RATIO.0 => (width, (f64::from(width) / RATIO.0).round_ties_even() as u32),
        r if r > RATIO.1 => ((f64::from(height) * RATIO.1).round_ties_even() as u32, height),
        _ => (width, height),
    };
    Area { left: (width - w) / 2, top: (height - h) / 2, width: w, height: h }
}

/// The pixels of a picture that are its centre, once its shorter side is [`EVALUATION_SIDE`].
fn centre(width: u32, height: u32) -> Window {
    let shorter = u64::from(width.min(height));
    let scaled = |side: u32| (u64::from(EVALUATION_SIDE) * u64::from(side) / shorter) as f64;
    let start = |scaled: f64| ((scaled - f64::from(SIDE)) / 2.0).round_ties_even();
    let (across, down) = (scaled(width), scaled(height));
    let (x, y) = (f64::from(width) / across, f64::from(height) / down);
    let side = f64::from(SIDE);
    Window { left: start(across) * x, top: start(down) * y, width: side * x, height: side * y, open: true }
}

/// A number in `least..most`. Our own arithmetic, so that a seed means the same for ever.
fn between(rng: &mut impl Rng, least: f64, most: f64) -> f64 {
    let unit = (rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    least + (most - least) * unit
}

/// A number in `0..bound`; the bias is below `bound / 2^64`.
fn below(rng: &mut impl Rng, bound: u32) -> u32 {
    ((u128::from(rng.next_u64()) * u128::from(bound)) >> 64) as u32
}

#[cfg(test)]
#[path = "crop_tests.rs"]
mod tests;
