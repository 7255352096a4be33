//! A trial from its beginning, or its checkpoint, to its outcome.

use super::session::{Session, TrainError};
use super::{checkpoint, failure, memory, native};
use crate::data::DataSet;
use crate::event::{Event, Fanout, Outcome};
use crate::nn::{Layer, Scope};
use crate::plan::ResolvedTrial;
use crate::scenario::Precision;
use crate::telemetry::Environment;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tch::Device;

/// Everything that one training needs.
pub struct Trainer<'a> {
    /// What to train.
    pub trial: &'a ResolvedTrial,
    /// The images, on `device`.
    pub data: &'a DataSet,
    /// Where it runs, for the record.
    pub environment: &'a Environment,
    /// Where it runs.
    pub device: Device,
    /// Builds the network in a scope; its parameters are filled afterwards.
    pub network: &'a dyn Fn(&Scope) -> Box<dyn Layer>,
    /// Where and how often checkpoints are written; absent: never.
    pub checkpoints: Option<Checkpoints>,
    /// The parts of every so many-th step are timed; 0: of none. On CUDA such a step waits for the device five times.
    pub sample_every: u64,
    /// Once true, the training ends after the step or evaluation batch under way.
    pub interrupt: &'a AtomicBool,
}

/// Where and how often checkpoints are written. They are also written after every epoch but the last, and on interrupts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// The file.
    pub path: PathBuf,
    /// Time between two of them.
    pub every: Duration,
}

/// What [`Trainer::run`] learns besides the outcome.
#[derive(Debug, Default)]
struct Remarks {
    resumed: bool,
}

impl Trainer<'_> {
    /// Trains, telling `events` everything from `TrialStarted` to `TrialFinished`. Goes on from a checkpoint where there
    /// is one. Errors and panics of libtorch end in an outcome. The checkpoint is deleted once a final outcome has been
    /// told and no sink failed to take note of it.
    pub fn run(&self, events: &mut Fanout) -> Outcome {
        let trial = &self.trial.trial;
        let meter = memory::Meter::start(self.device);
        let mut remarks = Remarks::default();
        let outcome = failure::catch(|| match self.train(events, &mut remarks) {
            Ok(outcome) => outcome,
            Err(error) => failure::classify(&error.to_string()),
        });
        let outcome = memory::with_free_memory(outcome, self.device);
        let failures = events.failures().len();
        events.send(Event::TrialFinished {
            trial_id: trial.id(),
            outcome: outcome.clone(),
            time_valid: !remarks.resumed,
            memory: meter.peak(),
        });
        if let Some(Checkpoints { path, .. }) = &self.checkpoints
            && outcome.is_final()
            && events.failures().len() == failures
            && let Err(e) = std::fs::remove_file(path)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            events.send(Event::Warning(format!("cannot delete the checkpoint {}: {e}", path.display())));
        }
        outcome
    }

    fn train(&self, events: &mut Fanout, remarks: &mut Remarks) -> Result<Outcome, TrainError> {
        native::allow_tf32(self.trial.trial.recipe.precision == Precision::Tf32)?;
        let mut session = Session::new(self)?;
        remarks.resumed = self.resume(&mut session, events);
        events.send(Event::TrialStarted {
            trial: Box::new(self.trial.clone()),
            environment: Box::new(self.environment.clone()),
            steps_per_epoch: session.steps_per_epoch(),
            resumed_at: remarks.resumed.then(|| session.position()),
            remarks: self.data.remarks.clone(),
            epochs_before: session.epochs().to_vec(),
        });
        session.run(events)
    }

    /// Brings the checkpoint back into `session`. One that cannot be used is set aside and the training begins anew.
    fn resume(&self, session: &mut Session, events: &mut Fanout) -> bool {
        let Some(Checkpoints { path, .. }) = &self.checkpoints else { return false };
        let found = checkpoint::read(path, &self.trial.trial.id());
        let restored = found.and_then(|found| match found {
            None => Ok(false),
            Some((header, tensors)) => session.restore(header, &tensors).map(|()| true),
        });
        restored.unwrap_or_else(|why| {
            let then = match checkpoint::set_aside(path) {
                Ok(aside) => format!("it is now {}", aside.display()),
                Err(e) => format!("it could not be renamed: {e}"),
            };
            let what = format!("the checkpoint {} cannot be used: {why}; {then}", path.display());
            events.send(Event::Warning(what + "; the trial begins anew"));
            false
        })
    }
}
