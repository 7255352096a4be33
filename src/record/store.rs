//! A folder of records: plain files, one a trial, safe on a shared file system.
//!
//! ```text
//! records/<architecture>-<dataset>-<norm>-e<epochs>-a<attempt>-<trial_id>.json
//! records/incomplete-<the same>.json   of a training that did not come to its end
//! telemetry/<the same>.csv.gz          its readings at full rate; `telemetry::series` has the form
//! checkpoints/<trial_id>.ckpt
//! locks/<trial_id>.lock
//! refusals/<trial_id>-<node>.txt       why a machine could not train it
//! probes/<architecture>-<dataset>-<time>.json
//! telemetry/<the same>-<arm>.csv.gz    the readings of an arm of the probe at full rate
//! index/<shard>                       what reports know of the records; can be deleted at any time
//! ```
//! A complete record is never replaced, and of several writers of one the first wins, also where the file system has no
//! locks; an incomplete one is replaced by a rename, so that a reader sees the old one or the new one. Who trains a trial
//! holds its lock; a file that cannot be trusted is reported and left where it is.

use super::read::read;
use super::skipped::unlisted;
use super::{Record, Skipped, StoreError};
use crate::plan::{Trial, TrialId};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of records.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// Opens the store at `path` and makes the folder where there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`] where `path` is not a folder and cannot become one.
    pub fn open(path: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let root = path.into();
        if root.exists() && !root.is_dir() {
            return Err(io_error("use as a store", &root)(io::Error::other("it is a file, and a store is a folder")));
        }
        fs::create_dir_all(&root).map_err(io_error("make the store", &root))?;
        Ok(Store { root })
    }

    /// Opens the store at `path` for reading.
    ///
    /// # Errors
    /// [`StoreError::Absent`] where there is no such folder.
    pub fn open_existing(path: impl Into<PathBuf>) -> Result<Store, StoreError> {
        let root = path.into();
        if root.is_dir() { Ok(Store { root }) } else { Err(StoreError::Absent { path: root }) }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// The folder of the records.
    pub fn records_path(&self) -> PathBuf {
        self.root.join("records")
    }

    /// Where the complete record of `trial` lies, or will.
    pub fn record_path(&self, trial: &Trial) -> PathBuf {
        self.records_path().join(stem(trial) + ".json")
    }

    /// Where the record of `trial` lies, or will, while it is not complete.
    pub fn incomplete_path(&self, trial: &Trial) -> PathBuf {
        self.records_path().join(format!("incomplete-{}.json", stem(trial)))
    }

    /// Where the telemetry of `trial` lies at full rate, or will.
    pub fn telemetry_path(&self, trial: &Trial) -> PathBuf {
        self.root.join("telemetry").join(stem(trial) + ".csv.gz")
    }

    /// Where the checkpoint of a trial lies, or will.
    pub fn checkpoint_path(&self, id: &TrialId) -> PathBuf {
        self.root.join("checkpoints").join(format!("{id}.ckpt"))
    }

    /// Every record, in the order of the file names, and every file among them that is not one.
    pub fn records(&self) -> (Vec<(PathBuf, Record)>, Vec<Skipped>) {
        let folder = self.records_path();
        let (mut records, mut skipped) = (Vec::new(), Vec::new());
        match files_in(&folder) {
            Ok(paths) => {
                for path in paths {
                    match read(&path) {
                        Ok(record) => records.push((path, record)),
                        Err(why) => skipped.push(Skipped { path, kind: why.kind(), why: why.to_string() }),
                    }
                }
            }
            Err(e) => skipped.push(unlisted(folder, &e)),
        }
        (records, skipped)
    }

    /// The record of a trial: a finished one before any other. Damaged and foreign files count as absent here;
    /// [`Store::records`] names them.
    ///
    /// # Errors
    /// Where there may be a final record that cannot be read: [`StoreError::Newer`] for one of a newer form,
    /// [`StoreError::Io`] where the file system refuses.
    pub fn find(&self, id: &TrialId) -> Result<Option<Record>, StoreError> {
        let folder = self.records_path();
        let ending = format!("-{id}.json");
        let (mut found, mut refusal) = (Vec::new(), None);
        for path in files_in(&folder).map_err(io_error("list", &folder))? {
            if !path.to_string_lossy().ends_with(&ending) {
                continue;
            }
            match read(&path) {
                Ok(record) if record.trial_id == *id => found.push(record),
                Ok(_) => {}
                Err(why) => refusal = refusal.or(why.refusal(&path)),
            }
        }
        found.sort_by_key(Record::rank);
        match (found.pop(), refusal) {
            (Some(record), _) if record.outcome.is_final() => Ok(Some(record)),
            (_, Some(refusal)) => Err(refusal),
            (record, None) => Ok(record),
        }
    }
}

