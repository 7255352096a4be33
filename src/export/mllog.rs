//! The log lines of MLPerf training (`mlperf_logging`), replayed from records: one log a trial.
//!
//! The order of events is the one that its compliance checker enforces. The instants follow from the record: the end of
//! the trial, and before it the seconds of each epoch; what came before the first epoch is initialisation. A resumed
//! trial has no such timeline, and no log. Our trainings are none of MLPerf's benchmarks: `submission_benchmark` names
//! them as they are, which the checker's list of benchmarks refuses.

use super::ExportFile;
use super::name::{Cell, environment_label};
use super::sample::{LeftOut, distinct};
use crate::event::{EpochResult, Outcome};
use crate::plan::Trial;
use crate::record::Record;
use serde::Serialize;
use serde_json::{Value, json};

/// One line, in the order of keys that `mllog` writes.
#[derive(Serialize)]
struct Line<'a> {
    namespace: &'a str,
    time_ms: i64,
    event_type: &'a str,
    key: &'a str,
    value: Value,
    metadata: Value,
}

/// A log that grows by one event after the other.
struct Log {
    text: String,
    /// Milliseconds since 1970; fractions are kept so that they do not add up.
    now: f64,
}

impl Log {
    fn line(&mut self, event_type: &str, key: &str, value: Value, metadata: Value) {
        let line = Line { namespace: "", time_ms: self.now.round() as i64, event_type, key, value, metadata };
        let json = serde_json::to_string(&line).expect("a line is plain data");
        self.text += &format!(":::MLLOG {json}\n");
    }

    fn point(&mut self, key: &str, value: impl Into<Value>) {
        self.line("POINT_IN_TIME", key, value.into(), json!({}));
    }

    fn start(&mut self, key: &str, metadata: Value) {
        self.line("INTERVAL_START", key, Value::Null, metadata);
    }

    fn stop(&mut self, key: &str, metadata: Value) {
        self.line("INTERVAL_END", key, Value::Null, metadata);
    }
}

/// The logs, `<environment>/<cell>-a<attempt>-<trial_id>.log`, and the trials that have none.
pub fn mllog(records: &[Record]) -> (Vec<ExportFile>, Vec<LeftOut>) {
    let (mut files, mut left_out) = (Vec::new(), Vec::new());
    for record in distinct(records) {
        match status(record) {
            Ok(status) => {
                let (trial, environment) = (&record.trial, environment_label(&record.environment));
                let commit = super::name::file_part(&record.environment.software.commit);
                let name = format!("{}-a{}-{}-{commit}.log", Cell::of(trial).file(), trial.attempt, record.trial_id);
                files.push(ExportFile::new(format!("{environment}/{name}"), log(record, status)));
            }
            Err(why) => left_out.push(LeftOut { trial: record.trial.to_string(), why }),
        }
    }
    (files, left_out)
}

/// The status of the run, or why there is no log of it.
fn status(record: &Record) -> Result<&'static str, String> {
    if let Some(flag) = record.flags().first() {
        return Err(format!("{flag}, so it has no timeline"));
    }
    if record.epochs.is_empty() {
        return Err(format!("is {} without an epoch, and a log needs one", record.outcome.word()));
    }
    match record.outcome {
        Outcome::Finished => Ok("success"),
        Outcome::Diverged { .. } => Ok("aborted"),
        _ => Err(format!("is {}, so its log has no end", record.outcome.word())),
    }
}

fn log(record: &Record, status: &str) -> String {
    let seconds = |e: &EpochResult| e.seconds.paper.0 + e.seconds.evaluation.0;
    let (started, finished) = (record.started.as_millisecond() as f64, record.finished.as_millisecond() as f64);
    let trained: f64 = record.epochs.iter().map(seconds).sum();
    let mut log = Log { text: String::new(), now: started };
    header(&mut log, record);
    log.start("init_start", json!({}));
    log.now = (finished - trained * 1e3).max(started);
    log.stop("init_stop", json!({}));
    log.start("run_start", json!({}));
    for epoch in &record.epochs {
        let number = json!({"epoch_num": epoch.epoch});
        log.start("epoch_start", number.clone());
        log.now += epoch.seconds.paper.0 * 1e3;
        log.stop("epoch_stop", number.clone());
        log.start("eval_start", number.clone());
        log.now += epoch.seconds.evaluation.0 * 1e3;
        log.line("POINT_IN_TIME", "eval_accuracy", json!(epoch.test_top1), number.clone());
        log.stop("eval_stop", number);
    }
    log.stop("run_stop", json!({"status": status}));
    log.text
}

/// What stands before the run.
fn header(log: &mut Log, record: &Record) {
    let (trial, recipe) = (&record.trial, &record.trial.recipe);
    log.point("submission_benchmark", format!("{}-{}-{}", trial.architecture, trial.dataset, trial.norm));
    log.point("submission_org", "ndbench");
    log.point("submission_division", "open");
    log.point("submission_status", "research");
    log.point("submission_platform", environment_label(&record.environment));
    // The key belongs there; the system's caches are left as they are.
    log.point("cache_clear", false);
    log.point("seed", trial.seed());
    log.point("global_batch_size", recipe.batch_size);
    log.point("gradient_accumulation_steps", 1);
    log.point("train_samples", record.epochs[0].images);
    // The key belongs there; null where only the folder knows the number.
    log.point("eval_samples", test_images(trial));
    log.point("opt_name", "sgd");
    log.point("opt_base_learning_rate", recipe.lr);
    log.point("opt_weight_decay", recipe.weight_decay);
}

/// How many images are tested; `None` where only the folder knows.
fn test_images(trial: &Trial) -> Option<u32> {
    let all = trial.dataset.images().map(|(_, test)| test)?;
    Some(trial.test_images.map_or(all, |limit| limit.min(all)))
}
