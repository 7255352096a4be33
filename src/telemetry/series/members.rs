//! The file of a series: members of gzip, one after the other, each whole. Who kills the program costs it the member that
//! is not written yet.

use super::Row;
use flate2::Compression;
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// A file that grows by whole members.
pub(super) struct Members {
    file: File,
    /// The bytes of its whole members.
    whole: u64,
    /// The executions in it when it was opened.
    pub executions: u32,
}

impl Members {
    /// Opens the file at `path`: to go on behind its whole members where it `resumes` and there are any with these
    /// columns; else it begins anew, with the line of the header. What it should have gone on from and cannot, such as a
    /// file with the columns of another version, stays beside it as `PATH.before`, or `PATH.before-2` and so on.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn open(path: &Path, resumes: bool) -> io::Result<Self> {
        let before = if resumes { whole(path) } else { None };
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        if resumes && before.is_none() && fs::metadata(path).is_ok_and(|file| file.len() > 0) {
            fs::rename(path, aside(path))?;
        }
        let file = File::options().create(true).append(true).open(path)?;
        let (whole, executions) = before.unwrap_or_default();
        file.set_len(whole)?;
        let mut members = Self { file, whole, executions };
        // Of an earlier file an empty one: who still writes it, after the trial was taken over, finds it longer.
        members.add(if before.is_none() { Row::header() } else { String::new() }.as_str())?;
        Ok(members)
    }

    /// Appends `text` as a member.
    ///
    /// # Errors
    /// Whatever the file system says, or that another process writes the file too, as one does that has taken the trial over;
    /// nothing of the member is left then.
    pub fn add(&mut self, text: &str) -> io::Result<()> {
        if self.file.metadata()?.len() != self.whole {
            return Err(io::Error::other("another process writes it too"));
        }
        let mut out = GzEncoder::new(Vec::new(), Compression::default());
        out.write_all(text.as_bytes())?;
        let member = out.finish()?;
        if let Err(e) = self.file.write_all(&member) {
            // On a full disk a file can still be cut.
            self.file.set_len(self.whole)?;
            return Err(e);
        }
        self.whole += member.len() as u64;
        Ok(())
    }

    /// Flushes the file to the disk.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }
}

/// A name beside `path` that nothing has.
fn aside(path: &Path) -> PathBuf {
    let named = |ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    };
    let numbered = (2..).map(|number| named(&format!(".before-{number}")));
    [named(".before")].into_iter().chain(numbered).find(|path| !path.exists()).expect("numbers do not end")
}

/// Whether the file at `path` is a series with these columns.
pub(in crate::telemetry) fn is_series(path: &Path) -> bool {
    let mut line = String::new();
    let read =
        File::open(path).and_then(|file| BufReader::new(GzDecoder::new(BufReader::new(file))).read_line(&mut line));
    read.is_ok() && line == Row::header()
}

/// The bytes of the whole members of the file at `path` and the executions in them, where it is a series with these columns.
fn whole(path: &Path) -> Option<(u64, u32)> {
    let mut file = BufReader::new(File::open(path).ok()?);
    let (mut whole, mut executions, mut last) = (0, 0, 0);
    while !file.fill_buf().ok()?.is_empty() {
        let mut text = String::new();
        if GzDecoder::new(&mut file).read_to_string(&mut text).is_err() {
            break;
        }
        let rows = if whole == 0 { text.strip_prefix(&Row::header())? } else { &text };
        for row in rows.lines() {
            let execution: u32 = row.split(',').nth(1)?.parse().ok()?;
            executions += u32::from(execution != last);
            last = execution;
        }
        whole = file.stream_position().ok()?;
    }
    (whole > 0).then_some((whole, executions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_added_to_what_somebody_else_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.csv.gz");
        let mut ours = Members::open(&path, false).unwrap();
        ours.add("1\n").unwrap();
        File::options().append(true).open(&path).unwrap().write_all(b"theirs").unwrap();
        let there = fs::read(&path).unwrap();
        let why = ours.add("2\n").unwrap_err();
        assert!(why.to_string().contains("another process") && fs::read(&path).unwrap() == there, "{why}");
    }

    #[test]
    fn who_goes_on_with_a_file_ends_the_writing_of_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("series.csv.gz");
        let mut theirs = Members::open(&path, false).unwrap();
        let mut ours = Members::open(&path, true).unwrap();
        assert!(theirs.add("1\n").is_err() && ours.add("2\n").is_ok());
    }
}
