//! How records come into a store. A complete one has a name that nothing else ever has, and is put there where nothing
//! is; what did not come to its end has another name, and makes way. So no writer, however late or slow, and on whichever
//! machine, can put anything in the place of a complete record, and no lock is needed for that.

use super::read::read;
use super::store::io_error;
use super::{Record, Store, StoreError};
use crate::files::{write_atomic, write_new};
use crate::plan::Trial;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

impl Store {
    /// Writes a record, whole or not at all: a complete one where [`Store::record_path`] says, unless there is one; any
    /// other where [`Store::incomplete_path`] says, in the place of the one before. A damaged file in its place is
    /// renamed, not lost. Writing the same record twice changes nothing.
    ///
    /// # Errors
    /// [`StoreError::AlreadyFinished`] where the trial has a finished record that differs, [`StoreError::Newer`] where it
    /// has one of a newer form; [`StoreError::Record`] where the record has a number that JSON cannot hold;
    /// [`StoreError::Io`] where the file system refuses.
    pub fn write(&self, record: &Record) -> Result<PathBuf, StoreError> {
        let json = record.to_json()?;
        let (path, incomplete) = (self.record_path(&record.trial), self.incomplete_path(&record.trial));
        loop {
            match self.standing(&path, &record.trial)? {
                Some(old) if old == *record => return Ok(path),
                Some(old) if old.is_finished() => return Err(StoreError::AlreadyFinished { path }),
                // As earlier versions left it.
                Some(_) => {
                    self.clear(&path, &record.trial)?;
                    continue;
                }
                None => {}
            }
            let before = self.standing(&incomplete, &record.trial)?;
            if record.is_finished() {
                match write_new(&path, json.as_bytes()) {
                    // Another writer was first: what it wrote decides.
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                    written => written.map_err(io_error("write", &path))?,
                }
                // Where it stays, the complete one counts all the same, and the next sweep takes it.
                let _ = fs::remove_file(&incomplete);
                return Ok(path);
            }
            if before.as_ref() != Some(record) {
                write_atomic(&incomplete, json.as_bytes()).map_err(io_error("write", &incomplete))?;
            }
            if !path.exists() {
                return Ok(incomplete);
            }
            // Another one has trained it to its end meanwhile.
            let _ = fs::remove_file(&incomplete);
        }
    }

    /// The record at `path`; what is damaged there makes way.
    fn standing(&self, path: &Path, trial: &Trial) -> Result<Option<Record>, StoreError> {
        loop {
            match read(path) {
                Ok(record) => return Ok(Some(record)),
                Err(why) if why.is_absent() => return Ok(None),
                Err(why) => match why.refusal(path) {
                    Some(refusal) => return Err(refusal),
                    None => self.clear(path, trial)?,
                },
            }
        }
    }

