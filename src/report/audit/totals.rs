//! Sums over the tables.

use super::items::{Pair, both_norms, pairs, squared_deviation, time_ratio};
use super::model::{CellValue, Colours, Deviations, GpuHours, Overheads, TableTotal, Totals};
use crate::published::{Cell, ClaimKey, Published};
use crate::report::matrix::group_by;

const SECONDS_PER_HOUR: f64 = 3600.0;

/// All sums; those of the tables are given.
pub(super) fn totals(published: &Published, tables: Vec<TableTotal>) -> Totals {
    let gpu_hours = gpu_hours(published);
    let imagenet = published.imagenet();
    Totals {
        cells: published.cells().len(),
        attempts: published.cells().values().map(|f| f.attempts.len()).sum(),
        tables,
        colours: published.stated(ClaimKey::RuleLower).map_or(Vec::new(), |limit| colours(published, limit)),
        deviations: deviations(published),
        overheads: overheads(published),
        gpu_hours_total: gpu_hours.iter().map(|h| h.training + h.testing).sum(),
        gpu_hours,
        imagenet_runs: imagenet.len(),
        imagenet_hours: imagenet.iter().map(|run| run.train_seconds).sum::<f64>() / SECONDS_PER_HOUR,
    }
}

fn colours(published: &Published, limit: f64) -> Vec<Colours> {
    let pairs = pairs(published);
    let of = |name: String, pairs: &[Pair]| {
        let count = |test: &dyn Fn(&Pair) -> bool| pairs.iter().filter(|p| test(p)).count();
        let (values, red_relative) = (pairs.len(), count(&|p| p.is_red(limit)));
        let red_points = count(&|p| p.is_red_by_points(limit));
        Colours {
            dataset: name,
            values,
            green: count(&Pair::is_green),
            red_relative,
            red_points,
            within_relative: values - red_relative,
            within_points: values - red_points,
        }
    };
    let mut found: Vec<Colours> = group_by(pairs.clone(), |p| p.dataset.clone())
        .into_iter()
        .map(|group| of(group[0].dataset.as_ref().map_or("imagenet".into(), ToString::to_string), &group))
        .collect();
    found.push(of("all".into(), &pairs));
    found
}

fn deviations(published: &Published) -> Vec<Deviations> {
    let values = published.cells().iter().filter_map(|(cell, figures)| valued(cell, squared_deviation(figures, 0)?));
    group_by(values, |v| v.cell.dataset.clone())
        .into_iter()
        .filter_map(|group| {
            let (smallest, largest) = extremes(&group)?;
            Some(Deviations { dataset: smallest.cell.dataset.clone(), cells: group.len(), smallest, largest })
        })
        .collect()
}

fn overheads(published: &Published) -> Vec<Overheads> {
    let values = both_norms(published).filter_map(|(cell, bn, nd)| valued(cell, time_ratio(bn, nd)?));
    let mut found: Vec<Overheads> = group_by(values, |v| v.cell.epochs)
        .into_iter()
        .filter_map(|group| {
            let (smallest, largest) = extremes(&group)?;
            Some(Overheads { epochs: smallest.cell.epochs, pairs: group.len(), smallest, largest })
        })
        .collect();
    found.sort_by_key(|o| o.epochs);
    found
}

fn gpu_hours(published: &Published) -> Vec<GpuHours> {
    let mut found: Vec<GpuHours> = group_by(published.cells(), |(cell, _)| cell.epochs)
        .into_iter()
        .map(|group| {
            let attempts = || group.iter().flat_map(|(_, figures)| &figures.attempts);
            GpuHours {
                epochs: group[0].0.epochs,
                training: attempts().map(|a| a.train_seconds).sum::<f64>() / SECONDS_PER_HOUR,
                testing: attempts().map(|a| a.test_seconds).sum::<f64>() / SECONDS_PER_HOUR,
            }
        })
        .collect();
    found.sort_by_key(|h| h.epochs);
    found
}

fn valued(cell: &Cell, value: f64) -> Option<CellValue> {
    value.is_finite().then(|| CellValue { cell: cell.clone(), value })
}

/// The items with the smallest and the largest value.
fn extremes(values: &[CellValue]) -> Option<(CellValue, CellValue)> {
    let by = |a: &&CellValue, b: &&CellValue| a.value.total_cmp(&b.value);
    Some((values.iter().min_by(by)?.clone(), values.iter().max_by(by)?.clone()))
}
