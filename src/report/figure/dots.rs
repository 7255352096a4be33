//! Test accuracy of each row: mean and standard deviation of BN and ND, and the original's value.

use super::axes::{Canvas, GREY, INK, Mark, Panel, Scale};
use super::{ROW, look};
use crate::report::model::{AccuracyRow, Report, Side, TimeRow};
use crate::report::words::{dataset_title, length, states};

/// Draws one row a row of the time tables, BN above ND.
pub(super) fn draw(canvas: &Canvas, panel: &Panel, report: &Report) {
    let values = report.accuracy.iter().flat_map(|row| {
        let ends = row.test_top1.map(|s| [s.mean - s.sd.unwrap_or(0.0), s.mean + s.sd.unwrap_or(0.0)]);
        ends.into_iter().flatten().chain(row.original)
    });
    let scale = Scale::around(values, panel.x);
    canvas.x_axis(panel, &scale, "top-1 on the test images, %");
    for (i, row) in report.time.iter().enumerate() {
        let middle = f64::from(panel.y.0 + ROW * i as i32) + f64::from(ROW) / 2.0;
        canvas.text(panel.x.0 - 14, middle as i32 + 4, 13, INK, "end", &name(report, row));
        for (side, offset) in [(&row.bn, -7.0), (&row.nd, 7.0)] {
            let found = report
                .accuracy
                .iter()
                .find(|a| Some(&a.cell) == side.cell.as_ref() && a.environment == row.environment);
            match found {
                Some(accuracy) => point(canvas, panel, &scale, accuracy, middle + offset),
                None => absent(canvas, panel, report, side, middle + offset),
            }
        }
    }
}

/// The mean of one norm with its spread, or the word that stands for it.
fn point(canvas: &Canvas, panel: &Panel, scale: &Scale, row: &AccuracyRow, y: f64) {
    let (colour, mark) = look(row.norm);
    if let Some(original) = row.original {
        canvas.mark(Mark::Diamond, scale.at(original), y, GREY);
    }
    match row.test_top1 {
        Some(s) => {
            let sd = s.sd.unwrap_or(0.0);
            canvas.line(vec![(scale.at(s.mean - sd), y), (scale.at(s.mean + sd), y)], colour, 1.0, 2);
            canvas.mark(mark, scale.at(s.mean), y, colour);
        }
        None => canvas.text(panel.x.0 + 6, y as i32 + 4, 11, colour, "start", &states(&row.unfinished)),
    }
}

/// The word for a norm without a record in the row's environment.
fn absent(canvas: &Canvas, panel: &Panel, report: &Report, side: &Side, y: f64) {
    let Some(cell) = &side.cell else { return };
    let elsewhere = report.accuracy.iter().any(|a| a.cell == *cell && a.environment.is_some());
    let word = if elsewhere { "elsewhere" } else { "missing" };
    canvas.text(panel.x.0 + 6, y as i32 + 4, 11, GREY, "start", word);
}

/// `VGG-16, 20 epochs`, with data set and environment where there are several.
fn name(report: &Report, row: &TimeRow) -> String {
    let mut name = format!("{}, {}", row.architecture.title(), length(row.epochs));
    if report.time.iter().any(|r| r.dataset != row.dataset) {
        name += &format!(", {}", dataset_title(&row.dataset));
    }
    if let (true, Some(label)) = (report.environments.len() > 1, &row.environment) {
        name += &format!(" ({label})");
    }
    name
}
