//! Drawing in pixels: texts, marks, axes.

pub(super) use super::scale::Scale;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

// The page's style sheet knows these colours, white, and those of BN and ND by their values: there they follow its
// colour scheme.
pub(super) const INK: RGBColor = RGBColor(30, 30, 30);
pub(super) const GREY: RGBColor = RGBColor(110, 110, 110);
pub(super) const GRID: RGBColor = RGBColor(226, 226, 226);

/// The figure's area.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
}

/// The rectangle of a plot: left and right, top and bottom, pixels.
pub(super) struct Panel {
    pub x: (i32, i32),
    pub y: (i32, i32),
}

/// The shape of a point.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Disc,
    Square,
    Diamond,
    Ring,
    OpenDisc,
    OpenSquare,
    Tick,
}

impl Mark {
    /// The outline of a filled mark; of others themselves.
    pub fn open(self) -> Self {
        match self {
            Self::Disc => Self::OpenDisc,
            Self::Square => Self::OpenSquare,
            other => other,
        }
    }
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

    /// A dashed line through points given in pixels: `dash` pixels drawn, as many left out.
    pub fn dashed(&self, points: &[(f64, f64)], colour: RGBColor, dash: f64) {
        let mut phase = 0.0;
        for ends in points.windows(2) {
            let ((x0, y0), (x1, y1)) = (ends[0], ends[1]);
            let length = (x1 - x0).hypot(y1 - y0);
            let at = |d: f64| (x0 + (x1 - x0) * d / length, y0 + (y1 - y0) * d / length);
            let mut from: f64 = -phase;
            while from < length {
                if from + dash > 0.0 {
                    self.line(vec![at(from.max(0.0)), at((from + dash).min(length))], colour, 1.0, 2);
                }
                from += 2.0 * dash;
            }
            phase = (phase + length) % (2.0 * dash);
        }
    }

    /// A filled bar between two pixels of each direction.
    pub fn bar(&self, x: (f64, f64), y: (f64, f64), colour: RGBColor) {
        let corners = [pixel((x.0, y.0)), pixel((x.1, y.1))];
        self.area.draw(&Rectangle::new(corners, colour.mix(0.75).filled())).expect(SAFE);
    }

    /// A filled bar with a white edge, one of several that touch.
    pub fn block(&self, x: (f64, f64), y: (f64, f64), colour: RGBColor) {
        let corners = [pixel((x.0, y.0)), pixel((x.1, y.1))];
        let fill = self.area.draw(&Rectangle::new(corners, colour.filled()));
        fill.and_then(|()| self.area.draw(&Rectangle::new(corners, WHITE.stroke_width(1)))).expect(SAFE);
    }

    /// A point.
    pub fn mark(&self, mark: Mark, x: f64, y: f64, colour: RGBColor) {
        let (x, y) = pixel((x, y));
        let drawn = match mark {
            Mark::Disc => self.area.draw(&Circle::new((x, y), 5, colour.filled())),
            Mark::Ring => self.area.draw(&Circle::new((x, y), 4, colour.mix(0.6).stroke_width(1))),
            Mark::Square => self.area.draw(&Rectangle::new([(x - 5, y - 5), (x + 5, y + 5)], colour.filled())),
            Mark::OpenDisc => {
                let circle = |style| self.area.draw(&Circle::new((x, y), 5, style));
                circle(WHITE.filled()).and_then(|()| circle(colour.stroke_width(2)))
            }
            Mark::OpenSquare => {
                let square =
                    |r: i32| vec![(x - r, y - r), (x + r, y - r), (x + r, y + r), (x - r, y + r), (x - r, y - r)];
                let filled = self.area.draw(&Polygon::new(square(5), WHITE));
                filled.and_then(|()| self.area.draw(&PathElement::new(square(5), colour.stroke_width(2))))
            }
            Mark::Tick => self.area.draw(&Rectangle::new([(x - 1, y - 7), (x + 1, y + 7)], colour.filled())),
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

fn pixel((x, y): (f64, f64)) -> (i32, i32) {
    (x.round() as i32, y.round() as i32)
}

const SAFE: &str = "drawing into a string cannot fail";
