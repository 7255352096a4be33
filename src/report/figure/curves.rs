//! Test accuracy over the epochs, one line an attempt.

use super::axes::{Canvas, Mark, Panel, Scale};
use super::{BN, ND};
use crate::report::model::Report;
use crate::scenario::Norm;

/// Draws every attempt of the report's only network.
pub(super) fn draw(canvas: &Canvas, panel: &Panel, report: &Report) {
    let epochs = report.accuracy.iter().map(|row| row.epochs).max().unwrap_or(1);
    let x = Scale::around([if epochs > 10 { 0.0 } else { 1.0 }, f64::from(epochs)], panel.x);
    let values = report.accuracy.iter().flat_map(|row| row.curves.iter().flatten().copied());
    let y = Scale::around(values, (panel.y.1, panel.y.0));
    canvas.x_axis(panel, &x, "epoch");
    canvas.y_axis(panel, &y, " %");
    for row in &report.accuracy {
        let (colour, mark) = match row.norm {
            Norm::Bn => (BN, Mark::Disc),
            Norm::Nd => (ND, Mark::Square),
        };
        for curve in &row.curves {
            let points: Vec<(f64, f64)> =
                curve.iter().enumerate().map(|(i, v)| (x.at((i + 1) as f64), y.at(*v))).collect();
            canvas.line(points.clone(), colour, 0.8, 2);
            let every_epoch = epochs <= 10;
            let marked = points.iter().enumerate().filter(|(i, _)| every_epoch || i + 1 == points.len());
            marked.for_each(|(_, (x, y))| canvas.mark(mark, *x, *y, colour));
        }
    }
}
