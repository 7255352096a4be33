//! Trains what is missing in a store, block by block.

mod environment;
mod shelf;

pub use environment::{device, environment, set_threads, threads};

use crate::data::{DataError, DataSet, Sources};
use crate::event::{Event, Fanout, Outcome};
use crate::nn::{Method, networks};
use crate::plan::{ResolvedTrial, Trial};
use crate::record::{Store, StoreError};
use crate::telemetry::Environment;
use crate::train::{Checkpoints, Trainer};
use shelf::Shelf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
pub use tch::Device;

/// What a run needs besides its trials.
pub struct Run<'a> {
    /// Where records, checkpoints and locks lie.
    pub store: &'a Store,
    /// Where data sets are looked for.
    pub sources: &'a Sources,
    /// Where it runs.
    pub device: Device,
    /// The description of that for the records.
    pub environment: &'a Environment,
    /// The parts of every so many-th step are timed.
    pub sample_every: u64,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
    /// Once true, the run ends after the step under way.
    pub interrupt: &'a AtomicBool,
}

/// How the trials of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trials that ended without a result.
    pub failed: usize,
    /// Trials left out: another process is training them.
    pub elsewhere: usize,
    /// Trials left out: what may be their record cannot be read.
    pub refused: usize,
    /// Trials left out: their data set is missing or broken.
    pub without_data: usize,
    /// A signal ended the run.
    pub interrupted: bool,
}

/// A run that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// Every data set is missing or broken.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What became of one trial.
enum Visit {
    Done,
    Elsewhere,
    Refused,
    WithoutData,
    Trained(Outcome),
}

impl Run<'_> {
    /// Trains those of `trials` that have no final record, in their order, and tells `events` what happens.
    ///
    /// # Errors
    /// No data set at all, or a store that cannot be locked. Trials that diverge, run out of memory or fail end in an
    /// outcome, and those that cannot be trained are left out with a warning; the run goes on.
    pub fn all(&self, trials: &[ResolvedTrial], events: &mut Fanout) -> Result<Summary, RunError> {
        let done = trials.iter().filter(|t| self.is_done(&t.trial).unwrap_or(false)).count();
        events.send(Event::RunStarted { trials: trials.len(), done });
        let ended = self.visits(trials, events);
        events.send(Event::RunFinished);
        ended
    }

    fn visits(&self, trials: &[ResolvedTrial], events: &mut Fanout) -> Result<Summary, RunError> {
        let mut summary = Summary::default();
        let mut shelf = Shelf::default();
        for trial in trials {
            if self.interrupt.load(Ordering::Relaxed) {
                summary.interrupted = true;
                break;
            }
            match self.visit(trial, trials, &mut shelf, events)? {
                Visit::Elsewhere => summary.elsewhere += 1,
                Visit::Refused => summary.refused += 1,
                Visit::WithoutData => summary.without_data += 1,
                Visit::Trained(Outcome::Failed { .. }) => summary.failed += 1,
                Visit::Trained(Outcome::Interrupted { .. }) => {
                    summary.interrupted = true;
                    break;
                }
                Visit::Done | Visit::Trained(Outcome::Finished | Outcome::Diverged { .. } | Outcome::Oom { .. }) => {}
            }
        }
        Ok(summary)
    }

    /// Trains `trial`, one of `trials`, if it is not done and nothing stands in the way.
    fn visit(
        &self,
        resolved: &ResolvedTrial,
        trials: &[ResolvedTrial],
        shelf: &mut Shelf,
        events: &mut Fanout,
    ) -> Result<Visit, RunError> {
        let trial = &resolved.trial;
        let left_out = |events: &mut Fanout, why: StoreError| {
            events.send(Event::Warning(format!("{trial} is left out: {why}")));
        };
        let mut done = match self.is_done(trial) {
            Ok(done) => done,
            Err(why) => {
                left_out(events, why);
                return Ok(Visit::Refused);
            }
        };
        if done && !self.store.has_leftovers(trial) {
            return Ok(Visit::Done);
        }
        if !done && shelf.lacks(trial) {
            return Ok(Visit::WithoutData);
        }
        let lock = match self.store.lock(&trial.id()) {
            Ok(lock) => lock,
            // Nothing but tidying is left to do.
            Err(_) if done => return Ok(Visit::Done),
            Err(held @ StoreError::Locked { .. }) => {
                left_out(events, held);
                return Ok(Visit::Elsewhere);
            }
            Err(e) => return Err(e.into()),
        };
        // Another process may have finished it between the first look and the lock.
        match self.is_done(trial) {
            Ok(now) => done = now,
            Err(why) => {
                left_out(events, why);
                return Ok(Visit::Refused);
            }
        }
        if let Err(e) = self.store.sweep(&lock, trial, done) {
            events.send(Event::Warning(e.to_string()));
        }
        if done {
            return Ok(Visit::Done);
        }
        match shelf.get(trial, self) {
            Ok(data) => Ok(Visit::Trained(self.one(resolved, data, events))),
            Err(e) => {
                events.send(Event::Warning(shelf.warn(trial, e, trials)?));
                Ok(Visit::WithoutData)
            }
        }
    }

    fn is_done(&self, trial: &Trial) -> Result<bool, StoreError> {
        Ok(self.store.find(&trial.id())?.is_some_and(|record| record.outcome.is_final()))
    }

    fn one(&self, trial: &ResolvedTrial, data: &DataSet, events: &mut Fanout) -> Outcome {
        let Trial { architecture, norm, deconvolution, .. } = &trial.trial;
        let method = Method::new(*norm, deconvolution.unwrap_or_default());
        let classes = data.class_names.len() as i64;
        let checkpoints =
            Checkpoints { path: self.store.checkpoint_path(&trial.trial.id()), every: self.checkpoint_every };
        Trainer {
            trial,
            data,
            environment: self.environment,
            device: self.device,
            network: &|scope| networks::build(*architecture, method, classes, scope),
            checkpoints: Some(checkpoints),
            sample_every: self.sample_every,
            interrupt: self.interrupt,
        }
        .run(events)
    }
}
