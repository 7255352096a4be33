//! What has become of a trial, by its record, its trainer and its checkpoint.

use crate::event::{Outcome, Progress};
use crate::record::{Holder, Record};
use crate::submit::Task;
use serde::Serialize;

/// What has become of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// Trained to its end.
    Finished,
    /// It needs more memory than there was.
    Oom {
        /// In whose words.
        why: String,
    },
    /// Its loss ceased to be a number.
    Diverged {
        /// In which epoch, from 1.
        epoch: u32,
    },
    /// Somebody trains it.
    Training(Held),
    /// Who trained it is dead; it goes on when it is run again.
    Died(Held),
    /// One of both: its trainer is on a machine of which nobody here knows.
    Held(Held),
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

/// By whom, and how far at the last checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The process and its host.
    pub by: String,
    /// Epochs done.
    pub epochs: u32,
    /// Steps of the next one done.
    pub steps: u64,
    /// How many trainers have died in a row without a checkpoint between, with this one if it is dead.
    pub deaths: u32,
}

impl State {
    /// Of a trial by its record, its lock's holder and its checkpoint.
    pub fn of(record: Option<&Outcome>, holder: Option<&Holder>, begun: Option<&Progress>) -> Self {
        let recorded = record.map(Self::recorded);
        if let Some(over) = recorded.as_ref().filter(|state| state.is_over()) {
            return over.clone();
        }
        let (epochs, steps) = begun.map_or((0, 0), |begun| (begun.epochs.len() as u32, begun.step));
        if let Some(Holder { by, lives, deaths, .. }) = holder {
            let held = Held { by: by.clone(), epochs, steps, deaths: *deaths };
            return match lives {
                Some(true) => Self::Training(held),
                Some(false) => Self::Died(held),
                None => Self::Held(held),
            };
        }
        match (recorded, begun) {
            // A checkpoint may be without a record, or newer than the record of an interruption before: killed before anything was
            // recorded.
            (None | Some(Self::Interrupted { .. }), Some(_)) => Self::Interrupted { epochs, steps },
            (recorded, _) => recorded.unwrap_or(Self::Missing),
        }
    }

