//! Is a test accuracy the same as the original's, within a stated margin? Two-sided, and it can fail both ways.

use super::Evidence;
use crate::stats::{Tost, attempts_for_half_width, mean, sample_sd, tost};
use serde::Serialize;

/// The error probability of each one-sided test; the interval has level 1 - 2 alpha.
pub const ALPHA: f64 = 0.05;

/// The margin of a length of training, percentage points. After one epoch the spread of honest attempts is larger than
/// any margin worth stating, so there is none; other lengths were not published.
pub fn margin(epochs: u32) -> Option<f64> {
    match epochs {
        100 => Some(1.0),
        20 => Some(2.0),
        _ => None,
    }
}

/// The comparison with the original, which is one number without a spread and taken as it stands.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Equivalence {
    /// Percentage points.
    pub margin: f64,
    /// Mean less original, percentage points.
    pub difference: f64,
    /// The tests; absent for a single attempt.
    pub tost: Option<Tost>,
    /// What they say.
    #[serde(flatten)]
    pub outcome: EquivalenceOutcome,
}

/// Where the interval of the difference lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EquivalenceOutcome {
    /// Inside the margin.
    Equivalent,
    /// Beyond its upper end.
    Above,
    /// Beyond its lower end.
    Below,
    /// Over an end; or there is no interval.
    Undecided {
        /// As in [`Verdict::Ambiguous`](super::Verdict::Ambiguous).
        attempts_needed: Option<u32>,
    },
}

impl Equivalence {
    pub(super) fn of(evidence: &Evidence) -> Option<Self> {
        let (original, margin) = (evidence.original?, margin(evidence.epochs)?);
        let difference = mean(&evidence.test)? - original;
        let tost = tost(&evidence.test, original, margin, ALPHA);
        let outcome = match tost.map(|t| t.interval) {
            Some(i) if i.is_between(-margin, margin) => EquivalenceOutcome::Equivalent,
            Some(i) if i.low >= margin => EquivalenceOutcome::Above,
            Some(i) if i.high <= -margin => EquivalenceOutcome::Below,
            _ => EquivalenceOutcome::Undecided { attempts_needed: needed(&evidence.test, difference, margin) },
        };
        Some(Self { margin, difference, tost, outcome })
    }
}

/// How many attempts have an interval that ends where the margin does, should mean and spread stay.
fn needed(test: &[f64], difference: f64, margin: f64) -> Option<u32> {
    let half_width = (margin - difference.abs()).abs();
    let attempts = attempts_for_half_width(sample_sd(test)?, half_width, 1.0 - 2.0 * ALPHA)?;
    // What is there does not settle it, whatever rounding says.
    Some(attempts.max(test.len() as u32 + 1))
}
