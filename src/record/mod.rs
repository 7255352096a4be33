//! The outcome of one execution of a trial, and the store that keeps it.

mod begun;
mod coverage;
mod error;
mod format;
mod gather;
mod history;
mod holder;
mod index;
mod left_out;
mod leftovers;
mod lock;
#[cfg(test)]
pub(crate) mod made_up;
mod mark;
mod overhead;
mod probe;
mod probes;
mod quick;
mod read;
mod reader;
mod refusal;
mod sealed;
mod sightings;
mod skipped;
mod stated;
mod store;
mod validity;
mod will;
mod write;
mod writer;

pub use coverage::coverage;
pub use error::{RecordError, StoreError};
pub use format::{Record, SCHEMA};
pub use gather::{Gathered, Indexing, has_its_trials_name};
pub use history::{
    AA_SCHEMA, AaRecord, AaSeries, Alarms, Entry, HISTORY_SCHEMA, History, Holding, Point, Series, StepTime, series,
};
pub use holder::Holder;
pub use left_out::LeftOut;
pub use lock::{TrialLock, told_to_end};
pub use overhead::{StepOverhead, TelemetryOverhead, name as overhead_name, remember as remember_overhead};
pub use probe::{
    CallCost, Floor, Operations, PROBE_SCHEMA, PartTimes, ProbeArm, ProbeCell, ProbeRecord, StepParts, Turn, probe_name,
};
pub use refusal::Refusal;
pub use sightings::{cpu_of, kind_of, seen, sightings, step_kind};
pub use skipped::{Skipped, SkippedKind, counted};
pub use store::Store;
pub use validity::Flag;
pub use will::{Death, MOST_DEATHS, Will, user};
pub use writer::RecordWriter;
