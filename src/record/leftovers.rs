//! What a process leaves in a store when it is killed: half-written files and, between a record and its checkpoint's end,
//! the checkpoint of a trial that is done, an incomplete record beside the complete one, or a series of readings without
//! a record and without a checkpoint to go on from.

use super::{Store, StoreError, TrialLock};
use crate::files::{is_temporary_of, touch_folder_of};
use crate::plan::Trial;
use std::fs;
use std::io;
use std::path::PathBuf;

impl Store {
    /// Whether there is something of `trial`, which has a final record, to [`Store::sweep`].
    pub fn has_leftovers(&self, trial: &Trial, done: bool) -> bool {
        self.leftovers(trial, done).is_ok_and(|found| !found.is_empty())
    }

    /// Removes the temporary files of `trial` and, where it is `done`, so that nobody goes on from it, its checkpoint;
    /// nothing of any other trial. Who holds the lock of the trial knows that no other process is writing these.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file system refuses.
    pub fn sweep(&self, _held: &TrialLock, trial: &Trial, done: bool) -> Result<(), StoreError> {
        for path in self.leftovers(trial, done)? {
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StoreError::Io { action: "remove", path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Has the records of `trial` looked up anew, as whoever had its lock before has left them: a file system of a network remembers
    /// for a while what it has listed of a folder, unless this machine changes it.
    pub fn refresh(&self, _held: &TrialLock, trial: &Trial) {
        // Where nothing can be written a record could not be either.
        let _ = touch_folder_of(&self.record_path(trial));
    }

    fn leftovers(&self, trial: &Trial, done: bool) -> Result<Vec<PathBuf>, StoreError> {
        let mut found = Vec::new();
        let checkpoint = self.checkpoint_path(&trial.id());
        let (record, incomplete) = (self.record_path(trial), self.incomplete_path(trial));
        let series = self.telemetry_path(trial);
        for file in [&checkpoint, &record, &incomplete, &series] {
            let (Some(folder), Some(target)) = (file.parent(), file.file_name()) else { continue };
            let target = target.to_string_lossy();
            let beside = super::store::files_in(folder).map_err(super::store::io_error("list", folder))?;
            let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(beside.into_iter().filter(|path| is_temporary_of(&name(path), &target)));
        }
        let goes_on = !done && checkpoint.exists();
        if done && checkpoint.exists() {
            found.push(checkpoint);
        }
        // Nobody goes on from where it ends.
        if series.exists() && !goes_on && !record.exists() && !incomplete.exists() {
            found.push(series);
        }
        if done && record.exists() && incomplete.exists() {
            found.push(incomplete);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;
    use crate::scenario::{Architecture, Dataset, Norm};

    #[test]
    fn only_what_the_trial_left_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let trial = |norm| made_up::trial(Architecture::Vgg16, Dataset::Cifar10, norm, 2, 1);
        let (ours, other) = (trial(Norm::Bn), trial(Norm::Nd));
        let beside = |file: PathBuf| {
            let name = format!(".tmp-{}-x7Gq2b", file.file_name().unwrap().to_string_lossy());
            file.with_file_name(name)
        };
        let checkpoints = [&ours, &other].map(|t| store.checkpoint_path(&t.id()));
        let temporary = [&ours, &other].map(|t| {
            [beside(store.checkpoint_path(&t.id())), beside(store.record_path(t)), beside(store.telemetry_path(t))]
        });
        let orphans = [&ours, &other].map(|t| store.telemetry_path(t));
        let foreign =
            [checkpoints[0].with_file_name(".tmp-x7Gq2b"), checkpoints[0].with_extension("ckpt.unreadable-1")];
        for file in checkpoints.iter().chain(temporary.as_flattened()).chain(&foreign).chain(&orphans) {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "half").unwrap();
        }
        let lock = store.lock(&ours.id()).unwrap();
        store.sweep(&lock, &ours, false).unwrap();
        assert!(temporary[0].iter().all(|f| !f.exists()) && checkpoints[0].exists(), "the trial goes on from it");
        assert!(orphans.iter().all(|f| f.exists()), "as does the trial's series");
        fs::rename(&checkpoints[0], dir.path().join("away")).unwrap();
        store.sweep(&lock, &ours, false).unwrap();
        assert!(!orphans[0].exists() && orphans[1].exists());
        fs::rename(dir.path().join("away"), &checkpoints[0]).unwrap();
        fs::write(store.record_path(&ours), "").unwrap();
        fs::write(&orphans[0], "").unwrap();
        store.sweep(&lock, &ours, false).unwrap();
        assert!(orphans[0].exists(), "it has a record");
        fs::write(store.incomplete_path(&ours), "").unwrap();
        assert!(store.has_leftovers(&ours, true));
        store.sweep(&lock, &ours, true).unwrap();
        assert!(store.record_path(&ours).exists() && !store.incomplete_path(&ours).exists());
        assert!(!checkpoints[0].exists() && !store.has_leftovers(&ours, true));
        assert!(temporary[1].iter().chain(&checkpoints[1..]).chain(&foreign).all(|f| f.exists()));
    }
}
