//! Tables 4, 5, 8 and 9, and tables of the same form for data sets that nothing is published about.

use super::super::model::IMPLAUSIBLE_POINTS;
use super::super::words::{NOTHING, dataset_title, environment_line, norm_title};
use super::grid::{Entry, Grid, Measure};
use super::names::{lengths, other_names, slug};
use super::value::{Cell, Datum, Head, Row, Source, StudyTable};
use crate::published;
use crate::scenario::{Architecture, Dataset, Norm};

/// The numbers of the study's CIFAR tables.
fn number(measure: Measure, dataset: &Dataset) -> Option<u32> {
    match (measure, dataset) {
        (Measure::Accuracy, Dataset::Cifar10) => Some(4),
        (Measure::Accuracy, Dataset::Cifar100) => Some(5),
        (Measure::Seconds, Dataset::Cifar10) => Some(8),
        (Measure::Seconds, Dataset::Cifar100) => Some(9),
        _ => None,
    }
}

/// The table of a grid.
pub(super) fn table(grid: &Grid) -> StudyTable {
    let number = number(grid.measure, &grid.dataset).filter(|_| grid.published);
    let sources = sources(grid);
    let stem = number.map_or_else(|| own_name(grid), |n| format!("table{n}"));
    StudyTable {
        name: grid.name(&stem),
        number,
        caption: caption(grid),
        environment: grid.environment.map(|e| e.class.clone()),
        head: head(grid, &sources),
        rows: grid.architectures.iter().enumerate().map(|(i, a)| row(grid, &sources, i, *a)).collect(),
        notes: notes(grid),
    }
}

fn own_name(grid: &Grid) -> String {
    let what = if grid.measure == Measure::Accuracy { "accuracy" } else { "time" };
    format!("{what}-{}", slug(&grid.dataset))
}

/// The columns under each norm and length, in the study's words.
fn sources(grid: &Grid) -> Vec<(Source, &'static str)> {
    match (grid.published, grid.measure) {
        (true, Measure::Accuracy) => {
            vec![(Source::Original, "Org. Value"), (Source::Study, "Rep. Avg"), (Source::Ours, "Ours")]
        }
        (true, Measure::Seconds) => vec![(Source::Study, "Study"), (Source::Ours, "Ours")],
        (false, _) => vec![(Source::Ours, "Ours")],
    }
}

fn caption(grid: &Grid) -> String {
    let (data, lengths) = (dataset_title(&grid.dataset), lengths(&grid.epochs));
    match (grid.measure, grid.published) {
        (Measure::Accuracy, true) => format!(
            "Results from the original's Table 1, the study's reproduced averages and ours for {data} with {lengths}, \
             percent."
        ),
        (Measure::Accuracy, false) => format!("Accuracy on {data} with {lengths}, percent."),
        (Measure::Seconds, true) => {
            format!(
                "Training time of batch normalisation and network deconvolution for {data} with {lengths}, seconds."
            )
        }
        (Measure::Seconds, false) => format!("Training time on {data} with {lengths}, seconds."),
    }
}

fn head(grid: &Grid, sources: &[(Source, &str)]) -> Vec<Vec<Head>> {
    let columns = grid.epochs.len() * Norm::ALL.len();
    let first = if grid.measure == Measure::Accuracy { "Arch." } else { "Architecture" };
    let mut head = vec![
        vec![Head::new("", 1), Head::new(dataset_title(&grid.dataset), columns * sources.len())],
        vec![Head::new(first, 1)],
    ];
    for (norm, epochs) in places(grid) {
        head[1].push(Head::new(format!("{} {epochs}", norm_title(norm)), sources.len()));
    }
    if sources.len() > 1 {
        let mut row = vec![Head::new("", 1)];
        row.extend((0..columns).flat_map(|_| sources.iter().map(|(_, word)| Head::new(*word, 1))));
        head.push(row);
    }
    head
}

/// Norms and lengths in the order of the columns.
fn places(grid: &Grid) -> impl Iterator<Item = (Norm, u32)> {
    grid.epochs.iter().flat_map(|epochs| Norm::ALL.map(|norm| (norm, *epochs)))
}

fn row(grid: &Grid, sources: &[(Source, &str)], index: usize, architecture: Architecture) -> Row {
    let name = grid.network(architecture);
    let numbered = grid.published && grid.measure == Measure::Accuracy;
    let cells = places(grid).flat_map(|(norm, epochs)| {
        let entry = grid.entry(architecture, norm, epochs);
        let key = published::Cell { dataset: grid.dataset.clone(), architecture, norm, epochs };
        sources.iter().map(move |(source, _)| entry.map_or_else(Cell::empty, |e| cell(grid.measure, &key, e, *source)))
    });
    Row { label: if numbered { format!("({}) {name}", index + 1) } else { name.into() }, cells: cells.collect() }
}

