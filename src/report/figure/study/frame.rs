//! What the dot plots share: title, key, names of the networks, a panel a length.

use super::super::axes::{Canvas, GREY, GRID, INK, Mark, Panel};
use crate::report::study::Grid;
use crate::report::words::{clean, length};
use plotters::style::RGBColor;

/// Height of a row, pixels.
const ROW: i32 = 36;
/// Space above the panels.
const TOP: i32 = 124;
/// Space below the panels: scale and its title.
const BOTTOM: i32 = 58;
/// Space left of the panels at least: names.
const LEFT: i32 = 128;
/// Width of a letter of the names at most.
const LETTER: i32 = 7;
/// Width of a panel and the space right of it.
const PANEL: (i32, i32) = (300, 36);
/// No figure is narrower: title and key need room.
const NARROWEST: i32 = 800;

/// A mark of the key.
pub(super) type Key = (String, RGBColor, Mark);

/// Width and height of the figure of a grid.
pub(super) fn size(grid: &Grid) -> (i32, i32) {
    let width = left(grid) + grid.epochs.len() as i32 * (PANEL.0 + PANEL.1);
    (width.max(NARROWEST), TOP + ROW * grid.architectures.len() as i32 + BOTTOM)
}

/// Left edge of the first panel.
fn left(grid: &Grid) -> i32 {
    let longest = grid.architectures.iter().map(|a| grid.network(*a).len() as i32).max().unwrap_or(0);
    LEFT.max(longest * LETTER + 24)
}

/// Title, a line below it, the key, the names and the rules between the rows.
pub(super) fn draw(canvas: &Canvas, grid: &Grid, title: &str, line: &str, keys: &[Key]) {
    canvas.text(24, 30, 19, INK, "start", &clean(title));
    canvas.text(24, 52, 12, GREY, "start", &clean(line));
    let mut x = 30;
    for (name, colour, mark) in keys {
        canvas.mark(*mark, f64::from(x), 74.0, *colour);
        canvas.text(x + 12, 78, 12, INK, "start", name);
        x += 36 + (name.chars().count() as f64 * 6.3) as i32;
    }
    for (i, architecture) in grid.architectures.iter().enumerate() {
        canvas.text(left(grid) - 14, middle(i) as i32 + 4, 13, INK, "end", grid.network(*architecture));
    }
}

/// The panel of each length, with its heading and the rules between the rows.
pub(super) fn panels(canvas: &Canvas, grid: &Grid, heading: impl Fn(u32) -> String) -> Vec<(u32, Panel)> {
    let rows = grid.architectures.len() as i32;
    let panels = grid.epochs.iter().enumerate().map(|(i, epochs)| {
        let left = left(grid) + i as i32 * (PANEL.0 + PANEL.1);
        let panel = Panel { x: (left, left + PANEL.0), y: (TOP, TOP + ROW * rows) };
        let letter = char::from(b'a' + (i % 26) as u8);
        let words = format!("({letter}) {}", length(*epochs));
        canvas.text(left, TOP - 14, 13, INK, "start", &words);
        canvas.text(panel.x.1, TOP - 14, 11, GREY, "end", &heading(*epochs));
        for row in 0..=rows {
            let y = f64::from(TOP + ROW * row);
            canvas.line(vec![(f64::from(left), y), (f64::from(panel.x.1), y)], GRID, 1.0, 1);
        }
        (*epochs, panel)
    });
    panels.collect()
}

/// The middle of a row, pixels.
pub(super) fn middle(row: usize) -> f64 {
    f64::from(TOP) + f64::from(ROW) * (row as f64 + 0.5)
}

/// How many of a panel's cells have a value of ours: `ours: 3 of 20 cells`.
pub(super) fn coverage(grid: &Grid, epochs: u32) -> String {
    let here = || grid.entries().filter(move |(cell, _)| cell.epochs == epochs);
    let present = here().filter(|(_, entry)| entry.ours.summary.is_some()).count();
    format!("ours: {present} of {} cells", here().count())
}
