//! Batches: order, crops and mirror images of a whole epoch, drawn once, applied on the device.

use super::{Images, Normalisation};
use crate::scenario::Augmentation;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tch::{Device, Kind, Tensor};

/// The random numbers of one epoch: the order of the images and how each is cropped and mirrored.
///
/// They are a function of seed and epoch alone, so that any batch can be computed again, for example after a resume,
/// and they go to the device once, so that no step waits for the host.
#[derive(Debug)]
pub struct EpochPlan {
    /// int64, `[n]`: which image stands at each place of the epoch.
    order: Tensor,
    /// Zero pixels on each side before the crop.
    padding: i64,
    /// int64, `[2, n]`: row and column at which each crop starts, in `0..=2 * padding`; absent without cropping.
    corners: Option<Tensor>,
    /// bool, `[n]`: which places are mirrored; absent without flips.
    mirrored: Option<Tensor>,
}

impl EpochPlan {
    /// Draws the plan of `epoch` for `images` training images from a generator that is seeded by `seed` and has one
    /// stream an epoch, and moves it to `device`.
    pub fn new(seed: u64, epoch: u32, images: i64, augmentation: &Augmentation, device: Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(epoch));
        let order = Tensor::from_slice(&permutation(&mut rng, images)).to_device(device);
        let padding = i64::from(augmentation.crop_padding);
        let corners = (padding > 0).then(|| {
            let offsets: Vec<i64> = (0..2 * images).map(|_| below(&mut rng, 2 * padding + 1)).collect();
            Tensor::from_slice(&offsets).view([2, images]).to_device(device)
        });
        let mirrored = augmentation.flip.then(|| {
            let coins: Vec<bool> = (0..images).map(|_| below(&mut rng, 2) == 1).collect();
            Tensor::from_slice(&coins).to_device(device)
        });
        Self { order, padding, corners, mirrored }
    }

    /// The places `start..end` of the epoch, augmented and normalised: `[end - start, 3, H, W]` of `kind`, and their
    /// labels, int64 `[end - start]`.
    ///
    /// # Panics
    /// When the range is empty or exceeds the images that the plan was drawn for.
    pub fn train_batch(
        &self,
        images: &Images,
        normalisation: &Normalisation,
        start: i64,
        end: i64,
        kind: Kind,
    ) -> (Tensor, Tensor) {
        let length = end - start;
        let chosen = self.order.narrow(0, start, length);
        let mut pixels = images.pixels.index_select(0, &chosen);
        if let Some(corners) = &self.corners {
            pixels = crop(&pixels, &corners.narrow(1, start, length), self.padding);
        }
        if let Some(mirrored) = &self.mirrored {
            let mask = mirrored.narrow(0, start, length).view([length, 1, 1, 1]);
            pixels = pixels.flip([3]).where_self(&mask, &pixels);
        }
        (normalise(&pixels, normalisation, kind), images.labels.index_select(0, &chosen))
    }
}

/// The images `start..end` in their own order, normalised: `[end - start, 3, H, W]` of `kind`, and their labels, int64
/// `[end - start]`.
///
/// # Panics
/// When the range is empty or exceeds the images.
pub fn eval_batch(
    images: &Images,
    normalisation: &Normalisation,
    start: i64,
    end: i64,
    kind: Kind,
) -> (Tensor, Tensor) {
    let pixels = images.pixels.narrow(0, start, end - start);
    (normalise(&pixels, normalisation, kind), images.labels.narrow(0, start, end - start))
}

/// `pixels` `[B, 3, H, W]` with `padding` zeros around, cut to the old size at `corners` `[2, B]`.
fn crop(pixels: &Tensor, corners: &Tensor, padding: i64) -> Tensor {
    let (batch, _, height, width) = pixels.size4().expect("images have four dimensions");
    // A view of every possible crop, [B, rows, columns, 3, H, W]; one of them is copied for each image.
    let crops =
        pixels.constant_pad_nd([padding; 4]).unfold(2, height, 1).unfold(3, width, 1).permute([0, 2, 3, 1, 4, 5]);
    let image = Tensor::arange(batch, (Kind::Int64, pixels.device()));
    crops.index(&[Some(image), Some(corners.get(0)), Some(corners.get(1))])
}

/// `(x / 255 - mean) / std`, a channel at a time. The constants travel as kernel arguments: nothing is copied from the
/// host.
fn normalise(pixels: &Tensor, normalisation: &Normalisation, kind: Kind) -> Tensor {
    let mut scaled = pixels.to_kind(kind);
    let _ = scaled.g_div_scalar_(255.0);
    for (channel, (mean, std)) in normalisation.mean.into_iter().zip(normalisation.std).enumerate() {
        let _ = scaled.select(1, channel as i64).g_sub_scalar_(mean).g_div_scalar_(std);
    }
    scaled
}

/// The numbers `0..n` in random order (Fisher and Yates).
pub(super) fn permutation(rng: &mut impl Rng, n: i64) -> Vec<i64> {
    let mut order: Vec<i64> = (0..n).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, below(rng, last as i64 + 1) as usize);
    }
    order
}

/// A number in `0..bound`. Our own arithmetic, so that a seed means the same for ever; the bias is below `bound / 2^64`.
fn below(rng: &mut impl Rng, bound: i64) -> i64 {
    ((u128::from(rng.next_u64()) * bound as u128) >> 64) as i64
}

#[cfg(test)]
#[path = "augment_tests.rs"]
mod tests;
