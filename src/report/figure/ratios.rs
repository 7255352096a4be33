//! The ratio of training times, ND to BN: mean and interval, blocks, and the study's ratio.

use super::axes::{Canvas, GREY, INK, Mark, Panel, Scale};
use super::crowd::BLOCKS;
use crate::report::model::{BlockTimes, Report, TimeRow};
use crate::report::words::ratio;

/// Intervals are drawn to this factor beyond the largest point, so that a wide one does not squeeze the others.
const REACH: f64 = 1.25;

/// About the width of a letter of the words at a ratio, pixels.
const LETTER: f64 = 6.0;

/// Draws one row a row of the time tables.
pub(super) fn draw(canvas: &Canvas, panel: &Panel, report: &Report) {
    let points: Vec<f64> = report
        .time
        .iter()
        .flat_map(|row| row.blocks.iter().map(BlockTimes::ratio).chain(row.study_ratio))
        .chain([1.0])
        .collect();
    let reach = points.iter().copied().fold(1.0, f64::max) * REACH;
    let intervals = report.time.iter().filter_map(|row| row.ratio?.interval);
    let ends = intervals.flat_map(|i| [i.low, i.high.min(reach)]);
    let scale = Scale::around(points.iter().copied().chain(ends), panel.x);
    canvas.x_axis(panel, &scale, "seconds of ND / seconds of BN");
    let one = scale.at(1.0);
    canvas.line(vec![(one, panel.y.0.into()), (one, panel.y.1.into())], GREY, 1.0, 2);
    let height = f64::from(panel.y.1 - panel.y.0) / report.time.len().max(1) as f64;
    for (i, row) in report.time.iter().enumerate() {
        row_of(canvas, panel, &scale, row, f64::from(panel.y.0) + height * (i as f64 + 0.5));
    }
}

fn row_of(canvas: &Canvas, panel: &Panel, scale: &Scale, row: &TimeRow, y: f64) {
    if let Some(study) = row.study_ratio {
        canvas.mark(Mark::Diamond, scale.at(study), y, GREY);
    }
    for block in row.blocks.iter().filter(|_| row.blocks.len() <= BLOCKS) {
        canvas.mark(Mark::Ring, scale.at(block.ratio()), y + 7.0, INK);
    }
    let Some(found) = row.ratio else {
        canvas.text(panel.x.0 - 8, y as i32 + 4, 11, GREY, "end", &ratio(row));
        return;
    };
    if let Some(i) = found.interval {
        canvas.line(vec![(scale.at(i.low), y), (scale.at(i.high), y)], INK, 1.0, 2);
    }
    canvas.mark(Mark::Disc, scale.at(found.value), y, INK);
    // The words stand above the point, or beside the line of equal times where they would cross it.
    let (x, words) = (scale.at(found.value), ratio(row));
    let (half, one) = (words.chars().count() as f64 * LETTER / 2.0, scale.at(1.0));
    let (x, anchor) = if (x - one).abs() < half + 4.0 { (one + 6.0, "start") } else { (x, "middle") };
    canvas.text(x.round() as i32, y as i32 - 9, 11, INK, anchor, &words);
}
