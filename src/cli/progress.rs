//! Progress on stderr: bars with the remaining time on a terminal, plain lines elsewhere.

use super::bars::Bars;
use super::forecast::Forecast;
use super::pulse::Pulse;
use super::talk;
use crate::event::{EpochResult, Event, Outcome, Sink, SinkError};
use crate::plan::ResolvedTrial;
use crate::units::Seconds;
use indicatif::ProgressDrawTarget;
use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Stderr, Write};
use std::time::{Duration, Instant};

/// How much is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Warnings only.
    Quiet,
    /// Trials and epochs.
    Normal,
    /// Also where the time of a step goes, and checkpoints.
    Verbose,
}

/// Between two lines within an epoch, where there is no terminal.
const PULSE: Duration = Duration::from_secs(60);

/// The sink that shows progress.
#[derive(Debug)]
pub struct Progress<W = Stderr> {
    out: W,
    verbosity: Verbosity,
    bars: Option<Bars>,
    pulse: Pulse,
    forecast: Forecast,
    began: Instant,
    trials: u64,
    done: u64,
    trial: String,
    epochs: u32,
    steps: u64,
    /// Remarks told so far.
    told: BTreeSet<String>,
    /// A write has failed, and that was told.
    failed: bool,
}

impl Progress {
    /// Bars when stderr is a terminal, lines otherwise.
    pub fn new(verbosity: Verbosity, forecast: Forecast) -> Self {
        let terminal = io::stderr().is_terminal().then(ProgressDrawTarget::stderr);
        Self::to(io::stderr(), terminal, verbosity, forecast)
    }
}

impl<W: Write> Progress<W> {
    /// Bars on `terminal` where there is one, lines to `out` otherwise.
    pub fn to(out: W, terminal: Option<ProgressDrawTarget>, verbosity: Verbosity, forecast: Forecast) -> Self {
        Self {
            out,
            verbosity,
            bars: terminal.filter(|_| verbosity > Verbosity::Quiet).map(Bars::new),
            pulse: Pulse::new(PULSE),
            forecast,
            began: Instant::now(),
            trials: 0,
            done: 0,
            trial: String::new(),
            epochs: 0,
            steps: 0,
            told: BTreeSet::new(),
            failed: false,
        }
    }

    /// A line, above the bars.
    fn tell(&mut self, least: Verbosity, line: impl FnOnce() -> String) -> io::Result<()> {
        match &self.bars {
            _ if self.verbosity < least => Ok(()),
            Some(bars) => bars.say(&line()),
            None => talk::write_line(&mut self.out, &line()),
        }
    }

    fn run_started(&mut self, trials: usize, done: usize) -> io::Result<()> {
        (self.trials, self.done, self.began) = (trials as u64, done as u64, Instant::now());
        self.tell(Verbosity::Normal, || format!("{trials} trials, {done} done already"))?;
        self.draw_matrix();
        Ok(())
    }

    fn draw_matrix(&self) {
        if let Some(bars) = &self.bars {
            bars.matrix(self.forecast.share(), format!("{}/{}", self.done, self.trials), self.left());
        }
    }

    /// Until the end of the run.
    fn left(&self) -> Option<Seconds> {
        self.forecast.left(self.began.elapsed().into())
    }

    /// The share of the trial that is done after `step` steps of `epoch` (from 1).
    fn share(&self, epoch: u32, step: u64) -> f64 {
        let epochs = f64::from(epoch) - 1.0 + step as f64 / self.steps.max(1) as f64;
        epochs / f64::from(self.epochs.max(1))
    }

    fn trial_started(&mut self, trial: &ResolvedTrial, remarks: &[String]) -> io::Result<()> {
        (self.trial, self.epochs, self.steps) = (trial.to_string(), trial.trial.epochs, 0);
        self.forecast.begin(&trial.trial.id());
        if let Some(bars) = &self.bars {
            bars.epoch(format!("1/{}", self.epochs), self.trial.clone(), 0, 0);
        }
        self.draw_matrix();
        // The matrix has no bar among plain lines.
        let left = self.left().filter(|_| self.bars.is_none());
        let left = left.map_or(String::new(), |left| format!("; about {left} left for all"));
        let number = format!("[{}/{}]", self.done + 1, self.trials);
        self.tell(Verbosity::Normal, || format!("{number} {trial}{left}"))?;
        for remark in remarks {
            if self.told.insert(remark.clone()) {
                self.tell(Verbosity::Normal, || format!("  remark: {remark}"))?;
            }
        }
        Ok(())
    }

    fn training_started(&mut self, steps: u64, resumed: Option<(u32, u64)>) -> io::Result<()> {
        self.steps = steps;
        let (epochs, step) = resumed.unwrap_or_default();
        self.pulse.restart(step, steps);
        self.forecast.resume(self.share(epochs + 1, step));
        if let Some(bars) = &self.bars {
            bars.epoch(format!("{}/{}", epochs + 1, self.epochs), self.trial.clone(), step, steps);
        }
        self.draw_matrix();
        if resumed.is_some() {
            self.tell(Verbosity::Normal, || format!("  continuing after {epochs} epoch(s) and {step} step(s)"))?;
        }
        Ok(())
    }

