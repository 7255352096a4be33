//! From a store of records to tables and figures. Reads values only, so that every table can be rebuilt without a GPU.

mod accuracy;
pub mod audit;
mod build;
mod bundle;
mod comparison;
mod figure;
mod html;
mod markdown;
mod matrix;
mod model;
mod probe;
mod resources;
mod settings;
pub mod study;
mod table;
#[cfg(test)]
mod tests;
mod time;
pub mod verdict;
mod words;

pub use bundle::{Bundle, Options, OutFile, PictureError};
pub use comparison::comparison;
pub use figure::study::{Figure, Form, figures, study_figures};
pub use figure::{PngError, figure, png};
pub use html::{Page, html};
pub use markdown::markdown;
pub use model::{
    AccuracyRow, AttemptAccuracy, BlockTimes, Coverage, EnvironmentEntry, IMPLAUSIBLE_POINTS, LeftOut, MemoryKind,
    Overall, Remark, Report, ResourceRow, SCHEMA, Side, StepMeans, TimeRow, Unfinished,
};
pub use probe::{ArmFigures, arm_figures, probe_table};

impl Report {
    /// The report as indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data with text keys") + "\n"
    }
}
