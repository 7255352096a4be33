//! The study's Figures 2 to 5: accuracy of the original beside that of the reproduction, training times of BN and ND.
//!
//! Drawn as dot plots, or in the study's own form, lines over the networks. Figures of the same form stand for data sets
//! that nothing is published about.

mod accessible;
mod accuracy;
mod alt;
mod curves;
mod frame;
mod lines;
mod steps;
mod time;

use super::super::model::Report;
use super::super::study::{Grid, Measure, slug};
use super::super::words::{clean, dataset_title, plural};
use super::signature::{signed, sources};
use crate::published::Published;
use crate::scenario::Dataset;

pub(in crate::report) use accessible::{accessible, escape};

/// A drawing with what stands for it where it cannot be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// A name for files: `figure2`, `figure4-B`, `accuracy-fashion-mini`.
    pub name: String,
    /// A line.
    pub title: String,
    /// What it shows, in words.
    pub alt: String,
    /// A whole SVG document that holds title and text alternative too.
    pub svg: String,
}

/// How a figure is drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// A row a network, a panel a length.
    #[default]
    Dots,
    /// Lines over the networks, as the study draws them.
    Study,
}

/// The figures of the data sets that a report is about. With `all`, also those of which it says nothing. Where several
/// environments have records, each has a figure of its own.
pub fn study_figures(report: &Report, published: &Published, form: Form, all: bool) -> Vec<Figure> {
    let mut figures = Vec::new();
    for measure in [Measure::Accuracy, Measure::Seconds] {
        for grid in Grid::all(report, published, measure, all) {
            if !grid.architectures.is_empty() {
                figures.push(draw(report, &grid, form));
            }
        }
    }
    figures
}

/// Every figure of a report: the overview, the study's, learning curves, the parts of a step.
pub fn figures(report: &Report, published: &Published, form: Form, all: bool) -> Vec<Figure> {
    let mut figures = vec![overview(report)];
    figures.extend(study_figures(report, published, form, all));
    figures.extend(curves::figures(report));
    figures.extend(steps::figures(report));
    figures
}

/// Accuracy and the price in time of every cell, one beside the other.
fn overview(report: &Report) -> Figure {
    let (name, title) = ("overview".to_owned(), format!("Accuracy and training time: {}", clean(&report.scenario)));
    let c = &report.coverage;
    let alt = format!(
        "Test accuracy of BN and ND on the left, the ratio of their training times on the right, {}; {} of {} finished. \
         The tables hold every value.",
        plural(report.time.len(), "row"),
        c.finished,
        plural(c.trials, "trial")
    );
    let alt = with_sources(alt, &sources(report, None));
    Figure { svg: accessible(&super::figure(report), &name, &title, &alt), name, title, alt }
}

/// A figure of what was measured in the environment of that label.
fn made(report: &Report, label: Option<&str>, drawn: Drawn) -> Figure {
    let Drawn { svg, name, title, alt } = drawn;
    let sources = label.map_or_else(Vec::new, |label| sources(report, Some(label)));
    let alt = with_sources(alt, &sources);
    Figure { svg: accessible(&signed(&svg, &sources), &name, &title, &alt), name, title, alt }
}

/// A figure that does not yet say where it comes from.
struct Drawn {
    svg: String,
    name: String,
    title: String,
    alt: String,
}

fn with_sources(alt: String, sources: &[String]) -> String {
    if sources.is_empty() { alt } else { format!("{alt} Measured on {}.", sources.join("; ")) }
}

fn draw(report: &Report, grid: &Grid, form: Form) -> Figure {
    let number = number(grid);
    let stem = number.map_or_else(
        || format!("{}-{}", if grid.measure == Measure::Accuracy { "accuracy" } else { "time" }, slug(&grid.dataset)),
        |n| format!("figure{n}"),
    );
    let name = grid.name(&stem);
    let title = title(grid, number);
    let svg = match (form, grid.measure) {
        (Form::Dots, Measure::Accuracy) => accuracy::draw(grid, &title),
        (Form::Dots, Measure::Seconds) => time::draw(grid, &title),
        (Form::Study, _) => lines::draw(grid, &title),
    };
    let alt = alt::text(grid, form);
    let label = grid.environment.map(|e| e.label.as_str());
    made(report, label, Drawn { svg, name, title, alt })
}

/// Its number in the study.
fn number(grid: &Grid) -> Option<u32> {
    match (grid.measure, &grid.dataset) {
        _ if !grid.published => None,
        (Measure::Accuracy, Dataset::Cifar10) => Some(2),
        (Measure::Accuracy, Dataset::Cifar100) => Some(3),
        (Measure::Seconds, Dataset::Cifar10) => Some(4),
        (Measure::Seconds, Dataset::Cifar100) => Some(5),
        _ => None,
    }
}

fn title(grid: &Grid, number: Option<u32>) -> String {
    let what = match (grid.measure, grid.published) {
        (Measure::Accuracy, true) => "Original and reproduced accuracy on",
        (Measure::Accuracy, false) => "Accuracy on",
        (Measure::Seconds, _) => "Training time of BN and ND on",
    };
    let number = number.map_or_else(String::new, |n| format!("Figure {n}: "));
    let place = match grid.environment {
        Some(e) if grid.several => format!(", environment {}", e.label),
        _ => String::new(),
    };
    format!("{number}{what} {}{place}", dataset_title(&grid.dataset))
}

#[cfg(test)]
mod tests;
