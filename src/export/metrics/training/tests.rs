//! A training as events, and its page.

use super::super::exposition::{Exposition, Source};
use super::super::families::Families;
use super::{MetricsSink, Training};
use crate::event::{Event, MemoryPeak, Outcome, Sink, StepSplit};
use crate::record::made_up;
use crate::scenario::{Architecture, Dataset, Norm};
use crate::telemetry::SlurmJob;
use crate::units::Seconds;
use std::sync::Arc;

fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

struct Run {
    training: Arc<Training>,
    sink: MetricsSink,
}

impl Run {
    fn new() -> Self {
        let training = Arc::new(Training::default());
        let job = SlurmJob { id: "7".into(), ..SlurmJob::default() };
        Self { sink: MetricsSink::new(training.clone(), job), training }
    }

    fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        events.into_iter().for_each(|event| self.sink.handle(&event).unwrap());
    }

    fn page(&self) -> String {
        let exposition = Exposition::new(vec![self.training.clone()]);
        String::from_utf8(exposition.page().to_vec()).unwrap()
    }

    fn series(&self) -> usize {
        let mut families = Families::default();
        self.training.collect(&mut families);
        families.series()
    }
}

fn started(norm: Norm, attempt: u32) -> [Event; 2] {
    let trial = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, norm, 2, attempt);
    [
        Event::TrialStarted {
            trial: Box::new(made_up::resolved(trial)),
            environment: Box::new(made_up::environment("alpha")),
            data_digest: None,
            remarks: Vec::new(),
        },
        Event::TrainingStarted { steps_per_epoch: 4, resumed_at: None, epochs_before: Vec::new() },
    ]
}

fn step(step: u64, split: Option<StepSplit>) -> Event {
    Event::Step { epoch: 1, step, images: 128, split }
}

fn finished(outcome: Outcome) -> Event {
    let trial = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Bn, 2, 1);
    Event::TrialFinished {
        trial_id: trial.id(),
        outcome,
        time_valid: true,
        memory: MemoryPeak::default(),
        telemetry: None,
    }
}

/// A run of BN and ND, for the pages of other tests.
pub(crate) fn busy() -> Arc<Training> {
    let mut run = Run::new();
    for norm in Norm::ALL {
        run.tell(started(norm, 1));
        run.tell([step(1, Some(StepSplit::default())), Event::CheckpointWritten { path: "x".into() }]);
        run.tell([Event::EpochFinished(Box::new(made_up::epoch(1, 0.5, 3.0))), finished(Outcome::Finished)]);
    }
    run.training
}

#[test]
fn a_training_is_counted_as_it_goes() {
    let mut run = Run::new();
    run.tell([Event::RunStarted { trials: 4, done: 1 }]);
    run.tell(started(Norm::Nd, 1));
    let split = StepSplit { forward: Seconds(0.25), backward: Seconds(0.5), ..StepSplit::default() };
    run.tell([step(1, Some(split)), step(2, None), Event::Warning("w".into())]);
    let page = run.page();
    let of = |series: &str| value(&page, series).unwrap_or_else(|| panic!("{series} is not in\n{page}"));
    assert_eq!(of("ndbench_train_images_total{norm=\"nd\"}"), 256.0);
    assert_eq!(of("ndbench_train_steps_total{norm=\"nd\"}"), 2.0);
    assert_eq!(of("ndbench_train_step_duration_seconds_count{norm=\"nd\"}"), 1.0);
    assert_eq!(of("ndbench_train_step_duration_seconds_sum{norm=\"nd\"}"), 0.75);
    assert_eq!(of("ndbench_train_step_part_seconds_total{norm=\"nd\",part=\"backward\"}"), 0.5);
    assert!(of("ndbench_train_phase_seconds_total{norm=\"nd\",phase=\"training\"}") > 0.0);
    assert_eq!(of("ndbench_train_progress_ratio"), 0.25);
    assert_eq!(of("ndbench_train_state{state=\"training\"}"), 1.0);
    assert_eq!((of("ndbench_run_trials"), of("ndbench_run_trials_done")), (4.0, 1.0));
    assert!(of("ndbench_train_last_step_timestamp_seconds") > 1.7e9);
    assert_eq!(value(&page, "ndbench_train_loss{split=\"test\"}"), None, "no epoch has ended");

    run.tell([Event::EvaluationStarted { epoch: 1 }, Event::EpochFinished(Box::new(made_up::epoch(1, 0.5, 3.0)))]);
    let page = run.page();
    let of = |series: &str| value(&page, series).unwrap_or_else(|| panic!("{series} is not in\n{page}"));
    assert_eq!(of("ndbench_train_accuracy_ratio{split=\"test\"}"), 0.5);
    assert_eq!(of("ndbench_train_accuracy_ratio{split=\"train\"}"), 0.45);
    assert_eq!((of("ndbench_train_learning_rate"), of("ndbench_train_epoch")), (0.1, 2.0));
    assert_eq!(of("ndbench_train_progress_ratio"), 0.5);

    run.tell([finished(Outcome::Diverged { epoch: 2, step: 1 }), Event::RunFinished]);
    let page = run.page();
    assert_eq!(value(&page, "ndbench_train_nonfinite_loss_total"), Some(1.0));
    assert_eq!(value(&page, "ndbench_trials_finished_total{outcome=\"diverged\"}"), Some(1.0));
    assert_eq!(value(&page, "ndbench_train_state{state=\"idle\"}"), Some(1.0));
    assert_eq!(value(&page, "ndbench_run_trials_done"), Some(2.0));
}

#[test]
fn there_is_one_info_at_a_time_and_no_series_for_each_run() {
    let mut run = Run::new();
    let mut after = Vec::new();
    for attempt in 1..=20 {
        for norm in Norm::ALL {
            run.tell(started(norm, attempt));
            run.tell([step(1, None), Event::EpochFinished(Box::new(made_up::epoch(1, 0.5, 3.0)))]);
            run.tell([finished(Outcome::Finished)]);
        }
        after.push(run.series());
        let page = run.page();
        let infos: Vec<&str> = page.lines().filter(|l| l.starts_with("ndbench_train_info{")).collect();
        assert_eq!(infos.len(), 1, "{infos:?}");
        assert!(infos[0].contains(&format!("attempt=\"{attempt}\"")) && infos[0].contains("slurm_job_id=\"7\""));
        let run_id = |l: &&str| l.contains("run_id=") && !l.starts_with("ndbench_train_info{");
        assert!(!page.lines().any(|l| run_id(&l)));
    }
    assert!(after.iter().all(|&n| n == after[0]), "{after:?}");
    // The budget of a run of BN and ND; telemetry comes on top.
    assert!(after[0] <= 160, "{} series", after[0]);
}

#[test]
fn a_new_trial_has_no_accuracy_of_the_one_before() {
    let mut run = Run::new();
    run.tell(started(Norm::Bn, 1));
    run.tell([Event::EpochFinished(Box::new(made_up::epoch(1, 0.5, 3.0)))]);
    run.tell([finished(Outcome::Finished)]);
    run.tell(started(Norm::Nd, 1));
    assert!(!run.page().contains("ndbench_train_accuracy_ratio"));
}
