//! Reads the files of one shard after another: from the index where it knows them, else from the files.

use super::Record;
use super::index::{Builder, Decoder, Entry, Index, Known, Shard, Stamp, Summary, encode};
use super::read::{Unusable, read_with};
use crate::plan::{Ids, TrialId};
use crate::telemetry::Environment;
use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
#[cfg(target_os = "linux")]
use std::os::{fd::AsRawFd, unix::fs::OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// What is read.
pub(super) struct Task<'a> {
    /// The folder of the files.
    pub folder: &'a Path,
    /// The trials whose records are asked for.
    pub wanted: &'a HashSet<TrialId>,
    /// Where what is learnt is kept.
    pub index: Option<&'a Index>,
    /// A time before the first file was looked at.
    pub now: SystemTime,
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

/// A file before it is read.
struct File<'a> {
    name: &'a OsString,
    /// Absent where the index must not keep it.
    stamp: Option<Stamp>,
    /// Where the index has it.
    entry: Option<(&'a Shard, &'a Entry)>,
}

/// What a file is.
struct Content {
    known: Known,
    /// The record as the index keeps it; empty where it need not.
    bytes: Vec<u8>,
    /// The record, where its trial is asked for.
    record: Option<Arc<Record>>,
    /// Holds for any reader and as long as the file is unchanged.
    lasting: bool,
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
        let files: Vec<File> = names.iter().map(|name| self.look_at(name, shards)).collect();
        files
            .iter()
            .filter(|file| file.entry.is_none())
            .for_each(|file| fetch_ahead(&self.task.folder.join(file.name)));
        let read: Vec<Option<Content>> =
            files.iter().map(|file| file.entry.is_none().then(|| self.read(file.name, file.stamp.is_some()))).collect();
        let is_news =
            |(file, read): (&File, &Option<Content>)| file.stamp.is_some() && read.as_ref().is_some_and(|r| r.lasting);
        let mut builder = files.iter().zip(&read).any(is_news).then(Builder::default);
        for (File { name, stamp, entry }, read) in files.into_iter().zip(read) {
            let content = match (read, entry) {
                (Some(content), _) => content,
                (None, Some((shard, entry))) => self.recall(shard, entry, builder.is_some())?,
                (None, None) => continue,
            };
            if let (Some(builder), Some(stamp), Some(name), true) =
                (&mut builder, stamp, name.to_str(), content.lasting)
            {
                builder.add(name.into(), stamp, content.known.clone(), &content.bytes);
            }
            self.found.push(Found { name: name.clone(), known: content.known, record: content.record });
        }
        if let Some((index, builder)) = self.task.index.zip(builder) {
            index.replace(number, &builder);
        }
        Some(())
    }

    /// Asks for a file's stamp, where there is an index, and for its entry.
    fn look_at<'b>(&self, name: &'b OsString, shards: &'b [Shard]) -> File<'b> {
        let unknown = File { name, stamp: None, entry: None };
        let (Some(_), Some(text)) = (self.task.index, name.to_str()) else { return unknown };
        let Ok(metadata) = fs::metadata(self.task.folder.join(name)) else { return unknown };
        let stamp = Stamp::of(&metadata);
        let entry = shards.iter().find_map(|shard| Some((shard, shard.find(text, &stamp)?)));
        let keep = metadata.is_file() && (entry.is_some() || stamp.is_settled(self.task.now));
        File { name, stamp: keep.then_some(stamp), entry }
    }

    /// What the index knows of a file; `None` where that is damaged.
    fn recall(&mut self, shard: &Shard, entry: &Entry, keep: bool) -> Option<Content> {
        let wanted = entry.known.summary().is_some_and(|s| self.task.wanted.contains(&s.trial_id));
        if wanted || keep {
            shard.bytes(entry, &mut self.bytes)?;
        }
        let record = if wanted { Some(Arc::new(self.decoder.decode(&self.bytes)?)) } else { None };
        let bytes = if keep { self.bytes.clone() } else { Vec::new() };
        Some(Content { known: entry.known.clone(), bytes, record, lasting: true })
    }

    /// Reads a file.
    fn read(&mut self, name: &OsString, keep: bool) -> Content {
        let mut record = match read_with(&self.task.folder.join(name), &mut self.ids) {
            Ok(record) => record,
            Err(why) => {
                let lasting = matches!(why, Unusable::Record(_));
                let known = Known::Skipped(why.kind(), why.to_string());
                return Content { known, bytes: Vec::new(), record: None, lasting };
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
        let bytes = if keep { encode(&record) } else { Vec::new() };
        let wanted = self.task.wanted.contains(&summary.trial_id);
        Content { known: Known::Record(summary), bytes, record: wanted.then(|| Arc::new(record)), lasting: true }
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
