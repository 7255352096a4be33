//! Which trials are tried again.

use crate::event::Retry;
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

impl From<&[RetryArg]> for Retry {
    fn from(list: &[RetryArg]) -> Self {
        Self { oom: list.contains(&RetryArg::Oom), diverged: list.contains(&RetryArg::Diverged) }
    }
}

/// As on the command line.
impl fmt::Display for RetryArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if *self == Self::Oom { "oom" } else { "diverged" })
    }
}
