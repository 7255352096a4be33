//! From a store of records to tables and figures. Reads values only, so that every table can be rebuilt without a GPU.

mod accuracy;
mod added;
pub mod audit;
mod build;
mod bundle;
mod calls;
mod comparison;
mod differences;
mod figure;
mod frontier;
mod history;
mod html;
mod json;
mod like_study;
mod markdown;
mod matrix;
mod model;
mod operations;
mod overhead;
mod parts;
mod probe;
mod resources;
mod settings;
pub mod study;
mod table;
#[cfg(test)]
mod tests;
mod time;
pub mod verdict;
mod watching;
mod words;

pub use bundle::{Bundle, Options, OutFile, PictureError};
pub use calls::calls_table;
pub use comparison::comparison;
pub use figure::study::{Figure, Form, figures, study_figures};
pub use figure::{
    MemoryLine, MemoryPanel, PngError, figure, frontier_figure, history_figure, memory_figure, parts_figure, png,
};
pub use frontier::{Frontier, Point, frontier_tables, frontiers};
pub use history::{false_alarms, history_html, history_json, history_table};
pub use html::{Page, html};
pub use like_study::Standing;
pub use markdown::markdown;
pub use model::{
    AccuracyRow, AttemptAccuracy, BlockTimes, Coverage, EnergyMeans, EnvironmentEntry, IMPLAUSIBLE_POINTS, LeftOut,
    MemoryKind, Overall, Remark, Report, ResourceRow, SCHEMA, Side, StepMeans, TimeRow, Unfinished,
};
pub use overhead::overhead_table;
pub use probe::{ArmFigures, arm_figures, probe_table};
pub use table::Table;
pub use watching::Watching;
pub use words::clean;

impl Report {
    /// Writes the report as indented JSON, piece by piece.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write_json(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        json::write(out, self)
    }

    /// The report as indented JSON.
    pub fn to_json(&self) -> String {
        json::text(self)
    }
}
