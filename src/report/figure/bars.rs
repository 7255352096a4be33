//! Training time of BN and ND as bars from zero, with a ring for each block.

use super::axes::{Canvas, INK, Mark, Panel, Scale};
use super::crowd::BLOCKS;
use super::{BN, ND};
use crate::report::model::{BlockTimes, TimeRow};
use crate::report::words::{ratio, seconds, states};

/// Draws the two norms of a row.
pub(super) fn draw(canvas: &Canvas, panel: &Panel, row: &TimeRow) {
    let means = [&row.bn, &row.nd].into_iter().filter_map(|side| side.seconds).flat_map(|s| [s.mean, s.max]);
    let scale = Scale::around(means.chain([0.0]), panel.x);
    canvas.x_axis(panel, &scale, "seconds of training");
    let height = f64::from(panel.y.1 - panel.y.0);
    let times = |of: fn(&BlockTimes) -> f64| row.blocks.iter().map(of).collect::<Vec<f64>>();
    let bars = [("BN", &row.bn, BN, times(|b| b.bn_seconds), 0.3), ("ND", &row.nd, ND, times(|b| b.nd_seconds), 0.72)];
    for (name, side, colour, blocks, place) in bars {
        let y = f64::from(panel.y.0) + height * place;
        canvas.text(panel.x.0 - 10, y as i32 + 4, 14, INK, "end", name);
        let words = match side.seconds {
            Some(s) => {
                canvas.bar((scale.at(0.0), scale.at(s.mean)), (y - 0.1 * height, y + 0.1 * height), colour);
                format!("{} s", seconds(s.mean))
            }
            None => states(&side.unfinished),
        };
        canvas.text(panel.x.0 + 8, (y - 0.1 * height) as i32 - 8, 13, colour, "start", &words);
        let shown = blocks.len() <= BLOCKS;
        blocks.into_iter().filter(|_| shown).for_each(|time| canvas.mark(Mark::Ring, scale.at(time), y, INK));
    }
    let rings = if row.blocks.len() > BLOCKS { "" } else { "; a ring is a block" };
    let words = format!("ND/BN {}{rings}", ratio(row));
    canvas.text(panel.x.0, panel.y.0 - 24, 12, INK, "start", &words);
}
