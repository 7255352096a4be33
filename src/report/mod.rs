//! From a store of records to tables and figures. Reads values only, so that every table can be rebuilt without a GPU.

mod accuracy;
mod build;
mod comparison;
mod figure;
mod markdown;
mod matrix;
mod model;
mod settings;
mod table;
#[cfg(test)]
mod tests;
mod time;
mod words;

pub use comparison::comparison;
pub use figure::figure;
pub use markdown::markdown;
pub use model::{
    AccuracyRow, BlockTimes, Coverage, EnvironmentEntry, IMPLAUSIBLE_POINTS, LeftOut, MemoryKind, Overall, Remark,
    Report, SCHEMA, Side, TimeRow, Unfinished,
};

impl Report {
    /// The report as indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("a report is plain data with text keys") + "\n"
    }
}
