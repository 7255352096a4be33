//! The readings of a trial at full rate, one file a trial: CSV, compressed by gzip, beside the records.
//!
//! - One header line, then one line for every look: at each tick one for every device, or one for the host alone where no
//!   device is watched or none answers. An execution that resumes a trial appends its lines; the column `execution` counts
//!   those that are in the file, from 1. Every ten seconds the lines since then are appended as a member of the gzip file, so that a killed execution
//!   leaves all but its last ones.
//! - Units are in the names of the columns. A cell is empty where nothing new was read: slow quantities fill a cell a
//!   second, or every few seconds.
//! - Columns that end in `_seconds`, `_joules`, or `_bytes` after a link's name are counters since the program began,
//!   except `unix_seconds`, the time of the line since 1970 by the system's clock.
//!
//! `pandas.read_csv("x.csv.gz")` and DuckDB's `FROM 'x.csv.gz'` open it as it is.

mod columns;
mod members;
mod writer;

pub(super) use columns::{Line, Row};
pub(super) use members::is_series;
pub(super) use writer::{SeriesSender, SeriesWriter};
