//! Sums, extremes and attempts that stand out.

use super::{cell, number};
use crate::report::audit::model::{Audit, CellValue, FarAttempt, Implausible, Measure, Totals};
use crate::report::matrix::group_by;
use crate::report::table::Table;
use crate::report::words::{dataset_title, length, plural};

/// The study's colours by both readings of its rule.
pub(super) fn colours(totals: &Totals) -> String {
    if totals.colours.is_empty() {
        return String::new();
    }
    let head = ["Data", "Values", "Green", "Red (relative)", "Red (points)", "Within (relative)", "Within (points)"];
    let mut table = Table::new(1, &head);
    for c in &totals.colours {
        let counts = [c.values, c.green, c.red_relative, c.red_points, c.within_relative, c.within_points];
        table.row([c.dataset.clone()].into_iter().chain(counts.map(|n| n.to_string())).collect());
    }
    table.render()
        + "\nGreen: above the original. Red: lower by more than the study's limit, read as a share of the original \
           (relative) or as percentage points. Within: not red.\n"
}

/// Deviations by data set, ND/BN by length.
pub(super) fn extremes(totals: &Totals) -> String {
    let mut out = String::new();
    let at = |v: &CellValue| cell(&v.cell);
    for d in &totals.deviations {
        let (name, cells) = (dataset_title(&d.dataset), plural(d.cells, "cell"));
        let [low, high] = [&d.smallest, &d.largest].map(|v| format!("{:.4} ({})", v.value, at(v)));
        out += &format!("- Mean squared deviation from the original, {name}, {cells}: {low} to {high}.\n");
    }
    for o in &totals.overheads {
        let pair = |v: &CellValue| format!("{} on {}", v.cell.architecture.title(), dataset_title(&v.cell.dataset));
        let [low, high] = [&o.smallest, &o.largest].map(|v| format!("{:.3} ({})", v.value, pair(v)));
        let (epochs, pairs) = (length(o.epochs), plural(o.pairs, "pair"));
        out += &format!("- ND/BN of the mean training times at {epochs}, {pairs}: {low} to {high}.\n");
    }
    out
}

/// What the attempts took, and those that stand out.
pub(super) fn attempts(audit: &Audit) -> String {
    let t = &audit.totals;
    let mut out = String::new();
    if !t.gpu_hours.is_empty() {
        let by = |h: &crate::report::audit::model::GpuHours| {
            format!("{:.1} at {}", h.training + h.testing, length(h.epochs))
        };
        let by: Vec<String> = t.gpu_hours.iter().map(by).collect();
        out += &format!("- CIFAR took {:.1} GPU-hours, testing included: {}.\n", t.gpu_hours_total, by.join(", "));
    }
    if t.imagenet_runs > 0 {
        let runs = plural(t.imagenet_runs, "training");
        out += &format!("- ImageNet took {:.1} GPU-hours in {runs}.\n", t.imagenet_hours);
    }
    for d in &audit.duplicates {
        let [first, second] = [&d.first, &d.second].map(|a| format!("{}, attempt {}", cell(&a.cell), a.attempt));
        out += &format!("- {first} has the accuracy, training time and testing time of {second}.\n");
    }
    out += &implausible(&audit.implausible, t.cells);
    out += &far(&audit.far);
    out
}

fn implausible(found: &[Implausible], cells: usize) -> String {
    let above = |i: &Implausible| i.recomputed - i.original;
    let Some(worst) = found.iter().max_by(|a, b| above(a).total_cmp(&above(b))) else { return String::new() };
    let groups = group_by(found, |i| (i.cell.dataset.clone(), i.cell.epochs));
    let by = |g: &Vec<&Implausible>| {
        format!("{} on {} at {}", g.len(), dataset_title(&g[0].cell.dataset), length(g[0].cell.epochs))
    };
    let by: Vec<String> = groups.iter().map(by).collect();
    format!(
        "- {} of {} exceed the original by more than can be expected of a test accuracy and look like training accuracy: \
         {}; the most {} ({} against {}).\n",
        found.len(),
        plural(cells, "mean"),
        by.join(", "),
        cell(&worst.cell),
        number(worst.recomputed),
        number(worst.original),
    )
}

fn far(found: &[FarAttempt]) -> String {
    let mut out = String::new();
    for group in group_by(found, |f| f.measure) {
        let seconds = group[0].measure == Measure::Seconds;
        let what = if seconds { "training times" } else { "accuracies" };
        out += &format!("- {} {what} are far from the median of their cell:\n", group.len());
        for f in group {
            let unit = if seconds { "s" } else { "%" };
            let (name, attempt) = (cell(&f.of.cell), f.of.attempt);
            out += &format!(
                "  - {name}, attempt {attempt}: {} {unit}, median {} {unit}\n",
                number(f.value),
                number(f.median)
            );
        }
    }
    out
}
