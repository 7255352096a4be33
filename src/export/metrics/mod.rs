//! Metrics in Prometheus' text form: of a training while it runs, of the machine, and of finished records. The only place
//! that knows the crate `prometheus`.
//!
//! Names begin with `ndbench_`, units are base units, and only counters end in `_total`. No series carries a label that
//! is new with every run: what runs, and under which job, stands in info metrics, of which there is one at a time, to be
//! joined: `rate(ndbench_train_images_total[1m]) * on (job, instance) group_left (run_id) ndbench_train_info`.

mod build;
#[cfg(test)]
mod dashboard_tests;
mod exposition;
mod families;
mod push;
mod results;
mod suite;
mod targets;
mod telemetry;
#[cfg(test)]
mod tests;
mod textfile;
mod training;
mod watched;

pub use build::BuildInfo;
pub use exposition::{CONTENT_TYPE, Exposition, Source};
pub use families::{Families, Labels};
pub use push::{AddressError, PushError, Pushgateway};
pub use results::{Results, Slot, slots};
pub use suite::SuiteSuccess;
pub use targets::{TargetsError, TargetsFile};
pub use textfile::{TextfileError, check_textfile, write_textfile};
pub use training::{MetricsSink, Training};
pub use watched::{Seen, WatchedProgram};

#[cfg(test)]
pub(super) use telemetry::tests::everything_page;