/// What the names of a trial's files begin with.
fn stem(trial: &Trial) -> String {
    let Trial { architecture, norm, epochs, attempt, .. } = trial;
    let dataset = file_part(&trial.dataset.to_string());
    format!("{architecture}-{dataset}-{norm}-e{epochs}-a{attempt}-{}", trial.id())
}

/// The entries of a folder, sorted; none where the folder is absent.
pub(super) fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut paths = entries.map(|entry| entry.map(|e| e.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// What may stand in a file name on any file system: other characters become `_`, and it ends after 64.
pub(super) fn file_part(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    name.chars().take(64).map(safe).collect()
}

/// Wraps a file system error with what was tried.
pub(super) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::Io { action, path: path.to_path_buf(), source }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::super::read::LARGEST;
    use super::*;
    use crate::scenario::{Architecture, Dataset, Norm};

    fn finished() -> Record {
        let trial = made_up::trial(Architecture::Vgg16, Dataset::Folder("my birds".into()), Norm::Bn, 2, 1);
        made_up::record(&made_up::resolved(trial), 0.5, 10.0)
    }

    #[test]
    fn what_is_not_a_record_is_named_and_skipped() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = store.write(&finished()).unwrap();
        let text = fs::read(&path).unwrap();
        let folder = store.records_path();
        fs::write(folder.join("half.json"), &text[..text.len() / 3]).unwrap();
        fs::write(folder.join("foreign.json"), "{\"name\": \"package\"}").unwrap();
        fs::write(folder.join("notes.txt"), "to do").unwrap();
        fs::write(folder.join(".tmp-abc"), "").unwrap();
        fs::write(folder.join("huge.json"), vec![b' '; LARGEST as usize + 1]).unwrap();
        fs::create_dir(folder.join("folder.json")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("nowhere", folder.join("link.json")).unwrap();
        let (records, skipped) = store.records();
        assert_eq!(records, vec![(path, finished())]);
        let why = |name: &str| {
            let found = skipped.iter().find(|s| s.path.ends_with(name));
            found.unwrap_or_else(|| panic!("{name} is not among {skipped:?}")).why.clone()
        };
        assert!(why("half.json").contains("half of it"));
        assert!(why("foreign.json").contains("no `schema`"));
        assert!(why("notes.txt").contains(".json"));
        assert!(why(".tmp-abc").contains("half-written"));
        assert!(why("huge.json").contains("larger"));
        assert!(why("folder.json").contains("not a regular file"));
        assert_eq!(skipped.len(), 6 + usize::from(cfg!(unix)));
    }

    #[test]
    fn a_record_that_may_be_good_is_neither_absent_nor_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = store.record_path(&finished().trial);
        fs::create_dir_all(store.records_path()).unwrap();
        for newer in ["ndbench.record/2", "ndbench.record/1.5"] {
            let text = format!("{{\"schema\": \"{newer}\"}}");
            fs::write(&path, &text).unwrap();
            assert!(matches!(store.find(&finished().trial_id), Err(StoreError::Newer { .. })), "{newer}");
            assert!(matches!(store.write(&finished()), Err(StoreError::Newer { .. })), "{newer}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        fs::write(path.with_file_name(format!("copy-{}.json", finished().trial_id)), finished().to_json().unwrap())
            .unwrap();
        assert_eq!(store.find(&finished().trial_id).unwrap(), Some(finished()), "there is a final record as well");
    }

    #[cfg(unix)]
    #[test]
    fn a_record_that_the_file_system_refuses_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = store.record_path(&finished().trial);
        fs::create_dir_all(store.records_path()).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap(); // ELOOP, for any user
        let error = store.find(&finished().trial_id).unwrap_err();
        assert!(matches!(error, StoreError::Io { action: "read", .. }), "{error}");
        fs::remove_file(&path).unwrap();
        fs::remove_dir(store.records_path()).unwrap();
        fs::write(store.records_path(), "").unwrap();
        assert!(store.find(&finished().trial_id).is_err(), "a file where the folder of the records should be");
    }

    #[test]
    fn reading_does_not_make_a_store() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("typo");
        assert!(matches!(Store::open_existing(&path), Err(StoreError::Absent { .. })));
        assert!(!path.exists());
        fs::write(&path, "").unwrap();
        assert!(Store::open(&path).is_err(), "a file is not a store");
    }
}
