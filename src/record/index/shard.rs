//! A shard of the index: a line of JSON about the shard, a table of its files as JSON, and the records as bytes. Table
//! and records carry checksums, so that a damaged shard is seen and does no harm.

use super::{Stamp, Summary, code};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// Name and version of the form.
const SCHEMA: &str = "ndbench.index/3";

/// What knows the rules by which a file is a record: an index of another build is not believed.
const BUILD: &str = concat!(env!("CARGO_PKG_VERSION"), "+", env!("NDBENCH_COMMIT"));

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

/// No first line is nearly as long.
const LONGEST_LINE: u64 = 1 << 10;

/// The first line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    schema: String,
    build: String,
    /// [`code::WORDS`].
    words: usize,
    /// Bytes of the table.
    table: u64,
    /// Checksum of the table.
    sum: u32,
}

/// A record of the store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::record) struct Entry {
    pub name: String,
    pub stamp: Stamp,
    pub summary: Summary,
    /// Where it begins among the records, and how long it is.
    at: u64,
    length: u64,
    /// Checksum of the record's bytes.
    sum: u32,
}

/// An open shard with its table.
#[derive(Debug)]
pub(in crate::record) struct Shard {
    /// With the place where it stands. Records are mostly asked for in the order in which they lie.
    file: RefCell<(BufReader<File>, u64)>,
    /// Where the records begin.
    records: u64,
    length: u64,
    entries: HashMap<String, Entry>,
}

impl Shard {
    /// The shard at `path`; `None` where it is absent, damaged or of another build.
    pub fn open(path: &Path) -> Option<Shard> {
        let file = File::open(path).ok()?;
        let length = file.metadata().ok()?.len();
        let mut reader = BufReader::with_capacity(BUFFER, file);
        let mut line = Vec::new();
        reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).ok()?;
        let head: Head = serde_json::from_slice(&line).ok()?;
        if head.table > length {
            return None;
        }
        let mut table = vec![0; usize::try_from(head.table).ok()?];
        reader.read_exact(&mut table).ok()?;
        if head != self::head(&table) {
            return None;
        }
        let entries: Vec<Entry> = serde_json::from_slice(&table).ok()?;
        let entries = entries.into_iter().map(|e| (e.name.clone(), e)).collect();
        let records = line.len() as u64 + head.table;
        Some(Shard { file: RefCell::new((reader, records)), records, length, entries })
    }

    /// It knows a file of that name, as it was.
    pub fn knows(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// What it knows of the file of that name, as long as the file is unchanged.
    pub fn find(&self, name: &str, stamp: &Stamp) -> Option<&Entry> {
        self.entries.get(name).filter(|entry| entry.stamp == *stamp)
    }

    /// Puts the bytes of an entry's record in the place of what `bytes` holds; `None` where they are damaged.
    pub fn bytes(&self, entry: &Entry, bytes: &mut Vec<u8>) -> Option<()> {
        if entry.length > self.length {
            return None;
        }
        bytes.resize(usize::try_from(entry.length).ok()?, 0);
        let (file, place) = &mut *self.file.borrow_mut();
        let start = self.records.checked_add(entry.at).filter(|start| *start <= self.length)?;
        file.seek_relative(start as i64 - *place as i64).ok()?;
        // Where reading fails, the shard is not asked again.
        file.read_exact(bytes).ok()?;
        *place = start + entry.length;
        (crc32fast::hash(bytes) == entry.sum).then_some(())
    }
}

/// A shard to be written.
#[derive(Debug, Default)]
pub(in crate::record) struct Builder {
    entries: Vec<Entry>,
    records: Vec<u8>,
}

impl Builder {
    /// Adds a file with the bytes of its record.
    pub fn add(&mut self, name: String, stamp: Stamp, summary: Summary, record: &[u8]) {
        let (at, length) = (self.records.len() as u64, record.len() as u64);
        self.entries.push(Entry { name, stamp, summary, at, length, sum: crc32fast::hash(record) });
        self.records.extend(record);
    }

    /// Writes the shard whole or not at all. Not flushed to the disk: a shard that a crash damages is seen and rebuilt.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let table = serde_json::to_vec(&self.entries)?;
        let mut file = tempfile::Builder::new().prefix(".tmp-").tempfile_in(folder)?;
        let head = serde_json::to_string(&head(&table))? + "\n";
        [head.as_bytes(), &table, &self.records].into_iter().try_for_each(|part| file.write_all(part))?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            file.as_file().set_permissions(fs::Permissions::from_mode(0o644))?;
        }
        file.persist(path).map_err(|e| e.error)?;
        Ok(())
    }
}

/// The first line of a shard with this table, as this build writes it.
fn head(table: &[u8]) -> Head {
    let (schema, build) = (SCHEMA.into(), BUILD.into());
    Head { schema, build, words: code::WORDS, table: table.len() as u64, sum: crc32fast::hash(table) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of that text, its stamp, and what stands for a summary.
    fn example(text: &str) -> (tempfile::NamedTempFile, Stamp, Summary) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, format!("{{\n  \"checksum\": \"sha256:{}\",\n{text}", "0".repeat(64))).unwrap();
        let stamp = Stamp::of(file.path()).unwrap();
        let trial_id = crate::plan::TrialId(text.into());
        let finished = jiff::Timestamp::UNIX_EPOCH;
        (file, stamp, Summary { trial_id, fingerprint: "f".into(), is_finished: true, time_valid: true, finished })
    }

    #[test]
    fn a_shard_gives_back_what_it_was_given() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("index/00");
        let ((_a, first, a), (_b, second, b)) = (example("a"), example("b"));
        let mut builder = Builder::default();
        builder.add("a.json".into(), first.clone(), a, b"");
        builder.add("b.json".into(), second.clone(), b.clone(), b"bytes");
        builder.write(&path).unwrap();
        let shard = Shard::open(&path).unwrap();
        let entry = shard.find("b.json", &second).unwrap();
        let mut bytes = b"of another record".to_vec();
        assert_eq!(shard.bytes(entry, &mut bytes), Some(()));
        assert_eq!((&entry.summary, &bytes[..]), (&b, &b"bytes"[..]));
        let entry = shard.find("a.json", &first).unwrap();
        assert_eq!((shard.bytes(entry, &mut bytes), bytes.len()), (Some(()), 0), "backwards");
        assert!(shard.find("c.json", &first).is_none() && shard.find("b.json", &first).is_none());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn damage_anywhere_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00");
        let (_file, stamp, summary) = example("a");
        let mut builder = Builder::default();
        builder.add("a.json".into(), stamp.clone(), summary, b"bytes");
        builder.write(&path).unwrap();
        let whole = fs::read(&path).unwrap();
        let read = || {
            let shard = Shard::open(&path)?;
            shard.bytes(shard.find("a.json", &stamp)?, &mut Vec::new())
        };
        assert_eq!(read(), Some(()));
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, &damaged).unwrap();
            assert_eq!(read(), None, "byte {at}");
            fs::write(&path, &whole[..at]).unwrap();
            assert_eq!(read(), None, "cut at {at}");
        }
        let other_build = String::from_utf8(whole).unwrap().replacen(BUILD, "0.0.0+other", 1);
        fs::write(&path, other_build).unwrap();
        assert_eq!(read(), None);
    }
}
