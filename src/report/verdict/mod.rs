//! Verdicts: does a result repeat what was published? An enum, never a colour.
//!
//! Two families of rules judge every cell: the study's own, as it states them, and rules that can fail. Only the latter
//! make the verdict. They see numbers alone, so that they judge our records and the study's attempts alike.

mod cells;
mod direction;
mod equivalence;
mod explain;
mod plausibility;
mod section;
mod select;
mod study;
#[cfg(test)]
mod tests;

pub use cells::CellVerdict;
pub(super) use cells::cells;
pub(super) use direction::directions;
pub use direction::{Direction, DirectionOutcome, FEWEST_NETWORKS, NetworkDirection, StudyDirection};
pub use equivalence::{ALPHA, Equivalence, EquivalenceOutcome, margin};
pub use explain::{explain, to_json};
pub use plausibility::{ABOVE_TRAIN_POINTS, Plausibility, SETTLED_EPOCHS};
pub(super) use section::section;
pub use select::UnknownCell;
pub use study::{Consistency, Position, StudyRules, Threshold};

use serde::Serialize;

/// What the rules see: accuracies in percent, one value an attempt.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// What the original reports, where the training is comparable with it.
    pub original: Option<f64>,
    /// Test top-1 after the last epoch.
    pub test: Vec<f64>,
    /// Training top-1 of the last epoch; empty where it is not known.
    pub train: Vec<f64>,
    /// How many attempts there should be.
    pub planned: usize,
    /// Length of the training.
    pub epochs: u32,
}

/// The outcome.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Verdict {
    /// The same as the original, within the margin.
    Reproduced,
    /// Above the original by more than the margin, and still plausible.
    ReproducedBetter,
    /// Below the original by more than the margin.
    NotReproduced,
    /// The interval reaches over an end of the margin.
    Ambiguous {
        /// So many attempts in all would settle it, should mean and spread stay; absent where the spread is not known
        /// or the number is beyond all bounds.
        attempts_needed: Option<u32>,
    },
    /// Hardly a test accuracy at all.
    Implausible {
        /// What exceeds what.
        why: String,
    },
    /// Attempts are missing.
    Incomplete {
        /// There are so many.
        have: usize,
        /// There should be so many.
        want: usize,
    },
    /// There is nothing to compare with, or no margin to compare by.
    NotComparable {
        /// What is missing.
        why: String,
    },
}

impl Verdict {
    /// Its name.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Reproduced => "REPRODUCED",
            Self::ReproducedBetter => "REPRODUCED_BETTER",
            Self::NotReproduced => "NOT_REPRODUCED",
            Self::Ambiguous { .. } => "AMBIGUOUS",
            Self::Implausible { .. } => "IMPLAUSIBLE",
            Self::Incomplete { .. } => "INCOMPLETE",
            Self::NotComparable { .. } => "NOT_COMPARABLE",
        }
    }
}

/// A verdict with all that led to it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// The outcome.
    pub verdict: Verdict,
    /// What the rules saw.
    pub evidence: Evidence,
    /// Could it be a test accuracy?
    pub plausibility: Plausibility,
    /// Is it the same as the original? Absent without an original, a margin or an attempt.
    pub equivalence: Option<Equivalence>,
    /// What the study's rules say; absent without an original or an attempt.
    pub study_rules: Option<StudyRules>,
}

/// Applies every rule. Values that are not finite count as missing attempts.
pub fn judge(mut evidence: Evidence) -> Judgement {
    evidence.original = evidence.original.filter(|v| v.is_finite());
    evidence.test.retain(|v| v.is_finite());
    evidence.train.retain(|v| v.is_finite());
    let plausibility = Plausibility::of(&evidence);
    let equivalence = Equivalence::of(&evidence);
    let verdict = verdict(&evidence, &plausibility, equivalence.as_ref());
    Judgement { verdict, plausibility, equivalence, study_rules: StudyRules::of(&evidence), evidence }
}

/// The first that applies: implausible, not comparable, incomplete, equivalence.
fn verdict(evidence: &Evidence, plausibility: &Plausibility, equivalence: Option<&Equivalence>) -> Verdict {
    let not_comparable = |why: &str| Verdict::NotComparable { why: why.into() };
    if let Some(why) = plausibility.why() {
        return Verdict::Implausible { why };
    }
    if evidence.original.is_none() {
        return not_comparable("nothing that was published was trained like this");
    }
    if margin(evidence.epochs).is_none() {
        return not_comparable("no margin is stated for this length: equivalence is judged at 20 and 100 epochs");
    }
    let (have, want) = (evidence.test.len(), evidence.planned);
    match equivalence.map(|e| e.outcome) {
        Some(outcome) if have >= want => match outcome {
            EquivalenceOutcome::Equivalent => Verdict::Reproduced,
            EquivalenceOutcome::Above => Verdict::ReproducedBetter,
            EquivalenceOutcome::Below => Verdict::NotReproduced,
            EquivalenceOutcome::Undecided { attempts_needed } => Verdict::Ambiguous { attempts_needed },
        },
        _ => Verdict::Incomplete { have, want: want.max(1) },
    }
}
