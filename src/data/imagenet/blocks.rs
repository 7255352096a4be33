//! JPEGs whose blocks all have the same resolution, decoded block by block: grey ones, and those with chroma as fine as
//! luma, which most of ImageNet's are. Of a block that is not seen, only the length and the mean are read.

use super::crop::Area;
use libjpeg_turbo_rs::JpegError;
use libjpeg_turbo_rs::common::huffman_table::HuffmanTable;
use libjpeg_turbo_rs::decode::bitstream::BitReader;
use libjpeg_turbo_rs::decode::huffman::{decode_ac_coefficients, decode_dc_coefficient};
use libjpeg_turbo_rs::decode::marker::{JpegMetadata, MarkerReader};
use libjpeg_turbo_rs::simd::{SimdRoutines, detect};
use std::sync::OnceLock;

/// Pixels of a block in each direction.
const SIDE: u32 = 8;

/// Whole blocks of a picture as RGB.
#[derive(Debug)]
pub(super) struct Pixels {
    /// Three bytes each, row by row.
    pub(super) pixels: Vec<u8>,
    /// Where they lie in the picture; they may reach beyond its right and its lower edge.
    pub(super) area: Area,
}

/// The blocks that `area` touches, in pixels of the JPEG in `bytes`; `None` where it is no such JPEG.
///
/// # Errors
/// What is wrong, in words. Below the area nothing is looked at.
pub(super) fn decode(bytes: &[u8], area: Area) -> Result<Option<Pixels>, String> {
    let metadata = MarkerReader::new(bytes).read_markers().map_err(|e| e.to_string())?;
    let Some(components) = components(&metadata) else { return Ok(None) };
    let data = bytes.get(metadata.entropy_data_offset..).unwrap_or_default();
    let across = u32::from(metadata.frame.width).div_ceil(SIDE);
    let scan = Scan { reader: BitReader::new(data), components, across, interval: metadata.restart_interval.into() };
    scan.decode(area).map(Some).map_err(|e| e.to_string())
}

/// A component of a scan.
struct Component<'a> {
    quantisation: &'a [u16; 64],
    dc: &'a HuffmanTable,
    ac: &'a HuffmanTable,
    /// The mean of the block before.
    mean: i16,
}

/// The tables of each component; `None` where it is a JPEG of another kind.
fn components(metadata: &JpegMetadata) -> Option<Vec<Component<'_>>> {
    let JpegMetadata { frame, scan, .. } = metadata;
    let is_plain = !frame.is_progressive && !frame.is_lossless && !metadata.is_arithmetic && frame.precision == 8;
    let is_whole = metadata.scans.len() <= 1 && scan.components.len() == frame.components.len();
    let ids: Vec<u8> = frame.components.iter().map(|c| c.id).collect();
    let is_known = match ids[..] {
        [_] => true,
        [_, _, _] => {
            let adobe = (metadata.saw_adobe_marker, metadata.adobe_transform);
            let is_fine = frame.components.iter().all(|c| (c.horizontal_sampling, c.vertical_sampling) == (1, 1));
            is_fine && (metadata.saw_jfif_marker || adobe == (true, 1) || (!adobe.0 && ids == [1, 2, 3]))
        }
        _ => false,
    };
    if !(is_plain && is_whole && is_known) {
        return None;
    }
    let pairs =
        frame.components.iter().zip(&scan.components).filter(|(of_frame, of_scan)| of_frame.id == of_scan.component_id);
    let components: Vec<Component> = pairs
        .map(|(of_frame, of_scan)| {
            Some(Component {
                quantisation: &metadata.quant_tables.get(usize::from(of_frame.quant_table_index))?.as_ref()?.values,
                dc: metadata.dc_huffman_tables.get(usize::from(of_scan.dc_table_index))?.as_deref()?,
                ac: metadata.ac_huffman_tables.get(usize::from(of_scan.ac_table_index))?.as_deref()?,
                mean: 0,
            })
        })
        .collect::<Option<_>>()?;
    (components.len() == ids.len()).then_some(components)
}

