//! An audit as values: what the text, the JSON and a page show.

use super::explanation::Explanation;
use crate::published::{Cell, ClaimKey, ImagenetNetwork, Remark};
use crate::scenario::{Dataset, Norm};
use serde::Serialize;

/// Name and version of the JSON form.
pub const SCHEMA: &str = "ndbench.audit/1";

/// What recomputing the study from its own attempts gives.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Audit {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// Printed values that the study's own figures contradict.
    pub findings: Vec<Finding>,
    /// Printed values that rounding does not explain, by at most [`Tolerances::last_digit_units`] units of their last
    /// digit.
    pub last_digit: Vec<Finding>,
    /// Columns most of whose rows disagree.
    pub columns: Vec<ColumnPattern>,
    /// The study's statements.
    pub claims: Vec<ClaimCheck>,
    /// Sums over the tables.
    pub totals: Totals,
    /// Attempts far from the median of their cell.
    pub far: Vec<FarAttempt>,
    /// Attempts whose figures are all those of another attempt.
    pub duplicates: Vec<Duplicate>,
    /// Means that exceed the original by more than [`Tolerances::implausible_points`].
    pub implausible: Vec<Implausible>,
    /// What bears on comparability.
    pub remarks: Vec<Remark>,
    /// What the audit calls equal, far and implausible.
    pub tolerances: Tolerances,
}

/// The limits that the audit applies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Tolerances {
    /// Up to this many units of the last printed digit a difference is no finding; a value that is rounded or cut off at
    /// that digit agrees.
    pub last_digit_units: f64,
    /// A training time this far from the median of its cell is listed, as a fraction of the median.
    pub far_seconds_fraction: f64,
    /// An accuracy this far from the median of its cell is listed, percentage points.
    pub far_points: f64,
    /// A mean this far above the original is called implausible for a test accuracy, percentage points.
    pub implausible_points: f64,
}

/// What a table prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Hash)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// The original value, beside Table 1 of Ye et al.
    Original,
    /// Mean accuracy of the attempts.
    Accuracy,
    /// Mean training time of the attempts.
    Seconds,
    /// Time of a run as text, beside its seconds.
    Time,
}

/// A printed value and what it should be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Finding {
    /// Number of the study's table.
    pub table: u8,
    /// What is printed there.
    pub measure: Measure,
    /// Which cell.
    #[serde(flatten)]
    pub place: Place,
    /// The printed value.
    pub printed: f64,
    /// The value from the study's own figures.
    pub recomputed: f64,
    /// `percent` or `seconds`.
    pub unit: &'static str,
    /// How the printed value may have come about; `null` where nothing fits.
    pub explanation: Option<Explanation>,
}

/// A cell of any table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Place {
    /// Of the CIFAR tables.
    Cifar(Cell),
    /// Of the ImageNet tables.
    Imagenet {
        /// `imagenet`.
        dataset: &'static str,
        /// The network.
        architecture: ImagenetNetwork,
        /// BN or ND; absent for the plain VGG-11.
        norm: Option<Norm>,
    },
}

/// A column of a CIFAR table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// BN or ND.
    pub norm: Norm,
    /// Length of the trainings.
    pub epochs: u32,
    /// The table that has it, where that is another than the one spoken of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elsewhere: Option<OtherTable>,
    /// Not the means, but what the original reports.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub original: bool,
}

/// A table of another data set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OtherTable {
    /// Its number in the study.
    pub table: u8,
    /// The data.
    pub dataset: Dataset,
}

/// A printed column most of whose rows disagree with its attempts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnPattern {
    /// Number of the study's table.
    pub table: u8,
    /// The data.
    pub dataset: Dataset,
    /// What is printed there.
    pub measure: Measure,
    /// The column.
    pub column: Column,
    /// Rows that disagree.
    pub disagree: usize,
    /// Rows that can be compared.
    pub rows: usize,
    /// The column whose means are printed here; absent where none fits in most rows.
    pub holds: Option<Column>,
    /// Rows in which the best column of any table with that measure, its own apart, fits.
    pub matching: usize,
}

