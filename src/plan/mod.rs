//! A scenario and a profile become trials: fully specified, numbered, ordered, each value with its source.

mod canonical;
mod capacity;
mod costs;
mod error;
mod estimate;
mod expand;
mod filter;
mod frozen;
mod ids;
mod rows;
mod study;
mod trial;

pub use capacity::{BAND, Capacity, Risk};
pub use costs::{Cost, StepMemory, StepTime};
pub use error::PlanError;
pub use estimate::{Basis, Estimate, Need, Repetitions, estimate};
pub use expand::{Overrides, expand};
pub use filter::Filter;
pub use frozen::{Frozen, FrozenError, PLAN_FILE, Row, Text, Thawed, plans};
pub use ids::Ids;
pub use rows::rows;
pub use trial::{Block, ResolvedTrial, Trial, TrialId};

#[cfg(test)]
mod tests;
