//! Drawing in pixels: texts, marks, scales.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

pub(super) const INK: RGBColor = RGBColor(30, 30, 30);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
const GRID: RGBColor = RGBColor(226, 226, 226);

/// The figure's area.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
}

/// The rectangle of a plot: left and right, top and bottom, pixels.
pub(super) struct Panel {
    pub x: (i32, i32),
    pub y: (i32, i32),
}

/// A linear scale from values to pixels.
pub(super) struct Scale {
    pub values: (f64, f64),
    pixels: (i32, i32),
    step: f64,
}

/// The shape of a point.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Disc,
    Square,
    Diamond,
    Ring,
}

impl<'a> Canvas<'a> {
    /// A white canvas that writes into `svg`.
    pub fn new(svg: &'a mut String, width: i32, height: i32) -> Self {
        let area = SVGBackend::with_string(svg, (width as u32, height as u32)).into_drawing_area();
        area.fill(&WHITE).expect(SAFE);
        Self { area }
    }

    /// A line of text of `size` pixels on the baseline `y`; `anchor` is `start`, `middle` or `end`.
    pub fn text(&self, x: i32, y: i32, size: i32, colour: RGBColor, anchor: &str, text: &str) {
        let horizontal = match anchor {
            "end" => HPos::Right,
            "middle" => HPos::Center,
            _ => HPos::Left,
        };
        // plotters' sizes count the line, 1.24 times the letters.
        let style =
            ("sans-serif", f64::from(size) * 1.24).into_font().color(&colour).pos(Pos::new(horizontal, VPos::Bottom));
        self.area.draw(&Text::new(text, (x, y + size / 4), style)).expect(SAFE);
    }

    /// A line through points given in pixels.
    pub fn line(&self, points: Vec<(f64, f64)>, colour: RGBColor, opacity: f64, width: u32) {
        let points: Vec<(i32, i32)> = points.iter().map(|p| pixel(*p)).collect();
        self.area.draw(&PathElement::new(points, colour.mix(opacity).stroke_width(width))).expect(SAFE);
    }

    /// A filled bar between two pixels of each direction.
    pub fn bar(&self, x: (f64, f64), y: (f64, f64), colour: RGBColor) {
        let corners = [pixel((x.0, y.0)), pixel((x.1, y.1))];
        self.area.draw(&Rectangle::new(corners, colour.mix(0.75).filled())).expect(SAFE);
    }

    /// A point.
    pub fn mark(&self, mark: Mark, x: f64, y: f64, colour: RGBColor) {
        let (x, y) = pixel((x, y));
        let drawn = match mark {
            Mark::Disc => self.area.draw(&Circle::new((x, y), 5, colour.filled())),
            Mark::Ring => self.area.draw(&Circle::new((x, y), 4, colour.mix(0.6).stroke_width(1))),
            Mark::Square => self.area.draw(&Rectangle::new([(x - 5, y - 5), (x + 5, y + 5)], colour.filled())),
            Mark::Diamond => {
                let corners = vec![(x, y - 6), (x + 6, y), (x, y + 6), (x - 6, y), (x, y - 6)];
                self.area.draw(&PathElement::new(corners, colour.stroke_width(2)))
            }
        };
        drawn.expect(SAFE);
    }

    /// A horizontal scale under the panel with vertical grid lines and a title.
    pub fn x_axis(&self, panel: &Panel, scale: &Scale, title: &str) {
        for value in scale.ticks() {
            let x = scale.at(value);
            self.line(vec![(x, f64::from(panel.y.0)), (x, f64::from(panel.y.1))], GRID, 1.0, 1);
            self.text(x.round() as i32, panel.y.1 + 18, 12, INK, "middle", &scale.label(value));
        }
        self.line(vec![(panel.x.0.into(), panel.y.1.into()), (panel.x.1.into(), panel.y.1.into())], INK, 1.0, 1);
        self.text((panel.x.0 + panel.x.1) / 2, panel.y.1 + 42, 13, INK, "middle", title);
    }

    /// A vertical scale left of the panel with horizontal grid lines.
    pub fn y_axis(&self, panel: &Panel, scale: &Scale, unit: &str) {
        for value in scale.ticks() {
            let y = scale.at(value);
            self.line(vec![(f64::from(panel.x.0), y), (f64::from(panel.x.1), y)], GRID, 1.0, 1);
            self.text(panel.x.0 - 8, y.round() as i32 + 4, 12, INK, "end", &format!("{}{unit}", scale.label(value)));
        }
    }
}

impl Scale {
    /// A scale that holds `values` with round ticks; the range is widened where it is empty.
    pub fn around(values: impl IntoIterator<Item = f64>, pixels: (i32, i32)) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for v in values.into_iter().filter(|v| v.is_finite()) {
            (low, high) = (low.min(v), high.max(v));
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        if high - low < 1e-3 * high.abs().max(1.0) {
            (low, high) = (low - 0.5, high + 0.5);
        }
        let step = round_step((high - low) / 5.0);
        let values = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { values, pixels, step }
    }

    /// The pixel of a value; values beyond the range stay on its edge.
    pub fn at(&self, value: f64) -> f64 {
        let (low, high) = self.values;
        let fraction = (value.clamp(low, high) - low) / (high - low);
        f64::from(self.pixels.0) + fraction * f64::from(self.pixels.1 - self.pixels.0)
    }

    fn ticks(&self) -> Vec<f64> {
        let count = ((self.values.1 - self.values.0) / self.step).round() as i32;
        (0..=count).map(|i| self.values.0 + f64::from(i) * self.step).collect()
    }

    fn label(&self, value: f64) -> String {
        let digits = (-self.step.log10().floor()).max(0.0) as usize;
        format!("{value:.digits$}")
    }
}

/// 1, 2 or 5 times a power of ten, not below `step`.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|s| *s >= step * 0.999).unwrap_or(10.0 * power)
}

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}

const SAFE: &str = "drawing into a string cannot fail";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_hold_their_values_between_round_ticks() {
        let scale = Scale::around([13.2, 74.4], (100, 200));
        assert_eq!(scale.values, (0.0, 80.0));
        assert_eq!(scale.ticks().iter().map(|t| scale.label(*t)).collect::<Vec<_>>(), ["0", "20", "40", "60", "80"]);
        assert_eq!((scale.at(0.0), scale.at(40.0), scale.at(999.0)), (100.0, 150.0, 200.0));
        let fine = Scale::around([0.98, 1.02], (0, 10));
        assert_eq!(
            fine.ticks().iter().map(|t| fine.label(*t)).collect::<Vec<_>>(),
            ["0.98", "0.99", "1.00", "1.01", "1.02"]
        );
        for odd in [vec![], vec![f64::NAN], vec![0.0], vec![5.0, 5.0], vec![1e9, 1e9]] {
            let scale = Scale::around(odd.clone(), (0, 10));
            assert!(scale.values.0 < scale.values.1 && scale.ticks().len() < 20, "{odd:?}");
        }
    }
}