    fn stepped(&mut self, epoch: u32, step: u64) -> io::Result<()> {
        self.forecast.step(self.share(epoch, step));
        match &self.bars {
            Some(bars) => {
                bars.step(step);
                self.draw_matrix();
                Ok(())
            }
            None => match self.pulse.line(step) {
                Some(line) => {
                    let epochs = self.epochs;
                    self.tell(Verbosity::Normal, || format!("  epoch {epoch}/{epochs}: {line}"))
                }
                None => Ok(()),
            },
        }
    }

    fn epoch_finished(&mut self, e: &EpochResult) -> io::Result<()> {
        self.pulse.restart(0, self.steps);
        self.forecast.reach(self.share(e.epoch + 1, 0));
        if let Some(bars) = self.bars.as_ref().filter(|_| e.epoch < self.epochs) {
            bars.epoch(format!("{}/{}", e.epoch + 1, self.epochs), self.trial.clone(), 0, self.steps);
        }
        self.draw_matrix();
        let epochs = self.epochs;
        self.tell(Verbosity::Normal, || epoch_line(e, epochs))?;
        match e.seconds.step {
            Some(_) => self.tell(Verbosity::Verbose, || step_line(e)),
            None => Ok(()),
        }
    }

    fn trial_finished(&mut self, outcome: &Outcome, time_valid: bool) -> io::Result<()> {
        self.done += 1;
        self.draw_matrix();
        let (least, line) = match outcome {
            Outcome::Finished if time_valid => return Ok(()),
            Outcome::Finished => {
                (Verbosity::Normal, "finished after a pause, or beside others: its time does not count".into())
            }
            Outcome::Diverged { epoch, step } => (Verbosity::Normal, format!("diverged in epoch {epoch}, step {step}")),
            Outcome::Oom { message, .. } => (Verbosity::Normal, format!("out of memory: {message}")),
            Outcome::Interrupted { epochs, steps } => {
                (Verbosity::Quiet, format!("interrupted after {epochs} epoch(s) and {steps} step(s)"))
            }
            Outcome::Failed { message } => (Verbosity::Quiet, format!("failed: {message}")),
        };
        self.tell(least, || format!("  {line}"))
    }

    fn show(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted { trials, done } => self.run_started(*trials, *done),
            Event::TrialStarted { trial, remarks, .. } => self.trial_started(trial, remarks),
            Event::TrainingStarted { steps_per_epoch, resumed_at, .. } => {
                self.training_started(*steps_per_epoch, *resumed_at)
            }
            Event::Step { epoch, step, .. } => self.stepped(*epoch, *step),
            Event::EvaluationStarted { .. } => Ok(()),
            Event::EpochFinished(result) => self.epoch_finished(result),
            Event::CheckpointWritten { path } => {
                self.tell(Verbosity::Verbose, || format!("    checkpoint {}", path.display()))
            }
            Event::LeftOut { path, why } => self.tell(Verbosity::Quiet, || format!("warning: left out: {path}: {why}")),
            Event::Warning(text) => self.tell(Verbosity::Quiet, || format!("warning: {text}")),
            Event::TrialFinished { outcome, time_valid, .. } => self.trial_finished(outcome, *time_valid),
            Event::RunFinished => {
                if let Some(bars) = &self.bars {
                    bars.clear();
                }
                Ok(())
            }
        }
    }
}

/// What an epoch brought.
fn epoch_line(e: &EpochResult, epochs: u32) -> String {
    let speed = e.images as f64 / e.seconds.paper.0.max(1e-9);
    format!(
        "  epoch {}/{epochs}: train loss {:.3} top-1 {:.2} %, test loss {:.3} top-1 {:.2} %, {} ({speed:.0} images/s) + evaluation {}",
        e.epoch,
        e.train_loss,
        100.0 * e.train_top1,
        e.test_loss,
        100.0 * e.test_top1,
        e.seconds.paper,
        e.seconds.evaluation,
    )
}

/// Where the time of a step went.
fn step_line(e: &EpochResult) -> String {
    let step = e.seconds.step.unwrap_or_default();
    let [data, forward, backward, optimiser] =
        [step.data, step.forward, step.backward, step.optimiser].map(|s| format!("{:.2} ms", s.0 * 1e3));
    let steps = e.seconds.sampled_steps;
    format!(
        "    step: data {data}, forward {forward}, backward {backward}, optimiser {optimiser} (mean of {steps} steps)"
    )
}

impl<W: Write> Sink for Progress<W> {
    fn name(&self) -> &str {
        "progress"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        match self.show(event) {
            // Once is enough: a full disk fails every line.
            Err(e) if !self.failed => {
                self.failed = true;
                Err(SinkError { sink: "progress".into(), what: format!("cannot write to stderr: {e}") })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "progress_tests.rs"]
mod tests;
