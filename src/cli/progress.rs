//! Progress on stderr: bars with the remaining time on a terminal, plain lines elsewhere.

use super::pulse::Pulse;
use crate::event::{EpochResult, Event, Outcome, Sink, SinkError};
use crate::plan::Trial;
use crate::units::Seconds;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Duration;

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
pub struct Progress {
    verbosity: Verbosity,
    bars: Option<Bars>,
    pulse: Pulse,
    trials: u64,
    done: u64,
    epochs: u32,
    steps: u64,
}

struct Bars {
    all: MultiProgress,
    matrix: ProgressBar,
    epoch: ProgressBar,
}

impl Progress {
    /// Bars when stderr is a terminal, lines otherwise.
    pub fn new(verbosity: Verbosity) -> Self {
        let bars = (verbosity > Verbosity::Quiet && std::io::stderr().is_terminal()).then(Bars::new);
        Self { verbosity, bars, pulse: Pulse::new(PULSE), trials: 0, done: 0, epochs: 0, steps: 0 }
    }

    /// A line above the bars.
    fn say(&self, line: &str) {
        match &self.bars {
            Some(bars) => bars.all.suspend(|| eprintln!("{line}")),
            None => eprintln!("{line}"),
        }
    }

    fn tell(&self, least: Verbosity, line: impl FnOnce() -> String) {
        if self.verbosity >= least {
            self.say(&line());
        }
    }

    fn trial_started(&mut self, trial: &Trial) {
        self.epochs = trial.epochs;
        self.tell(Verbosity::Normal, || format!("[{}/{}] {trial}", self.done + 1, self.trials));
        if let Some(bars) = &self.bars {
            bars.epoch.reset();
            bars.epoch.set_message(trial.to_string());
        }
    }

    fn training_started(&mut self, steps: u64, resumed: Option<(u32, u64)>) {
        self.steps = steps;
        self.pulse.restart(resumed.map_or(0, |(_, step)| step), steps);
        if let Some((epochs, step)) = resumed {
            self.tell(Verbosity::Normal, || format!("  continuing after {epochs} epoch(s) and {step} step(s)"));
        }
        if let Some(bars) = &self.bars {
            bars.epoch.set_length(steps);
        }
    }

    fn stepped(&mut self, epoch: u32, step: u64) {
        match &self.bars {
            Some(bars) => {
                bars.epoch.set_position(step);
                bars.epoch.set_prefix(format!("{epoch}/{}", self.epochs));
            }
            None => {
                if let Some(line) = self.pulse.line(step) {
                    self.tell(Verbosity::Normal, || format!("  epoch {epoch}/{}: {line}", self.epochs));
                }
            }
        }
    }

    fn epoch_finished(&mut self, e: &EpochResult) {
        self.pulse.restart(0, self.steps);
        if let Some(bars) = &self.bars {
            bars.epoch.reset();
        }
        self.tell(Verbosity::Normal, || {
            let speed = e.images as f64 / e.seconds.paper.0.max(1e-9);
            format!(
                "  epoch {}/{}: train loss {:.3} top-1 {:.2} %, test loss {:.3} top-1 {:.2} %, {} ({speed:.0} images/s) + evaluation {}",
                e.epoch,
                self.epochs,
                e.train_loss,
                100.0 * e.train_top1,
                e.test_loss,
                100.0 * e.test_top1,
                e.seconds.paper,
                e.seconds.evaluation,
            )
        });
        if let Some(step) = e.seconds.step {
            self.tell(Verbosity::Verbose, || {
                let ms = |s: Seconds| s.0 * 1e3;
                format!(
                    "    step: data {:.2} ms, forward {:.2} ms, backward {:.2} ms, optimiser {:.2} ms (mean of {} steps)",
                    ms(step.data),
                    ms(step.forward),
                    ms(step.backward),
                    ms(step.optimiser),
                    e.seconds.sampled_steps
                )
            });
        }
    }

    fn trial_finished(&mut self, outcome: &Outcome, time_valid: bool) {
        self.done += 1;
        if let Some(bars) = &self.bars {
            bars.matrix.set_position(self.done);
        }
        match outcome {
            Outcome::Finished if time_valid => {}
            Outcome::Finished => {
                self.tell(Verbosity::Normal, || "  finished after a resume: its time does not count".into())
            }
            Outcome::Diverged { epoch, step } => {
                self.tell(Verbosity::Normal, || format!("  diverged in epoch {epoch}, step {step}"));
            }
            Outcome::Oom { message, .. } => self.tell(Verbosity::Normal, || format!("  out of memory: {message}")),
            Outcome::Interrupted { epochs, steps } => {
                self.tell(Verbosity::Quiet, || format!("  interrupted after {epochs} epoch(s) and {steps} step(s)"));
            }
            Outcome::Failed { message } => self.tell(Verbosity::Quiet, || format!("  failed: {message}")),
        }
    }
}

impl Bars {
    fn new() -> Self {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let style = |text| ProgressStyle::with_template(text).expect("the template is a constant");
        let matrix = all.add(ProgressBar::new(0));
        matrix.set_style(style("trials {bar:30} {pos}/{len}, {elapsed} passed, {eta} left"));
        let epoch = all.add(ProgressBar::new(0));
        epoch.set_style(style("steps  {bar:30} {pos}/{len}, {eta} left in epoch {prefix} of {msg}"));
        Self { all, matrix, epoch }
    }
}

impl Sink for Progress {
    fn name(&self) -> &str {
        "progress"
    }

    fn handle(&mut self, event: &Event) -> Result<(), SinkError> {
        match event {
            Event::RunStarted { trials, done } => {
                (self.trials, self.done) = (*trials as u64, *done as u64);
                self.tell(Verbosity::Normal, || format!("{trials} trials, {done} done already"));
                if let Some(bars) = &self.bars {
                    bars.matrix.set_length(self.trials);
                    bars.matrix.set_position(self.done);
                    bars.matrix.reset_eta();
                }
            }
            Event::TrialStarted { trial, .. } => self.trial_started(&trial.trial),
            Event::TrainingStarted { steps_per_epoch, resumed_at, .. } => {
                self.training_started(*steps_per_epoch, *resumed_at);
            }
            Event::Step { epoch, step, .. } => self.stepped(*epoch, *step),
            Event::EvaluationStarted { .. } => {}
            Event::EpochFinished(result) => self.epoch_finished(result),
            Event::CheckpointWritten { path } => {
                self.tell(Verbosity::Verbose, || format!("    checkpoint {}", path.display()));
            }
            Event::Warning(text) => self.tell(Verbosity::Quiet, || format!("warning: {text}")),
            Event::TrialFinished { outcome, time_valid, .. } => self.trial_finished(outcome, *time_valid),
            Event::RunFinished => {
                if let Some(bars) = &self.bars {
                    bars.epoch.finish_and_clear();
                    bars.matrix.finish_and_clear();
                }
            }
        }
        Ok(())
    }
}