/// A scan under way.
struct Scan<'a> {
    reader: BitReader<'a>,
    components: Vec<Component<'a>>,
    /// Blocks in a row.
    across: u32,
    /// Blocks of each component between two restarts; 0: there are none.
    interval: u32,
}

impl Scan<'_> {
    fn decode(mut self, area: Area) -> Result<Pixels, JpegError> {
        let columns = area.left / SIDE..(area.left + area.width).div_ceil(SIDE);
        let rows = area.top / SIDE..(area.top + area.height).div_ceil(SIDE);
        let width = (columns.len() as u32 * SIDE) as usize;
        let mut band = Band::new(self.components.len(), width);
        let mut pixels = Vec::with_capacity(3 * width * rows.len() * SIDE as usize);
        for y in 0..rows.end {
            let is_seen = rows.contains(&y);
            for x in 0..self.across {
                if self.interval > 0 && (y, x) != (0, 0) && (y * self.across + x).is_multiple_of(self.interval) {
                    self.reader.reset();
                    self.components.iter_mut().for_each(|component| component.mean = 0);
                }
                let column = (is_seen && columns.contains(&x)).then(|| (SIDE * (x - columns.start)) as usize);
                self.block(column, &mut band)?;
            }
            if is_seen {
                band.write(&mut pixels);
            }
        }
        let area = Area {
            left: columns.start * SIDE,
            top: rows.start * SIDE,
            width: width as u32,
            height: rows.len() as u32 * SIDE,
        };
        Ok(Pixels { pixels, area })
    }

    /// Reads the next block of each component, and puts it at `column` of `band` where there is one.
    #[inline]
    fn block(&mut self, column: Option<usize>, band: &mut Band) -> Result<(), JpegError> {
        let reader = &mut self.reader;
        for (component, plane) in self.components.iter_mut().zip(&mut band.planes) {
            component.mean = component.mean.wrapping_add(decode_dc_coefficient(reader, component.dc)?);
            let Some(column) = column else {
                pass_over(reader, component.ac)?;
                continue;
            };
            let mut coefficients = [0; 64];
            coefficients[0] = component.mean;
            decode_ac_coefficients(reader, component.ac, &mut coefficients)?;
            let mut levels = [0; 64];
            (band.routines.idct_islow)(&coefficients, component.quantisation, &mut levels);
            for (row, levels) in plane.chunks_exact_mut(band.width).zip(levels.as_chunks::<8>().0) {
                row[column..column + 8].copy_from_slice(levels);
            }
        }
        if reader.insufficient_data() { Err(JpegError::UnexpectedEof) } else { Ok(()) }
    }
}

/// Reads the coefficients of a block, but for its mean, and keeps none.
#[inline]
fn pass_over(reader: &mut BitReader, table: &HuffmanTable) -> Result<(), JpegError> {
    let mut index = 1;
    while index < 64 {
        let bits = reader.peek_bits(16);
        // A code and its value in few bits; or the code alone; or neither, where it is long.
        let (both, symbol, length) = table.lookup_combined(bits);
        if both != 0 {
            reader.skip_bits((both & 15) as u8);
            index += 1 + usize::from((both >> 4) as u16 & 15);
            continue;
        }
        let (symbol, length) = if length > 0 { (symbol, length) } else { table.lookup(bits)? };
        reader.skip_bits(length);
        match (symbol >> 4, symbol & 15) {
            (15, 0) => index += 16,
            (_, 0) => return Ok(()),
            (zeros, size) => {
                reader.read_bits(size);
                index += 1 + usize::from(zeros);
            }
        }
    }
    Ok(())
}

/// A row of blocks, component by component.
struct Band {
    planes: Vec<Vec<u8>>,
    /// Of a row of each.
    width: usize,
    routines: &'static SimdRoutines,
}

impl Band {
    fn new(components: usize, width: usize) -> Self {
        static ROUTINES: OnceLock<SimdRoutines> = OnceLock::new();
        let planes = vec![vec![0; width * SIDE as usize]; components];
        Self { planes, width, routines: ROUTINES.get_or_init(detect) }
    }

