//! A report as one self-contained SVG: accuracy on the left, the price in time on the right.
//!
//! Colours are those of Okabe and Ito, told apart by colour-blind readers; BN and ND differ in shape as well.

mod axes;
mod bars;
mod crowd;
mod curves;
mod dots;
mod frontier;
mod history;
mod memory;
mod parts;
mod png;
mod ratios;
mod scale;
mod signature;
pub(super) mod study;

pub use frontier::frontier_figure;
pub use history::history_figure;
pub use memory::{MemoryLine, MemoryPanel, memory_figure};
pub use parts::parts_figure;
pub use png::{PngError, png};

use super::model::Report;
use super::words::{clean, plural};
use crate::scenario::Norm;
use axes::{Canvas, GREY, INK, Mark, Panel};
use plotters::style::RGBColor;
use signature::{signed, sources};

const BN: RGBColor = RGBColor(0, 114, 178);
const ND: RGBColor = RGBColor(213, 94, 0);

/// Colour and mark of a norm.
fn look(norm: Norm) -> (RGBColor, Mark) {
    match norm {
        Norm::Bn => (BN, Mark::Disc),
        Norm::Nd => (ND, Mark::Square),
        Norm::Plain => (GREY, Mark::Diamond),
    }
}

/// Width of the figure, pixels.
const WIDTH: i32 = 1080;
/// Height of a row of the dot plots.
const ROW: i32 = 34;
/// Height of the plots where accuracy is drawn epoch by epoch.
const CURVES: i32 = 280;
/// Space above the plots: title, coverage and keys.
const TOP: i32 = 112;
/// Space below the plots: scale and its title.
const BOTTOM: i32 = 62;

/// Draws the report. One network and length with several epochs is drawn as curves over the epochs; otherwise each row
/// of the tables is a row of the figure.
pub fn figure(report: &Report) -> String {
    let single = match &report.time[..] {
        [row] if row.epochs > 1 => Some(row),
        _ => None,
    };
    let height = if single.is_some() { CURVES } else { ROW * report.time.len().max(2) as i32 };
    let mut svg = String::new();
    {
        let canvas = Canvas::new(&mut svg, WIDTH, TOP + height + BOTTOM);
        let span = (TOP, TOP + height);
        let labels = if single.is_some() { 0 } else { 200 };
        let left = Panel { x: (70 + labels, 570 + labels / 4), y: span };
        let right = Panel { x: (left.x.1 + 70, WIDTH - 40), y: span };
        header(&canvas, report, &right);
        if let Some(row) = single {
            curves::draw(&canvas, &left, report);
            bars::draw(&canvas, &right, row);
        } else {
            ratio_key(&canvas, &right, report);
            dots::draw(&canvas, &left, report);
            ratios::draw(&canvas, &right, report);
        }
    }
    signed(&svg, &sources(report, None))
}

/// Title, coverage, panel titles and the key to the marks.
fn header(canvas: &Canvas, report: &Report, right: &Panel) {
    canvas.text(24, 30, 20, INK, "start", &clean(&report.scenario));
    let c = &report.coverage;
    let state = format!("{} of {} finished", c.finished, plural(c.trials, "trial"));
    canvas.text(WIDTH - 24, 30, 13, GREY, "end", &state);
    canvas.text(24, 64, 15, INK, "start", "Test accuracy, top-1");
    canvas.text(right.x.0, 64, 15, INK, "start", "Training time");
    let published = report.accuracy.iter().any(|row| row.original.is_some());
    let mut keys = vec![("batch normalisation (BN)", BN, Mark::Disc), ("network deconvolution (ND)", ND, Mark::Square)];
    keys.extend(published.then_some(("original", GREY, Mark::Diamond)));
    key(canvas, 24, &keys);
}

/// The key to the ratios.
fn ratio_key(canvas: &Canvas, right: &Panel, report: &Report) {
    let mut keys = vec![("mean, 95 % interval", INK, Mark::Disc), ("block", INK, Mark::Ring)];
    keys.extend(report.time.iter().any(|r| r.study_ratio.is_some()).then_some(("study", GREY, Mark::Diamond)));
    key(canvas, right.x.0, &keys);
}

/// Marks with their names, side by side.
fn key(canvas: &Canvas, x: i32, entries: &[(&str, RGBColor, Mark)]) {
    let mut x = x + 6;
    for (name, colour, mark) in entries {
        canvas.mark(*mark, f64::from(x), 84.0, *colour);
        canvas.text(x + 12, 88, 12, INK, "start", name);
        x += 34 + (name.len() as f64 * 6.6) as i32;
    }
}
