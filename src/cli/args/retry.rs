//! Which trials are tried again.

use crate::event::Outcome;
use clap::ValueEnum;
use std::fmt;

/// An outcome that is final and yet no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RetryArg {
    /// Out of memory.
    Oom,
    /// The loss ceased to be a finite number.
    Diverged,
}

impl RetryArg {
    /// Whether a trial that ended so is tried again.
    pub fn includes(list: &[Self], outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Finished => false,
            Outcome::Oom { .. } => list.contains(&Self::Oom),
            Outcome::Diverged { .. } => list.contains(&Self::Diverged),
            Outcome::Interrupted { .. } | Outcome::Failed { .. } => true,
        }
    }
}

/// As on the command line.
impl fmt::Display for RetryArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Oom { "oom" } else { "diverged" })
    }
}
