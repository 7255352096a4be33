//! What happens during a run, as values, and the [`Sink`] that listens.
//!
//! Events are the only door from training to the outside: progress bars, the record writer, metrics and logs are sinks.

mod epoch;
mod progress;
mod retry;

pub use epoch::{EpochResult, EpochTimes, MemoryPeak, Outcome, Scores, StepSplit};
pub use progress::{CHECKPOINT, CHECKPOINT_DIGEST, Progress};
pub use retry::Retry;

use crate::plan::{ResolvedTrial, TrialId};
use crate::telemetry::{Environment, TelemetrySummary};
use std::path::PathBuf;

/// Something that happened. Values are final: a sink never needs to ask back.
#[derive(Debug, Clone)]
pub enum Event {
    /// A matrix begins: how many trials it has and how many are done already.
    RunStarted {
        /// Trials of the matrix after filters.
        trials: usize,
        /// Of these, trials with a finished record.
        done: usize,
    },
    /// A trial begins. Nothing of it has failed yet, and whatever does is followed by `TrialFinished`.
    TrialStarted {
        /// The trial.
        trial: Box<ResolvedTrial>,
        /// Where it runs.
        environment: Box<Environment>,
        /// [`TrainingData::digest`](crate::data::TrainingData::digest) of its images; absent where there were none.
        data_digest: Option<String>,
        /// What the data set's loader counted and skipped, and other remarks that belong into the record.
        remarks: Vec<String>,
    },
    /// The network of a trial is built, its checkpoint is back where there was one, and its first step follows.
    TrainingStarted {
        /// Optimiser steps in an epoch.
        steps_per_epoch: u64,
        /// Epochs and steps of the epoch begun that a checkpoint brought back; absent for a fresh start.
        resumed_at: Option<(u32, u64)>,
        /// Results of the epochs that a checkpoint brought back.
        epochs_before: Vec<EpochResult>,
    },
    /// A training step ended.
    Step {
        /// The epoch, from 1.
        epoch: u32,
        /// Steps done in this epoch.
        step: u64,
        /// Images in the step.
        images: u64,
        /// Where the time went, for the steps that were sampled.
        split: Option<StepSplit>,
    },
    /// A training epoch ended and its evaluation begins.
    EvaluationStarted {
        /// The epoch, from 1.
        epoch: u32,
    },
    /// An epoch ended, evaluation included.
    EpochFinished(Box<EpochResult>),
    /// A checkpoint was written.
    CheckpointWritten {
        /// Where.
        path: PathBuf,
    },
    /// The training goes on without a picture that cannot be used; of each it is told once, and again after a resumption.
    LeftOut {
        /// Which.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Something a user should know that does not end the run.
    Warning(String),
    /// A trial ended, one way or another.
    TrialFinished {
        /// Which.
        trial_id: TrialId,
        /// How.
        outcome: Outcome,
        /// Training time by the `paper` definition is that of an uninterrupted run.
        time_valid: bool,
        /// Peak memory over the whole trial, executions before a resume included.
        memory: MemoryPeak,
        /// What the instruments say of the trial; absent where they were off, or it never began.
        telemetry: Option<Box<TelemetrySummary>>,
    },
    /// The matrix ended.
    RunFinished,
}

/// A listener. A failing sink never stops a training; it fails the exit code.
pub trait Sink {
    /// A short name for messages: `record`, `progress`.
    fn name(&self) -> &str;

    /// Takes note of an event.
    ///
    /// # Errors
    /// What went wrong; the run goes on.
    fn handle(&mut self, event: &Event) -> Result<(), SinkError>;
}

/// A sink could not do its work.
#[derive(Debug, thiserror::Error)]
#[error("{sink}: {what}")]
pub struct SinkError {
    /// The sink's name.
    pub sink: String,
    /// What it failed to do, and why.
    pub what: String,
}

/// Hands every event to every sink and remembers the failures.
#[derive(Default)]
pub struct Fanout<'a> {
    sinks: Vec<&'a mut dyn Sink>,
    failures: Vec<SinkError>,
}

impl<'a> Fanout<'a> {
    /// A fan-out to `sinks`, in this order.
    pub fn new(sinks: Vec<&'a mut dyn Sink>) -> Self {
        Self { sinks, failures: Vec::new() }
    }

    /// Tells every sink. A failure is kept for [`Fanout::failures`] and told to the other sinks as a warning.
    pub fn send(&mut self, event: Event) {
        let mut failed = Vec::new();
        for sink in &mut self.sinks {
            if let Err(e) = sink.handle(&event) {
                failed.push(e);
            }
        }
        if !matches!(event, Event::Warning(_)) {
            for e in &failed {
                let warning = Event::Warning(e.to_string());
                for sink in &mut self.sinks {
                    // A sink that cannot take the warning either is in `failed` already.
                    let _ = sink.handle(&warning);
                }
            }
        }
        self.failures.extend(failed);
    }

    /// What the sinks failed to do, and the end of the sinks' loan.
    pub fn into_failures(self) -> Vec<SinkError> {
        self.failures
    }

    /// What the sinks failed to do.
    pub fn failures(&self) -> &[SinkError] {
        &self.failures
    }
}
