//! Did something get slower? Comparisons of two programs by turns, and how well rules find steps in histories.

mod commits;
mod gate;
mod noise;
mod quality;
mod revision;
mod rules;
mod turns;

pub use commits::commits_between;
pub use gate::{Comparison, Outcome, Plan, Side, Verdict, compare};
pub use noise::{Noise, study_residuals};
pub use quality::{Made, Measured, NIGHTS, Quality, STEP, Score, WITHIN, quality};
pub use revision::{RevisionError, program_of};
pub use rules::{Rule, curves, peers};
pub use turns::{Program, TurnError};
