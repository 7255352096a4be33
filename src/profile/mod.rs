//! Machines as files: device, memory budget, precision, sampling, constants for estimates, and how jobs are submitted.

mod check;
mod checked;
mod kubernetes;
mod memory;
mod slurm;
mod slurm_time;

pub use checked::{Arithmetic, BUILT_IN, Device, Estimates, Profile};
pub use kubernetes::{Kubernetes, PLAN_FOLDER};
pub use memory::{Amount, BadAmount};
pub use slurm::{Slurm, TaskMetrics};
pub use slurm_time::{limit as time_limit, minutes as time_minutes};

#[cfg(test)]
mod tests;
