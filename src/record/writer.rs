//! The sink that turns the events of a trial into its record.

use super::overhead::name as overhead_name;
use super::sightings::kind_of;
use super::{LeftOut, Record, SCHEMA, Store, TelemetryOverhead};
use crate::event::{EpochResult, Event, MemoryPeak, Outcome, Sink, SinkError};
use crate::plan::{Planned, ResolvedTrial, Trial, TrialId};
use crate::telemetry::{Environment, SlurmJob, TelemetrySummary};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Gathers what happens to a trial and writes its record when it ends.
#[derive(Debug)]
pub struct RecordWriter {
    store: Store,
    slurm: Option<SlurmJob>,
    sharers: u32,
    current: Option<Current>,
    written: Vec<PathBuf>,
}

/// The trial under way.
#[derive(Debug)]
struct Current {
    trial: ResolvedTrial,
    environment: Environment,
    data_digest: Option<String>,
    started: jiff::Timestamp,
    /// Absent before the first step.
    steps_per_epoch: Option<u64>,
    epochs: Vec<EpochResult>,
    /// Pictures that it went on without, and why.
    left_out: BTreeMap<String, String>,
    remarks: Vec<String>,
    /// The first epoch with a result that is not finite.
    not_finite: Option<u32>,
}

/// How the trial ended.
struct Ending {
    outcome: Outcome,
    time_valid: bool,
    memory: MemoryPeak,
    telemetry: Option<Box<TelemetrySummary>>,
}

impl RecordWriter {
    /// A writer into `store`, of trials that the job `slurm` trains beside so many others on the same device.
    pub fn new(store: &Store, slurm: Option<SlurmJob>, sharers: u32) -> Self {
        Self { store: store.clone(), slurm, sharers, current: None, written: Vec::new() }
    }

    /// The records written so far.
    pub fn written(&self) -> &[PathBuf] {
        &self.written
    }

    /// Ends the current trial and writes its record.
    fn finish(&mut self, id: &TrialId, ending: Ending) -> Result<(), String> {
        let current = self.current.take().ok_or_else(|| format!("trial {id} ended but never began"))?;
        let record = current.into_record(ending, self);
        if record.trial_id != *id {
            return Err(format!("trial {id} ended while {} was under way", record.trial_id));
        }
        let path = self.store.write(&record).map_err(|e| e.to_string())?;
        self.written.push(path);
        Ok(())
    }
}

impl Current {
    /// Takes an epoch, unless JSON cannot hold it.
    fn push(&mut self, result: &EpochResult) {
        let e = result;
        let losses_and_scores = [e.train_loss, e.train_top1, e.train_top5, e.test_loss, e.test_top1, e.test_top5, e.lr];
        if losses_and_scores.iter().all(|v| v.is_finite()) {
            self.epochs.push(*result);
        } else {
            self.not_finite.get_or_insert(e.epoch);
            self.remarks.push(format!("epoch {} is left out: a loss or score is not a finite number", e.epoch));
        }
    }

    fn into_record(self, ending: Ending, writer: &RecordWriter) -> Record {
        let Ending { outcome, time_valid, memory, telemetry } = ending;
        // The training loop watches the training loss; a test loss that is not finite is a divergence all the same.
        let outcome = match (outcome, self.not_finite, self.steps_per_epoch) {
            (Outcome::Finished, Some(epoch), Some(step)) => Outcome::Diverged { epoch, step },
            (other, ..) => other,
        };
        let Trial { architecture, norm, deconvolution, .. } = &self.trial.trial;
        let of = overhead_name(*architecture, *norm, deconvolution.as_ref());
        let planned = Planned::of(&self.trial.trial, kind_of(&self.environment.device));
        let overhead = |telemetry: &Box<_>| TelemetryOverhead::of(telemetry, &of, &self.environment, &writer.store);
        Record {
            schema: SCHEMA.into(),
            trial_id: self.trial.trial.id(),
            trial: self.trial.trial,
            sources: Arc::unwrap_or_clone(self.trial.sources),
            block: self.trial.block,
            outcome,
            epochs: self.epochs,
            time_valid,
            sharers: writer.sharers,
            memory,
            planned,
            telemetry_overhead: telemetry.as_ref().map(overhead),
            telemetry,
            environment: Arc::new(self.environment),
            data_digest: self.data_digest,
            left_out: LeftOut::of(self.left_out),
            slurm: writer.slurm.clone(),
            started: self.started,
            finished: jiff::Timestamp::now(),
            remarks: self.remarks,
        }
    }
}

