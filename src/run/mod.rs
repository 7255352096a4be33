//! Trains what is missing in a store, block by block.

mod environment;
mod gpu;
mod instruments;
mod killed;
mod shelf;

pub use environment::{device, environment, set_threads, threads};
pub use instruments::instruments;

use crate::data::{DataError, Sources, TrainingData};
use crate::event::{Event, Fanout, Outcome, Retry};
use crate::nn::{Method, networks};
use crate::plan::{ResolvedTrial, Trial};
use crate::record::{Record, Store, StoreError, TrialLock};
use crate::telemetry::{Environment, SlurmJob, Telemetry};
use crate::train::{Checkpoints, Trainer, catch, never_trained, with_memory_left};
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
    /// The instruments at work.
    pub telemetry: &'a Telemetry,
    /// The parts of every so many-th step are timed.
    pub sample_every: u64,
    /// Time between two checkpoints.
    pub checkpoint_every: Duration,
    /// Other trainings on the device meanwhile: where there are any, the times do not count.
    pub sharers: u32,
    /// Trials that ended so are trained again, and their records replaced.
    pub retry: Retry,
    /// Once true, the run ends after the step under way.
    pub interrupt: &'a AtomicBool,
    /// The trials are a block, to be trained one after the other on one device: where another process has one of them, the rest is
    /// left to it.
    pub block: bool,
}

/// How the trials of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trials that ended without a result.
    pub failed: usize,
    /// Trials that ran out of memory or diverged, now or before.
    pub retriable: usize,
    /// Trials left out: another process is training them.
    pub elsewhere: usize,
    /// Trials left out: others look at their locks, and do not end.
    pub looked_at: usize,
    /// Trials left out: what may be their record cannot be read.
    pub refused: usize,
    /// Trials left out: their data set is missing or broken, or was another when they were trained.
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
    /// The GPU has broken or gone in the middle.
    #[error("the GPU failed in the middle of a training: {0}")]
    Gpu(String),
}

/// What became of one trial.
enum Visit {
    Done(Outcome),
    Elsewhere,
    LookedAt,
    Refused,
    WithoutData,
    Trained(Outcome),
}

