//! One trial on one device: the training loop, its checkpoints, times and memory.
//!
//! Everything random is seeded: the weights by the trial's seed, the order and augmentation of an epoch by that and the
//! epoch, what a step draws (dropout) by these and the step. So the same trial gives the same numbers, and a checkpoint
//! needs no state of a random generator. Results leave only as [`crate::event::Event`]s.

mod bound;
mod checkpoint;
mod evaluate;
mod failure;
mod graphs;
mod instruments;
mod mark;
mod memory;
mod model;
mod patterns;
mod session;
mod sgd;
mod snapshot;
mod stops;
mod tally;
mod trainer;

pub use crate::native::{NativeError, cpu_capability, libtorch_version};
pub use failure::{catch, classify, has_broken_gpu, with_memory_left};
pub(crate) use graphs::stream_for;
pub use mark::Mark;
pub use memory::{allocator_probe, live_memory, peak_memory, reset_peak_memory, tune_host_allocator};
pub use model::Model;
pub use stops::count_stops;
pub use trainer::{Checkpoints, Trainer, never_trained};

#[cfg(test)]
mod tests;
