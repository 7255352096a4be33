//! By what a file is recognised as unchanged.

use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A file touched so shortly before it was looked at may change again without a new time: file systems count time in
/// steps, some in whole seconds.
const RACY: Duration = Duration::from_secs(2);

/// Size, times and inode of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::record) struct Stamp {
    size: u64,
    /// Of its content, since 1970: seconds and nanoseconds.
    modified: (i64, i64),
    /// Of its inode; a rename or a copy that keeps the other time changes this one.
    changed: (i64, i64),
    inode: u64,
}

impl Stamp {
    /// The stamp of a file.
    #[cfg(unix)]
    pub fn of(file: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            size: file.size(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
            inode: file.ino(),
        }
    }

    /// The stamp of a file.
    #[cfg(not(unix))]
    pub fn of(file: &Metadata) -> Self {
        let since = file.modified().ok().and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let modified = (since.as_secs() as i64, i64::from(since.subsec_nanos()));
        Self { size: file.len(), modified, changed: modified, inode: 0 }
    }

    /// The file was left alone for a while before `now`, so that any later change shows in its stamp.
    pub fn is_settled(&self, now: SystemTime) -> bool {
        let limit = now.checked_sub(RACY).and_then(|t| t.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let limit = (limit.as_secs() as i64, i64::from(limit.subsec_nanos()));
        self.modified < limit && self.changed < limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_settled_two_seconds_after_its_last_change() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let stamp = Stamp::of(&file.as_file().metadata().unwrap());
        let now = SystemTime::now();
        assert!(!stamp.is_settled(now));
        assert!(stamp.is_settled(now + Duration::from_secs(3)));
        assert!(!stamp.is_settled(now - Duration::from_secs(3600)), "a time in the future proves nothing");
        file.as_file().set_modified(now - Duration::from_secs(3600)).unwrap();
        let older = Stamp::of(&file.as_file().metadata().unwrap());
        assert_ne!(older, stamp);
        #[cfg(unix)]
        assert!(!older.is_settled(now), "its inode was changed just now");
    }
}
