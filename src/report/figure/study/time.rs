//! Training time as dots on a logarithmic scale: from BN to ND is a length that says the ratio; the study's line above
//! ours.

use super::super::axes::{Canvas, GREY, INK, Mark, Panel, Scale};
use super::super::{BN, ND};
use super::frame;
use crate::report::study::{Entry, Grid};
use crate::scenario::Norm;

/// Distance of the study's line and ours from the middle of their row, pixels.
const LANE: f64 = 8.0;

/// Room for a ratio right of a mark, as a factor of the largest time.
const ROOM: f64 = 1.9;

/// The whole figure.
pub(super) fn draw(grid: &Grid, title: &str) -> String {
    let mut svg = String::new();
    {
        let (width, height) = frame::size(grid);
        let canvas = Canvas::new(&mut svg, width, height);
        let line = "Logarithmic scales, one a panel: lines of equal length are equal ratios. The number is ND/BN: the \
                    study's of its means, ours of blocks.";
        frame::draw(&canvas, grid, title, line, &keys(grid));
        for (epochs, panel) in frame::panels(&canvas, grid, |epochs| frame::coverage(grid, epochs)) {
            draw_panel(&canvas, &panel, grid, epochs);
        }
    }
    svg
}

fn keys(grid: &Grid) -> Vec<frame::Key> {
    let mut keys = vec![("BN, round".into(), BN, Mark::Disc), ("ND, square".into(), ND, Mark::Square)];
    if grid.published {
        keys.push(("study's mean, V100: open, above".into(), INK, Mark::OpenDisc));
        keys.push(("ours: filled, below".into(), INK, Mark::Disc));
    }
    keys
}

fn draw_panel(canvas: &Canvas, panel: &Panel, grid: &Grid, epochs: u32) {
    let here = || grid.entries().filter(|(cell, _)| cell.epochs == epochs);
    let values: Vec<f64> = here().flat_map(|(_, e)| [study(e), ours(e)]).flatten().collect();
    let largest = values.iter().copied().fold(0.0, f64::max) * ROOM;
    let scale = Scale::logarithmic(values.into_iter().chain([largest]), panel.x);
    canvas.x_axis(panel, &scale, "seconds of training");
    for (row, architecture) in grid.architectures.iter().enumerate() {
        let pair = Norm::ALL.map(|norm| grid.entry(*architecture, norm, epochs));
        let y = frame::middle(row);
        let (above, below) = if grid.published { (y - LANE, y + LANE) } else { (y, y) };
        let theirs = pair.map(|e| e.and_then(study));
        let quotient = if let [Some(bn), Some(nd)] = theirs { Some(nd / bn) } else { None };
        lane(canvas, &scale, (theirs, quotient), (Mark::OpenDisc, Mark::OpenSquare), above);
        let blocks = grid.ratio(*architecture, epochs);
        lane(canvas, &scale, (pair.map(|e| e.and_then(ours)), blocks), (Mark::Disc, Mark::Square), below);
    }
}

fn study(entry: &Entry) -> Option<f64> {
    entry.study.map(|s| s.mean)
}

fn ours(entry: &Entry) -> Option<f64> {
    entry.ours.summary.map(|s| s.mean)
}

/// BN, ND, the line between them and their ratio.
fn lane(canvas: &Canvas, scale: &Scale, values: ([Option<f64>; 2], Option<f64>), marks: (Mark, Mark), y: f64) {
    let ([bn, nd], ratio) = values;
    if let (Some(bn), Some(nd)) = (bn, nd) {
        canvas.line(vec![(scale.at(bn), y), (scale.at(nd), y)], GREY, 0.8, 2);
        if let Some(ratio) = ratio {
            let x = scale.at(bn.max(nd)).round() as i32 + 9;
            canvas.text(x, y as i32 + 4, 10, INK, "start", &format!("{ratio:.1}"));
        }
    }
    for (value, mark, colour) in [(bn, marks.0, BN), (nd, marks.1, ND)] {
        if let Some(value) = value {
            canvas.mark(mark, scale.at(value), y, colour);
        }
    }
}
