//! What is counted of a training.

use super::super::exposition::Source;
use super::super::families::Families;
use prometheus::core::Collector;
use prometheus::proto::MetricFamily;
use prometheus::{
    CounterVec, Gauge, GaugeVec, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry,
    exponential_buckets,
};

/// Labels of `ndbench_train_info`.
pub(super) const INFO: [&str; 17] = [
    "run_id",
    "trial_id",
    "architecture",
    "dataset",
    "norm",
    "epochs",
    "settings",
    "attempt",
    "batch_size",
    "precision",
    "seed",
    "environment",
    "host",
    "commit",
    "slurm_cluster",
    "slurm_job_id",
    "slurm_array_task_id",
];

/// Values of the label `state`, `idle` between trainings.
pub(super) const STATES: [&str; 4] = ["idle", "preparing", "training", "evaluating"];

/// The counters and gauges of a process's trainings; a [`MetricsSink`](super::MetricsSink) moves them.
#[derive(Debug)]
pub struct Training {
    registry: Registry,
    pub(super) info: GaugeVec,
    pub(super) state: GaugeVec,
    pub(super) trials: Gauge,
    pub(super) done: Gauge,
    pub(super) finished: IntCounterVec,
    pub(super) images: IntCounterVec,
    pub(super) steps: IntCounterVec,
    pub(super) step_seconds: HistogramVec,
    pub(super) part_seconds: CounterVec,
    pub(super) phase_seconds: CounterVec,
    pub(super) epoch: Gauge,
    pub(super) epochs: Gauge,
    pub(super) progress: Gauge,
    pub(super) loss: GaugeVec,
    pub(super) top1: GaugeVec,
    pub(super) top5: GaugeVec,
    pub(super) rate: GaugeVec,
    pub(super) nonfinite: IntCounter,
    pub(super) last_step: Gauge,
    pub(super) checkpoints: IntCounter,
    pub(super) last_checkpoint: Gauge,
    pub(super) warnings: IntCounter,
}

/// Makes instruments of one registry. Names, helps and labels are constants of this file, which a test makes.
struct Maker(Registry);

impl Maker {
    fn kept<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let made = made.expect("names and labels are valid");
        self.0.register(Box::new(made.clone())).expect("names are unique");
        made
    }

    fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.kept(Gauge::with_opts(opts(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> GaugeVec {
        self.kept(GaugeVec::new(opts(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.kept(IntCounter::with_opts(opts(name, help)))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.kept(IntCounterVec::new(opts(name, help), labels))
    }

    fn seconds(&self, name: &str, help: &str, labels: &[&str]) -> CounterVec {
        self.kept(CounterVec::new(opts(name, help), labels))
    }

    /// From 1 ms to 10 s, a quarter more each.
    fn durations(&self, name: &str, help: &str, labels: &[&str]) -> HistogramVec {
        let buckets = exponential_buckets(0.001, 1.25, 42).expect("growing bounds");
        let common = opts(name, help);
        self.kept(HistogramVec::new(HistogramOpts { common_opts: common, buckets }, labels))
    }
}

fn opts(name: &str, help: &str) -> Opts {
    Opts::new(format!("ndbench_{name}"), format!("{help}."))
}

impl Default for Training {
    fn default() -> Self {
        let make = Maker(Registry::new());
        let training = Self {
            info: make.gauges("train_info", "The training under way, or the last one", &INFO),
            state: make.gauges("train_state", "1 for what the program is doing", &["state"]),
            trials: make.gauge("run_trials", "Trials of the matrix"),
            done: make.gauge("run_trials_done", "Trials of the matrix that need not be trained any more"),
            finished: make.counters("trials_finished_total", "Trials that ended", &["outcome"]),
            images: make.counters("train_images_total", "Training images seen", &["norm"]),
            steps: make.counters("train_steps_total", "Optimiser steps done", &["norm"]),
            step_seconds: make.durations(
                "train_step_duration_seconds",
                "Time of a sampled training step, the device waited for",
                &["norm"],
            ),
            part_seconds: make.seconds(
                "train_step_part_seconds_total",
                "Time of the sampled training steps, by part",
                &["norm", "part"],
            ),
            phase_seconds: make.seconds(
                "train_phase_seconds_total",
                "Host time of trainings, by what the program was doing",
                &["norm", "phase"],
            ),
            epoch: make.gauge("train_epoch", "The epoch under way, from 1"),
            epochs: make.gauge("train_epochs", "Epochs of the training"),
            progress: make.gauge("train_progress_ratio", "Share of the training's steps done, 0 to 1"),
            loss: make.gauges("train_loss", "Mean cross-entropy of the last epoch, nats", &["split"]),
            top1: make.gauges("train_accuracy_ratio", "Top-1 accuracy of the last epoch, 0 to 1", &["split"]),
            top5: make.gauges("train_accuracy_top5_ratio", "Top-5 accuracy of the last epoch, 0 to 1", &["split"]),
            rate: make.gauges("train_learning_rate", "Learning rate of the last epoch's last step", &[]),
            nonfinite: make.counter("train_nonfinite_loss_total", "Trainings whose loss ceased to be a finite number"),
            last_step: make.gauge("train_last_step_timestamp_seconds", "When the last step ended"),
            checkpoints: make.counter("train_checkpoints_total", "Checkpoints written"),
            last_checkpoint: make.gauge("train_last_checkpoint_timestamp_seconds", "When the last one was written"),
            warnings: make.counter("warnings_total", "Warnings told"),
            registry: make.0,
        };
        training.enter("idle");
        for outcome in ["finished", "diverged", "oom", "interrupted", "failed"] {
            training.finished.with_label_values(&[outcome]);
        }
        training
    }
}

impl Training {
    pub(super) fn enter(&self, state: &str) {
        STATES.iter().for_each(|s| self.state.with_label_values(&[s]).set(f64::from(u8::from(*s == state))));
    }
}

impl Source for Training {
    fn collect(&self, families: &mut Families) {
        // What has not happened has no time.
        let happened = |family: &MetricFamily| {
            let is_time = family.name().ends_with("_timestamp_seconds");
            !is_time || family.get_metric().iter().any(|metric| metric.get_gauge().get_value() > 0.0)
        };
        families.extend(self.registry.gather().into_iter().filter(happened).collect());
    }
}
