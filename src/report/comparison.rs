//! BN beside ND for the terminal: the end of a run.

use super::differences::settings_line;
use super::model::{AccuracyRow, Report, Side, TimeRow};
use super::words::{NOTHING, clean, dataset_title, environment_line, memory_words, ratio, result, seconds, states};
use crate::plan::TrialId;
use comfy_table::{Cell, CellAlignment, Table, presets};

/// A table with a BN and an ND row for each network, length and environment, and what its columns mean.
pub fn comparison(report: &Report) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_BORDERS_ONLY).set_header([
        "Training",
        "",
        "Test %",
        "Train %",
        "Time",
        "Peak memory",
    ]);
    for row in &report.time {
        for (title, side) in [("BN", &row.bn), ("ND", &row.nd)] {
            if let Some(cell) = &side.cell {
                table.add_row(line(report, row, title, side, cell));
            }
        }
        let memory = row.memory_ratio.map_or(NOTHING.into(), |r| format!("{r:.2}"));
        let cells = [String::new(), "ND/BN".into(), String::new(), String::new(), ratio(row), memory];
        table.add_row(cells.into_iter().enumerate().map(align));
    }
    let mut out = format!("{}\n{table}\n", clean(&report.scenario));
    out += "Test and train: top-1 after the last epoch. Time: one training without evaluation; ND/BN from blocks, 95 % \
            confidence interval.\n";
    if let Some(kind) = report.time.iter().find_map(|r| r.memory_kind) {
        out += &format!("Peak memory: {}.\n", memory_words(kind));
    }
    out += &settings_line(&report.settings);
    for e in &report.environments {
        out += &format!("Environment {}: {}\n", e.label, environment_line(&e.environment));
    }
    out
}

/// One norm of a row.
fn line(report: &Report, row: &TimeRow, title: &str, side: &Side, cell: &TrialId) -> Vec<Cell> {
    let accuracy: Option<&AccuracyRow> =
        report.accuracy.iter().find(|a| a.cell == *cell && a.environment == row.environment);
    let percent = |of: fn(&AccuracyRow) -> Option<crate::stats::Summary>| {
        accuracy.map_or(NOTHING.into(), |a| result(of(a).as_ref(), &a.unfinished))
    };
    let name = if title == "BN" { name(report, row) } else { String::new() };
    let time = side.seconds.map_or_else(|| states(&side.unfinished), |s| format!("{} s", seconds(s.mean)));
    let memory = side.memory.map_or(NOTHING.into(), |m| m.to_string());
    let cells = [name, title.into(), percent(|a| a.test_top1), percent(|a| a.train_top1), time, memory];
    cells.into_iter().enumerate().map(align).collect()
}

/// `VGG-16, 3 epochs of Fashion-MNIST subset`, with the environment where there are several.
fn name(report: &Report, row: &TimeRow) -> String {
    let mut name = format!(
        "{}, {} of {}",
        row.architecture.title(),
        super::words::length(row.epochs),
        dataset_title(&row.dataset)
    );
    if let (true, Some(label)) = (report.environments.len() > 1, &row.environment) {
        name += &format!(" ({label})");
    }
    name
}

/// Words to the left, figures to the right.
fn align((column, text): (usize, String)) -> Cell {
    let side = if column < 2 { CellAlignment::Left } else { CellAlignment::Right };
    Cell::new(text).set_alignment(side)
}
