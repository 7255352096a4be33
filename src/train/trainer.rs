//! A trial from its beginning, or its checkpoint, to its outcome.

use super::bound::Bound;
use super::checkpoint::CheckpointError;
use super::graphs::stream_for;
use super::instruments::{Instruments, Resumed};
use super::session::{Session, TrainError};
use super::stops::stops;
use super::{checkpoint, failure, memory};
use crate::data::TrainingData;
use crate::event::{Event, Fanout, MemoryPeak, Outcome};
use crate::native;
use crate::nn::{Layer, Scope};
use crate::plan::ResolvedTrial;
use crate::scenario::Precision;
use crate::telemetry::{self, Environment, Telemetry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tch::Device;

/// Everything that one training needs.
pub struct Trainer<'a> {
    /// What to train.
    pub trial: &'a ResolvedTrial,
    /// The images, on `device` or ready to be read.
    pub data: &'a TrainingData,
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
    /// The instruments at work.
    pub telemetry: &'a Telemetry,
    /// Where their readings go at full rate; absent: nowhere.
    pub series: Option<&'a Path>,
    /// Other trainings on the device meanwhile: where there are any, the times do not count.
    pub sharers: u32,
    /// What the record should remark besides what the data's loader noticed.
    pub remarks: &'a [String],
    /// Once true, the training ends after the step or evaluation batch under way.
    pub interrupt: &'a AtomicBool,
    /// Whether the trial is still this process's alone. Where it is not, nothing is written over another one's checkpoint, and the
    /// training ends.
    pub is_alone: &'a dyn Fn() -> bool,
}

/// Where and how often checkpoints are written. They are also written after every epoch but the last, and on interrupts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// The file.
    pub path: PathBuf,
    /// Time between two of them.
    pub every: Duration,
}

/// Tells `events` of a trial that ended before there was anything to train with: from `TrialStarted` to `TrialFinished`.
pub fn never_trained(
    trial: &ResolvedTrial,
    environment: &Environment,
    remarks: Vec<String>,
    outcome: &Outcome,
    events: &mut Fanout,
) {
    events.send(Event::TrialStarted {
        trial: Box::new(trial.clone()),
        environment: Box::new(environment.clone()),
        data_digest: None,
        remarks,
    });
    events.send(Event::TrialFinished {
        trial_id: trial.trial.id(),
        outcome: outcome.clone(),
        time_valid: true,
        memory: MemoryPeak::default(),
        telemetry: None,
    });
}

