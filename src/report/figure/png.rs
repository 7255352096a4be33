//! An SVG as PNG, with a font that the program carries: the picture is the same on every machine.

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};
use std::sync::Arc;

/// Roboto, Apache-2.0; see `assets/fonts/README.md`.
const FONT: &[u8] = include_bytes!("../../../assets/fonts/Roboto-Regular.ttf");

/// Pixels of the PNG for one of the SVG.
const SCALE: f32 = 2.0;

/// A picture cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The text is no SVG.
    #[error("cannot read the SVG: {0}")]
    Svg(#[from] resvg::usvg::Error),
    /// It is empty or too large to hold in memory.
    #[error("a picture of {width} x {height} pixels cannot be made")]
    Size {
        /// Width.
        width: u32,
        /// Height.
        height: u32,
    },
    /// The encoder failed.
    #[error("cannot encode the picture: {0}")]
    Encode(String),
}

/// Draws an SVG at twice its size on white.
///
/// # Errors
/// [`PngError`] where the text is no SVG, or the picture has no size.
pub fn png(svg: &str) -> Result<Vec<u8>, PngError> {
    let tree = Tree::from_str(svg, &options())?;
    let size = tree.size();
    let (width, height) = ((size.width() * SCALE).ceil() as u32, (size.height() * SCALE).ceil() as u32);
    let mut pixels = Pixmap::new(width, height).ok_or(PngError::Size { width, height })?;
    pixels.fill(resvg::tiny_skia::Color::WHITE);
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(|e| PngError::Encode(e.to_string()))
}

/// Every family is the font that the program carries; none of the machine's is looked at.
fn options() -> Options<'static> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family("Roboto");
    Options { fontdb: Arc::new(fonts), font_family: "Roboto".into(), ..Options::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dark(svg: &str) -> (u32, u32, usize) {
        let pixels = Pixmap::decode_png(&png(svg).unwrap()).unwrap();
        let dark = pixels.pixels().iter().filter(|p| p.red() < 128).count();
        (pixels.width(), pixels.height(), dark)
    }

    const TEXT: &str = "<text x=\"5\" y=\"30\" font-family=\"sans-serif\" font-size=\"20\">Wide ‡ ±</text>";

    #[test]
    fn letters_are_drawn_without_a_font_of_the_machine() {
        let svg =
            |body: &str| format!("<svg width=\"200\" height=\"50\" xmlns=\"http://www.w3.org/2000/svg\">{body}</svg>");
        assert_eq!(dark(&svg("")), (400, 100, 0));
        let (_, _, letters) = dark(&svg(TEXT));
        assert!(letters > 400, "{letters} dark pixels");
    }

    #[test]
    fn what_is_no_svg_is_an_error() {
        assert!(matches!(png("no svg"), Err(PngError::Svg(_))));
        assert!(png("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"0\" height=\"0\"/>").is_err());
    }
}