fn cell(measure: Measure, key: &published::Cell, entry: &Entry, source: Source) -> Cell {
    let (quantity, unit) = match measure {
        Measure::Accuracy => ("top1", "percent"),
        Measure::Seconds => ("train_seconds", "s"),
    };
    let (value, n, of, state) = match source {
        Source::Original => (entry.original, None, None, None),
        Source::Study => (entry.study.map(|s| s.mean), entry.study.map(|s| s.n), entry.study.map(|s| s.n), None),
        Source::Ours => {
            let n = entry.ours.summary.map_or(0, |s| s.n);
            let n = entry.ours.planned.map(|_| n);
            (entry.ours.summary.map(|s| s.mean), n, entry.ours.planned, Some(entry.ours.state.clone()))
        }
    };
    let default = if value.is_some() { "present" } else { "not published" };
    let state = state.unwrap_or_else(|| default.into());
    let mut shown = match value {
        Some(v) => format!("{v:.2}"),
        None if state == "not planned" || state == "not published" => NOTHING.into(),
        None => state.clone(),
    };
    if let (Some(_), Some(n), Some(of)) = (value, n, of)
        && n < of
    {
        shown += &format!(" ({n} of {of})");
    }
    if source == Source::Study {
        shown += if entry.implausible { " †" } else { "" };
        shown += if entry.printed.is_some() { " ‡" } else { "" };
    }
    let published::Cell { dataset, architecture, norm, epochs } = key;
    let (dataset, architecture, norm) = (dataset.to_string(), architecture.to_string(), norm.to_string());
    Cell {
        shown,
        datum: Some(Datum {
            dataset,
            architecture,
            norm,
            epochs: *epochs,
            source,
            quantity,
            unit,
            value,
            interval: None,
            n,
            of,
            state,
        }),
    }
}

/// What the columns are, and what the marks mean.
fn notes(grid: &Grid) -> Vec<String> {
    let mut notes = Vec::new();
    let ours = match grid.measure {
        Measure::Accuracy => "Ours: mean of top-1 on the test images after the last epoch",
        Measure::Seconds => "Ours: mean host time of the training loop, waiting for data included, evaluation excluded",
    };
    notes.push(format!(
        "{ours}, over the attempts; \"n of N\" where not every attempt has a result, – where the \
                        scenario has no such cell."
    ));
    match (grid.published, grid.measure) {
        (true, Measure::Accuracy) => notes.push(
            "Org. Value: Ye et al. (2020), Table 1. Rep. Avg: mean of the study's attempts (Obadage et al., 2024).".into(),
        ),
        (true, Measure::Seconds) => notes.push(
            "Study: mean of its attempts on an NVIDIA V100 16 GB (Obadage et al., 2024); the original reports no times. \
             Seconds of different machines say little beside each other: compare what ND costs against BN."
                .into(),
        ),
        (false, _) => {}
    }
    if let Some(names) = other_names(&grid.architectures).filter(|_| grid.published) {
        notes.push(format!("Names are the study's; in the other tables {names}."));
    }
    notes.push(environment(grid));
    if grid.outside > 0 {
        notes.push(format!("Cells of the scenario that the study's table has not, left out: {}.", grid.outside));
    }
    if grid.otherwise > 0 {
        notes.push(format!(
            "Cells that the scenario trains with other settings than the study's, left out: {}.",
            grid.otherwise
        ));
    }
    if grid.entries().any(|(_, e)| e.implausible) {
        notes.push(format!(
            "† More than {IMPLAUSIBLE_POINTS} points above the original: implausible for a test accuracy, usual for a \
             training accuracy."
        ));
    }
    notes.extend(printed(grid));
    notes
}

/// Which environment the table shows.
fn environment(grid: &Grid) -> String {
    match grid.environment {
        None => "There is no record of ours yet.".into(),
        Some(e) => {
            let others = if grid.several {
                " Environments are never pooled: each has a table of its own; \"elsewhere\" stands for what ran in another."
            } else {
                ""
            };
            format!("Ours from environment {} ({}): {}.{others}", e.label, e.class, environment_line(&e.environment))
        }
    }
}

/// Where the study prints another value than the mean of its attempts.
fn printed(grid: &Grid) -> Option<String> {
    let list: Vec<String> = grid
        .entries()
        .filter_map(|(cell, entry)| {
            let name = format!("{} {} {}", grid.network(cell.architecture), norm_title(cell.norm), cell.epochs);
            Some(format!("{name} {:.2}", entry.printed?))
        })
        .collect();
    (!list.is_empty())
        .then(|| format!("‡ The study prints another value than the mean of its attempts: {}.", list.join("; ")))
}
