//! Pictures as RGB: as much of them as is seen, and at a lower resolution where that is enough.

use super::blocks::{self, Pixels};
use super::crop::{Area, SIDE, Window};
use super::jpeg_header::JpegHeader;
use crate::data::picture;
use libjpeg_turbo_rs::{DecodeLimits, Decoder, PixelFormat, ScalingFactor};
use serde::{Deserialize, Serialize};

/// How the pixels of a file are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A JPEG with three components.
    Rgb,
    /// A JPEG with one component, which is repeated.
    Grey,
    /// A JPEG with four components.
    Cmyk,
    /// A PNG, whatever its name says.
    Png,
}

impl Kind {
    /// All kinds, the usual one first.
    pub const ALL: [Self; 4] = [Self::Rgb, Self::Grey, Self::Cmyk, Self::Png];

    /// Its name in an index.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rgb => "rgb",
            Self::Grey => "grey",
            Self::Cmyk => "cmyk",
            Self::Png => "png",
        }
    }
}

/// The file of a picture whose header has been read.
#[derive(Debug)]
pub(super) struct Picture {
    bytes: Vec<u8>,
    kind: Kind,
    size: (u32, u32),
    header: Option<JpegHeader>,
}

/// Pixels of a picture, three bytes each.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) pixels: Vec<u8>,
    /// Of a row of `pixels`.
    pub(super) columns: u32,
    pub(super) rows: u32,
    /// What of `pixels` may be used.
    pub(super) used: Area,
    /// What is seen, in pixels from the first used one.
    pub(super) window: Window,
}

impl Picture {
    /// Reads the header of a picture; what counts is the first bytes, not the name.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn open(bytes: Vec<u8>) -> Result<Self, String> {
        match bytes[..] {
            [] => Err("empty file".into()),
            [0xff, 0xd8, 0xff, ..] => {
                let header = JpegHeader::read(&bytes)?;
                let kind = match header.components {
                    1 => Kind::Grey,
                    3 => Kind::Rgb,
                    4 => Kind::Cmyk,
                    n => return Err(format!("{n} components")),
                };
                picture::check_size(header.width, header.height)?;
                Ok(Self { bytes, kind, size: (header.width, header.height), header: Some(header) })
            }
            [0x89, b'P', b'N', b'G', ..] => {
                let size = picture::png_size(&bytes)?;
                Ok(Self { bytes, kind: Kind::Png, size, header: None })
            }
            _ => Err(format!("starts with `{}`: neither JPEG nor PNG", bytes[..bytes.len().min(4)].escape_ascii())),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Width and height.
    pub(super) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// The file.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Decodes everything at full size: three bytes a pixel.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn whole(&self) -> Result<Vec<u8>, String> {
        match self.kind {
            Kind::Png => Ok(picture::png(&self.bytes)?.into_raw()),
            Kind::Rgb | Kind::Grey | Kind::Cmyk => {
                Ok(decoder(&self.bytes)?.decode_image().map_err(|e| e.to_string())?.data)
            }
        }
    }

    /// Decodes what `window` shows. A JPEG of which it shows twice, four or eight times as many pixels as a network sees
    /// is decoded at a half, a quarter or an eighth of its size, where `scaled`.
    ///
    /// # Errors
    /// What is wrong, in words. Below the window nothing is looked at.
    pub(super) fn part(mut self, window: Window, scaled: bool) -> Result<Part, String> {
        // The decoder cannot cut columns off where there are four components.
        if let (Kind::Rgb | Kind::Grey, Some(header)) = (self.kind, &mut self.header) {
            let shown = Shown::new(window, self.size, scaled);
            if header.top_down
                && header.even
                && shown.factor == 1
                && let Some(decoded) = blocks::decode(&self.bytes, shown.area(shown.left, shown.top))?
            {
                return Ok(shown.of_blocks(decoded));
            }
            header.end_after((shown.bottom + AROUND) * shown.factor + header.mcu_rows, &mut self.bytes);
            return shown.decode(&self.bytes, self.size);
        }
        Ok(Shown::new(window, self.size, false).of_whole(self.whole()?, self.size))
    }
}

