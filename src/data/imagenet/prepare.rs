//! From the files of ImageNet to an index: each is read and decoded once, and an interruption loses little.

use super::examine::{Examined, examine};
use super::index::{self, Head, Index, Storage};
use super::journal::{self, Journal};
use super::layout::{self, File, Found};
use super::ordered::in_order;
use super::prepared::Prepared;
use super::row::Row;
use super::shards::{self, Shards};
use super::unread::Unread;
use crate::data::DataError;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// The folder of the index, in that of the pictures.
pub const FOLDER: &str = "ndbench-imagenet";
/// So many pictures are noted at once: a kill loses no more.
const GROUP: usize = 512;

/// Why a preparation ended without an index.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The pictures are not there, or not as they should be.
    #[error(transparent)]
    Data(#[from] DataError),
    /// The index, its journal or a shard cannot be written.
    #[error("cannot write to {}: {source}; free space there or pass --out DIR, and run the same command again", folder.display())]
    Write {
        /// Where they go.
        folder: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What the pictures lie on fails; what was done is noted.
    #[error("{}: {why}; others on the same storage will hardly be better off: mend that, and run the same command again", file.display())]
    Storage {
        /// The picture that could not be read.
        file: PathBuf,
        /// What the operating system said.
        why: String,
    },
    /// Another process prepares the same.
    #[error("{}: another process is preparing it; wait for it or pass --out DIR", .0.display())]
    Busy(PathBuf),
    /// A signal came; what was done is noted.
    #[error("interrupted")]
    Interrupted,
}

/// What is to be made.
#[derive(Debug, Clone, Default)]
pub struct Preparation {
    /// Where the index goes; absent: [`FOLDER`] in that of the pictures.
    pub out: Option<PathBuf>,
    /// In place, or packed.
    pub storage: Storage,
    /// Threads that read and decode.
    pub threads: usize,
    /// Pictures that may be left out since they cannot be decoded.
    pub max_bad: usize,
    /// Read all files, also those that were read before and still have their size.
    pub again: bool,
}

/// Finds the pictures below `root`, reads and decodes each, and writes an index of them. `progress` is told how many of how
/// many are done. The index is written where no more than [`Preparation::max_bad`] of them cannot be decoded.
///
/// # Errors
/// [`PrepareError`]; the same call goes on from what was done.
pub fn prepare(
    root: &Path,
    preparation: &Preparation,
    interrupt: &AtomicBool,
    progress: impl FnMut(usize, usize),
) -> Result<Prepared, PrepareError> {
    let root = root.canonicalize().map_err(|source| DataError::Io { file: root.display().to_string(), source })?;
    let Found { classes, files, remarks } = layout::find(&root)?;
    let folder = preparation.out.clone().unwrap_or_else(|| root.join(FOLDER));
    let failed = |source| PrepareError::Write { folder: folder.clone(), source };
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let head = Head::new(preparation.storage, &relative(&root, &folder), classes);
    let opened = Journal::open(&folder, &head).map_err(failed)?;
    let (mut journal, mut noted) = opened.ok_or_else(|| PrepareError::Busy(folder.clone()))?;
    let held = noted.len();
    if noted.is_empty()
        && let Ok(index) = Index::read(&folder)
        && index.head == head
    {
        noted = index.rows;
        // In the order in which they were packed.
        noted.sort_by_key(|row| row.packed.map(|p| (p.shard, p.offset)));
    }
    let kept = if preparation.again { 0 } else { shards::whole(&folder, &noted) };
    if (kept == 0 || kept < noted.len()) && preparation.storage != Storage::Files {
        // Where the pictures of an index lie, others will. A training keeps the shards that it has open, but not the end of one
        // that is cut off and written on.
        remove(&folder.join(index::FILE)).map_err(failed)?;
    }
    noted.truncate(kept);
    if noted.len() != held {
        journal.restart(&folder, &head, &noted).map_err(failed)?;
    }
    let shards = match preparation.storage {
        Storage::Files => None,
        Storage::Packed | Storage::Scaled { .. } => Some(Shards::open(&folder, &noted).map_err(failed)?),
    };
    let work = Work { root: &root, head: &head, journal, shards, prepared: Prepared::new(&folder, &head, remarks) };
    let (prepared, rows) = work.run(&files, noted, preparation.threads, interrupt, progress).map_err(|e| match e {
        Ended::Interrupted => PrepareError::Interrupted,
        Ended::Storage { path, why } => PrepareError::Storage { file: root.join(path), why },
        Ended::Io(source) => failed(source),
    })?;
    prepared.finish(Index::new(head, rows), preparation.max_bad).map_err(failed)
}

/// Removes a file, if it is there.
fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// `root` as seen from `folder`, where that lies in it, so that both can be moved together.
fn relative(root: &Path, folder: &Path) -> PathBuf {
    let inside = folder.canonicalize().ok().and_then(|folder| folder.strip_prefix(root).ok().map(Path::to_path_buf));
    match inside {
        Some(inside) if inside.components().next().is_some() => inside.components().map(|_| "..").collect(),
        Some(_) => ".".into(),
        None => root.into(),
    }
}

enum Ended {
    Interrupted,
    /// A picture could not be read, and others will not be.
    Storage {
        path: String,
        why: String,
    },
    Io(io::Error),
}

impl From<io::Error> for Ended {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

/// A file after it was looked at.
enum Seen {
    /// As it was noted before.
    Before(Row),
    Now(Result<Examined, Unread>),
}

struct Work<'a> {
    root: &'a Path,
    head: &'a Head,
    journal: Journal,
    shards: Option<Shards>,
    prepared: Prepared,
}

impl Work<'_> {
    fn run(
        mut self,
        files: &[File],
        noted: Vec<Row>,
        threads: usize,
        interrupt: &AtomicBool,
        mut progress: impl FnMut(usize, usize),
    ) -> Result<(Prepared, Vec<Row>), Ended> {
        let noted: HashMap<String, Row> = noted.into_iter().map(|row| (row.path.clone(), row)).collect();
        let root = self.root;
        let shorter_side = match self.head.storage {
            Storage::Scaled { shorter_side } => Some(shorter_side),
            Storage::Files | Storage::Packed => None,
        };
        let look = |number: usize| {
            let File { split, class, path } = &files[number];
            let place = root.join(path);
            let before = noted.get(path).filter(|row| (row.split, row.class) == (*split, *class));
            match before.filter(|row| place.metadata().is_ok_and(|m| m.len() == u64::from(row.bytes))) {
                Some(row) => Seen::Before(row.clone()),
                None => Seen::Now(examine(&place, shorter_side)),
            }
        };
        let mut rows = Vec::with_capacity(files.len());
        let mut unsaved = 0;
        let take = |number: usize, seen: Seen| {
            if interrupt.load(Ordering::Relaxed) {
                return Err(Ended::Interrupted);
            }
            match seen {
                Seen::Before(row) => rows.push(row),
                Seen::Now(Err(Unread::Picture(why))) => self.prepared.bad(&files[number].path, why),
                Seen::Now(Err(Unread::Storage(why))) => {
                    return Err(Ended::Storage { path: files[number].path.clone(), why });
                }
                Seen::Now(Ok(examined)) => {
                    let row = self.note(&files[number], examined)?;
                    rows.push(row);
                    unsaved += 1;
                }
            }
            if unsaved == GROUP {
                self.save()?;
                unsaved = 0;
            }
            progress(number + 1, files.len());
            Ok(())
        };
        let ended = in_order(files.len(), (threads, 4 * threads), look, take);
        self.save()?;
        ended.map(|()| (self.prepared, rows))
    }

    fn note(&mut self, file: &File, examined: Examined) -> io::Result<Row> {
        let Examined { kind, file_bytes, bytes, size: (width, height), sha256 } = examined;
        let packed = self.shards.as_mut().map(|shards| shards.add(&bytes)).transpose()?;
        let row = Row {
            split: file.split,
            class: file.class,
            kind,
            // Larger pictures are refused.
            width: width as u16,
            height: height as u16,
            bytes: file_bytes as u32,
            sha256,
            packed,
            path: file.path.clone(),
        };
        self.journal.add(self.head, &row)?;
        self.prepared.read(row.bytes);
        Ok(row)
    }

    /// Pictures first, so that what is noted is there.
    fn save(&mut self) -> io::Result<()> {
        self.shards.as_ref().map_or(Ok(()), Shards::sync)?;
        self.journal.sync()
    }
}

/// Removes the journal, once the index is there.
pub(super) fn forget_journal(folder: &Path) -> io::Result<()> {
    match std::fs::remove_file(folder.join(journal::FILE)) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "prepare_tests.rs"]
mod tests;