    /// Appends the rows of pixels.
    fn write(&self, pixels: &mut Vec<u8>) {
        let Self { planes, width, routines } = self;
        for row in 0..SIDE as usize {
            let levels = row * width..(row + 1) * width;
            match &planes[..] {
                [luma, blue, red] => {
                    let start = pixels.len();
                    pixels.resize(start + 3 * width, 0);
                    let [luma, blue, red] = [luma, blue, red].map(|plane| &plane[levels.clone()]);
                    routines.ycbcr_to_rgb_row(luma, blue, red, &mut pixels[start..], *width);
                }
                _ => pixels.extend(planes[0][levels].iter().flat_map(|level| [*level; 3])),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::decode::Picture;
    use super::*;
    use libjpeg_turbo_rs::{Encoder, PixelFormat, Subsampling};

    const SIZE: (u32, u32) = (61, 43);

    /// Waves and edges, so that blocks are of every length.
    fn encoder(pixels: &[u8]) -> Encoder<'_> {
        let (width, height) = SIZE;
        Encoder::new(pixels, width as usize, height as usize, PixelFormat::Rgb).subsampling(Subsampling::S444)
    }

    fn pixels() -> Vec<u8> {
        let (width, height) = SIZE;
        let places = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        places.flat_map(|(x, y)| [(x * y) as u8, (x * 9 + y) as u8, if x > y { 200 } else { 30 }]).collect()
    }

    /// Whether every area of `bytes` has the pixels of the whole.
    fn assert_like_the_whole(bytes: &[u8]) {
        let whole = Picture::open(bytes.to_vec()).unwrap().whole().unwrap();
        let (width, height) = SIZE;
        for (left, top, right, bottom) in [(0, 0, width, height), (9, 17, 10, 18), (8, 8, 16, 16), (30, 25, 61, 43)] {
            let area = Area { left, top, width: right - left, height: bottom - top };
            let part = decode(bytes, area).unwrap().unwrap();
            for y in top..bottom {
                let ours = 3 * ((y - part.area.top) * part.area.width + left - part.area.left) as usize;
                let theirs = 3 * (y * width + left) as usize;
                let length = 3 * area.width as usize;
                assert_eq!(part.pixels[ours..ours + length], whole[theirs..theirs + length], "{area:?}: row {y}");
            }
        }
    }

    #[test]
    fn every_part_has_the_pixels_of_the_whole() {
        let pixels = pixels();
        let encoders = [encoder(&pixels), encoder(&pixels).quality(100), encoder(&pixels).optimize_huffman(true)];
        for encoder in encoders {
            assert_like_the_whole(&encoder.encode().unwrap());
        }
        // Restarts within a row, at its end, and across rows.
        for interval in [1, 8, 11] {
            assert_like_the_whole(&encoder(&pixels).restart_blocks(interval).encode().unwrap());
        }
        assert_like_the_whole(&encoder(&pixels).grayscale_from_color(true).encode().unwrap());
    }

    #[test]
    fn other_kinds_are_left_to_others() {
        let pixels = pixels();
        let area = Area { left: 0, top: 0, width: 8, height: 8 };
        let coarse = encoder(&pixels).subsampling(Subsampling::S420);
        for other in [coarse, encoder(&pixels).progressive(true)] {
            assert!(decode(&other.encode().unwrap(), area).unwrap().is_none());
        }
    }

    #[test]
    fn a_scan_that_ends_too_early_is_an_error_where_it_is_needed() {
        let pixels = pixels();
        let bytes = encoder(&pixels).encode().unwrap();
        let bottom = Area { left: 0, top: SIZE.1 - 1, width: SIZE.0, height: 1 };
        let scan = bytes.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap() + 14;
        for length in (scan..bytes.len() - 20).step_by(31) {
            let cut = [&bytes[..length], &[0xff, 0xd9]].concat();
            assert!(decode(&cut, bottom).is_err(), "{length} of {}", bytes.len());
        }
    }
}
