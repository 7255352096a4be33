//! What a preparation has done so far, in a file that grows: after an interruption or a kill it goes on from there.

use super::index::Head;
use super::row::Row;
use crate::files::write_atomic_with;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The name of the journal in the folder of the index.
pub(super) const FILE: &str = "index.part.tsv";

/// The open journal; no other process has it.
#[derive(Debug)]
pub(super) struct Journal {
    out: BufWriter<File>,
}

impl Journal {
    /// Opens the journal in `folder`, with the rows that it holds; those of another head, and a last line that was cut, are
    /// forgotten. `None` where another process is at work on it.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(folder: &Path, head: &Head) -> io::Result<Option<(Self, Vec<Row>)>> {
        let path = folder.join(FILE);
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(e)) => return Err(e),
        }
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let (rows, good) = parse(&text, head);
        file.set_len(good as u64)?;
        file.seek(SeekFrom::End(0))?;
        let mut journal = Self { out: BufWriter::new(file) };
        if good == 0 {
            writeln!(journal.out, "{}", head.line())?;
        }
        Ok(Some((journal, rows)))
    }

    /// Has these rows instead of those it has; whoever kills the process meanwhile finds the old or the new ones.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn restart(&mut self, folder: &Path, head: &Head, rows: &[Row]) -> io::Result<()> {
        let path = folder.join(FILE);
        write_atomic_with(&path, |file| {
            let mut out = BufWriter::new(file);
            writeln!(out, "{}", head.line())?;
            rows.iter().try_for_each(|row| writeln!(out, "{}", row.line(&head.classes)))?;
            out.flush()
        })?;
        let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
        file.try_lock()?;
        file.seek(SeekFrom::End(0))?;
        self.out = BufWriter::new(file);
        Ok(())
    }

    /// Notes a row; it may stay in memory until [`Self::sync`].
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn add(&mut self, head: &Head, row: &Row) -> io::Result<()> {
        writeln!(self.out, "{}", row.line(&head.classes))
    }

    /// Waits until all rows are on the disk.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.out.flush()?;
        self.out.get_ref().sync_data()
    }
}

/// The rows of a journal with this head, and how many bytes of it are good.
fn parse(text: &[u8], head: &Head) -> (Vec<Row>, usize) {
    // Of a last line without an end, nothing counts.
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let mut lines = lines.map_while(|line| std::str::from_utf8(line.strip_suffix(b"\n")?).ok());
    let Some(first) = lines.next().filter(|first| Head::parse(first).as_ref() == Some(head)) else {
        return (Vec::new(), 0);
    };
    let mut good = first.len() + 1;
    let rows = lines.map_while(|line| {
        let row = Row::parse(line, &head.classes)?;
        good += line.len() + 1;
        Some(row)
    });
    (rows.collect(), good)
}

#[cfg(test)]
mod tests {
    use super::super::decode::Kind;
    use super::super::index::Storage;
    use super::super::layout::Split;
    use super::*;

    fn row(path: &str) -> Row {
        Row {
            split: Split::Train,
            class: 0,
            kind: Kind::Rgb,
            width: 1,
            height: 1,
            bytes: 1,
            sha256: "0123456789abcdef".into(),
            packed: None,
            path: path.into(),
        }
    }

    fn head(class: &str) -> Head {
        Head::new(Storage::Files, Path::new("/data"), vec![class.into()])
    }

    fn write(folder: &Path, paths: &[&str]) -> Vec<Row> {
        let (mut journal, rows) = Journal::open(folder, &head("n01440764")).unwrap().unwrap();
        paths.iter().for_each(|path| journal.add(&head("n01440764"), &row(path)).unwrap());
        journal.sync().unwrap();
        rows
    }

    #[test]
    fn whole_lines_are_kept_and_a_cut_one_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(write(dir.path(), &["a", "b"]), []);
        let path = dir.path().join(FILE);
        let text = std::fs::read(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 1]).unwrap();
        assert_eq!(write(dir.path(), &["c"]), [row("a")]);
        assert_eq!(write(dir.path(), &[]), [row("a"), row("c")]);
        std::fs::write(&path, &text[..10]).unwrap();
        assert_eq!(write(dir.path(), &[]), []);
    }

    #[test]
    fn a_restart_changes_the_rows_and_keeps_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["a", "b"]);
        let head = head("n01440764");
        let (mut journal, rows) = Journal::open(dir.path(), &head).unwrap().unwrap();
        journal.restart(dir.path(), &head, &rows[..1]).unwrap();
        assert!(Journal::open(dir.path(), &head).unwrap().is_none());
        journal.add(&head, &row("c")).unwrap();
        journal.sync().unwrap();
        drop(journal);
        assert_eq!(write(dir.path(), &[]), [row("a"), row("c")]);
    }

    #[test]
    fn rows_of_other_classes_are_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), &["a"]);
        let (_, rows) = Journal::open(dir.path(), &head("n02110185")).unwrap().unwrap();
        assert_eq!(rows, []);
    }

    #[test]
    fn one_process_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let (mut first, _) = Journal::open(dir.path(), &head("n01440764")).unwrap().unwrap();
        first.sync().unwrap();
        assert!(Journal::open(dir.path(), &head("n01440764")).unwrap().is_none());
    }
}
