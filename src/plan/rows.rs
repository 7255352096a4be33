//! What is missing of a matrix, as the rows of a plan.

use super::{ResolvedTrial, Row, TrialId};
use crate::units::Seconds;

/// The blocks of those of `trials` that are missing, each with the sum of what `seconds` says.
pub fn rows(
    trials: &[ResolvedTrial],
    is_missing: impl Fn(&TrialId) -> bool,
    seconds: impl Fn(&ResolvedTrial) -> Option<Seconds>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for trial in trials {
        let id = trial.trial.id();
        if !is_missing(&id) {
            continue;
        }
        let seconds = seconds(trial);
        match rows.last_mut() {
            Some(row) if row.block == trial.block.id => {
                row.trials.push(id);
                row.seconds = row.seconds.zip(seconds).map(|(a, b)| a + b);
            }
            _ => rows.push(Row { block: trial.block.id.clone(), trials: vec![id], seconds }),
        }
    }
    rows
}
