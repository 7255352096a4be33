//! The study's own form: lines over the networks, a panel a length.

use super::super::axes::{Canvas, GREY, INK, Mark, Panel, Scale};
use super::super::{BN, ND};
use crate::report::study::{Entry, Grid, Measure};
use crate::report::words::{clean, length, norm_title};
use crate::scenario::Norm;
use plotters::style::RGBColor;

const WIDTH: i32 = 1120;
/// Height of a panel's plot, and of what stands around it.
const HEIGHT: (i32, i32) = (210, 76);
const TOP: i32 = 74;
/// Left and right edge of the plots; the keys stand right of them.
const SPAN: (i32, i32) = (76, 980);

/// A line of a panel.
struct Line {
    name: String,
    colour: RGBColor,
    mark: Mark,
    /// Pixels of a dash; `None` for a solid line.
    dash: Option<f64>,
    values: Vec<Option<f64>>,
}

/// The whole figure.
pub(super) fn draw(grid: &Grid, title: &str) -> String {
    let mut svg = String::new();
    {
        let panels = grid.epochs.len() as i32;
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + panels * (HEIGHT.0 + HEIGHT.1));
        canvas.text(24, 30, 19, INK, "start", &clean(title));
        let words = match (grid.published, grid.measure) {
            (true, Measure::Accuracy) => "O: original. R: the study's mean. N: ours (ndbench). A gap: no value.",
            (true, Measure::Seconds) => "R: the study's mean. N: ours (ndbench). A gap: no value.",
            (false, _) => "N: ours (ndbench). A gap: no value.",
        };
        canvas.text(24, 52, 12, GREY, "start", words);
        for (i, epochs) in grid.epochs.iter().enumerate() {
            let top = TOP + 20 + i as i32 * (HEIGHT.0 + HEIGHT.1);
            let panel = Panel { x: SPAN, y: (top, top + HEIGHT.0) };
            let letter = char::from(b'a' + (i % 26) as u8);
            canvas.text(24, top - 16, 13, INK, "start", &format!("({letter}) {}", length(*epochs)));
            draw_panel(&canvas, &panel, grid, &lines(grid, *epochs));
        }
    }
    svg
}

/// The lines of a length: original, study, ours; BN and ND.
fn lines(grid: &Grid, epochs: u32) -> Vec<Line> {
    type Value = fn(&Entry) -> Option<f64>;
    let sources: [(&str, Value, Option<f64>, [Mark; 2]); 3] = [
        ("O", |e| e.original, Some(3.0), [Mark::Tick, Mark::Tick]),
        ("R", |e| e.study.map(|s| s.mean), Some(8.0), [Mark::OpenDisc, Mark::OpenSquare]),
        ("N", |e| e.ours.summary.map(|s| s.mean), None, [Mark::Disc, Mark::Square]),
    ];
    let mut lines = Vec::new();
    for (letter, value, dash, marks) in sources {
        for ((norm, colour), mark) in [(Norm::Bn, BN), (Norm::Nd, ND)].into_iter().zip(marks) {
            let entry = |a| grid.entry(a, norm, epochs).and_then(value);
            let values: Vec<Option<f64>> = grid.architectures.iter().map(|a| entry(*a)).collect();
            let name = format!("{letter}_{}_{epochs}", norm_title(norm));
            if values.iter().any(Option::is_some) {
                lines.push(Line { name, colour, mark, dash, values });
            }
        }
    }
    lines
}

fn draw_panel(canvas: &Canvas, panel: &Panel, grid: &Grid, lines: &[Line]) {
    let zero = (grid.measure == Measure::Seconds).then_some(0.0);
    let values = lines.iter().flat_map(|l| l.values.iter().flatten().copied()).chain(zero);
    let y = Scale::around(values, (panel.y.1, panel.y.0));
    canvas.y_axis(panel, &y, if grid.measure == Measure::Accuracy { " %" } else { " s" });
    let step = f64::from(panel.x.1 - panel.x.0) / grid.architectures.len().max(1) as f64;
    let x = |i: usize| f64::from(panel.x.0) + step * (i as f64 + 0.5);
    for (i, architecture) in grid.architectures.iter().enumerate() {
        canvas.text(x(i) as i32, panel.y.1 + 20, 11, INK, "middle", grid.network(*architecture));
    }
    for (place, line) in lines.iter().enumerate() {
        let points: Vec<Option<(f64, f64)>> =
            line.values.iter().enumerate().map(|(i, v)| v.map(|v| (x(i), y.at(v)))).collect();
        for run in points.split(Option::is_none) {
            stroke(canvas, line, run.iter().copied().flatten().collect());
        }
        points.iter().flatten().for_each(|(x, y)| canvas.mark(line.mark, *x, *y, line.colour));
        let (left, height) = (panel.x.1 + 14, panel.y.0 + 12 + 20 * place as i32);
        let height_of_line = f64::from(height - 4);
        stroke(canvas, line, vec![(f64::from(left), height_of_line), (f64::from(left + 34), height_of_line)]);
        canvas.mark(line.mark, f64::from(left + 17), height_of_line, line.colour);
        canvas.text(left + 42, height, 11, INK, "start", &line.name);
    }
}

fn stroke(canvas: &Canvas, line: &Line, points: Vec<(f64, f64)>) {
    match line.dash {
        _ if points.len() < 2 => {}
        Some(dash) => canvas.dashed(&points, line.colour, dash),
        None => canvas.line(points, line.colour, 1.0, 2),
    }
}
