//! Moves the instruments as events tell.

use super::instruments::Training;
use crate::event::{EpochResult, Event, Outcome, Sink, SinkError, StepSplit};
use crate::export::name::{Cell, environment_label};
use crate::plan::ResolvedTrial;
use crate::telemetry::{Environment, SlurmJob};
use prometheus::{Counter, Histogram, IntCounter};
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// The sink that counts what happens. It fails never, and waits for nothing.
#[derive(Debug)]
pub struct MetricsSink {
    to: Arc<Training>,
    job: SlurmJob,
    current: Option<Current>,
}

/// The training under way, with the instruments of its norm.
#[derive(Debug)]
struct Current {
    norm: String,
    epochs: u32,
    steps_per_epoch: u64,
    images: IntCounter,
    steps: IntCounter,
    step_seconds: Histogram,
    /// `data`, `forward`, `backward`, `optimiser`.
    parts: [Counter; 4],
    phase: Counter,
    since: Instant,
}

impl Current {
    /// Time goes on in the phase under way.
    fn tick(&mut self) {
        let now = Instant::now();
        self.phase.inc_by((now - self.since).as_secs_f64());
        self.since = now;
    }
}

impl MetricsSink {
    /// Moves the instruments of `to`; `job` stands in the info metric.
    pub fn new(to: Arc<Training>, job: SlurmJob) -> Self {
        Self { to, job, current: None }
    }

    fn begin(&mut self, trial: &ResolvedTrial, environment: &Environment) {
        let to = &self.to;
        to.info.reset();
        to.info.with_label_values(&info(trial, environment, &self.job)).set(1.0);
        for gauges in [&to.loss, &to.top1, &to.top5, &to.rate] {
            gauges.reset();
        }
        to.epochs.set(f64::from(trial.trial.epochs));
        to.epoch.set(1.0);
        to.progress.set(0.0);
        let norm = Cell::of(&trial.trial).norm;
        let part = |part| to.part_seconds.with_label_values(&[norm.as_str(), part]);
        self.current = Some(Current {
            epochs: trial.trial.epochs,
            steps_per_epoch: 0,
            images: to.images.with_label_values(&[&norm]),
            steps: to.steps.with_label_values(&[&norm]),
            step_seconds: to.step_seconds.with_label_values(&[&norm]),
            parts: ["data", "forward", "backward", "optimiser"].map(part),
            phase: to.phase_seconds.with_label_values(&[norm.as_str(), "preparing"]),
            since: Instant::now(),
            norm,
        });
        to.enter("preparing");
    }

    fn enter(&mut self, state: &str) {
        self.to.enter(state);
        if let Some(current) = &mut self.current {
            current.tick();
            current.phase = self.to.phase_seconds.with_label_values(&[current.norm.as_str(), state]);
        }
    }

    /// `step` steps of `epoch`, from 1, are done.
    fn reach(&self, epoch: u32, step: u64) {
        let Some(current) = &self.current else { return };
        let (steps, epochs) = (current.steps_per_epoch.max(1) as f64, f64::from(current.epochs.max(1)));
        self.to.epoch.set(f64::from(epoch.min(current.epochs)));
        self.to.progress.set((f64::from(epoch) - 1.0 + step as f64 / steps) / epochs);
    }

    fn step(&mut self, epoch: u32, step: u64, images: u64, split: Option<StepSplit>) {
        let Some(current) = &mut self.current else { return };
        current.tick();
        current.images.inc_by(images);
        current.steps.inc();
        if let Some(split) = split {
            let parts = [split.data, split.forward, split.backward, split.optimiser];
            current.step_seconds.observe(parts.iter().map(|s| s.0).sum());
            // A counter refuses to fall; clocks that go backwards are no reason to stop.
            current.parts.iter().zip(parts).for_each(|(counter, s)| counter.inc_by(s.0.max(0.0)));
        }
        self.to.last_step.set(now());
        self.reach(epoch, step);
    }

    fn epoch_finished(&mut self, result: &EpochResult) {
        let to = &self.to;
        let each = [
            (&to.loss, result.train_loss, result.test_loss),
            (&to.top1, result.train_top1, result.test_top1),
            (&to.top5, result.train_top5, result.test_top5),
        ];
        for (gauges, train, test) in each {
            gauges.with_label_values(&["train"]).set(train);
            gauges.with_label_values(&["test"]).set(test);
        }
        to.rate.with_label_values::<&str>(&[]).set(result.lr);
        self.enter("training");
        self.reach(result.epoch + 1, 0);
    }

    fn trial_finished(&mut self, outcome: &Outcome) {
        self.enter("idle");
        self.current = None;
        self.to.finished.with_label_values(&[outcome.word()]).inc();
        if matches!(outcome, Outcome::Diverged { .. }) {
            self.to.nonfinite.inc();
        }
        if outcome.is_final() {
            self.to.done.inc();
        }
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64())
}

/// The values of [`super::instruments::INFO`].
fn info(resolved: &ResolvedTrial, environment: &Environment, job: &SlurmJob) -> [String; 17] {
    let (trial, cell) = (&resolved.trial, Cell::of(&resolved.trial));
    let id = trial.id().0;
    [
        format!("{id}-{}", jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ")),
        id,
        cell.architecture.to_string(),
        cell.dataset.to_string(),
        cell.norm.clone(),
        cell.epochs.to_string(),
        cell.settings_label().into(),
        trial.attempt.to_string(),
        trial.recipe.batch_size.to_string(),
        trial.recipe.precision.key().into(),
        trial.seed().to_string(),
        environment_label(environment),
        environment.host.name.clone(),
        environment.software.commit.clone(),
        job.cluster.clone(),
        job.id.clone(),
        job.array_task.clone(),
    ]
}

impl Sink for MetricsSink {
    fn name(&self) -> &str {
        "metrics"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunStarted { trials, done } => {
                self.to.trials.set(*trials as f64);
                self.to.done.set(*done as f64);
            }
            Event::TrialStarted { trial, environment, .. } => self.begin(trial, environment),
            Event::TrainingStarted { steps_per_epoch, resumed_at, .. } => {
                if let Some(current) = &mut self.current {
                    current.steps_per_epoch = *steps_per_epoch;
                }
                self.enter("training");
                let (epochs, steps) = resumed_at.unwrap_or((0, 0));
                self.reach(epochs + 1, steps);
            }
            Event::Step { epoch, step, images, split } => self.step(*epoch, *step, *images, *split),
            Event::EvaluationStarted { .. } => self.enter("evaluating"),
            Event::EpochFinished(result) => self.epoch_finished(result),
            Event::CheckpointWritten { .. } => {
                self.to.checkpoints.inc();
                self.to.last_checkpoint.set(now());
            }
            Event::Warning(_) | Event::LeftOut { .. } => self.to.warnings.inc(),
            Event::TrialFinished { outcome, .. } => self.trial_finished(outcome),
            Event::RunFinished => self.enter("idle"),
        }
        Ok(())
    }
}
