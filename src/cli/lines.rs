//! `--json`: one JSON object a line on stdout for every epoch and every trial.

use super::talk;
use crate::event::{Event, Sink, SinkError};
use crate::plan::TrialId;
use serde_json::{Value, json};
use std::io::{self, Stdout, Write};

/// The sink that writes JSON lines to stdout.
#[derive(Debug)]
pub struct JsonLines<W = Stdout> {
    out: W,
    current: Option<TrialId>,
    /// A write has failed, and that was told.
    failed: bool,
}

impl Default for JsonLines {
    fn default() -> Self {
        Self::to(io::stdout())
    }
}

impl<W: Write> JsonLines<W> {
    /// Lines to `out`.
    pub fn to(out: W) -> Self {
        Self { out, current: None, failed: false }
    }

    fn lines(&mut self, event: &Event) -> Vec<Value> {
        match event {
            Event::RunStarted { trials, done } => vec![json!({"event": "run", "trials": trials, "done": done})],
            Event::TrialStarted { trial, remarks, .. } => {
                let id = trial.trial.id();
                let line = json!({"event": "trial", "trial_id": id, "trial": trial.trial});
                let remarks = remarks.iter().map(|text| json!({"event": "remark", "trial_id": id, "text": text}));
                let lines = [line].into_iter().chain(remarks).collect();
                self.current = Some(id);
                lines
            }
            Event::TrainingStarted { steps_per_epoch, resumed_at, .. } => vec![json!({
                "event": "training", "trial_id": self.current, "steps_per_epoch": steps_per_epoch,
                "resumed_at": resumed_at,
            })],
            Event::EpochFinished(result) => {
                vec![json!({"event": "epoch", "trial_id": self.current, "result": result})]
            }
            Event::TrialFinished { trial_id, outcome, time_valid, memory, telemetry } => vec![json!({
                "event": "trial_finished", "trial_id": trial_id, "outcome": outcome, "time_valid": time_valid,
                "memory": memory, "telemetry": telemetry,
            })],
            Event::LeftOut { path, why } => {
                vec![json!({"event": "left_out", "trial_id": self.current, "path": path, "why": why})]
            }
            Event::Warning(text) => vec![json!({"event": "warning", "text": text})],
            Event::Step { .. }
            | Event::EvaluationStarted { .. }
            | Event::CheckpointWritten { .. }
            | Event::RunFinished => Vec::new(),
        }
    }
}

impl<W: Write> Sink for JsonLines<W> {
    fn name(&self) -> &str {
        "json"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        let lines = self.lines(event);
        let written = lines.iter().try_for_each(|line| talk::write_line(&mut self.out, &line.to_string()));
        match written {
            // Once is enough: a full disk fails every line.
            Err(e) if !self.failed => {
                self.failed = true;
                Err(SinkError { sink: "json".into(), what: format!("cannot write to stdout: {e}") })
            }
            _ => Ok(()),
        }
    }
}
