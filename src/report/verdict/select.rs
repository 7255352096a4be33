//! Which cells a user means: `vgg16/cifar10/nd/20`, or as the tables spell it, `VGG-16 ND, CIFAR-10, 20 epochs`.

use super::CellVerdict;
use crate::report::model::Report;
use crate::report::study::study_name;
use crate::report::words::{clean, dataset_title, length};

/// How many near names a message has.
const NEAREST: usize = 3;

/// Of a text much longer than any name the nearest names are of no use, and the search would be slow.
const LONGEST: usize = 96;

/// The report has no such cell.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "there is no cell `{name}` in this report{near}; a cell is NETWORK/DATASET/NORM/EPOCHS, spelt as in the tables or as \
     in scenarios, and a part that is left out stands for any"
)]
pub struct UnknownCell {
    /// What was asked for.
    pub name: String,
    /// The nearest names, in words.
    pub near: String,
}

/// The verdicts on the cells that `name` means, in every environment; at least one.
///
/// # Errors
/// [`UnknownCell`], with the nearest names that there are.
pub(super) fn select<'r>(report: &'r Report, name: &str) -> Result<Vec<&'r CellVerdict>, UnknownCell> {
    let exact: Vec<&CellVerdict> = report.verdicts.iter().filter(|v| v.name() == name).collect();
    if !exact.is_empty() {
        return Ok(exact);
    }
    let parts: Vec<String> = name.split(if name.contains('/') { '/' } else { ',' }).map(plain).collect();
    let said: Vec<&String> = parts.iter().filter(|part| !part.is_empty()).collect();
    let found: Vec<&CellVerdict> = report.verdicts.iter().filter(|v| means(v, &said)).collect();
    match said.is_empty() || found.is_empty() {
        true => Err(UnknownCell { name: clean(name), near: near(report, name) }),
        false => Ok(found),
    }
}

/// Every part names something of the cell.
fn means(cell: &CellVerdict, parts: &[&String]) -> bool {
    let networks = [cell.architecture.key(), cell.architecture.title(), study_name(cell.architecture)].map(plain);
    let norm = cell.norm.key();
    let dataset = [cell.dataset.to_string(), dataset_title(&cell.dataset)];
    let epochs = [cell.epochs.to_string(), length(cell.epochs)];
    let mut names: Vec<String> = dataset.iter().chain(&epochs).map(|text| plain(text)).collect();
    names.extend(networks.iter().map(|network| format!("{network}{norm}")));
    names.push(norm.into());
    names.extend(networks);
    parts.iter().all(|part| names.contains(part))
}

/// Letters and digits alone, lower case: `VGG-16` and `vgg16` are one name.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The nearest names, in words; nothing where there is none.
fn near(report: &Report, name: &str) -> String {
    let mut known: Vec<String> = report.verdicts.iter().map(CellVerdict::name).collect();
    known.dedup();
    if name.len() > LONGEST || known.is_empty() {
        return String::new();
    }
    known.sort_by_cached_key(|known| strsim::osa_distance(&plain(name), &plain(known)));
    let names: Vec<String> = known.iter().take(NEAREST).map(|name| format!("`{}`", clean(name))).collect();
    format!("; the nearest: {}", names.join(", "))
}
