//! The outcome of one execution of a trial, and the store that keeps it.

mod error;
mod format;
mod gather;
mod index;
mod leftovers;
#[cfg(test)]
pub(crate) mod made_up;
mod probe;
mod quick;
mod read;
mod reader;
mod sealed;
mod skipped;
mod store;
mod writer;

pub use error::{RecordError, StoreError};
pub use format::{Record, SCHEMA};
pub use gather::{Gathered, Indexing};
pub use probe::{PROBE_SCHEMA, ProbeArm, ProbeCell, ProbeRecord, Turn};
pub use skipped::{Skipped, SkippedKind, counted};
pub use store::{Store, TrialLock};
pub use writer::RecordWriter;
