//! What can be wrong with a record or with the store.

use super::SCHEMA;
use crate::plan::TrialId;
use std::io;
use std::path::PathBuf;

/// A text is not a record that this program can trust.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Cut short, empty, or never JSON.
    #[error("not JSON, or only half of it: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but of another kind.
    #[error("not a record: {0}")]
    Foreign(String),
    /// Written by a later version of this program.
    #[error("form `{found}` is newer than `{newest}`, the newest that this program reads; use a newer ndbench")]
    Newer {
        /// The `schema` of the file.
        found: String,
        /// The newest one that this program knows.
        newest: String,
    },
    /// The content is not what was written.
    #[error("checksum {found} does not match the content, {computed}; the file was changed after it was written")]
    Checksum {
        /// As the file states it.
        found: String,
        /// Of the content.
        computed: String,
    },
    /// A field is missing or has the wrong type.
    #[error("a field is missing or wrong: {0}")]
    Malformed(#[source] serde_json::Error),
    /// `trial_id` is not the hash of `trial`.
    #[error("trial_id {stated} is not that of its trial, {computed}")]
    WrongId {
        /// As the record states it.
        stated: TrialId,
        /// Of the trial in the record.
        computed: TrialId,
    },
    /// What would be written could not be read back: JSON has no infinities and no NaN.
    #[error(
        "the record {name} could not be read back, as where a number is not finite, which JSON cannot hold: {source}"
    )]
    NotReadBack {
        /// Which record.
        name: String,
        /// What a reader would have said.
        source: serde_json::Error,
    },
}

/// The store cannot do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: `open`, `write`, …
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No such store.
    #[error("no store at {}: there is no such folder; `ndbench run` makes one", path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process trains the trial.
    #[error("trial {trial_id} is being trained by {holder} ({} is locked); wait for it or end it", path.display())]
    Locked {
        /// The trial.
        trial_id: TrialId,
        /// The lock file.
        path: PathBuf,
        /// Who holds it, as far as the lock file tells.
        holder: String,
    },
    /// Others look at the lock of the trial, and do not end.
    #[error(
        "trial {trial_id} cannot be locked: for some seconds others have held {} to see who trains it, as an `ndbench status` \
         does that was stopped; let them end, and run the same command again",
        path.display()
    )]
    LookedAt {
        /// The trial.
        trial_id: TrialId,
        /// The lock file.
        path: PathBuf,
    },
    /// The file system has no locks.
    #[error(
        "cannot lock {}: {source}; the file system has no file locks: have it mounted with them (Lustre: `-o flock`), or \
         name a store on another one with --store",
        path.display()
    )]
    NoLocks {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A record of a later version of this program is never touched.
    #[error(
        "{} has the form `{found}`, newer than `{SCHEMA}`, and is kept: use the ndbench that wrote it or a newer one, or \
         name another store with --store",
        path.display()
    )]
    Newer {
        /// The record.
        path: PathBuf,
        /// Its `schema`.
        found: String,
    },
    /// A finished record is never replaced.
    #[error("{} holds the finished record of the same trial and is kept; to repeat the trial, move it away", path.display())]
    AlreadyFinished {
        /// The finished record.
        path: PathBuf,
    },
    /// The record itself is unfit.
    #[error(transparent)]
    Record(#[from] RecordError),
}
