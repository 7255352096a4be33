//! The published study, recomputed from its own attempts: what it prints, what it should print, and how the difference
//! may have come about. Nothing here knows a value or a cell; the explanations are found by search.

mod attempts;
mod cells;
mod claims;
mod columns;
mod digits;
mod explanation;
mod grid;
mod items;
mod model;
mod statements;
#[cfg(test)]
mod tests;
mod text;
mod totals;

pub use explanation::Explanation;
pub use model::{
    AttemptOf, Audit, CellValue, ClaimCheck, Colours, Column, ColumnPattern, Deviations, Duplicate, FarAttempt,
    Finding, GpuHours, Implausible, Measure, OtherTable, Overheads, Place, Reading, SCHEMA, TableTotal, Tolerances,
    Totals,
};
pub use text::text;

use super::model::IMPLAUSIBLE_POINTS;
use crate::published::Published;

/// The limits that every audit applies.
const TOLERANCES: Tolerances = Tolerances {
    last_digit_units: digits::LAST_DIGIT_UNITS,
    far_seconds_fraction: attempts::FAR_SECONDS_FRACTION,
    far_points: attempts::FAR_POINTS,
    implausible_points: IMPLAUSIBLE_POINTS,
};

impl Audit {
    /// Recomputes the study. Pure: the same figures give the same audit.
    pub fn of(published: &Published) -> Audit {
        let compared = cells::compare(published);
        Audit {
            schema: SCHEMA,
            findings: compared.findings,
            last_digit: compared.last_digit,
            columns: compared.columns,
            claims: claims::checks(published),
            totals: totals::totals(published, compared.tables),
            far: attempts::far(published),
            duplicates: attempts::duplicates(published),
            implausible: attempts::implausible(published),
            remarks: published.remarks().to_vec(),
            tolerances: TOLERANCES,
        }
    }

    /// The audit as indented JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("an audit is plain data with text keys") + "\n"
    }
}

/// The findings alone.
pub(super) fn findings(published: &Published) -> Vec<Finding> {
    cells::compare(published).findings
}