impl Trainer<'_> {
    /// Trains, telling `events` everything from `TrialStarted` to `TrialFinished`. Goes on from a checkpoint where there
    /// is one. Errors and panics of libtorch end in an outcome. The checkpoint is deleted once a final outcome has been
    /// told and no sink failed to take note of it; after running out of memory it stays, for a machine that has more.
    pub fn run(&self, events: &mut Fanout) -> Outcome {
        let trial = &self.trial.trial;
        events.send(Event::TrialStarted {
            trial: Box::new(self.trial.clone()),
            environment: Box::new(self.environment.clone()),
            data_digest: Some(self.data.digest().to_owned()),
            remarks: self.data.remarks().iter().chain(self.remarks).cloned().collect(),
        });
        let meter = memory::Meter::start(self.device);
        let instruments = Instruments::new(self.telemetry, self.series);
        let (mut resumed, stops_before) = (false, stops());
        let bound = Bound::set(self.device);
        let outcome = match failure::catch(|| self.train((&meter, &instruments), events, &mut resumed)) {
            Ok(Ok(outcome)) | Err(outcome) => outcome,
            Ok(Err(error)) => failure::classify(&error.to_string()),
        };
        let outcome = failure::with_memory_left(outcome, self.device);
        drop(bound);
        let (telemetry, notices) = instruments.finish();
        notices.into_iter().for_each(|notice| events.send(Event::Warning(notice)));
        let stopped = stops() > stops_before;
        if stopped {
            events.send(Event::Warning("the process was stopped for a time: the times do not count".into()));
        }
        let failures = events.failures().len();
        events.send(Event::TrialFinished {
            trial_id: trial.id(),
            outcome: outcome.clone(),
            time_valid: !resumed && !stopped && self.sharers == 0,
            memory: meter.peak(),
            telemetry: telemetry.map(Box::new),
        });
        if let Some(Checkpoints { path, .. }) = &self.checkpoints
            && matches!(outcome, Outcome::Finished | Outcome::Diverged { .. })
            && events.failures().len() == failures
            && (self.is_alone)()
            && let Err(e) = std::fs::remove_file(path)
            && e.kind() != std::io::ErrorKind::NotFound
        {
            events.send(Event::Warning(format!("cannot delete the checkpoint {}: {e}", path.display())));
        }
        outcome
    }

    fn train(
        &self,
        (meter, instruments): (&memory::Meter, &Instruments),
        events: &mut Fanout,
        resumed: &mut bool,
    ) -> Result<Outcome, TrainError> {
        native::allow_tf32(self.trial.trial.recipe.precision == Precision::Tf32)?;
        // Left after the session has ended.
        let _stream = stream_for(&self.trial.trial.recipe, self.device)?;
        let mut session = Session::new(self, meter, instruments)?;
        let before = self.resume(&mut session, events)?;
        *resumed = before.is_some();
        if let Some(remark) = instruments.begin(before) {
            session.remark(remark.into(), events);
        }
        events.send(Event::TrainingStarted {
            steps_per_epoch: session.steps_per_epoch(),
            resumed_at: resumed.then(|| session.position()),
            epochs_before: session.epochs().to_vec(),
        });
        session.run(events)
    }

    /// Brings the checkpoint back into `session`, and with it what the instruments had seen. One that cannot be used is set
    /// aside and the training begins anew.
    fn resume(&self, session: &mut Session, events: &mut Fanout) -> Result<Option<Resumed>, TrainError> {
        let Some(Checkpoints { path, .. }) = &self.checkpoints else { return Ok(None) };
        let found = checkpoint::read(path, &self.trial.trial.id());
        let restored = found.and_then(|found| {
            let Some((mut header, tensors)) = found else { return Ok(None) };
            if header.data_digest != self.data.digest() {
                return Err(CheckpointError::OtherData(header.data_digest, self.data.digest().to_owned()));
            }
            let before = (header.environment.clone(), header.remarks.clone(), header.telemetry.take());
            session.restore(header, &tensors).map(|()| Some(before))
        });
        match restored {
            Ok(None) => Ok(None),
            Ok(Some((written, remarks, telemetry))) => {
                let news = other_environment(&written, self.environment);
                remarks.into_iter().chain(news).for_each(|remark| session.remark(remark, events));
                Ok(Some(Resumed { telemetry }))
            }
            // There is nothing wrong with the file.
            Err(CheckpointError::Read { source, .. }) if source.kind() == ErrorKind::OutOfMemory => {
                Err(TrainError::NoMemoryForCheckpoint)
            }
            Err(why) => {
                let then = match checkpoint::set_aside(path) {
                    Ok(aside) => format!("it is now {}", aside.display()),
                    Err(e) => format!("it could not be renamed: {e}"),
                };
                let what = format!("the checkpoint {} cannot be used: {why}; {then}", path.display());
                session.remark(what + "; the trial begins anew", events);
                Ok(None)
            }
        }
    }
}

/// What to remark where a checkpoint was written in one environment and goes on in another that may compute other bits.
fn other_environment(written: &Environment, now: &Environment) -> Option<String> {
    let device = |e: &Environment| match &e.device {
        telemetry::Device::Cpu => e.host.cpu.clone(),
        telemetry::Device::Cuda(cuda) => cuda.name.clone().unwrap_or_else(|| "an unnamed CUDA device".into()),
    };
    let of = |e: &Environment| {
        [
            ("commit", e.software.commit.clone()),
            ("libtorch", e.software.libtorch.clone()),
            ("threads", e.threads.to_string()),
            ("device", device(e)),
            ("settings", e.settings.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(" ")),
        ]
    };
    let pairs = of(written).into_iter().zip(of(now));
    let changed: Vec<String> =
        pairs.filter(|(a, b)| a != b).map(|((key, a), (_, b))| format!("{key} {a}, now {b}")).collect();
    (!changed.is_empty()).then(|| {
        let changed = changed.join("; ");
        format!("resumed from a checkpoint of another environment ({changed}): bit-identity with a run in one go is not promised")
    })
}
