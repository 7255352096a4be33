//! A history: probes from commit to commit, as plain files that git can merge.
//!
//! ```text
//! <environment>/<probe>-<hash of the content>.json    the step times of one probe
//! <environment>/aa-<time>-<hash of the content>.json  comparisons of a program with itself
//! ```
//! No file has two writers, and none changes: two histories merge as their folders do, and what is added twice is there
//! once.

mod aa;
mod entry;
mod series;

pub use aa::{AA_SCHEMA, AaRecord, AaSeries, Alarms};
pub use entry::{Entry, HISTORY_SCHEMA, StepTime};
pub use series::{Point, Series, series};

use super::read::text;
use super::skipped::unlisted;
use super::store::{files_in, io_error};
use super::{RecordError, Skipped, StoreError};
use crate::files::{sha256_hex, write_atomic};
use std::fs;
use std::path::{Path, PathBuf};

/// A folder of probes.
#[derive(Debug, Clone)]
pub struct History {
    root: PathBuf,
}

/// What a history holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Holding {
    /// Probes, in order of time.
    pub entries: Vec<Entry>,
    /// Comparisons of a program with itself, in order of time.
    pub aa: Vec<AaRecord>,
    /// Files that are neither.
    pub skipped: Vec<Skipped>,
}

impl History {
    /// The history at `path`; the folder is made when something is added.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { root: path.into() }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.root
    }

    /// Adds a probe; whether it was not there yet.
    ///
    /// # Errors
    /// [`StoreError::Io`], or [`StoreError::Record`] where a number is not finite.
    pub fn add(&self, entry: &Entry) -> Result<bool, StoreError> {
        let text = entry.to_json()?;
        let path = self.place(&entry.environment_label(), &entry.probe, &text);
        let new = !path.exists();
        if new {
            self.write(&path, &text)?;
        }
        Ok(new)
    }

    /// Adds comparisons of a program with itself, or, where they go on, puts them in the place of those before.
    ///
    /// # Errors
    /// As [`History::add`].
    pub fn add_aa(&self, record: &AaRecord) -> Result<(), StoreError> {
        let name = format!("aa-{}", record.started.strftime("%Y%m%dT%H%M%SZ"));
        let begun = format!("{} {} {:?}", record.started, record.commit, record.probe);
        self.write(&self.place(&record.environment, &name, &begun), &record.to_json()?)
    }

    /// The file of what is told from others by `what`.
    fn place(&self, environment: &str, name: &str, what: &str) -> PathBuf {
        self.root.join(environment).join(format!("{name}-{}.json", &sha256_hex(what.as_bytes())[..8]))
    }

    fn write(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        write_atomic(path, text.as_bytes()).map_err(io_error("write", path))
    }

    /// Everything in it.
    ///
    /// # Errors
    /// [`StoreError::Io`]: the folder cannot be listed.
    pub fn read(&self) -> Result<Holding, StoreError> {
        let mut holding = Holding::default();
        let listed = fs::read_dir(&self.root).map_err(io_error("list the history", &self.root))?;
        let hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let folders = listed.filter_map(|entry| Some(entry.ok()?.path()));
        let mut folders: Vec<PathBuf> = folders.filter(|path| path.is_dir() && !hidden(path)).collect();
        folders.sort();
        for folder in folders {
            match files_in(&folder) {
                Ok(paths) => paths.into_iter().for_each(|path| holding.take(path)),
                Err(e) => holding.skipped.push(unlisted(folder, &e)),
            }
        }
        holding.entries.sort_by(|a, b| (a.started, &a.probe).cmp(&(b.started, &b.probe)));
        holding.aa.sort_by_key(|record| record.started);
        Ok(holding)
    }
}

impl Holding {
    fn take(&mut self, path: PathBuf) {
        let read = text(&path).and_then(|text| {
            match Entry::parse(&text) {
                Err(RecordError::Foreign(_)) => self.aa.push(AaRecord::parse(&text)?),
                entry => self.entries.push(entry?),
            }
            Ok(())
        });
        if let Err(why) = read {
            self.skipped.push(Skipped { path, kind: why.kind(), why: why.to_string() });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn what_is_added_twice_is_there_once_and_what_is_none_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let history = History::at(folder.path().join("history"));
        assert!(history.read().is_err(), "no folder yet");
        let entry = Entry::of(&made_up::probe(&[&[1.0, 1.5], &[3.0, 3.25]])).unwrap();
        assert_eq!([history.add(&entry).unwrap(), history.add(&entry).unwrap()], [true, false]);
        fs::write(history.path().join(entry.environment_label()).join("x.json"), "{}").unwrap();
        fs::create_dir(history.path().join(".git")).unwrap();
        let holding = history.read().unwrap();
        assert_eq!((holding.entries, holding.skipped.len()), (vec![entry], 1));
    }

    #[test]
    fn folders_merge_by_copying() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let probe = made_up::probe(&[&[1.0], &[3.0]]);
        let mut later = probe.clone();
        later.cell.arms[0].turns[0].host.0 += 1.0;
        for (folder, probe) in [(&one, &probe), (&other, &later)] {
            History::at(folder.path()).add(&Entry::of(probe).unwrap()).unwrap();
        }
        let label = Entry::of(&probe).unwrap().environment_label();
        for file in files_in(&other.path().join(&label)).unwrap() {
            fs::copy(&file, one.path().join(&label).join(file.file_name().unwrap())).unwrap();
        }
        // Two machines of one kind may begin in the same millisecond.
        assert_eq!(History::at(one.path()).read().unwrap().entries.len(), 2);
    }

    #[test]
    fn times_that_do_not_count_and_turns_of_instruments_are_left_out() {
        let mut probe = made_up::probe(&[&[1.0, 1.0], &[3.0, 3.0]]);
        probe.cell.arms.iter_mut().for_each(made_up::lose_device);
        assert_eq!(Entry::of(&probe), None);
        let entry = Entry::of(&made_up::probe(&[&[1.0, 2.0, 9.0], &[3.0, 3.0, 3.0]])).unwrap();
        let found: Vec<(String, f64)> = entry.steps.iter().map(|step| (step.name(), step.seconds.0)).collect();
        let (bn, nd) = ("vgg16/cifar10/bn/b128-fp32", "vgg16/cifar10/nd-published/b128-fp32");
        assert_eq!(found, [(bn.into(), 2.0), (nd.into(), 3.0)]);
        assert_eq!(Entry::of(&made_up::telemetry_probe(&[&[1.0], &[1.0], &[1.0]])), None);
    }

    #[test]
    fn versions_of_the_program_share_an_environment_and_threads_do_not() {
        let entry = Entry::of(&made_up::probe(&[&[1.0], &[3.0]])).unwrap();
        let mut other = entry.clone();
        (other.environment.software.ndbench, other.environment.software.commit) = ("9.9.9".into(), "fedcba9".into());
        assert_eq!(other.environment_label(), entry.environment_label());
        other.environment.threads += 1;
        assert_ne!(other.environment_label(), entry.environment_label());
    }
}
