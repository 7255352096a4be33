//! From the file of a picture to the numbers that a network sees.

use super::crop::{Area, SIDE, View, Window};
use super::decode::{Part, Picture};
use crate::scenario::Normalisation;
use fast_image_resize::images::{TypedCroppedImage, TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// Pixels of an input.
const PIXELS: usize = (SIDE * SIDE) as usize;
/// Numbers of an input.
pub(super) const NUMBERS: usize = 3 * PIXELS;

/// The order of the numbers of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Three planes, as tensors usually lie.
    Planes,
    /// Pixel by pixel: channels last.
    Pixels,
}

/// How the pixels of every image become numbers.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) view: View,
    pub(super) order: Order,
    /// JPEGs may be decoded at a lower resolution where that is enough.
    pub(super) scaled: bool,
    /// The number of each level of each channel.
    levels: [[f32; 256]; 3],
}

impl Form {
    pub(super) fn new(view: View, order: Order, scaled: bool, normalisation: &Normalisation) -> Self {
        let level = |channel: usize, level: usize| {
            let (mean, std) = (normalisation.mean[channel] as f32, normalisation.std[channel] as f32);
            (level as f32 / 255.0 - mean) / std
        };
        let levels = [0, 1, 2].map(|channel| std::array::from_fn(|n| level(channel, n)));
        Self { view, order, scaled, levels }
    }
}

/// What a thread needs to make inputs, one after the other.
pub(super) struct Resampler {
    resizer: Resizer,
    seen: TypedImage<'static, U8x3>,
}

impl Resampler {
    pub(super) fn new() -> Self {
        Self { resizer: Resizer::new(), seen: TypedImage::new(SIDE, SIDE) }
    }

    /// Decodes image `number` of a data set from the bytes of its file and writes what is seen of it, [`NUMBERS`] of
    /// them, to
    /// `numbers`.
    ///
    /// # Errors
    /// What is wrong with the file, in words.
    pub(super) fn input(
        &mut self,
        bytes: Vec<u8>,
        number: u64,
        form: &Form,
        numbers: &mut [f32],
    ) -> Result<(), String> {
        let picture = Picture::open(bytes)?;
        let (window, mirrored) = form.view.of(number, picture.size());
        self.resize(&picture.part(window, form.scaled)?)?;
        self.write(mirrored, form, numbers);
        Ok(())
    }

    /// Scales the window of `part` to what is seen, by the triangle filter as wide as a pixel of the result: what Pillow
    /// calls bilinear, and torchvision's transforms use.
    pub(super) fn resize(&mut self, part: &Part) -> Result<(), String> {
        let failed = |e: &dyn std::error::Error| format!("cannot be scaled: {e}");
        let all = TypedImageRef::<U8x3>::from_buffer(part.columns, part.rows, &part.pixels).map_err(|e| failed(&e))?;
        let Area { left, top, width, height } = part.used;
        let used = TypedCroppedImage::from_ref(&all, left, top, width, height).map_err(|e| failed(&e))?;
        let Window { left, top, width, height, .. } = part.window;
        let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        let options = options.crop(left, top, width, height);
        self.resizer.resize_typed(&used, &mut self.seen, &options).map_err(|e| failed(&e))
    }

    /// The levels seen, three bytes a pixel.
    #[cfg(test)]
    pub(super) fn levels(&self) -> Vec<u8> {
        self.seen.pixels().iter().flat_map(|pixel| pixel.0).collect()
    }

    pub(super) fn write(&self, mirrored: bool, form: &Form, numbers: &mut [f32]) {
        let [red, green, blue] = &form.levels;
        let side = SIDE as usize;
        let rows = self.seen.pixels().chunks_exact(side);
        let number = |pixel: &U8x3| {
            let [r, g, b] = pixel.0.map(usize::from);
            [red[r], green[g], blue[b]]
        };
        match form.order {
            Order::Pixels => {
                for (row, out) in rows.zip(numbers.as_chunks_mut::<3>().0.chunks_exact_mut(side)) {
                    copy(row, mirrored, out.iter_mut(), |out, pixel| *out = number(pixel));
                }
            }
            Order::Planes => {
                let (reds, rest) = numbers.split_at_mut(PIXELS);
                let (greens, blues) = rest.split_at_mut(PIXELS);
                let [reds, greens, blues] = [reds, greens, blues].map(|plane| plane.chunks_exact_mut(side));
                for (((row, r), g), b) in rows.zip(reds).zip(greens).zip(blues) {
                    let out = r.iter_mut().zip(g).zip(b);
                    copy(row, mirrored, out, |((r, g), b), pixel| [*r, *g, *b] = number(pixel));
                }
            }
        }
    }
}

/// Writes a row, or its mirror image.
fn copy<T>(row: &[U8x3], mirrored: bool, out: impl Iterator<Item = T>, write: impl Fn(T, &U8x3)) {
    if mirrored {
        out.zip(row.iter().rev()).for_each(|(out, pixel)| write(out, pixel));
    } else {
        out.zip(row).for_each(|(out, pixel)| write(out, pixel));
    }
}

#[cfg(test)]
#[path = "resample_tests.rs"]
mod tests;
