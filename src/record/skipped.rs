//! Files of a store that are not used: which, of what kind, and why.

use super::RecordError;
use super::read::Unusable;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// A file in the store that is not used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// What kind of a file it is.
    pub kind: SkippedKind,
    /// The reason, a sentence without a full stop.
    pub why: String,
}

/// What is wrong with a file, from most to least a cause of worry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkippedKind {
    /// The file system refuses it.
    Unreadable,
    /// A record, or the beginning of one, that is not as it was written.
    Broken,
    /// A record of a later version of this program.
    Newer,
    /// A second record of a trial from the same environment.
    Duplicated,
    /// No record at all.
    Foreign,
}

impl SkippedKind {
    /// Every kind in order.
    pub const ALL: [Self; 5] = [Self::Unreadable, Self::Broken, Self::Newer, Self::Duplicated, Self::Foreign];

    /// The word for it, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Broken => "broken",
            Self::Newer => "newer",
            Self::Duplicated => "duplicated",
            Self::Foreign => "foreign",
        }
    }
}

/// How many there are of each kind: `1 broken, 2 foreign`.
pub fn counted(skipped: &[Skipped]) -> String {
    let count = |kind: SkippedKind| (skipped.iter().filter(|s| s.kind == kind).count(), kind.word());
    let counts = SkippedKind::ALL.map(count).into_iter().filter(|(n, _)| *n > 0);
    counts.map(|(n, word)| format!("{n} {word}")).collect::<Vec<_>>().join(", ")
}

impl Unusable {
    pub(super) fn kind(&self) -> SkippedKind {
        match self {
            Self::Io(_) => SkippedKind::Unreadable,
            Self::Name | Self::Kind | Self::Size | Self::Record(RecordError::Foreign(_)) => SkippedKind::Foreign,
            Self::Record(RecordError::Newer { .. }) => SkippedKind::Newer,
            Self::HalfWritten | Self::Record(_) => SkippedKind::Broken,
        }
    }
}

/// The folder of the records, which cannot be listed.
pub(super) fn unlisted(folder: PathBuf, error: &io::Error) -> Skipped {
    Skipped { path: folder, kind: SkippedKind::Unreadable, why: format!("cannot list the folder: {error}") }
}
