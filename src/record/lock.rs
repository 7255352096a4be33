//! The lock of a trial: one process trains it at a time, and leaves word for the next one in case it dies.

use super::store::io_error;
use super::{Store, StoreError, Will};
use crate::plan::TrialId;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// What is read of a lock file at most.
const LONGEST: u64 = 4096;

/// So long a trainer waits for those that only ask who holds a lock; they share it for a moment, or for longer where they
/// are stopped meanwhile.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Held while a trial is trained; letting go of it, or the end of the process, frees the trial.
#[derive(Debug)]
pub struct TrialLock {
    file: File,
    path: PathBuf,
    will: Will,
}

/// Why a lock was not had.
enum Refused {
    /// Another process holds it.
    Held,
    /// Others share it, and train nothing.
    Shared,
    /// The file system refuses.
    System(io::Error),
}

impl Store {
    /// Takes the lock of a trial, so that no two processes train it at once. It waits a few seconds for those that only
    /// look at the lock, and not for another trainer.
    ///
    /// # Errors
    /// [`StoreError::Locked`] where another process holds it; [`StoreError::LookedAt`] where others look at it all the time;
    /// [`StoreError::NoLocks`] where the file system has none; [`StoreError::Io`] where it refuses.
    pub fn lock(&self, id: &TrialId) -> Result<TrialLock, StoreError> {
        self.lock_within(id, PATIENCE)
    }

    fn lock_within(&self, id: &TrialId, patience: Duration) -> Result<TrialLock, StoreError> {
        let path = self.lock_path(id);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(io_error("make", folder))?;
        }
        // Neither truncated here nor ever removed: the file may be locked, and a lock on a removed file guards nothing.
        let mut options = File::options();
        let file = options.read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(io_error("open", &path))?;
        let taken = take(&file, patience);
        let before = said(&file);
        match taken {
            Ok(()) => {}
            Err(Refused::Held) => {
                let holder = before.map_or("another process".into(), |(holder, _)| holder);
                return Err(StoreError::Locked { trial_id: id.clone(), path, holder });
            }
            Err(Refused::Shared) => return Err(StoreError::LookedAt { trial_id: id.clone(), path }),
            Err(Refused::System(source)) => return Err(lock_error(path, source)),
        }
        let will = Will::new(self, id, before.and_then(|(_, will)| will).as_ref());
        let said = file.try_clone().and_then(|file| say(Word { file, path: path.clone(), will: will.clone() }));
        said.map_err(io_error("write", &path))?;
        Ok(TrialLock { file, path, will })
    }

    /// Where the lock of a trial lies, or will.
    pub(super) fn lock_path(&self, id: &TrialId) -> PathBuf {
        self.path().join("locks").join(format!("{id}.lock"))
    }
}

/// Locks a file for this process alone. Waits while others share its lock.
fn take(file: &File, patience: Duration) -> Result<(), Refused> {
    let of = |why| match why {
        TryLockError::WouldBlock => Refused::Held,
        TryLockError::Error(source) => Refused::System(source),
    };
    let begun = Instant::now();
    loop {
        match file.try_lock().map_err(of) {
            Err(Refused::Held) => {}
            done => return done,
        }
        // Only where nobody has it alone; such a look is what others wait for.
        file.try_lock_shared().map_err(of)?;
        file.unlock().map_err(Refused::System)?;
        if begun.elapsed() >= patience {
            return Err(Refused::Shared);
        }
        thread::sleep(PAUSE);
    }
}

/// What this process leaves in a lock file.
struct Word {
    file: File,
    path: PathBuf,
    will: Will,
}

/// What this process has left in the files of the locks that it holds.
struct Words {
    /// It has been told to end.
    told: bool,
    held: Vec<Word>,
}

static WORDS: Mutex<Words> = Mutex::new(Words { told: false, held: Vec::new() });

fn words() -> MutexGuard<'static, Words> {
    WORDS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves word for the next holder, who reads it unless this lock is let go of in an orderly way.
fn say(mut word: Word) -> io::Result<()> {
    let mut words = words();
    word.will.told = words.told;
    word.write()?;
    words.held.push(word);
    Ok(())
}

/// Says with all locks that this process holds, or will, that it has been told to end: it has not died of its training if it
/// comes to no orderly end now.
pub fn told_to_end() {
    let mut words = words();
    words.told = true;
    for word in words.held.iter_mut().filter(|word| is_ours(&word.path)) {
        word.will.told = true;
        // Where it cannot be written it counts as a death, as it did before.
        let _ = word.write();
    }
}

