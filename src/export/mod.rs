//! Records in the forms that other tools read. Every form is made from the records alone, most of them over one neutral
//! list of [`Sample`]s.
//!
//! - Environments are never pooled: each sample carries the label of its own.
//! - A time that an interruption has spoilt is no sample; the accuracy of the same record is.
//! - Only finished records have samples. What is left out is named in [`Samples::left_out`].

mod asv;
mod bmf;
mod csv;
mod error;
mod history;
pub mod metrics;
mod mllog;
mod name;
mod openmetrics;
mod otava;
mod point;
mod readings;
mod sample;
#[cfg(test)]
mod tests;

pub use asv::{AsvRepository, asv};
pub use bmf::bmf;
pub use csv::{COLUMNS, csv};
pub use error::ExportError;
pub use mllog::mllog;
pub use name::{Cell, environment_label};
pub use openmetrics::openmetrics;
pub use otava::otava;
pub use readings::Readings;
pub use sample::{Better, LeftOut, Measure, Sample, Samples, distinct};

use std::path::PathBuf;

/// A file of a form that needs several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportFile {
    /// Below the folder of the export.
    pub path: PathBuf,
    /// The content.
    pub text: String,
}

impl ExportFile {
    fn new(path: impl Into<PathBuf>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }
}
