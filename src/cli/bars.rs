//! Bars on a terminal: one for the matrix, one for the steps of an epoch.

use crate::units::Seconds;
use indicatif::{HumanDuration, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use std::fmt::{self, Write};
use std::io;
use std::time::Duration;

/// Parts of the matrix's bar.
const PARTS: u64 = 10_000;

/// The two bars.
#[derive(Debug)]
pub struct Bars {
    all: MultiProgress,
    matrix: ProgressBar,
    epoch: ProgressBar,
}

impl Bars {
    /// Bars on `target`.
    pub fn new(target: ProgressDrawTarget) -> Self {
        let all = MultiProgress::with_draw_target(target);
        let style = |text| ProgressStyle::with_template(text).expect("the template is a constant");
        let matrix = all.add(ProgressBar::new(PARTS));
        matrix.set_style(style("trials {bar:30} {prefix}, {elapsed} passed{msg}"));
        let epoch = all.add(ProgressBar::no_length());
        epoch.set_style(style("steps  {bar:30} {pos}/{len}{left} in epoch {prefix} of {msg}").with_key("left", left));
        Self { all, matrix, epoch }
    }

    /// A line above the bars.
    ///
    /// # Errors
    /// Those of the terminal.
    pub fn say(&self, line: &str) -> io::Result<()> {
        self.all.println(line)
    }

    /// The matrix: the share that is done, the same in words, and the time left, where it is known.
    pub fn matrix(&self, share: f64, words: String, left: Option<Seconds>) {
        self.matrix.set_prefix(words);
        self.matrix.set_message(left.and_then(|left| about(left.0 as u64)).unwrap_or_default());
        self.matrix.set_position((share * PARTS as f64) as u64);
    }

    /// An epoch begins, or goes on after `before` of its steps; 0 steps: it is not known yet how many.
    pub fn epoch(&self, name: String, trial: String, before: u64, steps: u64) {
        self.epoch.reset();
        match steps {
            // A bar of length 0 is full.
            0 => self.epoch.unset_length(),
            steps => self.epoch.set_length(steps),
        }
        self.epoch.set_prefix(name);
        self.epoch.set_message(trial);
        self.epoch.set_position(before);
        self.epoch.reset_eta();
    }

    /// So many steps of the epoch are done.
    pub fn step(&self, step: u64) {
        self.epoch.set_position(step);
    }

    /// Takes the bars away.
    pub fn clear(&self) {
        self.epoch.finish_and_clear();
        self.matrix.finish_and_clear();
    }
}

/// What is left of an epoch; nothing as long as nothing is known.
fn left(state: &ProgressState, out: &mut dyn Write) {
    if let Some(text) = about(state.eta().as_secs()) {
        // Writing to a text does not fail.
        let _: fmt::Result = out.write_str(&text);
    }
}

/// `, about 12s left`; nothing below a second.
fn about(seconds: u64) -> Option<String> {
    (seconds > 0).then(|| format!(", about {:#} left", HumanDuration(Duration::from_secs(seconds))))
}
