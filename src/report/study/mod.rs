//! The study's Tables 4 to 10 in its order and naming, with ours beside the original and the study's mean; tables of the
//! same form for what the study has not. One value, many forms: Markdown, CSV, LaTeX, JSON.

mod cifar;
mod csv;
mod grid;
mod imagenet;
mod latex;
mod markdown;
mod names;
mod resources;
#[cfg(test)]
mod tests;
mod value;

pub use csv::csv;
pub(super) use grid::{Entry, Grid, Measure};
pub use latex::{latex, latex_all};
pub use markdown::table_markdown;
pub(super) use names::{lengths, other_names, slug, study_name};
pub use value::{Cell, Datum, Head, Row, Source, StudyTable};

use super::model::Report;
use crate::published::{ImagenetNetwork, Published};
use imagenet::Ours;

/// The tables of the data sets that a report is about: the study's by number, then those of the same form for other data
/// sets, then what steps and memory cost. With `all`, also those
/// of which the report says nothing. Where several environments have records, each has a table of its own.
pub fn tables(report: &Report, published: &Published, all: bool) -> Vec<StudyTable> {
    let grids = |measure| Grid::all(report, published, measure, all);
    let measures = [Measure::Accuracy, Measure::Seconds];
    let mut tables: Vec<StudyTable> =
        measures.into_iter().flat_map(|m| grids(m).iter().map(cifar::table).collect::<Vec<_>>()).collect();
    if !published.imagenet().is_empty() && (all || Ours::any(report)) {
        let [vgg, rest @ ..] = ImagenetNetwork::ALL;
        for ours in Ours::all(report) {
            tables.push(imagenet::accuracy(published, ours, 6, &[vgg]));
            tables.push(imagenet::accuracy(published, ours, 7, &rest));
            tables.push(imagenet::times(published, ours));
        }
    }
    tables.extend(resources::tables(report));
    tables.sort_by_key(|table| table.number.unwrap_or(u32::MAX));
    tables
}
