//! A folder of records: plain files, one a trial, safe on a shared file system.
//!
//! ```text
//! records/<architecture>-<dataset>-<norm>-e<epochs>-a<attempt>-<trial_id>.json
//! telemetry/<the same>.csv.gz          its readings at full rate; `telemetry::series` has the form
//! checkpoints/<trial_id>.ckpt
//! locks/<trial_id>.lock
//! probes/<architecture>-<dataset>-<time>.json
//! telemetry/<the same>-<arm>.csv.gz    the readings of an arm of the probe at full rate
//! index/<shard>                       what reports know of the records; can be deleted at any time
//! ```
//! A record is replaced by a rename only, so that a reader sees the old one or the new one; where there is none, of two
//! writers the first one wins, also where the file system has no locks. Who trains a trial holds
//! its lock; a file that cannot be trusted is reported and left where it is.

use super::read::read;
use super::skipped::unlisted;
use super::{Record, Skipped, StoreError};
use crate::files::{write_atomic, write_new};
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

    /// Where the record of `trial` lies, or will.
    pub fn record_path(&self, trial: &Trial) -> PathBuf {
        self.records_path().join(stem(trial) + ".json")
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

    /// Writes a record where [`Store::record_path`] says, whole or not at all. A damaged file in its place is renamed, not
    /// lost. Writing the same record twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::AlreadyFinished`] where the trial has a finished record that differs, [`StoreError::Newer`] where it
    /// has one of a newer form; [`StoreError::Record`] where the record has a number that JSON cannot hold;
    /// [`StoreError::Io`] where the file system refuses.
    pub fn write(&self, record: &Record) -> Result<PathBuf, StoreError> {
        let path = self.record_path(&record.trial);
        let json = record.to_json()?;
        loop {
            let written = if path.exists() {
                match read(&path) {
                    Ok(old) if old == *record => return Ok(path),
                    Ok(old) if old.is_finished() => return Err(StoreError::AlreadyFinished { path }),
                    Ok(_) => write_atomic(&path, json.as_bytes()),
                    Err(why) => match why.refusal(&path) {
                        Some(refusal) => return Err(refusal),
                        None => {
                            set_aside(&path)?;
                            continue;
                        }
                    },
                }
            } else {
                write_new(&path, json.as_bytes())
            };
            match written {
                // Another writer was first: what it wrote decides.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                written => return written.map(|()| path.clone()).map_err(io_error("write", &path)),
            }
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

/// Renames what cannot be read, so that a record can take its place and the file can still be looked at.
fn set_aside(path: &Path) -> Result<(), StoreError> {
    let mut name = path.file_name().unwrap_or_default().to_os_string();
    name.push(format!(".unreadable-{}", jiff::Timestamp::now().as_millisecond()));
    fs::rename(path, path.with_file_name(name)).map_err(io_error("set aside", path))
}

/// What may stand in a file name on any file system: other characters become `_`, and it ends after 64.
fn file_part(name: &str) -> String {
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
    use crate::event::Outcome;
    use crate::scenario::{Architecture, Dataset, Norm};

    fn finished() -> Record {
        let trial = made_up::trial(Architecture::Vgg16, Dataset::Folder("my birds".into()), Norm::Bn, 2, 1);
        made_up::record(&made_up::resolved(trial), 0.5, 10.0)
    }

    fn interrupted() -> Record {
        let mut record = finished();
        record.epochs.pop();
        record.outcome = Outcome::Interrupted { epochs: 1, steps: 4 };
        record
    }

    #[test]
    fn a_record_is_written_found_and_replaced_until_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("a/store")).unwrap();
        assert_eq!(store.records().0.len() + store.records().1.len(), 0);
        assert_eq!(store.find(&finished().trial_id).unwrap(), None);
        let path = store.write(&interrupted()).unwrap();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(name, format!("vgg16-folder_my_birds-bn-e2-a1-{}.json", finished().trial_id));
        assert_eq!(store.find(&finished().trial_id).unwrap(), Some(interrupted()));
        assert_eq!(store.write(&finished()).unwrap(), path);
        assert_eq!(store.find(&finished().trial_id).unwrap(), Some(finished()));
        assert_eq!(store.write(&finished()).unwrap(), path, "the same again is no conflict");
        assert!(matches!(store.write(&interrupted()), Err(StoreError::AlreadyFinished { .. })));
        let mut other = finished();
        other.epochs[0].test_top1 = 0.1;
        assert!(matches!(store.write(&other), Err(StoreError::AlreadyFinished { .. })));
        assert_eq!(store.records(), (vec![(path, finished())], vec![]));
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
    fn an_unreadable_file_makes_way_and_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = store.record_path(&finished().trial);
        fs::create_dir_all(store.records_path()).unwrap();
        fs::write(&path, "half of a rec").unwrap();
        assert_eq!(store.find(&finished().trial_id).unwrap(), None);
        store.write(&interrupted()).unwrap();
        let (records, skipped) = store.records();
        assert_eq!(records, vec![(path, interrupted())]);
        assert_eq!(fs::read(&skipped[0].path).unwrap(), b"half of a rec");
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