    /// Takes away what cannot stay at `path`: an incomplete record goes where these lie, and what is none gets a name by
    /// which it can still be looked at. What another writer has put there meanwhile goes back.
    fn clear(&self, path: &Path, trial: &Trial) -> Result<(), StoreError> {
        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".unreadable-{}-{}", jiff::Timestamp::now().as_millisecond(), std::process::id()));
        let aside = path.with_file_name(name);
        let moved = match fs::rename(path, &aside) {
            // Another writer did the same.
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(e) => Err(e),
            Ok(()) => match fs::read(&aside).map(|text| Record::parse(&text)) {
                Ok(Ok(record)) if record.is_finished() => match fs::hard_link(&aside, path) {
                    Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                    linked => linked.and_then(|()| fs::remove_file(&aside)),
                },
                Ok(Ok(_)) => fs::rename(&aside, self.incomplete_path(trial)),
                _ => Ok(()),
            },
        };
        moved.map_err(io_error("set aside", path))
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
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

    /// The names in the folder of the records.
    fn names(store: &Store) -> Vec<String> {
        let files = fs::read_dir(store.records_path()).unwrap();
        files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_record_is_written_found_and_replaced_until_it_is_finished() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path().join("a/store")).unwrap();
        assert_eq!(store.records().0.len() + store.records().1.len(), 0);
        assert_eq!(store.find(&finished().trial_id).unwrap(), None);
        let path = store.write(&interrupted()).unwrap();
        let name = format!("vgg16-folder_my_birds-bn-e2-a1-{}.json", finished().trial_id);
        assert_eq!(names(&store), [format!("incomplete-{name}")]);
        assert_eq!(store.find(&finished().trial_id).unwrap(), Some(interrupted()));
        assert_eq!(store.write(&interrupted()).unwrap(), path, "the same again is no conflict");
        let path = store.write(&finished()).unwrap();
        assert_eq!((names(&store), path.file_name().unwrap().to_str()), (vec![name.clone()], Some(name.as_str())));
        assert_eq!(store.find(&finished().trial_id).unwrap(), Some(finished()));
        assert_eq!(store.write(&finished()).unwrap(), path, "the same again is no conflict");
        assert!(matches!(store.write(&interrupted()), Err(StoreError::AlreadyFinished { .. })));
        let mut other = finished();
        other.epochs[0].test_top1 = 0.1;
        assert!(matches!(store.write(&other), Err(StoreError::AlreadyFinished { .. })));
        assert_eq!(store.records(), (vec![(path, finished())], vec![]));
    }

    #[test]
    fn an_unreadable_file_makes_way_and_is_kept() {
        for record in [interrupted(), finished()] {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            fs::create_dir_all(store.records_path()).unwrap();
            let places = [store.record_path(&record.trial), store.incomplete_path(&record.trial)];
            places.iter().for_each(|path| fs::write(path, "half of a rec").unwrap());
            assert_eq!(store.find(&record.trial_id).unwrap(), None);
            let path = store.write(&record).unwrap();
            let (records, skipped) = store.records();
            assert_eq!((records, skipped.len()), (vec![(path, record)], 2));
            assert!(skipped.iter().all(|skipped| fs::read(&skipped.path).unwrap() == b"half of a rec"));
        }
    }

    #[test]
    fn a_record_of_a_newer_form_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        fs::create_dir_all(store.records_path()).unwrap();
        for path in [store.record_path(&finished().trial), store.incomplete_path(&finished().trial)] {
            let text = "{\"schema\": \"ndbench.record/2\"}";
            fs::write(&path, text).unwrap();
            for record in [interrupted(), finished()] {
                assert!(matches!(store.write(&record), Err(StoreError::Newer { .. })));
            }
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
            fs::remove_file(path).unwrap();
        }
    }

    #[test]
    fn an_incomplete_record_of_an_earlier_version_makes_way() {
        for next in [interrupted(), finished()] {
            let dir = tempfile::tempdir().unwrap();
            let store = Store::open(dir.path()).unwrap();
            let old = Record { remarks: vec!["old".into()], ..interrupted() };
            fs::create_dir_all(store.records_path()).unwrap();
            fs::write(store.record_path(&old.trial), old.to_json().unwrap()).unwrap();
            assert_eq!(store.find(&old.trial_id).unwrap(), Some(old));
            let path = store.write(&next).unwrap();
            assert_eq!(store.records(), (vec![(path, next)], vec![]));
        }
    }

    #[test]
    fn what_is_complete_by_now_is_not_taken_away() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let path = store.write(&finished()).unwrap();
        // By a writer that saw something else there.
        store.clear(&path, &finished().trial).unwrap();
        assert_eq!(store.records(), (vec![(path.clone(), finished())], vec![]));
        fs::remove_file(&path).unwrap();
        store.clear(&path, &finished().trial).unwrap();
        assert_eq!(names(&store), [""; 0]);
    }

    #[test]
    fn of_writers_at_once_the_first_complete_record_wins_over_an_interrupted_one() {
        for round in 0..100 {
            let dir = tempfile::tempdir().unwrap();
            let store = &Store::open(dir.path()).unwrap();
            store.write(&interrupted()).unwrap();
            let write = |n: usize| {
                let mut record = if n.is_multiple_of(2) { finished() } else { interrupted() };
                record.remarks = vec![n.to_string()];
                move || store.write(&record).map(|_| record)
            };
            let written: Vec<Record> = std::thread::scope(|scope| {
                let writers: Vec<_> = (0..6).map(|n| scope.spawn(write(n))).collect();
                writers.into_iter().filter_map(|writer| writer.join().unwrap().ok()).collect()
            });
            let complete: Vec<&Record> = written.iter().filter(|record| record.is_finished()).collect();
            assert_eq!(complete.len(), 1, "round {round}: {complete:?}");
            let (records, skipped) = store.records();
            let path = store.record_path(&finished().trial);
            assert_eq!((records, skipped), (vec![(path, complete[0].clone())], vec![]), "round {round}");
        }
    }
}