/// What this process is called in the files of its locks.
fn own_name() -> String {
    let host = sysinfo::System::host_name().unwrap_or_else(|| "an unnamed host".into());
    format!("process {} on {host}", std::process::id())
}

/// Whether the file of a lock that this process has taken names it still. Where that cannot be read nobody else is known to have it.
fn is_ours(path: &Path) -> bool {
    let holder = File::open(path).ok().and_then(|file| said(&file));
    holder.is_none_or(|(holder, _)| holder == own_name())
}

impl Word {
    fn write(&mut self) -> io::Result<()> {
        let will = serde_json::to_string(&self.will).expect("strings and numbers become JSON");
        self.file.set_len(0)?;
        self.file.rewind()?;
        self.file.write_all(format!("{}\n{will}\n", own_name()).as_bytes())?;
        // Other machines read it now, and it outlives the loss of this one's power.
        self.file.sync_data()
    }
}

/// Who holds a lock or died holding it, and what it said in case it dies; nothing where nobody does.
pub(super) fn said(file: &File) -> Option<(String, Option<Will>)> {
    // Whatever cannot be read was not written by this program.
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    let (holder, will) = text.split_once('\n').unwrap_or((&text, ""));
    (!holder.trim().is_empty()).then(|| (holder.trim().into(), serde_json::from_str(will).ok()))
}

impl TrialLock {
    /// What this process leaves in case it dies: also how those before it did.
    pub fn will(&self) -> &Will {
        &self.will
    }

    /// Whether nobody has taken the trial over: the file system of a network gives the lock to another machine where this one is
    /// cut off for longer than it waits.
    pub fn is_kept(&self) -> bool {
        is_ours(&self.path)
    }
}

impl Drop for TrialLock {
    fn drop(&mut self) {
        words().held.retain(|word| word.path != self.path);
        // Otherwise the next holder is told that this one died.
        if self.is_kept() {
            let _ = self.file.set_len(0);
        }
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
    fn a_trial_that_another_machine_has_taken_over_is_left_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let lock = store.lock(&TrialId("one".into())).unwrap();
        let path = lock.path.clone();
        assert!(lock.is_kept());
        fs::write(&path, "process 7 on beta\n{}\n").unwrap();
        assert!(!lock.is_kept());
        drop(lock);
        assert_eq!(fs::read_to_string(&path).unwrap(), "process 7 on beta\n{}\n", "its word is its own");
    }

    #[test]
    fn deaths_are_counted_until_one_lets_go_in_an_orderly_way() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = made_up::trial(Architecture::Vgg16, Dataset::Cifar10, Norm::Nd, 1, 1).id();
        let died = || store.lock(&id).unwrap().will().died;
        let lock = store.lock(&id).unwrap();
        let path = lock.path.clone();
        let mut left = fs::read(&path).unwrap();
        drop(lock);
        assert_eq!(died(), 0, "it let go in an orderly way");
        for deaths in 1..=3 {
            fs::write(&path, &left).unwrap();
            let next = store.lock(&id).unwrap();
            assert_eq!(next.will().died, deaths);
            assert_eq!(next.will().last.as_ref().unwrap().node, crate::telemetry::node_name());
            left = fs::read(&path).unwrap();
        }
        assert_eq!(died(), 0, "told once");
        fs::write(&path, [0xff; 10_000]).unwrap();
        assert_eq!(died(), 0);
    }

    #[test]
    fn whoever_only_looks_at_a_lock_is_waited_for_and_a_trainer_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let id = TrialId("one".into());
        drop(store.lock(&id).unwrap());
        // Two of them, and one looks for longer than a moment.
        let look = || File::open(store.lock_path(&id)).unwrap();
        let files = [look(), look()];
        files.iter().for_each(|file| file.lock_shared().unwrap());
        let looked_at = store.lock_within(&id, Duration::ZERO).unwrap_err();
        assert!(matches!(looked_at, StoreError::LookedAt { .. }) && looked_at.to_string().contains("one.lock"));
        let lock = thread::scope(|scope| {
            let lock = scope.spawn(|| store.lock(&id));
            thread::sleep(Duration::from_millis(700));
            drop(files);
            lock.join().unwrap().unwrap()
        });
        let begun = Instant::now();
        assert!(matches!(store.lock(&id), Err(StoreError::Locked { .. })));
        assert!(begun.elapsed() < PATIENCE / 2);
        drop(lock);
    }
}
