//! The files of a packed cache: pictures, one after the other.

use super::row::{Packed, Row};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A shard that has reached this size is followed by another.
const FULL: u64 = 1 << 30;

/// Shard `number` in `folder`.
pub(super) fn path(folder: &Path, number: u32) -> PathBuf {
    folder.join(format!("shard-{number:05}.bin"))
}

/// Appends pictures to the last shard.
#[derive(Debug)]
pub(super) struct Shards {
    folder: PathBuf,
    file: File,
    number: u32,
    length: u64,
    full: u64,
}

impl Shards {
    /// Goes on after the last of `rows`; whatever shards hold behind it is cut off; of shards of which nothing is kept
    /// whoever has them open keeps all.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(folder: &Path, rows: &[Row]) -> io::Result<Self> {
        Self::with_size(folder, rows, FULL)
    }

    fn with_size(folder: &Path, rows: &[Row], full: u64) -> io::Result<Self> {
        let ends = rows.iter().filter_map(|row| row.packed).map(|p| (p.shard, p.offset + u64::from(p.bytes)));
        let (number, length) = ends.max().unwrap_or((0, 0));
        let mut behind = number + u32::from(length > 0);
        while path(folder, behind).exists() {
            fs::remove_file(path(folder, behind))?;
            behind += 1;
        }
        let file = OpenOptions::new().create(true).append(true).open(path(folder, number))?;
        file.set_len(length)?;
        Ok(Self { folder: folder.into(), file, number, length, full })
    }

    /// Appends a picture.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn add(&mut self, bytes: &[u8]) -> io::Result<Packed> {
        if self.length >= self.full {
            self.sync()?;
            self.number += 1;
            self.length = 0;
            self.file = OpenOptions::new().create(true).append(true).open(path(&self.folder, self.number))?;
            self.file.set_len(0)?;
        }
        self.file.write_all(bytes)?;
        let packed = Packed { shard: self.number, offset: self.length, bytes: bytes.len() as u32 };
        self.length += bytes.len() as u64;
        Ok(packed)
    }

    /// Waits until all that was added is on the disk.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// How many of the first `rows` lie whole in the shards.
pub(super) fn whole(folder: &Path, rows: &[Row]) -> usize {
    let mut last: Option<(u32, u64)> = None;
    let mut length = |number: u32| match last {
        Some((shard, length)) if shard == number => length,
        _ => {
            let length = path(folder, number).metadata().map_or(0, |m| m.len());
            last = Some((number, length));
            length
        }
    };
    let whole = |row: &Row| row.packed.is_none_or(|p| p.offset + u64::from(p.bytes) <= length(p.shard));
    rows.iter().map(whole).take_while(|whole| *whole).count()
}

#[cfg(test)]
mod tests {
    use super::super::decode::Kind;
    use super::super::layout::Split;
    use super::*;

    fn row(packed: Packed) -> Row {
        Row {
            split: Split::Train,
            class: 0,
            kind: Kind::Rgb,
            width: 1,
            height: 1,
            bytes: packed.bytes,
            sha256: String::new(),
            packed: Some(packed),
            path: String::new(),
        }
    }

    #[test]
    fn what_was_added_and_not_noted_is_written_anew() {
        let dir = tempfile::tempdir().unwrap();
        let mut shards = Shards::with_size(dir.path(), &[], 5).unwrap();
        let rows: Vec<Row> = [&b"abc"[..], b"def", b"gh"].map(|bytes| row(shards.add(bytes).unwrap())).into();
        assert_eq!(rows[2].packed, Some(Packed { shard: 1, offset: 0, bytes: 2 }));
        drop(shards);
        assert_eq!(whole(dir.path(), &rows), 3);
        let mut shards = Shards::with_size(dir.path(), &rows[..1], 5).unwrap();
        assert_eq!(whole(dir.path(), &rows), 1);
        assert_eq!(shards.add(b"xy").unwrap(), Packed { shard: 0, offset: 3, bytes: 2 });
        drop(shards);
        assert_eq!(fs::read(path(dir.path(), 0)).unwrap(), b"abcxy");
        assert!(!path(dir.path(), 1).exists());
    }
}
