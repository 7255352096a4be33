//! Metrics of a training while it runs.

mod instruments;
mod sink;
#[cfg(test)]
pub(super) mod tests;

pub use instruments::Training;
pub use sink::MetricsSink;
