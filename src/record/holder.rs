//! Who trains a trial, or died doing so, as its lock has it.

use super::Store;
use super::lock::said;
use crate::plan::TrialId;
use crate::telemetry::SlurmJob;
use std::fs::{File, TryLockError};
use std::io::Seek;

/// Who holds the lock of a trial, or died holding it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holder {
    /// The process and its host, `process 7 on alpha`.
    pub by: String,
    /// Whether it holds it; absent where the file system does not say.
    pub lives: Option<bool>,
    /// How many have died in a row, without a checkpoint between them and without a word; with this one, if it is dead.
    pub deaths: u32,
    /// The same once this one is dead.
    pub toll: u32,
    /// Its job of Slurm, if it is in one.
    pub job: Option<SlurmJob>,
    /// Whose process it is, by number; absent where it does not say.
    pub user: Option<u32>,
}

impl Store {
    /// Who holds the locks of `trials`, in their order, or died holding them.
    pub fn holders(&self, trials: &[TrialId]) -> Vec<Option<Holder>> {
        trials.iter().map(|id| self.holder(id)).collect()
    }

    fn holder(&self, id: &TrialId) -> Option<Holder> {
        let mut file = File::open(self.lock_path(id)).ok()?;
        // Most are held by nobody, and these are left alone.
        said(&file)?;
        let lives = match file.try_lock_shared() {
            Ok(()) => Some(false),
            Err(TryLockError::WouldBlock) => Some(true),
            Err(TryLockError::Error(_)) => None,
        };
        file.rewind().ok()?;
        // One that has ended meanwhile has taken back what it said.
        let (by, will) = said(&file)?;
        // It was told to end, and came to no orderly end.
        if lives == Some(false) && will.as_ref().is_some_and(|will| will.told) {
            return None;
        }
        let will = will.unwrap_or_default();
        let toll = will.deaths(self.checkpoint_digest(id).as_deref());
        let deaths = if lives == Some(false) { toll } else { will.died };
        Some(Holder { by, lives, deaths, toll, job: will.job, user: will.user })
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use std::fs;

    #[test]
    fn a_lock_says_who_holds_it_and_whether_they_live() {
        let (_folder, store) = made_up::store();
        let id = TrialId("0123456789abcdef".into());
        let holder = || store.holders(std::slice::from_ref(&id)).remove(0);
        assert_eq!(holder(), None);
        let lock = store.lock(&id).unwrap();
        let by = format!("process {} on ", std::process::id());
        let living = holder().unwrap();
        assert!(living.by.starts_with(&by) && (living.lives, living.deaths) == (Some(true), 0), "{living:?}");
        let left = fs::read(store.lock_path(&id)).unwrap();
        drop(lock);
        assert_eq!(holder(), None, "it let go in an orderly way");

        fs::write(store.lock_path(&id), &left).unwrap();
        assert_eq!(holder(), Some(Holder { lives: Some(false), deaths: 1, ..living.clone() }));
        let second = store.lock(&id).unwrap();
        assert_eq!(holder(), Some(Holder { deaths: 1, toll: 2, ..living.clone() }), "one died before it");
        let left = fs::read(store.lock_path(&id)).unwrap();
        drop(second);
        fs::write(store.lock_path(&id), &left).unwrap();
        assert_eq!(holder().unwrap().deaths, 2);
        let checkpoint = store.checkpoint_path(&id);
        fs::create_dir_all(checkpoint.parent().unwrap()).unwrap();
        fs::write(&checkpoint, [7; 40]).unwrap();
        assert_eq!(holder().unwrap().deaths, 1, "it came further before it died");
        let told = String::from_utf8(left).unwrap().replace("\"told\":false", "\"told\":true");
        fs::write(store.lock_path(&id), &told).unwrap();
        assert_eq!(holder(), None, "it was told to end");
        assert_eq!(store.lock(&id).unwrap().will().died, 0, "and is none that died");
        fs::write(store.lock_path(&id), "process 7 on alpha\n").unwrap();
        let by = "process 7 on alpha".into();
        let silent = Holder { by, lives: Some(false), deaths: 1, toll: 1, ..Holder::default() };
        assert_eq!(holder(), Some(silent), "it had no time to say more");
    }
}