impl Run<'_> {
    /// Trains those of `trials` that have no final record, in their order, and tells `events` what happens.
    ///
    /// # Errors
    /// No data set at all, a store that cannot be locked, or a GPU that has broken or gone. Trials that diverge, run out
    /// of memory or fail end in an outcome, and those that cannot be trained are left out with a warning; the run goes
    /// on.
    pub fn all(&self, trials: &[ResolvedTrial], events: &mut Fanout) -> Result<Summary, RunError> {
        let done = trials.iter().filter(|t| self.done(&t.trial).is_ok_and(|done| done.is_some())).count();
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
            let visit = self.visit(trial, trials, &mut shelf, events)?;
            let is_taken = matches!(visit, Visit::Elsewhere | Visit::LookedAt);
            match visit {
                Visit::Elsewhere => summary.elsewhere += 1,
                Visit::LookedAt => summary.looked_at += 1,
                Visit::Refused => summary.refused += 1,
                Visit::WithoutData => summary.without_data += 1,
                Visit::Trained(Outcome::Failed { message }) => {
                    summary.failed += 1;
                    gpu::check(self.device, message)?;
                }
                Visit::Trained(Outcome::Interrupted { .. }) => {
                    summary.interrupted = true;
                    break;
                }
                Visit::Done(outcome) | Visit::Trained(outcome) => {
                    summary.retriable += usize::from(outcome != Outcome::Finished);
                }
            }
            if is_taken && self.block {
                break;
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
        let left_out = |events: &mut Fanout, why: StoreError, visit| {
            events.send(Event::Warning(format!("{trial} is left out: {why}")));
            visit
        };
        let done = match self.done(trial) {
            Ok(done) => done,
            Err(why) => return Ok(left_out(events, why, Visit::Refused)),
        };
        if let Some(why) = done.as_ref().and_then(|record| self.other_images(record, shelf)) {
            events.send(Event::Warning(format!("{trial} is left out: {why}")));
            return Ok(Visit::WithoutData);
        }
        let done = done.map(|record| record.outcome);
        match done {
            Some(outcome) if !self.store.has_leftovers(trial, is_over(&outcome)) => return Ok(Visit::Done(outcome)),
            None if shelf.lacks(trial) => return Ok(Visit::WithoutData),
            _ => {}
        }
        let lock = match (self.store.lock(&trial.id()), done) {
            (Ok(lock), _) => lock,
            // Nothing but tidying is left to do.
            (Err(_), Some(outcome)) => return Ok(Visit::Done(outcome)),
            (Err(held @ StoreError::Locked { .. }), None) => return Ok(left_out(events, held, Visit::Elsewhere)),
            (Err(why @ StoreError::LookedAt { .. }), None) => return Ok(left_out(events, why, Visit::LookedAt)),
            (Err(e), None) => return Err(e.into()),
        };
        // Another process may have finished it between the first look and the lock.
        self.store.refresh(&lock, trial);
        let done = match self.done(trial) {
            Ok(done) => done.map(|record| record.outcome),
            Err(why) => return Ok(left_out(events, why, Visit::Refused)),
        };
        if let Err(e) = self.store.sweep(&lock, trial, done.as_ref().is_some_and(is_over)) {
            events.send(Event::Warning(e.to_string()));
        }
        if let Some(outcome) = done {
            return Ok(Visit::Done(outcome));
        }
        match killed::too_often(lock.will()) {
            Some(outcome) => Ok(self.not_begun(resolved, outcome, events)),
            None => self.begin((resolved, &lock), trials, shelf, events),
        }
    }

    /// Trains a trial whose lock is held.
    fn begin(
        &self,
        (resolved, lock): (&ResolvedTrial, &TrialLock),
        trials: &[ResolvedTrial],
        shelf: &mut Shelf,
        events: &mut Fanout,
    ) -> Result<Visit, RunError> {
        match catch(|| shelf.get(&resolved.trial, self)) {
            Ok(Ok(data)) => Ok(Visit::Trained(self.one((resolved, lock), data, events))),
            Ok(Err(e)) => {
                events.send(Event::Warning(shelf.warn(&resolved.trial, e, trials)?));
                Ok(Visit::WithoutData)
            }
            // libtorch failed to bring the images to the device.
            Err(outcome) => Ok(self.not_begun(resolved, with_memory_left(outcome, self.device), events)),
        }
    }

    /// Records a trial that ended before its first step.
    fn not_begun(&self, trial: &ResolvedTrial, outcome: Outcome, events: &mut Fanout) -> Visit {
        never_trained(trial, self.environment, self.replaced(&trial.trial), &outcome, events);
        Visit::Trained(outcome)
    }

    /// The record of a trial that need not be trained.
    ///
    /// # Errors
    /// What may be its record cannot be read.
    fn done(&self, trial: &Trial) -> Result<Option<Record>, StoreError> {
        let is_ours = |record: &Record| {
            // A task that is started again has tried again what it ended itself.
            let job = record.slurm.as_ref().filter(|_| record.outcome.is_final());
            job.is_some_and(|job| job.is_of_the_task(&SlurmJob::here()))
        };
        let found = self.store.find(&trial.id())?;
        Ok(found.filter(|record| !self.retry.includes(&record.outcome) || is_ours(record)))
    }

    /// Why the record of a trial that is done does not stand for the images that its data set holds now.
    fn other_images(&self, record: &Record, shelf: &mut Shelf) -> Option<String> {
        let (then, now) = (record.data_digest.as_ref()?, shelf.digest(&record.trial, self)?);
        (*then != now).then(|| {
            format!(
                "it was trained with other images (digest {then}) than {} now holds (digest {now}); give these another \
                 name, or keep their records in another --store",
                record.trial.dataset
            )
        })
    }

    /// The remark on the record that the next one of `trial` replaces, if there is one.
    fn replaced(&self, trial: &Trial) -> Vec<String> {
        let before = self.store.find(&trial.id()).ok().flatten().filter(|record| record.outcome.is_final());
        before.iter().map(replaces).collect()
    }

    fn one(&self, (trial, lock): (&ResolvedTrial, &TrialLock), data: &TrainingData, events: &mut Fanout) -> Outcome {
        let Trial { architecture, norm, batch_norm, deconvolution, .. } = &trial.trial;
        let method = Method::new(*norm, deconvolution.unwrap_or_default()).with_batch_norm(*batch_norm);
        let classes = data.classes() as i64;
        let remarks = self.replaced(&trial.trial);
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
            telemetry: self.telemetry,
            series: Some(&self.store.telemetry_path(&trial.trial)),
            sharers: self.sharers,
            remarks: &remarks,
            interrupt: self.interrupt,
            is_alone: &|| lock.is_kept(),
        }
        .run(events)
    }
}

/// Whether nobody will go on from the checkpoint of a trial that ended so.
fn is_over(outcome: &Outcome) -> bool {
    *outcome == Outcome::Finished
}

/// What the record of a trial that is tried again says of the one that it replaces.
fn replaces(before: &Record) -> String {
    let detail = match &before.outcome {
        Outcome::Oom { message, .. } => format!(", {message}"),
        Outcome::Diverged { epoch, step } => format!(", epoch {epoch}, step {step}"),
        _ => String::new(),
    };
    let environment = before.environment.fingerprint();
    let word = before.outcome.word();
    format!("replaces a record of {} in environment {environment}: {word}{detail}", before.finished)
}
