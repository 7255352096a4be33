//! Test accuracy over the epochs, one line an attempt, or three lines for many.

use super::axes::{Canvas, GREY, Panel, Scale};
use super::crowd::{self, is_crowd, thinned};
use super::look;
use crate::report::model::Report;

/// Draws every attempt of the report's only network.
pub(super) fn draw(canvas: &Canvas, panel: &Panel, report: &Report) {
    let epochs = report.accuracy.iter().map(|row| row.epochs).max().unwrap_or(1);
    let x = Scale::around([if epochs > 10 { 0.0 } else { 1.0 }, f64::from(epochs)], panel.x);
    let lines: Vec<_> = report.accuracy.iter().map(|row| (row.norm, thinned(&row.curves))).collect();
    let y =
        Scale::around(lines.iter().flat_map(|(_, curves)| curves.iter().flatten().copied()), (panel.y.1, panel.y.0));
    canvas.x_axis(panel, &x, "epoch");
    canvas.y_axis(panel, &y, " %");
    if report.accuracy.iter().any(|row| is_crowd(&row.curves)) {
        canvas.text(panel.x.0, panel.y.0 - 8, 11, GREY, "start", crowd::WORDS);
    }
    for (norm, curves) in &lines {
        let (colour, mark) = look(*norm);
        for curve in curves.iter() {
            let points: Vec<(f64, f64)> =
                curve.iter().enumerate().map(|(i, v)| (x.at((i + 1) as f64), y.at(*v))).collect();
            canvas.line(points.clone(), colour, 0.8, 2);
            let every_epoch = epochs <= 10;
            let marked = points.iter().enumerate().filter(|(i, _)| every_epoch || i + 1 == points.len());
            marked.for_each(|(_, (x, y))| canvas.mark(mark, *x, *y, colour));
        }
    }
}