/// So many pixels around what is shown are decoded too: where chroma is coarser, a pixel of it is made from its neighbours.
const AROUND: u32 = 4;

/// The whole pixels that a window needs, at one of the scales of a JPEG.
struct Shown {
    factor: u32,
    left: u32,
    top: u32,
    right: u32,
    bottom: u32,
    window: Window,
}

impl Shown {
    fn new(window: Window, (width, height): (u32, u32), scaled: bool) -> Self {
        let enough = |factor: &u32| window.width.min(window.height) >= f64::from(factor * SIDE);
        let factor = [8, 4, 2].into_iter().filter(|_| scaled).find(enough).unwrap_or(1);
        let [left, top, across, down] =
            [window.left, window.top, window.width, window.height].map(|length| length / f64::from(factor));
        // As far as the filter reaches beyond an open window, and a pixel for the rounding of numbers.
        let margin = |length: f64| if window.open { (length / f64::from(SIDE)).max(1.0) + 1.0 } else { 0.0 };
        let first = |start: f64, length: f64| (start - margin(length)).floor().max(0.0) as u32;
        let last = |start: f64, length: f64, side: u32| {
            ((start + length + margin(length)).ceil() as u32).min(side.div_ceil(factor))
        };
        let (x, y) = (first(left, across), first(top, down));
        Self {
            factor,
            left: x,
            top: y,
            right: last(left, across, width),
            bottom: last(top, down, height),
            window: Window {
                left: left - f64::from(x),
                top: top - f64::from(y),
                width: across,
                height: down,
                open: window.open,
            },
        }
    }

    /// From a picture of this size.
    fn decode(self, bytes: &[u8], (width, height): (u32, u32)) -> Result<Part, String> {
        let (left, top) = (self.left.saturating_sub(AROUND), self.top.saturating_sub(AROUND));
        let end = |end: u32, side: u32| (end + AROUND).min(side.div_ceil(self.factor));
        let (columns, rows) = (end(self.right, width) - left, end(self.bottom, height) - top);
        let mut decoder = decoder(bytes)?;
        decoder.set_scale(ScalingFactor::try_new(1, self.factor).map_err(|e| e.to_string())?);
        decoder.set_crop_region(left as usize, top as usize, columns as usize, rows as usize);
        let image = decoder.decode_image().map_err(|e| e.to_string())?;
        let decoded = image.width as u32;
        if image.height != rows as usize || decoded < columns {
            return Err(format!("{}x{} pixels where {columns}x{rows} are needed", image.width, image.height));
        }
        // The decoder begins where a block does and ends where it was told to.
        let used = self.area(decoded - columns + self.left - left, self.top - top);
        Ok(Part { pixels: image.data, columns: decoded, rows, used, window: self.window })
    }

    /// From whole blocks.
    fn of_blocks(self, Pixels { pixels, area }: Pixels) -> Part {
        let used = self.area(self.left - area.left, self.top - area.top);
        Part { pixels, columns: area.width, rows: area.height, used, window: self.window }
    }

    /// From all pixels of a picture of this size.
    fn of_whole(self, pixels: Vec<u8>, (columns, rows): (u32, u32)) -> Part {
        Part { pixels, columns, rows, used: self.area(self.left, self.top), window: self.window }
    }

    /// What is shown of pixels in which it begins here.
    fn area(&self, left: u32, top: u32) -> Area {
        Area { left, top, width: self.right - self.left, height: self.bottom - self.top }
    }
}

/// A decoder to RGB: grey is repeated; of four components, which photographs' programs store inverted, each ink takes its
/// share of what the black one leaves.
fn decoder(bytes: &[u8]) -> Result<Decoder<'_>, String> {
    let limits = DecodeLimits { max_pixels: picture::MAX_PIXELS, ..DecodeLimits::default() };
    let mut decoder = Decoder::new_with_limits(bytes, limits).map_err(|e| e.to_string())?;
    decoder.set_output_format(PixelFormat::Rgb);
    Ok(decoder)
}