/// A statement of the study and whether it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClaimCheck {
    /// What is stated.
    pub claim: ClaimKey,
    /// The stated number.
    pub printed: f64,
    /// The number from the attempts; `null` where the files do not determine it.
    pub recomputed: Option<f64>,
    /// What it counts or measures.
    pub unit: String,
    /// Where in the study it stands.
    pub place: String,
    /// Whether the two agree to the printed digits; `null` where nothing could be recomputed.
    pub holds: Option<bool>,
    /// The same number by other readings of the statement.
    pub readings: Vec<Reading>,
    /// How the stated number may have come about, or what contradicts it.
    pub explanation: Option<String>,
}

/// A number by another reading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// How it is read.
    pub reading: &'static str,
    /// The number.
    pub recomputed: f64,
}

/// Sums over the tables.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Totals {
    /// Cells of the CIFAR tables.
    pub cells: usize,
    /// Attempts on CIFAR.
    pub attempts: usize,
    /// Printed values by table.
    pub tables: Vec<TableTotal>,
    /// Green, black and red by both readings of the rule, a data set each and all together.
    pub colours: Vec<Colours>,
    /// Mean squared deviations, one a data set.
    pub deviations: Vec<Deviations>,
    /// ND/BN of the mean training times, one a length.
    pub overheads: Vec<Overheads>,
    /// Hours that the attempts on CIFAR took, one a length.
    pub gpu_hours: Vec<GpuHours>,
    /// Their sum.
    pub gpu_hours_total: f64,
    /// Trainings on ImageNet.
    pub imagenet_runs: usize,
    /// Hours that they took.
    pub imagenet_hours: f64,
}

/// The printed values of one kind in one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableTotal {
    /// Number of the study's table.
    pub table: u8,
    /// What is printed.
    pub measure: Measure,
    /// Values that can be compared.
    pub compared: usize,
    /// Cells that lack the printed value or what it is compared with.
    pub missing: usize,
    /// Values that agree as rounded or cut off.
    pub agree: usize,
    /// Values that differ in the last digit.
    pub last_digit: usize,
    /// Values that disagree.
    pub disagree: usize,
}

/// The study's colours, recomputed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Colours {
    /// A data set, or `all`.
    pub dataset: String,
    /// Values.
    pub values: usize,
    /// Above the original.
    pub green: usize,
    /// Lower by more than the rule's share of the original.
    pub red_relative: usize,
    /// Lower by more than the rule's percentage points.
    pub red_points: usize,
    /// Not red by the relative reading.
    pub within_relative: usize,
    /// Not red by percentage points.
    pub within_points: usize,
}

/// Mean squared deviations of the attempts from the original, accuracies as fractions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Deviations {
    /// The data.
    pub dataset: Dataset,
    /// Cells.
    pub cells: usize,
    /// The smallest.
    pub smallest: CellValue,
    /// The largest.
    pub largest: CellValue,
}

/// ND/BN of the mean training times of one length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overheads {
    /// Length of the trainings.
    pub epochs: u32,
    /// Pairs of BN and ND.
    pub pairs: usize,
    /// The smallest ratio; the cell is that of ND.
    pub smallest: CellValue,
    /// The largest.
    pub largest: CellValue,
}

/// A value and its cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellValue {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// The value.
    pub value: f64,
}

/// Hours of all attempts of one length.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuHours {
    /// Length of the trainings.
    pub epochs: u32,
    /// Training.
    pub training: f64,
    /// Testing.
    pub testing: f64,
}

/// One attempt of a cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptOf {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// An attempt far from the median of its cell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FarAttempt {
    /// Which attempt.
    #[serde(flatten)]
    pub of: AttemptOf,
    /// Which of its figures.
    pub measure: Measure,
    /// The figure.
    pub value: f64,
    /// The median of the cell's attempts.
    pub median: f64,
}

/// Two attempts with the same accuracy, training time and testing time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    /// One of them.
    pub first: AttemptOf,
    /// The other.
    pub second: AttemptOf,
}

/// A mean far above the original.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Implausible {
    /// The cell.
    #[serde(flatten)]
    pub cell: Cell,
    /// Percent.
    pub original: f64,
    /// Percent.
    pub recomputed: f64,
}