    /// Of a trial that nobody trains any more.
    pub fn recorded(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Finished => Self::Finished,
            Outcome::Oom { message, .. } => Self::Oom { why: message.clone() },
            Outcome::Diverged { epoch, .. } => Self::Diverged { epoch: *epoch },
            Outcome::Interrupted { epochs, steps } => Self::Interrupted { epochs: *epochs, steps: *steps },
            Outcome::Failed { message } => Self::Failed { why: message.clone() },
        }
    }

    /// Nothing of it is left to train.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Finished | Self::Oom { .. } | Self::Diverged { .. })
    }

    /// Of `total` epochs, in words.
    pub fn words(&self, total: u32) -> String {
        let far = |epochs: u32, steps: u64| match (epochs, steps) {
            (0, 0) => "before its first checkpoint".into(),
            (epochs, 0) => format!("after {epochs} of {total} epochs"),
            (epochs, steps) => format!("after {epochs} of {total} epochs and {steps} steps"),
        };
        match self {
            Self::Finished => "finished".into(),
            Self::Oom { why } => format!("ran out of memory: {}", first_line(why)),
            Self::Diverged { epoch } => format!("diverged in epoch {epoch}"),
            Self::Training(held) if (held.epochs, held.steps) == (0, 0) => format!("in training by {}", held.by),
            Self::Training(held) => {
                format!("in training by {}, last checkpoint {}", held.by, far(held.epochs, held.steps))
            }
            Self::Died(held) => {
                let row =
                    if held.deaths > 1 { format!(", the last of {} in a row", held.deaths) } else { String::new() };
                format!("{} died {}{row}", held.by, far(held.epochs, held.steps))
            }
            Self::Held(held) => format!("in training, or died {}: {}", far(held.epochs, held.steps), held.by),
            Self::Interrupted { epochs, steps } => format!("interrupted {}", far(*epochs, *steps)),
            Self::Failed { why } => format!("failed: {}", first_line(why)),
            Self::Missing => "not begun".into(),
        }
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Whether a trial that ended as `record` says, out of memory, diverged or failed, is tried again: it is trained now, or
/// a task that has not ended it so has it in hand. Tasks have nothing that is finished.
pub fn is_tried_again(record: &Record, holder: Option<&Holder>, task: Option<&Task>) -> bool {
    let by_task = |task: &Task| record.slurm.as_ref().is_none_or(|job| job.name() != task.id);
    let is_held = holder.is_some_and(|holder| holder.lives == Some(true));
    let is_ended = !matches!(record.outcome, Outcome::Finished | Outcome::Interrupted { .. });
    is_ended && (is_held || task.is_some_and(by_task))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;
    use crate::scenario::{Architecture, Dataset};
    use crate::telemetry::SlurmJob;

    fn holder(by: &str, lives: Option<bool>) -> Holder {
        Holder { by: by.into(), lives, ..Holder::default() }
    }

    fn task(node: &str) -> Task {
        Task { id: "3_1".into(), node: node.into(), ..Task::default() }
    }

    #[test]
    fn a_trainer_lives_or_died_or_nobody_knows() {
        let begun = Progress { step: 7, ..Progress::default() };
        let of = |lives| State::of(None, Some(&holder("process 7 on far.example.org", lives)), Some(&begun));
        assert!(matches!(of(Some(true)), State::Training(_)) && matches!(of(None), State::Held(_)));
        let words = of(Some(false)).words(3);
        assert_eq!(words, "process 7 on far.example.org died after 0 of 3 epochs and 7 steps");
        let third = State::Died(Held { by: "process 7 on far".into(), epochs: 0, steps: 0, deaths: 3 });
        let words = "process 7 on far died before its first checkpoint, the last of 3 in a row";
        assert_eq!(third.words(3), words);
    }

    #[test]
    fn what_ran_out_of_memory_or_diverged_is_tried_again_by_a_trainer_or_another_task() {
        let trial = &made_up::cell(Architecture::Vgg16, Dataset::Cifar10, 1, 1)[0];
        let record = |outcome: Outcome| Record { outcome, ..made_up::record(trial, 0.5, 10.0) };
        let diverged = record(Outcome::Diverged { epoch: 1, step: 2 });
        let [alive, dead] = [true, false].map(|lives| holder("process 7 on far", Some(lives)));
        assert!(!is_tried_again(&diverged, None, None));
        assert!(!is_tried_again(&diverged, Some(&dead), None));
        assert!(is_tried_again(&diverged, Some(&alive), None));
        assert!(is_tried_again(&diverged, None, Some(&task(""))), "it was trained by hand, and then submitted");
        let by_array = |array: &str| {
            let job =
                SlurmJob { array_job: array.into(), array_task: "1".into(), id: "9".into(), ..SlurmJob::default() };
            Record { slurm: Some(job), ..diverged.clone() }
        };
        assert!(!is_tried_again(&by_array("3"), None, Some(&task("far"))), "the task is at the block's other trial");
        assert!(is_tried_again(&by_array("2"), None, Some(&task(""))));
        let failed = record(Outcome::Failed { message: "x".into() });
        assert!(is_tried_again(&failed, None, Some(&task(""))) && !is_tried_again(&failed, Some(&dead), None));
        for over in [Outcome::Finished, Outcome::Interrupted { epochs: 0, steps: 1 }] {
            assert!(!is_tried_again(&record(over), Some(&alive), Some(&task("far"))));
        }
    }

    #[test]
    fn a_record_that_is_over_is_what_has_become_of_a_trial_and_any_other_gives_way_to_a_trainer() {
        let by = holder("process 7 on far", Some(true));
        let of = |outcome: &Outcome| State::of(Some(outcome), Some(&by), None);
        assert_eq!(of(&Outcome::Finished), State::Finished);
        assert!(matches!(of(&Outcome::Failed { message: "x".into() }), State::Training(_)));
        let failed = State::of(Some(&Outcome::Failed { message: "x".into() }), None, None);
        assert_eq!(failed, State::Failed { why: "x".into() });
    }

    #[test]
    fn what_ran_out_of_memory_says_where_and_what_to_do() {
        let why = "killed by the out-of-memory killer of alpha\nand more".to_owned();
        let outcome = Outcome::Oom { requested: None, free: None, message: why };
        let state = State::of(Some(&outcome), None, None);
        assert_eq!(state.words(3), "ran out of memory: killed by the out-of-memory killer of alpha");
    }

    #[test]
    fn a_checkpoint_without_a_record_was_interrupted() {
        let begun = Progress { step: 7, ..Progress::default() };
        let state = State::of(None, None, Some(&begun));
        assert_eq!(state, State::Interrupted { epochs: 0, steps: 7 });
        assert_eq!(State::of(None, None, None), State::Missing);
        assert_eq!(State::Interrupted { epochs: 2, steps: 0 }.words(20), "interrupted after 2 of 20 epochs");
    }
}
