//! Smaller pictures, for a cache that is read faster.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};
use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};

/// The quality of the JPEGs, on libjpeg's scale; their chroma is as fine as their luma.
const QUALITY: u8 = 95;

/// A picture that was made smaller.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Small {
    pub(super) jpeg: Vec<u8>,
    /// Width and height.
    pub(super) size: (u32, u32),
}

/// The picture of `pixels`, three bytes each, with a shorter side of `side`; `None` where it is not larger. Scaled by
/// Lanczos's filter with three lobes.
///
/// # Errors
/// What failed, in words.
pub(super) fn shrunk(pixels: &[u8], (width, height): (u32, u32), side: u32) -> Result<Option<Small>, String> {
    let shorter = width.min(height);
    if shorter <= side {
        return Ok(None);
    }
    let scaled = |length: u32| {
        let rounded = (u64::from(length) * u64::from(side) * 2 + u64::from(shorter)) / (2 * u64::from(shorter));
        rounded as u32
    };
    let (across, down) = (scaled(width), scaled(height));
    let failed = |e: &dyn std::error::Error| format!("cannot be scaled: {e}");
    let whole = TypedImageRef::<U8x3>::from_buffer(width, height, pixels).map_err(|e| failed(&e))?;
    let mut small = TypedImage::<U8x3>::new(across, down);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new().resize_typed(&whole, &mut small, &options).map_err(|e| failed(&e))?;
    let levels: Vec<u8> = small.pixels().iter().flat_map(|pixel| pixel.0).collect();
    let encoder = Encoder::new(&levels, across as usize, down as usize, PixelFormat::Rgb);
    let jpeg = encoder.quality(QUALITY).subsampling(Subsampling::S444).encode().map_err(|e| failed(&e))?;
    Ok(Some(Small { jpeg, size: (across, down) }))
}

#[cfg(test)]
mod tests {
    use super::super::decode::Picture;
    use super::super::fixtures::picture;
    use super::*;

    #[test]
    fn a_larger_picture_becomes_a_small_one_of_the_same_content() {
        let open = |bytes| Picture::open(bytes).unwrap();
        let large = open(std::fs::read(picture("large-420.jpg")).unwrap());
        let pixels = large.whole().unwrap();
        let Small { jpeg, size } = shrunk(&pixels, large.size(), 256).unwrap().unwrap();
        assert_eq!((large.size(), size), ((1000, 700), (366, 256)));
        let small = open(jpeg);
        assert_eq!(small.size(), size);
        let mean = |pixels: &[u8]| pixels.iter().map(|level| f64::from(*level)).sum::<f64>() / pixels.len() as f64;
        let difference = mean(&pixels) - mean(&small.whole().unwrap());
        assert!(difference.abs() < 0.5, "{difference}");
        assert_eq!(shrunk(&pixels, large.size(), 700), Ok(None));
    }
}
