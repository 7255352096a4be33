//! A verdict for every row of accuracy, and for the study's attempts beside it.

use super::{Evidence, Judgement, judge};
use crate::plan::TrialId;
use crate::report::model::{AccuracyRow, AttemptAccuracy};
use crate::scenario::{Architecture, Dataset, Norm};
use serde::Serialize;

/// The verdict on one network, length and norm in one environment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CellVerdict {
    /// The data.
    pub dataset: Dataset,
    /// The network.
    pub architecture: Architecture,
    /// BN or ND.
    pub norm: Norm,
    /// Length of the training.
    pub epochs: u32,
    /// Hash of the trial's settings without the attempt.
    pub cell: TrialId,
    /// Label of the environment; absent where there is no record.
    pub environment: Option<String>,
    /// Of the records.
    pub judgement: Judgement,
    /// Of the study's own attempts, by the same rules; absent where there are none to compare with.
    pub study: Option<Judgement>,
}

impl CellVerdict {
    /// What `--explain` calls it: `vgg16/cifar10/nd/20`.
    pub fn name(&self) -> String {
        format!("{}/{}/{}/{}", self.architecture, self.dataset, self.norm, self.epochs)
    }
}

/// One verdict a row, in the order of the rows.
pub(in crate::report) fn cells(rows: &[AccuracyRow]) -> Vec<CellVerdict> {
    let judged = |row: &AccuracyRow, attempts: &[AttemptAccuracy], planned: usize| {
        judge(Evidence {
            original: row.original,
            test: attempts.iter().map(|a| a.test_top1).collect(),
            train: attempts.iter().filter_map(|a| a.train_top1).collect(),
            planned,
            epochs: row.epochs,
        })
    };
    rows.iter()
        .map(|row| CellVerdict {
            dataset: row.dataset.clone(),
            architecture: row.architecture,
            norm: row.norm,
            epochs: row.epochs,
            cell: row.cell.clone(),
            environment: row.environment.clone(),
            judgement: judged(row, &row.attempts, row.planned),
            study: (!row.study_attempts.is_empty()).then(|| judged(row, &row.study_attempts, row.study_attempts.len())),
        })
        .collect()
}
