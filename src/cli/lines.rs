//! `--json`: one JSON object a line on stdout for every epoch and every trial.

use crate::event::{Event, Sink, SinkError};
use crate::plan::TrialId;
use serde_json::{Value, json};
use std::io::{self, Write};

/// The sink that writes JSON lines to stdout.
#[derive(Debug, Default)]
pub struct JsonLines {
    current: Option<TrialId>,
}

impl JsonLines {
    fn line(&mut self, event: &Event) -> Option<Value> {
        match event {
            Event::RunStarted { trials, done } => Some(json!({"event": "run", "trials": trials, "done": done})),
            Event::TrialStarted { trial, .. } => {
                let id = trial.trial.id();
                let line = json!({"event": "trial", "trial_id": id, "trial": trial.trial});
                self.current = Some(id);
                Some(line)
            }
            Event::TrainingStarted { steps_per_epoch, resumed_at, .. } => Some(json!({
                "event": "training", "trial_id": self.current, "steps_per_epoch": steps_per_epoch,
                "resumed_at": resumed_at,
            })),
            Event::EpochFinished(result) => Some(json!({"event": "epoch", "trial_id": self.current, "result": result})),
            Event::TrialFinished { trial_id, outcome, time_valid, memory } => Some(json!({
                "event": "trial_finished", "trial_id": trial_id, "outcome": outcome, "time_valid": time_valid,
                "memory": memory,
            })),
            Event::Warning(text) => Some(json!({"event": "warning", "text": text})),
            Event::Step { .. }
            | Event::EvaluationStarted { .. }
            | Event::CheckpointWritten { .. }
            | Event::RunFinished => None,
        }
    }
}

impl Sink for JsonLines {
    fn name(&self) -> &str {
        "json"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        let Some(line) = self.line(event) else { return Ok(()) };
        let mut stdout = io::stdout().lock();
        match writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
            // The reader has gone away: the rest was not wanted.
            Err(e) if e.kind() != io::ErrorKind::BrokenPipe => {
                Err(SinkError { sink: "json".into(), what: format!("cannot write to stdout: {e}") })
            }
            _ => Ok(()),
        }
    }
}
