//! Accuracy as dots: BN above ND in each row, with a line from the original to the reproductions.

use super::super::axes::{Canvas, INK, Mark, Panel, Scale};
use super::super::{BN, ND, look};
use super::frame;
use crate::report::study::{Entry, Grid};
use crate::scenario::Norm;

/// Distance of BN and ND from the middle of their row, pixels.
const LANE: f64 = 8.0;

/// The whole figure.
pub(super) fn draw(grid: &Grid, title: &str) -> String {
    let mut svg = String::new();
    {
        let (width, height) = frame::size(grid);
        let canvas = Canvas::new(&mut svg, width, height);
        let line = "Top-1. Each panel has its own scale. The thick line is the range of our attempts.";
        frame::draw(&canvas, grid, title, line, &keys(grid));
        for (epochs, panel) in frame::panels(&canvas, grid, |epochs| frame::coverage(grid, epochs)) {
            draw_panel(&canvas, &panel, grid, epochs);
        }
    }
    svg
}

fn keys(grid: &Grid) -> Vec<frame::Key> {
    let mut keys = vec![
        ("BN, above, round".into(), BN, Mark::Disc),
        ("ND, below, square".into(), ND, Mark::Square),
        ("ours: filled".into(), INK, Mark::Disc),
    ];
    if grid.published {
        keys.push(("study's mean: open".into(), INK, Mark::OpenDisc));
        keys.push(("original".into(), INK, Mark::Tick));
    }
    keys
}

fn draw_panel(canvas: &Canvas, panel: &Panel, grid: &Grid, epochs: u32) {
    let here = grid.entries().filter(|(cell, _)| cell.epochs == epochs);
    let scale = Scale::around(here.flat_map(|(_, entry)| values(entry)), panel.x);
    canvas.x_axis(panel, &scale, "top-1, %");
    for (row, architecture) in grid.architectures.iter().enumerate() {
        for (norm, offset) in [(Norm::Bn, -LANE), (Norm::Nd, LANE)] {
            if let Some(entry) = grid.entry(*architecture, norm, epochs) {
                lane(canvas, &scale, entry, norm, frame::middle(row) + offset);
            }
        }
    }
}

/// Everything that is drawn of a cell.
fn values(entry: &Entry) -> Vec<f64> {
    let ours = entry.ours.summary.map(|s| [s.min, s.mean, s.max]);
    entry.original.into_iter().chain(entry.study.map(|s| s.mean)).chain(ours.into_iter().flatten()).collect()
}

fn lane(canvas: &Canvas, scale: &Scale, entry: &Entry, norm: Norm, y: f64) {
    let (colour, filled) = look(norm);
    let open = filled.open();
    let ours = entry.ours.summary;
    if let Some(original) = entry.original {
        for mean in entry.study.iter().chain(&ours).map(|s| s.mean) {
            canvas.line(vec![(scale.at(original), y), (scale.at(mean), y)], colour, 0.5, 1);
        }
        canvas.mark(Mark::Tick, scale.at(original), y, colour);
    }
    if let Some(s) = ours {
        canvas.line(vec![(scale.at(s.min), y), (scale.at(s.max), y)], colour, 0.7, 4);
    }
    if let Some(s) = entry.study {
        canvas.mark(open, scale.at(s.mean), y, colour);
    }
    if let Some(s) = ours {
        canvas.mark(filled, scale.at(s.mean), y, colour);
    }
}
