//! How far a store is with the trials of a matrix.

use super::{Record, Store};
use crate::event::Outcome;
use crate::plan::TrialId;
use serde::Serialize;
use std::collections::HashMap;
use std::fs;

/// What has become of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Progress {
    /// Trained to its end.
    Finished,
    /// It needs more memory than there was: a result, unless it is tried elsewhere.
    Oom {
        /// In whose words.
        why: String,
    },
    /// Its loss ceased to be a number: a result.
    Diverged {
        /// In which epoch, from 1.
        epoch: u32,
    },
    /// Somebody trains it, or died while doing so: the lock says who.
    Held {
        /// The process and its host.
        by: String,
    },
    /// A checkpoint waits to go on.
    Interrupted {
        /// Epochs done.
        epochs: u32,
        /// Steps of the next one done.
        steps: u64,
    },
    /// It ended without a result.
    Failed {
        /// Why.
        why: String,
    },
    /// Nobody has begun it.
    Missing,
}

impl Progress {
    /// Nothing of it is left to train.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Finished | Self::Oom { .. } | Self::Diverged { .. })
    }

    fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Finished,
            Outcome::Oom { message, .. } => Self::Oom { why: message.clone() },
            Outcome::Diverged { epoch, .. } => Self::Diverged { epoch: *epoch },
            Outcome::Interrupted { epochs, steps } => Self::Interrupted { epochs: *epochs, steps: *steps },
            Outcome::Failed { message } => Self::Failed { why: message.clone() },
        }
    }
}

/// What has become of each of `trials`, in their order, by the `records` of a store and the [`Store::holders`] of its locks,
/// which were read before them: who lets go of a lock has written its record.
pub fn coverage(records: &[Record], trials: &[TrialId], holders: Vec<Option<String>>) -> Vec<Progress> {
    let mut best: HashMap<&TrialId, &Record> = HashMap::new();
    for record in records {
        let kept = best.entry(&record.trial_id).or_insert(record);
        let rank = |record: &Record| (record.outcome.is_final(), record.rank());
        if rank(record) > rank(kept) {
            *kept = record;
        }
    }
    let of = |(id, holder): (&TrialId, Option<String>)| {
        let known = best.get(id).map(|record| Progress::of(&record.outcome));
        match (known, holder) {
            (Some(over), _) if over.is_over() => over,
            (_, Some(by)) => Progress::Held { by },
            (known, None) => known.unwrap_or(Progress::Missing),
        }
    };
    trials.iter().zip(holders).map(of).collect()
}

impl Store {
    /// Who holds the locks of `trials`, in their order; none is taken.
    pub fn holders(&self, trials: &[TrialId]) -> Vec<Option<String>> {
        trials.iter().map(|id| self.holder(id)).collect()
    }

    /// Who holds the lock of a trial, or died holding it: `process 7 on alpha`.
    fn holder(&self, id: &TrialId) -> Option<String> {
        let text = fs::read_to_string(self.lock_path(id)).ok()?;
        text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(String::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};

    #[test]
    fn each_trial_is_where_its_record_or_its_lock_says() {
        let (_folder, store) = made_up::store();
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 3);
        let record = |n: usize, outcome: Outcome| Record { outcome, ..made_up::record(&trials[n], 0.5, 10.0) };
        let failed = Outcome::Failed { message: "no space".into() };
        let records = [
            record(0, Outcome::Finished),
            record(1, Outcome::Interrupted { epochs: 3, steps: 4 }),
            record(2, failed),
            record(3, Outcome::Interrupted { epochs: 0, steps: 1 }),
            record(3, Outcome::Diverged { epoch: 1, step: 2 }),
        ];
        let ids: Vec<TrialId> = trials.iter().map(|trial| trial.trial.id()).collect();
        let lock = store.lock(&ids[5]).unwrap();
        let of = |store: &Store| coverage(&records, &ids, store.holders(&ids));
        let found = of(&store);
        assert_eq!(
            found[..5],
            [
                Progress::Finished,
                Progress::Interrupted { epochs: 3, steps: 4 },
                Progress::Failed { why: "no space".into() },
                Progress::Diverged { epoch: 1 },
                Progress::Missing,
            ]
        );
        assert!(matches!(&found[5], Progress::Held { by } if by.starts_with("process ")), "{found:?}");
        drop(lock);
        assert_eq!(of(&store)[5], Progress::Missing);
    }
}