impl Sink for RecordWriter {
    fn name(&self) -> &str {
        "record"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::TrialStarted { trial, environment, data_digest, remarks } => {
                self.current = Some(Current {
                    trial: trial.as_ref().clone(),
                    environment: environment.as_ref().clone(),
                    data_digest: data_digest.clone(),
                    started: jiff::Timestamp::now(),
                    steps_per_epoch: None,
                    epochs: Vec::new(),
                    left_out: BTreeMap::new(),
                    remarks: remarks.clone(),
                    not_finite: None,
                });
            }
            Event::TrainingStarted { steps_per_epoch, epochs_before, .. } => {
                if let Some(current) = &mut self.current {
                    current.steps_per_epoch = Some(*steps_per_epoch);
                    epochs_before.iter().for_each(|e| current.push(e));
                }
            }
            Event::EpochFinished(result) => {
                if let Some(current) = &mut self.current {
                    current.push(result);
                }
            }
            Event::LeftOut { path, why } => {
                if let Some(current) = &mut self.current {
                    current.left_out.insert(path.clone(), why.clone());
                }
            }
            Event::Warning(text) => {
                if let Some(current) = &mut self.current
                    && !current.remarks.contains(text)
                {
                    current.remarks.push(text.clone());
                }
            }
            Event::TrialFinished { trial_id, outcome, time_valid, memory, telemetry } => {
                let (outcome, telemetry) = (outcome.clone(), telemetry.clone());
                let ending = Ending { outcome, time_valid: *time_valid, memory: *memory, telemetry };
                return self.finish(trial_id, ending).map_err(|what| SinkError { sink: "record".into(), what });
            }
            Event::RunStarted { .. }
            | Event::Step { .. }
            | Event::EvaluationStarted { .. }
            | Event::CheckpointWritten { .. }
            | Event::RunFinished => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset, Norm};

    fn started() -> Event {
        let trial = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 2, 1);
        Event::TrialStarted {
            trial: Box::new(made_up::resolved(trial)),
            environment: Box::new(made_up::environment("alpha")),
            data_digest: Some("00c0ffee00c0ffee".into()),
            remarks: vec!["2 images skipped".into()],
        }
    }

    fn training(epochs_before: Vec<EpochResult>) -> Event {
        Event::TrainingStarted { steps_per_epoch: 391, resumed_at: None, epochs_before }
    }

    fn ended(outcome: Outcome, time_valid: bool) -> Event {
        let trial_id = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 2, 1).id();
        Event::TrialFinished { trial_id, outcome, time_valid, memory: MemoryPeak::default(), telemetry: None }
    }

    fn play(store: &Store, events: &[Event]) -> Result<(), SinkError> {
        let mut writer = RecordWriter::new(store, None, 3);
        events.iter().try_for_each(|e| writer.handle(e))
    }

    #[test]
    fn events_become_a_record() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (first, second) = (made_up::epoch(1, 0.5, 9.0), made_up::epoch(2, 0.6, 9.0));
        let interrupted = Outcome::Interrupted { epochs: 1, steps: 7 };
        let begun = [started(), training(vec![]), Event::EpochFinished(Box::new(first)), ended(interrupted, true)];
        play(&store, &begun).unwrap();
        assert_eq!(store.records().0[0].1.outcome.word(), "interrupted");
        let resumed = [
            Event::Warning("said before any trial".into()),
            started(),
            Event::Warning("a checkpoint was set aside".into()),
            training(vec![first]),
            Event::Warning("a sink failed".into()),
            Event::LeftOut { path: "b.JPEG".into(), why: "cut".into() },
            Event::LeftOut { path: "a.JPEG".into(), why: "empty".into() },
            Event::EpochFinished(Box::new(second)),
            ended(Outcome::Finished, false),
        ];
        play(&store, &resumed).unwrap();
        let (records, skipped) = store.records();
        assert_eq!((records.len(), skipped.len()), (1, 0), "the interrupted record was replaced");
        let record = &records[0].1;
        assert_eq!(record.epochs, [first, second]);
        assert_eq!((&record.outcome, record.time_valid, record.sharers), (&Outcome::Finished, false, 3));
        assert_eq!(record.remarks, ["2 images skipped", "a checkpoint was set aside", "a sink failed"]);
        let left_out = record.left_out.as_ref().unwrap();
        assert_eq!((left_out.count, left_out.pictures["a.JPEG"].as_str()), (2, "empty"));
        assert_eq!(record.sources["recipe.lr"], "default");
        assert_eq!(record.data_digest.as_deref(), Some("00c0ffee00c0ffee"));
    }

    #[test]
    fn a_test_loss_that_is_not_finite_is_a_divergence() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut bad = made_up::epoch(2, 0.6, 9.0);
        bad.test_loss = f64::NAN;
        let first = Event::EpochFinished(Box::new(made_up::epoch(1, 0.5, 9.0)));
        let second = Event::EpochFinished(Box::new(bad));
        play(&store, &[started(), training(vec![]), first, second, ended(Outcome::Finished, true)]).unwrap();
        let record = &store.records().0[0].1;
        assert_eq!(record.outcome, Outcome::Diverged { epoch: 2, step: 391 });
        assert_eq!(record.epochs.len(), 1);
        assert!(record.remarks[1].contains("epoch 2 is left out"));
    }

    #[test]
    fn a_trial_that_ends_before_its_first_step_has_a_record() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let failed = Outcome::Failed { message: "no memory for the network".into() };
        play(&store, &[started(), ended(failed.clone(), true)]).unwrap();
        let record = &store.records().0[0].1;
        assert_eq!((&record.outcome, record.epochs.len()), (&failed, 0));
    }

    #[test]
    fn an_end_without_a_beginning_is_an_error_of_the_sink() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let error = play(&store, &[ended(Outcome::Finished, true)]).unwrap_err();
        assert_eq!(error.sink, "record");
        assert!(error.what.contains("never began"));
    }
}
