//! The published numbers that a report compares with; `scenarios/published/README.md` says where they come from.

use crate::scenario::{Architecture, Dataset, Norm};
use crate::stats::Summary;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

const ORIGINAL: &str = include_str!("../../scenarios/published/table1_original.csv");
const ATTEMPTS: &str = include_str!("../../scenarios/published/table1_attempts.csv");
const ACCURACY: &str = include_str!("../../scenarios/published/published_tables4_5.csv");
const SECONDS: &str = include_str!("../../scenarios/published/published_tables8_9.csv");

/// A cell of the published tables.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Cell {
    /// The data.
    pub dataset: Dataset,
    /// The network.
    pub architecture: Architecture,
    /// BN or ND.
    pub norm: Norm,
    /// Length of the training.
    pub epochs: u32,
}

/// What was published about one cell. Accuracies in percent, times in seconds of training.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Test top-1 that Ye et al. report.
    pub original_percent: Option<f64>,
    /// Accuracy of each of the study's attempts.
    pub attempts_percent: Vec<f64>,
    /// Training time of each of the study's attempts.
    pub attempts_seconds: Vec<f64>,
    /// Mean accuracy as the study prints it.
    pub printed_percent: Option<f64>,
    /// Mean training time as the study prints it.
    pub printed_seconds: Option<f64>,
}

/// All published figures of the CIFAR networks.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Published {
    cells: BTreeMap<Cell, Figures>,
}

/// A table cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("published table `{table}`: {source}")]
pub struct PublishedError {
    /// Its file name.
    table: &'static str,
    /// The line and what is wrong with it.
    source: csv::Error,
}

impl Published {
    /// The tables that the binary carries.
    ///
    /// # Errors
    /// [`PublishedError`] where a table was damaged before the program was built.
    pub fn embedded() -> Result<Published, PublishedError> {
        let mut cells: BTreeMap<Cell, Figures> = BTreeMap::new();
        for row in rows::<OriginalRow>("table1_original.csv", ORIGINAL)? {
            cells.entry(row.cell()).or_default().original_percent = Some(row.accuracy_percent);
        }
        for row in rows::<AttemptRow>("table1_attempts.csv", ATTEMPTS)? {
            let figures = cells.entry(row.cell()).or_default();
            figures.attempts_percent.push(row.accuracy_percent);
            figures.attempts_seconds.push(row.train_seconds);
        }
        for row in rows::<AccuracyRow>("published_tables4_5.csv", ACCURACY)? {
            cells.entry(row.cell()).or_default().printed_percent = Some(row.reproduced_mean_percent);
        }
        for row in rows::<SecondsRow>("published_tables8_9.csv", SECONDS)? {
            cells.entry(row.cell()).or_default().printed_seconds = Some(row.train_seconds);
        }
        Ok(Published { cells })
    }

    /// What was published about a cell.
    pub fn figures(&self, cell: &Cell) -> Option<&Figures> {
        self.cells.get(cell)
    }
}

impl Figures {
    /// The accuracies of the study's attempts, percent.
    pub fn accuracy(&self) -> Option<Summary> {
        Summary::of(&self.attempts_percent)
    }

    /// The training times of the study's attempts, seconds.
    pub fn seconds(&self) -> Option<Summary> {
        Summary::of(&self.attempts_seconds)
    }
}

/// Declares a row type: the columns of the key, then its own.
macro_rules! row {
    ($name:ident { $($column:ident),+ }) => {
        #[derive(Deserialize)]
        struct $name { dataset: Dataset, architecture: Architecture, norm: Norm, epochs: u32, $($column: f64),+ }

        impl $name {
            fn cell(&self) -> Cell {
                let Self { dataset, architecture, norm, epochs, .. } = self;
                Cell { dataset: dataset.clone(), architecture: *architecture, norm: *norm, epochs: *epochs }
            }
        }
    };
}

row!(OriginalRow { accuracy_percent });
row!(AttemptRow { accuracy_percent, train_seconds });
row!(AccuracyRow { reproduced_mean_percent });
row!(SecondsRow { train_seconds });

/// The rows of a table.
fn rows<R: DeserializeOwned>(table: &'static str, text: &str) -> Result<Vec<R>, PublishedError> {
    csv::Reader::from_reader(text.as_bytes())
        .into_deserialize()
        .collect::<Result<_, _>>()
        .map_err(|source| PublishedError { table, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_of_the_study_is_complete() {
        let published = Published::embedded().unwrap();
        assert_eq!(published.cells.len(), 120);
        for (cell, f) in &published.cells {
            assert_eq!((f.attempts_percent.len(), f.attempts_seconds.len()), (3, 3), "{cell:?}");
            assert!(f.original_percent.is_some() && f.printed_percent.is_some() && f.printed_seconds.is_some());
        }
    }

    #[test]
    fn a_known_cell_has_its_known_figures() {
        let published = Published::embedded().unwrap();
        let cell = Cell { dataset: Dataset::Cifar10, architecture: Architecture::Vgg16, norm: Norm::Nd, epochs: 100 };
        let figures = published.figures(&cell).unwrap();
        assert_eq!(figures.original_percent, Some(94.56));
        let seconds = figures.seconds().unwrap();
        assert!((seconds.mean - figures.printed_seconds.unwrap()).abs() < 0.01);
        assert_eq!((figures.accuracy().unwrap().min, figures.accuracy().unwrap().max), (99.87, 99.88));
    }

    #[test]
    fn a_damaged_table_names_the_line() {
        let damaged = "dataset,architecture,norm,epochs,accuracy_percent\ncifar10,vgg99,bn,1,14.12\n";
        let error = rows::<OriginalRow>("x.csv", damaged).err().unwrap();
        let text = format!("{error}");
        assert!(text.contains("x.csv") && text.contains("line: 2") && text.contains("vgg99"), "{text}");
    }
}
