//! What the header of a JPEG says, without decoding it.

/// Of the first frame, and of the first scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct JpegHeader {
    pub(super) width: u32,
    pub(super) height: u32,
    /// 1: grey, 3: colour, 4: CMYK.
    pub(super) components: u8,
    /// Rows of pixels that are coded together.
    pub(super) mcu_rows: u32,
    /// Every block is coded once, from the top down, all components side by side: the rows below some row can be left out.
    pub(super) top_down: bool,
    /// No component is coarser than another.
    pub(super) even: bool,
    /// The byte at which the two bytes of the height stand.
    height_at: usize,
}

impl JpegHeader {
    /// Reads the markers up to the first scan.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        let mut frame = None;
        let mut at = 2;
        loop {
            let cut = || "ends within its header".to_string();
            let &[0xff, marker] = bytes.get(at..at + 2).ok_or_else(cut)? else {
                return Err(format!("byte {at}: no marker where one is expected"));
            };
            // Fill bytes before a marker.
            if marker == 0xff {
                at += 1;
                continue;
            }
            let length = bytes.get(at + 2..at + 4).ok_or_else(cut)?;
            let end = at + 2 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            let content = bytes.get(at + 4..end).ok_or_else(cut)?;
            match marker {
                // Start of frame; C4, C8 and CC are other things.
                0xc0..=0xc2 => frame = Some(Self::frame(marker, content, at + 4)?),
                0xc3..=0xc7 | 0xc9..=0xcf if !matches!(marker, 0xc4 | 0xcc) => {
                    return Err(format!("a JPEG of a rare kind (marker FF {marker:02X})"));
                }
                0xda => {
                    let mut frame: Self = frame.ok_or("a scan without a frame before it")?;
                    frame.top_down &= content.first() == Some(&frame.components);
                    return Ok(frame);
                }
                _ => {}
            }
            at = end;
        }
    }

    fn frame(marker: u8, content: &[u8], at: usize) -> Result<Self, String> {
        let &[precision, h1, h0, w1, w0, components, ref rest @ ..] = content else {
            return Err("a frame header that is too short".into());
        };
        let sampling = rest.chunks_exact(3).take(components.into()).map(|component| component[1]);
        let even = components == 1 || sampling.clone().all(|both| both == 0x11);
        let sampling = sampling.map(|both| both & 15).max();
        let (width, height) = (u16::from_be_bytes([w1, w0]), u16::from_be_bytes([h1, h0]));
        if precision != 8 || width == 0 || height == 0 || !(1..=4).contains(&sampling.unwrap_or(0)) {
            return Err(format!("{precision} bits, {width}x{height} pixels, {components} components: not accepted"));
        }
        Ok(Self {
            width: width.into(),
            height: height.into(),
            components,
            mcu_rows: 8 * u32::from(if components == 1 { 1 } else { sampling.unwrap_or(1) }),
            top_down: marker != 0xc2,
            even,
            height_at: at + 1,
        })
    }

    /// Lets the picture end after `rows` rows of pixels, or a little later, so that no decoder goes on below. Only of a
    /// [`Self::top_down`] picture; of others, nothing changes.
    pub(super) fn end_after(&mut self, rows: u32, bytes: &mut [u8]) {
        let rows = rows.next_multiple_of(self.mcu_rows);
        if self.top_down && rows < self.height {
            let height = u16::try_from(rows).expect("less than the height, which has 16 bits");
            bytes[self.height_at..self.height_at + 2].copy_from_slice(&height.to_be_bytes());
            self.height = rows;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROGRESSIVE: &[u8] = include_bytes!("../../../tests/fixtures/bad-inputs/progressive.jpg");
    const GREY: &[u8] = include_bytes!("../../../tests/fixtures/bad-inputs/grayscale.jpg");

    #[test]
    fn kinds_are_told_apart() {
        let progressive = JpegHeader::read(PROGRESSIVE).unwrap();
        assert_eq!((progressive.components, progressive.top_down, progressive.even), (3, false, false));
        let grey = JpegHeader::read(GREY).unwrap();
        assert_eq!((grey.components, grey.top_down, grey.even, grey.mcu_rows), (1, true, true, 8));
    }

    #[test]
    fn every_cut_header_is_an_error() {
        let scan = GREY.windows(2).position(|pair| pair == [0xff, 0xda]).unwrap();
        for length in 2..scan + 2 {
            assert!(JpegHeader::read(&GREY[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn a_picture_ends_where_it_is_told_to_and_a_progressive_one_does_not() {
        let mut bytes = GREY.to_vec();
        let mut header = JpegHeader::read(&bytes).unwrap();
        let whole = header.height;
        header.end_after(9, &mut bytes);
        assert_eq!((header, header.height), (JpegHeader::read(&bytes).unwrap(), 16.min(whole)));
        header.end_after(whole, &mut bytes);
        assert_eq!(header.height, 16.min(whole), "never longer");
        let mut bytes = PROGRESSIVE.to_vec();
        JpegHeader::read(&bytes).unwrap().end_after(8, &mut bytes);
        assert_eq!(bytes, PROGRESSIVE);
    }
}
