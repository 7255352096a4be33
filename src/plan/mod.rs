//! A scenario and a profile become trials: fully specified, numbered, ordered, each value with its source.

pub mod account;
mod canonical;
mod capacity;
mod costs;
mod error;
mod estimate;
mod expand;
mod filter;
mod frozen;
mod ids;
mod need;
mod planned;
mod repetitions;
mod rows;
mod seen;
mod study;
mod subject;
mod trial;

pub use capacity::{Capacity, Risk};
pub use costs::{Cost, StepTime};
pub use error::PlanError;
pub use estimate::{Basis, Estimate, estimate};
pub use expand::{Overrides, expand};
pub use filter::Filter;
pub use frozen::{Frozen, FrozenError, PLAN_FILE, Row, Text, Thawed, plans};
pub use ids::Ids;
pub use need::{Need, data_set, need};
pub use planned::{Planned, peaks_in_a_step};
pub use repetitions::{Repeated, Repetitions, StepSeen};
pub use rows::rows;
pub use seen::{Correction, Rests, Seen, Sightings};
pub use subject::StepKind;
pub use trial::{Block, ResolvedTrial, Trial, TrialId};

#[cfg(test)]
mod tests;
