//! Reads the files of one shard after another: from the index where it knows them, else from the files.

use super::Record;
use super::index::{Builder, Decoder, Entry, Index, Shard, Stamp, Summary, encode};
use super::read::text;
use super::skipped::SkippedKind;
use crate::plan::{Ids, TrialId};
use crate::telemetry::Environment;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
#[cfg(target_os = "linux")]
use std::os::{fd::AsRawFd, unix::fs::OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// What is read.
pub(super) struct Task<'a> {
    /// The folder of the files.
    pub folder: &'a Path,
    /// The trials whose records are asked for.
    pub wanted: &'a HashSet<TrialId>,
    /// Where what is learnt is kept.
    pub index: Option<&'a Index>,
}

/// What a file in the folder of the records is.
pub(super) enum Known {
    /// A record.
    Record(Summary),
    /// None, for this reason.
    Skipped(SkippedKind, String),
}

impl Known {
    /// Of the record, where it is one.
    pub fn summary(&self) -> Option<&Summary> {
        match self {
            Self::Record(summary) => Some(summary),
            Self::Skipped(..) => None,
        }
    }
}

/// A file and what it is.
pub(super) struct Found {
    pub name: OsString,
    pub known: Known,
    /// The record, where its trial is asked for.
    pub record: Option<Arc<Record>>,
}

/// One thread's work.
pub(super) struct Reader<'a> {
    task: &'a Task<'a>,
    /// An environment's fingerprint takes longer than finding it here.
    fingerprints: HashMap<Environment, String>,
    decoder: Decoder,
    ids: Ids,
    /// The bytes of the entry that was recalled last.
    bytes: Vec<u8>,
    /// What was found so far.
    pub found: Vec<Found>,
}

/// What a file is.
struct Content {
    known: Known,
    /// The record as the index keeps it; empty where it need not.
    bytes: Vec<u8>,
    /// The record, where its trial is asked for.
    record: Option<Arc<Record>>,
    /// Of the file with this content; absent where the index must not keep it.
    stamp: Option<Stamp>,
}

/// Lets the system fetch a file that is about to be read: of many small files a disk gives several at a time sooner than
/// one after the other.
fn fetch_ahead(path: &Path) {
    #[cfg(target_os = "linux")]
    if let Ok(file) = fs::File::options().read(true).custom_flags(libc::O_NONBLOCK).open(path) {
        // SAFETY: the descriptor is open during the call, which touches no memory. Where it fails, nothing is lost but time.
        unsafe { libc::posix_fadvise(file.as_raw_fd(), 0, 0, libc::POSIX_FADV_WILLNEED) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = path;
}

impl<'a> Reader<'a> {
    pub fn new(task: &'a Task<'a>) -> Self {
        Self {
            task,
            fingerprints: HashMap::new(),
            decoder: Decoder::default(),
            ids: Ids::default(),
            bytes: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Reads the files of a shard and replaces the shard where there is news.
    pub fn shard(&mut self, number: usize, names: &[OsString]) {
        let before = self.found.len();
        let shards = self.task.index.map(|index| index.shards(number)).unwrap_or_default();
        if self.files(number, names, &shards).is_none() {
            // Damaged beyond its table: as if it were not there.
            self.found.truncate(before);
            let complete = self.files(number, names, &[]);
            debug_assert!(complete.is_some(), "files are never damaged entries");
        }
    }

    /// Reads the files of a shard; `None` where an entry of `shards` is damaged.
    fn files(&mut self, number: usize, names: &[OsString], shards: &[Shard]) -> Option<()> {
        let entries: Vec<_> = names.iter().map(|name| self.look_up(name, shards)).collect();
        let unknown = || names.iter().zip(&entries).map(|(name, entry)| entry.is_none().then_some(name));
        unknown().flatten().for_each(|name| fetch_ahead(&self.task.folder.join(name)));
        let read: Vec<Option<Content>> = unknown().map(|name| name.map(|name| self.read(name))).collect();
        let is_news = |read: &Option<Content>| read.as_ref().is_some_and(|content| content.stamp.is_some());
        let mut builder = read.iter().any(is_news).then(Builder::default);
        for ((name, entry), read) in names.iter().zip(entries).zip(read) {
            let content = match (read, entry) {
                (Some(content), _) => content,
                (None, Some((shard, entry))) => self.recall(shard, entry, builder.is_some())?,
                (None, None) => continue,
            };
            if let (Some(builder), Some(stamp), Some(name), Some(summary)) =
                (&mut builder, content.stamp, name.to_str(), content.known.summary())
            {
                builder.add(name.into(), stamp, summary.clone(), &content.bytes);
            }
            self.found.push(Found { name: name.clone(), known: content.known, record: content.record });
        }
        if let Some((index, builder)) = self.task.index.zip(builder) {
            index.replace(number, &builder);
        }
        Some(())
    }

    /// The entry of a file, where one of `shards` has one that still counts.
    fn look_up<'b>(&self, name: &OsString, shards: &'b [Shard]) -> Option<(&'b Shard, &'b Entry)> {
        let name = name.to_str().filter(|name| shards.iter().any(|shard| shard.knows(name)))?;
        let stamp = Stamp::of(&self.task.folder.join(name))?;
        shards.iter().find_map(|shard| Some((shard, shard.find(name, &stamp)?)))
    }

    /// What the index knows of a file; `None` where that is damaged.
    fn recall(&mut self, shard: &Shard, entry: &Entry, keep: bool) -> Option<Content> {
        let wanted = self.task.wanted.contains(&entry.summary.trial_id);
        if wanted || keep {
            shard.bytes(entry, &mut self.bytes)?;
        }
        let record = if wanted { Some(Arc::new(self.decoder.decode(&self.bytes)?)) } else { None };
        let bytes = if keep { self.bytes.clone() } else { Vec::new() };
        Some(Content {
            known: Known::Record(entry.summary.clone()),
            bytes,
            record,
            stamp: keep.then(|| entry.stamp.clone()),
        })
    }

    /// Reads a file.
    fn read(&mut self, name: &OsString) -> Content {
        let path = self.task.folder.join(name);
        let parsed = text(&path).and_then(|text| {
            let record = Record::parse_with(&text, &mut self.ids)?;
            // Whatever is there by now, an entry has the stamp of what was read.
            let stamp = self.task.index.and_then(|_| Stamp::of(&path)).filter(|stamp| stamp.is_of(&text));
            Ok((record, stamp))
        });
        let (mut record, stamp) = match parsed {
            Ok(parsed) => parsed,
            Err(why) => {
                let known = Known::Skipped(why.kind(), why.to_string());
                return Content { known, bytes: Vec::new(), record: None, stamp: None };
            }
        };
        record.sources.clear();
        record.epochs.shrink_to_fit();
        let summary = Summary {
            trial_id: record.trial_id.clone(),
            fingerprint: self.fingerprint(&record.environment),
            is_finished: record.is_finished(),
            time_valid: record.time_valid,
            finished: record.finished,
        };
        let bytes = if stamp.is_some() { encode(&record) } else { Vec::new() };
        let wanted = self.task.wanted.contains(&summary.trial_id);
        Content { known: Known::Record(summary), bytes, record: wanted.then(|| Arc::new(record)), stamp }
    }

    fn fingerprint(&mut self, environment: &Environment) -> String {
        if let Some(known) = self.fingerprints.get(environment) {
            return known.clone();
        }
        let fingerprint = environment.fingerprint();
        self.fingerprints.insert(environment.clone(), fingerprint.clone());
        fingerprint
    }
}
