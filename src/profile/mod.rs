//! Machines as files: device, memory budget, precision, sampling, and constants for estimates.

mod check;
mod checked;
mod memory;

pub use checked::{BUILT_IN, Device, Estimates, Profile, Tf32};
pub use memory::{Amount, BadAmount};

#[cfg(test)]
mod tests;
