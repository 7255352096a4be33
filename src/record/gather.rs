//! What a report needs of a store of any size: the records of its trials in full, and of all other files what they are.
//! Files are read in parallel, and what an index knows of them is not read again.

use super::index::{Index, SHARDS, shard_of};
use super::reader::{Found, Known, Reader, Task};
use super::skipped::unlisted;
use super::{Record, Skipped, SkippedKind, Store};
use crate::plan::{Ids, ResolvedTrial, TrialId};
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io, thread};

/// A smaller store is read in full sooner than an index of it is worth its files.
const WORTH_AN_INDEX: usize = 1000;

/// Whether an index is used and kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Indexing {
    /// For stores that are worth it: in the store, else in the user's cache folder.
    #[default]
    Auto,
    /// Every file is read.
    Off,
}

/// The content of a store as a report needs it.
#[derive(Debug, Default, PartialEq)]
pub struct Gathered {
    /// Records of the trials asked for, in the order of the file names; one for each trial and environment, without the
    /// sources of the trials' values.
    pub records: Vec<Arc<Record>>,
    /// How many records of other trials there are.
    pub others: usize,
    /// Files that are not used, in the order of their names.
    pub skipped: Vec<Skipped>,
}

impl Store {
    /// The records of `trials` and what else there is. Broken, foreign and newer files are skipped; of several records of
    /// a trial from one environment the finished one counts, then the latest.
    pub fn gather(&self, trials: &[ResolvedTrial], indexing: Indexing) -> Gathered {
        let index = (indexing == Indexing::Auto).then(|| Index::of(self));
        self.gather_with(trials, index.as_ref(), WORTH_AN_INDEX)
    }

    /// Like [`Store::gather`], with `index` from `least` files on.
    fn gather_with(&self, trials: &[ResolvedTrial], index: Option<&Index>, least: usize) -> Gathered {
        let folder = self.records_path();
        let names = match names_in(&folder) {
            Ok(names) => names,
            Err(e) => {
                return Gathered { skipped: vec![unlisted(folder, &e)], ..Gathered::default() };
            }
        };
        let index = index.filter(|_| names.len() >= least);
        let mut found = in_parallel(names, &Task { folder: &folder, wanted: &ids(trials), index });
        found.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        sorted_out(found, &folder)
    }
}

/// The names in a folder; none where the folder is absent.
fn names_in(folder: &Path) -> io::Result<Vec<OsString>> {
    match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        entries => entries?.map(|entry| entry.map(|e| e.file_name())).collect(),
    }
}

/// The hashes of trials.
fn ids(trials: &[ResolvedTrial]) -> HashSet<TrialId> {
    let work = |part: &[ResolvedTrial]| {
        let mut ids = Ids::default();
        part.iter().map(|t| ids.id(&t.trial)).collect::<Vec<_>>()
    };
    thread::scope(|scope| {
        let parts = trials.chunks(trials.len().div_ceil(threads(trials.len())).max(1));
        let helpers: Vec<_> = parts.map(|part| scope.spawn(move || work(part))).collect();
        helpers.into_iter().flat_map(joined).collect()
    })
}

/// How many threads are worth their start for so many pieces of work. Each holds a shard in memory, so there are not
/// many.
fn threads(pieces: usize) -> usize {
    thread::available_parallelism().map_or(1, usize::from).min(pieces / 64 + 1).min(8)
}

/// What a thread returns; its panic goes on in this one.
fn joined<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Every file, in no order. A shard of the index is the work of one thread at a time.
fn in_parallel(names: Vec<OsString>, task: &Task) -> Vec<Found> {
    let threads = threads(names.len());
    let mut shards = vec![Vec::new(); SHARDS];
    names.into_iter().for_each(|name| shards[shard_of(&name)].push(name));
    let next = AtomicUsize::new(0);
    let work = || {
        let mut reader = Reader::new(task);
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(names) = shards.get(number) else { return reader.found };
            reader.shard(number, names);
        }
    };
    thread::scope(|scope| {
        let helpers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let mut found = work();
        helpers.into_iter().for_each(|helper| found.extend(joined(helper)));
        found
    })
}

/// Tells records that count from others; `found` is in the order of the names.
fn sorted_out(found: Vec<Found>, folder: &Path) -> Gathered {
    let mut gathered = Gathered::default();
    let counts = counting(&found);
    let names: Vec<Option<OsString>> = counts
        .iter()
        .enumerate()
        .map(|(i, counts)| counts.filter(|counts| *counts != i).map(|counts| found[counts].name.clone()))
        .collect();
    for (file, other) in found.into_iter().zip(names) {
        let mut skip = |kind, why| gathered.skipped.push(Skipped { path: folder.join(&file.name), kind, why });
        match (file.known, other, file.record) {
            (Known::Skipped(kind, why), ..) => skip(kind, why),
            (Known::Record(summary), Some(other), _) => skip(
                SkippedKind::Duplicated,
                format!(
                    "a second record of trial {} from the same environment; {} counts",
                    summary.trial_id,
                    other.to_string_lossy()
                ),
            ),
            (Known::Record(_), None, Some(record)) => gathered.records.push(record),
            (Known::Record(_), None, None) => gathered.others += 1,
        }
    }
    gathered
}

/// Of equal records that file counts which has its trial's name, and not a copy.
pub fn has_its_trials_name(path: &Path, id: &TrialId) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(&format!("-{id}.json")))
}

/// For each record the one that counts for its trial and environment.
fn counting(found: &[Found]) -> Vec<Option<usize>> {
    let mut best: HashMap<_, usize> = HashMap::with_capacity(found.len());
    let summaries: Vec<_> = found.iter().map(|file| file.known.summary()).collect();
    let named = |i: usize, id: &TrialId| has_its_trials_name(Path::new(&found[i].name), id);
    let rank = |i: usize| summaries[i].map(|s| (s.is_finished, s.time_valid, s.finished, named(i, &s.trial_id)));
    for (i, summary) in summaries.iter().enumerate() {
        let Some(summary) = summary else { continue };
        let best = best.entry((&summary.trial_id, &summary.fingerprint)).or_insert(i);
        if rank(*best) < rank(i) {
            *best = i;
        }
    }
    summaries.iter().map(|s| s.and_then(|s| best.get(&(&s.trial_id, &s.fingerprint)).copied())).collect()
}

#[cfg(test)]
mod tests;
