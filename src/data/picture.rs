//! One JPEG or PNG, decoded strictly.
//!
//! What counts is the magic bytes, not the name. Grey is repeated to three channels, alpha dropped, a palette expanded,
//! 16 bits scaled to 8; EXIF orientation is ignored, as training pipelines do; JPEGs with four components (CMYK) are
//! refused. Damage that decoders like to paper over, such as a scan that stops early, is an error.

use super::error::{At, DataError};
use super::split::SIDE;
use image::codecs::png::PngDecoder;
use image::{DynamicImage, ImageDecoder, Limits, RgbImage};
use std::io::Cursor;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

/// Larger pictures are refused on their header, before memory is asked for: every thread decodes one at a time.
pub(super) const MAX_PIXELS: u64 = 32 << 20;
/// Bytes of a pixel in the widest form that is decoded: four channels of 16 bits.
const WIDEST_PIXEL: u64 = 8;
/// The longest side accepted.
const MAX_SIDE: u32 = 16_384;

/// Decodes the picture in `bytes`; `file` is for messages.
///
/// # Errors
/// [`DataError::Format`] naming `file` and, where it is known, the byte.
pub fn decode(bytes: &[u8], file: &str) -> Result<RgbImage, DataError> {
    let wrong = |rule: String| DataError::format(file, At::File, rule);
    match bytes {
        [] => Err(wrong("empty file".into())),
        [0xff, 0xd8, 0xff, ..] => {
            check_segments(bytes).map_err(|(at, rule)| DataError::format(file, At::Byte(at as u64), rule))?;
            jpeg(bytes).map_err(wrong)
        }
        [0x89, b'P', b'N', b'G', ..] => png(bytes).map_err(wrong),
        _ => {
            let start = bytes[..bytes.len().min(4)].escape_ascii();
            Err(DataError::format(file, At::Byte(0), format!("starts with `{start}`: neither JPEG nor PNG")))
        }
    }
}

/// The picture as three planes of 32x32, squeezed where it has another size, and whether it had.
pub(super) fn planes(picture: &RgbImage) -> (Vec<u8>, bool) {
    let side = SIDE as u32;
    let resized = picture.dimensions() != (side, side);
    let scaled = resized.then(|| image::imageops::resize(picture, side, side, image::imageops::FilterType::Triangle));
    let pixels = scaled.as_ref().unwrap_or(picture).as_raw();
    ((0..3).flat_map(|channel| pixels.iter().skip(channel).step_by(3).copied()).collect(), resized)
}

pub(super) fn check_size(width: u32, height: u32) -> Result<(), String> {
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 || width > MAX_SIDE || height > MAX_SIDE || pixels > MAX_PIXELS {
        return Err(format!("{width}x{height} pixels; accepted are sides of 1 to {MAX_SIDE} and {MAX_PIXELS} pixels"));
    }
    Ok(())
}

/// The picture in a PNG.
pub(super) fn png(bytes: &[u8]) -> Result<RgbImage, String> {
    Ok(DynamicImage::from_decoder(png_decoder(bytes)?).map_err(|e| png_words(&e))?.to_rgb8())
}

/// Width and height of a PNG, from its header.
pub(super) fn png_size(bytes: &[u8]) -> Result<(u32, u32), String> {
    Ok(png_decoder(bytes)?.dimensions())
}

fn png_decoder(bytes: &[u8]) -> Result<PngDecoder<Cursor<&[u8]>>, String> {
    let mut limits = Limits::default();
    limits.max_alloc = Some(WIDEST_PIXEL * MAX_PIXELS);
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    Ok(decoder)
}

/// What is wrong with a PNG; the decoder's own words for a wrong checksum are those of its code.
fn png_words(error: &image::ImageError) -> String {
    let words = error.to_string();
    if words.contains("CRC") { "wrong CRC: a chunk is not what its checksum says".into() } else { words }
}

fn jpeg(bytes: &[u8]) -> Result<RgbImage, String> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(MAX_SIDE as usize)
        .set_max_height(MAX_SIDE as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    decoder.decode_headers().map_err(|e| e.to_string())?;
    let info = decoder.info().ok_or("no frame header")?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    check_size(width, height)?;
    let grey = match info.components {
        1 => true,
        3 => false,
        n => return Err(format!("{n} components (CMYK?); convert it to RGB")),
    };
    let target = if grey { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(target));
    let decoded = decoder.decode().map_err(|e| e.to_string())?;
    let rgb = if grey { decoded.iter().flat_map(|v| [*v; 3]).collect() } else { decoded };
    RgbImage::from_raw(width, height, rgb).ok_or_else(|| "the decoder returned too few pixels".into())
}

/// Walks the markers of a JPEG from start to end: a cut file has no end marker, and within a scan only restart markers
/// may stand. The error is the byte and the broken rule.
fn check_segments(bytes: &[u8]) -> Result<(), (usize, String)> {
    let cut = |at| (at, "ends without an end-of-image marker".to_string());
    let mut at = 2;
    let mut in_scan = false;
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match (byte, next) {
            (0xff, Some(0xd9)) => return Ok(()),
            // Fill bytes before a marker.
            (0xff, Some(0xff)) => at += 1,
            (0xff, Some(0x00 | 0xd0..=0xd7)) if in_scan => at += 2,
            (0xff, Some(marker @ (0xc0..=0xcf | 0xda..=0xdf | 0xe0..=0xef | 0xfe))) => {
                let length = bytes.get(at + 2..at + 4).ok_or_else(|| cut(at))?;
                at += 2 + usize::from(u16::from_be_bytes([length[0], length[1]])).max(2);
                in_scan = marker == 0xda;
            }
            (0xff, Some(marker)) => return Err((at, format!("marker FF {marker:02X} does not belong here"))),
            (0xff, None) => break,
            (_, _) if in_scan => at += 1,
            (other, _) => return Err((at, format!("{other:02X} where a marker is expected"))),
        }
    }
    Err(cut(bytes.len()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JPEG: &[u8] = include_bytes!("../../tests/fixtures/bad-inputs/progressive.jpg");
    const PNG: &[u8] = include_bytes!("../../tests/fixtures/bad-inputs/palette-transparent.png");

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), kind in 0usize..3) {
            let magic: &[u8] = [&b""[..], &[0xff, 0xd8, 0xff], b"\x89PNG\r\n\x1a\n"][kind];
            let _ = decode(&[magic, &bytes].concat(), "f");
        }

        #[test]
        fn cut_pictures_are_refused(share in 0.0..1.0f64) {
            for whole in [JPEG, PNG] {
                // A PNG is complete without its last chunk, which holds nothing.
                let length = ((whole.len() - 12) as f64 * share) as usize;
                prop_assert!(decode(whole, "f").is_ok() && decode(&whole[..length], "f").is_err());
            }
        }

        #[test]
        fn damaged_pictures_never_panic(at: prop::sample::Index, byte: u8) {
            for whole in [JPEG, PNG] {
                let mut bytes = whole.to_vec();
                bytes[at.index(whole.len())] = byte;
                let _ = decode(&bytes, "f");
            }
        }
    }
}
