//! Which trials are tried again.

use super::Outcome;

/// Which final outcomes without a result are tried again, once a run; on another machine they may end otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Retry {
    /// Out of memory.
    pub oom: bool,
    /// Diverged.
    pub diverged: bool,
}

impl Retry {
    /// A trial that ended so is trained, or trained again.
    pub fn includes(self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Finished => false,
            Outcome::Oom { .. } => self.oom,
            Outcome::Diverged { .. } => self.diverged,
            Outcome::Interrupted { .. } | Outcome::Failed { .. } => true,
        }
    }
}
