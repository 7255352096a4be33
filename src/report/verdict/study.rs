//! The study's two rules, as it states them (Obadage et al., 2024), with what is wrong with them left in.
//!
//! Rule 1 can fail on one side only, and its "10 %" can be read in two ways; both readings are given. Rule 2 squares
//! accuracies as fractions: it cannot fail for an original from 29.3 to 70.7 %, and hardly for any other.

use super::Evidence;
use crate::stats::mean;
use serde::Serialize;

/// A tenth: of the original, or of the whole scale.
const TENTH: f64 = 0.10;

/// The mean squared deviation from which on rule 2 fails, accuracies as fractions.
const CONSISTENT_BELOW: f64 = 0.5;

/// Both rules.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct StudyRules {
    /// Rule 1.
    pub threshold: Threshold,
    /// Rule 2.
    pub consistency: Consistency,
}

/// Rule 1: the mean of the attempts against the original.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Threshold {
    /// Mean of the attempts, percent.
    pub mean: f64,
    /// The original less a tenth of itself.
    pub relative_limit: f64,
    /// With "10 %" read as a tenth of the original.
    pub relative: Position,
    /// The original less ten percentage points.
    pub points_limit: f64,
    /// With "10 %" read as ten percentage points.
    pub points: Position,
}

/// Where a mean lies, by rule 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Position {
    /// Above the original.
    Better,
    /// Not above, and lower by 10 % at most.
    Within,
    /// Lower by more than 10 %; red in the study's tables.
    Below,
}

/// Rule 2: how far the attempts lie from the original.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Consistency {
    /// Mean of the squared deviations of the attempts from the original, accuracies as fractions.
    pub mean_squared_deviation: f64,
    /// It is below 0.5.
    pub consistent: bool,
}

impl StudyRules {
    pub(super) fn of(evidence: &Evidence) -> Option<Self> {
        let (original, mean_of_attempts) = (evidence.original?, mean(&evidence.test)?);
        let position = |limit: f64| match mean_of_attempts {
            m if m > original => Position::Better,
            m if m < limit => Position::Below,
            _ => Position::Within,
        };
        let (relative_limit, points_limit) = (original * (1.0 - TENTH), original - 100.0 * TENTH);
        let squares: Vec<f64> = evidence.test.iter().map(|v| ((v - original) / 100.0).powi(2)).collect();
        let mean_squared_deviation = mean(&squares)?;
        Some(Self {
            threshold: Threshold {
                mean: mean_of_attempts,
                relative_limit,
                relative: position(relative_limit),
                points_limit,
                points: position(points_limit),
            },
            consistency: Consistency { mean_squared_deviation, consistent: mean_squared_deviation < CONSISTENT_BELOW },
        })
    }
}

impl Position {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Better => "BETTER",
            Self::Within => "WITHIN",
            Self::Below => "BELOW",
        }
    }
}
