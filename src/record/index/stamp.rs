//! By what a file is recognised as unchanged.

use super::super::stated::Stated;
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::path::Path;

/// The checksum that a record's file states, with its size, times and inode. A record that was replaced is told by the
/// checksum, whatever the clocks say; the rest tells of files that somebody has changed without it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::record) struct Stamp {
    stated: Stated,
    size: u64,
    /// Of its content, since 1970: seconds and nanoseconds.
    modified: (i64, i64),
    /// Of its inode; a rename or a copy that keeps the other time changes this one.
    changed: (i64, i64),
    inode: u64,
}

impl Stamp {
    /// The stamp of the file at `path`; absent where it is none that could be a record, or states no checksum in its place.
    pub fn of(path: &Path) -> Option<Self> {
        let (about, stated) = Stated::of_file(path).ok()?;
        Some(Self::new(&about, stated?))
    }

    #[cfg(unix)]
    fn new(file: &Metadata, stated: Stated) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            stated,
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            inode: file.ino(),
        }
    }

    #[cfg(not(unix))]
    fn new(file: &Metadata, stated: Stated) -> Self {
        let since = file.modified().ok().and_then(|t| t.duration_since(std::time::UNIX_EPOCH).ok()).unwrap_or_default();
        let modified = (since.as_secs() as i64, i64::from(since.subsec_nanos()));
        Self { stated, size: file.len(), modified, changed: modified, inode: 0 }
    }

    /// It is of a file that held `text`.
    pub fn is_of(&self, text: &[u8]) -> bool {
        self.size == text.len() as u64 && Stated::of(text).as_ref() == Some(&self.stated)
    }
}
