//! Trains what is missing in a store, block by block.

mod environment;

pub use environment::{device, environment, set_threads, threads};

use crate::data::{DataError, DataSet, Sources, load};
use crate::event::{Event, Fanout, Outcome};
use crate::nn::{Method, networks};
use crate::plan::{ResolvedTrial, Trial};
use crate::record::{Record, Store, StoreError};
use crate::scenario::Dataset;
use crate::telemetry::Environment;
use crate::train::{Checkpoints, Trainer, catch, never_trained};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tch::Device;

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
    /// Trials that ended so are trained again, and their records replaced.
    pub retry: Retry,
    /// Once true, the run ends after the step under way.
    pub interrupt: &'a AtomicBool,
}

/// Which final outcomes without a result are tried again, once a run; on another machine they may end otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// Out of memory.
    pub oom: bool,
    /// Diverged.
    pub diverged: bool,
}

impl Retry {
    /// A trial that ended so is trained, or trained again.
    pub fn includes(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Finished => false,
            Outcome::Oom { .. } => self.oom,
            Outcome::Diverged { .. } => self.diverged,
            Outcome::Interrupted { .. } | Outcome::Failed { .. } => true,
        }
    }
}

/// How the trials of a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// Trials that ended without a result.
    pub failed: usize,
    /// Trials that ran out of memory or diverged, now or before.
    pub retriable: usize,
    /// Trials that another process is training.
    pub elsewhere: usize,
    /// A signal ended the run.
    pub interrupted: bool,
}

/// A run that cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A data set is missing or broken.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A data set on the device and what it was loaded for.
type Loaded = (Dataset, (Option<u32>, Option<u32>), DataSet);

impl Run<'_> {
    /// Trains those of `trials` that have no final record, in their order, and tells `events` what happens.
    ///
    /// # Errors
    /// A data set that cannot be read or a store that cannot be locked. Trials that diverge, run out of memory or fail end
    /// in an outcome, and the run goes on.
    pub fn all(&self, trials: &[ResolvedTrial], events: &mut Fanout) -> Result<Summary, RunError> {
        let done = trials.iter().filter(|t| self.done(&t.trial).is_some()).count();
        events.send(Event::RunStarted { trials: trials.len(), done });
        let mut summary = Summary::default();
        let mut loaded: Option<Loaded> = None;
        for trial in trials {
            if self.interrupt.load(Ordering::Relaxed) {
                summary.interrupted = true;
                break;
            }
            if let Some(outcome) = self.done(&trial.trial) {
                summary.retriable += usize::from(outcome != Outcome::Finished);
                continue;
            }
            let _lock = match self.store.lock(&trial.trial.id()) {
                Ok(lock) => lock,
                Err(held @ StoreError::Locked { .. }) => {
                    events.send(Event::Warning(format!("{} is left out: {held}", trial.trial)));
                    summary.elsewhere += 1;
                    continue;
                }
                Err(e) => return Err(e.into()),
            };
            // Another process may have finished it between the first look and the lock.
            if let Some(outcome) = self.done(&trial.trial) {
                summary.retriable += usize::from(outcome != Outcome::Finished);
                continue;
            }
            let outcome = match catch(|| self.data(&trial.trial, &mut loaded)) {
                Ok(data) => self.one(trial, data?, events),
                // libtorch failed to bring the images to the device.
                Err(outcome) => {
                    never_trained(trial, self.environment, &outcome, events);
                    outcome
                }
            };
            match outcome {
                Outcome::Failed { .. } => summary.failed += 1,
                Outcome::Interrupted { .. } => {
                    summary.interrupted = true;
                    break;
                }
                Outcome::Diverged { .. } | Outcome::Oom { .. } => summary.retriable += 1,
                Outcome::Finished => {}
            }
        }
        events.send(Event::RunFinished);
        Ok(summary)
    }

    /// The outcome of a trial that need not be trained.
    fn done(&self, trial: &Trial) -> Option<Outcome> {
        self.store.find(&trial.id()).map(|record| record.outcome).filter(|outcome| !self.retry.includes(outcome))
    }

    /// The data set of `trial`, kept from the trial before where it is the same.
    fn data<'l>(&self, trial: &Trial, loaded: &'l mut Option<Loaded>) -> Result<&'l DataSet, DataError> {
        let limits = (trial.train_images, trial.test_images);
        let kept = loaded.take().filter(|(dataset, l, _)| (dataset, *l) == (&trial.dataset, limits));
        let (_, _, data) = loaded.insert(match kept {
            Some(kept) => kept,
            None => (trial.dataset.clone(), limits, load(&trial.dataset, self.sources, self.device, limits)?),
        });
        Ok(data)
    }

    fn one(&self, trial: &ResolvedTrial, data: &DataSet, events: &mut Fanout) -> Outcome {
        let Trial { architecture, norm, deconvolution, .. } = &trial.trial;
        let method = Method::new(*norm, deconvolution.unwrap_or_default());
        let classes = data.class_names.len() as i64;
        let before = self.store.find(&trial.trial.id()).filter(|record| record.outcome.is_final());
        let remarks: Vec<String> = before.iter().map(replaces).collect();
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
            remarks: &remarks,
            interrupt: self.interrupt,
        }
        .run(events)
    }
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
