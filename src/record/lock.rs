//! The lock of a trial: one process trains it at a time, and leaves word for the next one in case it dies.

use super::store::io_error;
use super::{Store, StoreError};
use crate::plan::TrialId;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

/// What is read of a lock file at most.
const LONGEST: u64 = 4096;

/// Held while a trial is trained; letting go of it, or the end of the process, frees the trial.
#[derive(Debug)]
pub struct TrialLock {
    file: File,
    path: PathBuf,
    will: Option<String>,
}

impl Store {
    /// Takes the lock of a trial without waiting, so that no two processes train it at once.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process holds it; [`StoreError::NoLocks`] where the file system has none;
    /// [`StoreError::Io`] where it refuses.
    pub fn lock(&self, id: &TrialId) -> Result<TrialLock, StoreError> {
        let path = self.lock_path(id);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io_error("make", folder))?;
        }
        // Neither truncated here nor ever removed: the file may be locked, and a lock on a removed file guards nothing.
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(io_error("open", &path))?;
        let locked = file.try_lock();
        // Whatever cannot be read was not written by this program.
        let mut text = String::new();
        let text = (&file).take(LONGEST).read_to_string(&mut text).map_or("", |_| text.as_str());
        let (holder, will) = text.split_once('\n').unwrap_or((text, ""));
        match locked {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = if holder.trim().is_empty() { "another process".into() } else { holder.trim().into() };
                return Err(StoreError::Locked { trial_id: id.clone(), path, holder });
            }
            Err(TryLockError::Error(source)) => return Err(lock_error(path, source)),
        }
        let mut lock = TrialLock { file, path, will: Some(will.trim().to_owned()).filter(|w| !w.is_empty()) };
        lock.say("")?;
        Ok(lock)
    }
}

impl Store {
    /// Where the lock of a trial lies, or will.
    pub(super) fn lock_path(&self, id: &TrialId) -> PathBuf {
        self.path().join("locks").join(format!("{id}.lock"))
    }
}

impl TrialLock {
    /// What the last holder had said with [`TrialLock::say`], if it died while it held the lock.
    pub fn will(&self) -> Option<&str> {
        self.will.as_deref()
    }

    /// Leaves a line for the next holder, who is told unless this lock is let go of in an orderly way.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file system refuses.
    pub fn say(&mut self, line: &str) -> Result<(), StoreError> {
        let host = sysinfo::System::host_name().unwrap_or_else(|| "an unnamed host".into());
        let text = format!("process {} on {host}\n{line}\n", std::process::id());
        let written =
            self.file.set_len(0).and_then(|()| self.file.rewind()).and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(io_error("write", &self.path))
    }
}

impl Drop for TrialLock {
    fn drop(&mut self) {
        // Otherwise the next holder is told that this one died.
        let _ = self.file.set_len(0);
    }
}

/// Why a lock cannot be had; file systems without locks have errors of their own.
fn lock_error(path: PathBuf, source: io::Error) -> StoreError {
    match source.raw_os_error() {
        Some(libc::ENOSYS | libc::EOPNOTSUPP | libc::ENOLCK) => StoreError::NoLocks { path, source },
        _ => StoreError::Io { action: "lock", path, source },
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset, Norm};

    #[test]
    fn a_file_system_without_locks_is_told_with_its_remedy() {
        for code in [libc::ENOSYS, libc::EOPNOTSUPP, libc::ENOLCK] {
            let text = lock_error("/lustre/s/locks/x.lock".into(), io::Error::from_raw_os_error(code)).to_string();
            for part in ["/lustre/s/locks/x.lock", "-o flock", "--store"] {
                assert!(text.contains(part), "{text}");
            }
        }
        let other = lock_error("x".into(), io::Error::from_raw_os_error(libc::EIO));
        assert!(matches!(other, StoreError::Io { .. }));
    }

    #[test]
    fn a_trial_is_locked_once() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (one, two) = (TrialId("one".into()), TrialId("two".into()));
        let lock = store.lock(&one).unwrap();
        let error = store.lock(&one).unwrap_err().to_string();
        assert!(error.contains(&format!("process {}", std::process::id())), "{error}");
        store.lock(&two).unwrap();
        drop(lock);
        store.lock(&one).unwrap();
    }

    #[test]
    fn the_will_of_a_holder_is_read_once_it_died() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 1, 1).id();
        let mut lock = store.lock(&id).unwrap();
        lock.say("a long first word").unwrap();
        lock.say("the last").unwrap();
        assert_eq!(lock.will(), None);
        let path = lock.path.clone();
        let left = fs::read(&path).unwrap();
        drop(lock);
        assert_eq!(store.lock(&id).unwrap().will(), None, "it let go in an orderly way");
        fs::write(&path, left).unwrap();
        assert_eq!(store.lock(&id).unwrap().will(), Some("the last"));
        assert_eq!(store.lock(&id).unwrap().will(), None, "told once");
        fs::write(&path, [0xff; 10_000]).unwrap();
        assert_eq!(store.lock(&id).unwrap().will(), None);
    }
}
