//! The index of a prepared ImageNet: `index.tsv`.
//!
//! The first line is a [`Head`] as JSON, then there is a line for each picture ([`Row`]), sorted by split, class and
//! path, and the last line, `end`, has their number and the digest: an index that was cut is no index.

use super::layout::Split;
use super::row::Row;
use crate::data::DataError;
use crate::data::error::At;
use crate::files::{hex, write_atomic_with};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// The name of the index in its folder.
pub(in crate::data) const FILE: &str = "index.tsv";
/// The form that this program reads and writes.
const FORMAT: &str = "ndbench-imagenet-1";

/// Where the bytes that are trained on lie, and what they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Storage {
    /// In the files as they were found.
    #[default]
    Files,
    /// The same bytes, one after the other in a few large files.
    Packed,
    /// Smaller pictures made of them, packed. Networks do not see what they see of the files.
    Scaled {
        /// Pixels to which the shorter side of larger pictures is scaled.
        shorter_side: u16,
    },
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    format: String,
    pub(super) storage: Storage,
    /// The folder that paths begin in.
    pub(super) root: PathBuf,
    /// In the order of their numbers.
    pub(super) classes: Vec<String>,
}

/// A whole index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) head: Head,
    pub(super) rows: Vec<Row>,
    /// 16 hexadecimal digits: names the pictures and their classes, wherever they lie.
    pub(super) digest: String,
}

impl Head {
    pub(super) fn new(storage: Storage, root: &Path, classes: Vec<String>) -> Self {
        Self { format: FORMAT.into(), storage, root: root.into(), classes }
    }

    pub(super) fn line(&self) -> String {
        serde_json::to_string(self).expect("texts are JSON")
    }

    /// `None` where the line is none of this form.
    pub(super) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok().filter(|head: &Self| head.format == FORMAT)
    }
}

impl Index {
    /// Sorts `rows` into an index.
    pub(super) fn new(head: Head, mut rows: Vec<Row>) -> Self {
        rows.sort_unstable_by(|a, b| (a.split, a.class, &a.path).cmp(&(b.split, b.class, &b.path)));
        let digest = digest(&head.classes, &rows);
        Self { head, rows, digest }
    }

    /// Writes the index into `folder`.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        write_atomic_with(&folder.join(FILE), |file| {
            let mut out = BufWriter::new(file);
            writeln!(out, "{}", self.head.line())?;
            self.rows.iter().try_for_each(|row| writeln!(out, "{}", row.line(&self.head.classes)))?;
            writeln!(out, "{}", self.end())?;
            out.flush()
        })
    }

    fn end(&self) -> String {
        format!("end\t{}\t{}", self.rows.len(), self.digest)
    }

    /// Reads the index in `folder`.
    ///
    /// # Errors
    /// Absent, cut, damaged, of another form.
    pub(super) fn read(folder: &Path) -> Result<Self, DataError> {
        let path = folder.join(FILE);
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(|source| DataError::Io { file: name.clone(), source })?;
        let wrong = |at, rule: &str| {
            let again = "; make it anew with `ndbench data prepare imagenet`";
            DataError::format(&name, at, format!("{rule}{again}"))
        };
        let mut lines = text.lines();
        let head = lines.next().and_then(Head::parse);
        let head = head.ok_or_else(|| wrong(At::File, "is no index of this version of ndbench"))?;
        let mut rows = Vec::new();
        let mut end = None;
        for (number, line) in lines.enumerate() {
            if line.starts_with("end\t") {
                end = Some(line);
                break;
            }
            let row = Row::parse(line, &head.classes);
            rows.push(row.ok_or_else(|| wrong(At::Record(number as u64), "is no line of an index"))?);
        }
        let end = end.ok_or_else(|| wrong(At::File, "has no last line: it was cut"))?;
        let index = Self::new(head, rows);
        if index.end() != end {
            return Err(wrong(At::File, "holds other lines than were written"));
        }
        Ok(index)
    }

    /// The pictures of one split.
    pub(super) fn split(&self, split: Split) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.split == split)
    }
}

/// Names class names, classes and contents; not where they lie.
pub(super) fn digest<'a>(classes: &[String], rows: impl IntoIterator<Item = &'a Row>) -> String {
    let mut hasher = Sha256::new();
    for class in classes {
        hasher.update(format!("{class}\n"));
    }
    for Row { split, class, sha256, .. } in rows {
        hasher.update(format!("{} {class} {sha256}\n", split.name()));
    }
    hex(&hasher.finalize()[..8])
}

#[cfg(test)]
mod tests {
    use super::super::decode::Kind;
    use super::*;

    pub(crate) fn index(storage: Storage) -> Index {
        let head = Head::new(storage, Path::new("/data"), vec!["n01440764".into(), "n02110185".into()]);
        let row = |split, class, path: &str| Row {
            split,
            class,
            kind: Kind::Rgb,
            width: 5,
            height: 4,
            bytes: 9,
            sha256: "0123456789abcdef".into(),
            packed: None,
            path: path.into(),
        };
        Index::new(head, vec![row(Split::Val, 0, "c"), row(Split::Train, 1, "b"), row(Split::Train, 0, "a")])
    }

    #[test]
    fn an_index_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let index = index(Storage::Files);
        index.write(dir.path()).unwrap();
        assert_eq!(Index::read(dir.path()).unwrap(), index);
        assert_eq!(index.split(Split::Train).map(|row| &*row.path).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn a_cut_or_changed_index_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        index(Storage::Files).write(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        let whole = std::fs::read_to_string(&path).unwrap();
        let without_a_row: Vec<&str> =
            whole.lines().enumerate().filter(|(n, _)| *n != 2).map(|(_, line)| line).collect();
        let moved = whole.replacen("n02110185\trgb", "n01440764\trgb", 1);
        for text in
            [&whole[..whole.len() - 30], &without_a_row.join("\n"), &moved, "", &whole.replacen("-1\"", "-2\"", 1)]
        {
            std::fs::write(&path, text).unwrap();
            let error = Index::read(dir.path()).unwrap_err().to_string();
            assert!(error.contains("ndbench data prepare imagenet"), "{error}");
        }
    }
}
