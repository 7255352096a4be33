//! How far a store is with the trials of a matrix.

use super::Record;
use crate::plan::TrialId;
use std::collections::HashMap;

/// The record of each of `trials`, in their order, among the `records` of a store; of several that which counts.
pub fn coverage<'a>(records: &'a [Record], trials: &[TrialId]) -> Vec<Option<&'a Record>> {
    let mut best: HashMap<&TrialId, &Record> = HashMap::new();
    for record in records {
        let kept = best.entry(&record.trial_id).or_insert(record);
        let rank = |record: &Record| (record.outcome.is_final(), record.rank());
        if rank(record) > rank(kept) {
            *kept = record;
        }
    }
    trials.iter().map(|id| best.get(id).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Outcome;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};

    #[test]
    fn of_several_records_of_a_trial_the_final_one_counts() {
        let trials = made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 2);
        let record = |n: usize, outcome: Outcome| Record { outcome, ..made_up::record(&trials[n], 0.5, 10.0) };
        let interrupted = |epochs| Outcome::Interrupted { epochs, steps: 4 };
        let diverged = Outcome::Diverged { epoch: 1, step: 2 };
        let records = [
            record(0, Outcome::Finished),
            record(1, interrupted(3)),
            record(2, interrupted(0)),
            record(2, diverged.clone()),
        ];
        let ids: Vec<TrialId> = trials.iter().map(|trial| trial.trial.id()).collect();
        let found: Vec<_> = coverage(&records, &ids).into_iter().map(|r| r.map(|r| r.outcome.clone())).collect();
        assert_eq!(found, [Some(Outcome::Finished), Some(interrupted(3)), Some(diverged), None]);
    }
}
