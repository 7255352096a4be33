//! Tar archives, gzipped or not, read into memory; nothing is ever unpacked to the disk.

use super::bytes::{Limits, Stream};
use super::error::{At, DataError};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use tar::{Archive, Entry, EntryType};

/// More entries than the largest data set here has files.
const MAX_ENTRIES: usize = 1_000_000;
/// Bytes that may follow the end-of-archive mark: tar pads to a multiple of its record size.
const MAX_PADDING: u64 = 1 << 20;

/// Path to content; `None` for a folder.
pub(super) type Members = BTreeMap<String, Option<Vec<u8>>>;

/// The members of the archive that `reader` yields.
///
/// # Errors
/// Names `name` and the entry. Refused are: absolute paths and paths with `..`; links, pipes, devices and anything else
/// that is neither file nor folder (a data set needs none); a path that comes twice; entries or archives cut short; and
/// more than `limits` allow unpacked, so that a compressed bomb ends early.
pub(super) fn read(reader: impl Read, name: &str, limits: Limits) -> Result<Members, DataError> {
    let stream = Stream::new(reader).map_err(|e| DataError::reading(name, 0, e))?;
    if !stream.is_gzip() && (name.ends_with(".gz") || name.ends_with(".tgz")) {
        let start = stream.start().escape_ascii();
        return Err(DataError::format(name, At::Byte(0), format!("starts with `{start}`, which is no gzip")));
    }
    let place = Cell::new(0);
    let mut archive = Archive::new(Counted { inner: stream, read: &place, limit: limits.archive });
    let mut members = Members::new();
    for entry in archive.entries().map_err(|e| DataError::reading(name, 0, e))? {
        let mut entry = entry.map_err(|e| broken(name, place.get(), &e))?;
        if entry.header().entry_type() == EntryType::XGlobalHeader {
            continue;
        }
        let at = At::Byte(entry.raw_header_position());
        let path = safe_path(&entry.path_bytes()).map_err(|rule| DataError::format(name, at, rule))?;
        let content = content(&mut entry, &path, limits.file).map_err(|rule| DataError::format(name, at, rule))?;
        let folder = content.is_none();
        if path.is_empty() {
            continue;
        }
        if members.len() == MAX_ENTRIES {
            return Err(DataError::format(name, at, format!("more than {MAX_ENTRIES} entries")));
        }
        if members.insert(path.clone(), content).is_some() && !folder {
            return Err(DataError::format(name, at, format!("`{path}` comes twice")));
        }
    }
    finish(archive.into_inner(), name)?;
    if members.is_empty() {
        return Err(DataError::format(name, At::File, "holds no file: it is no tar archive, or an empty one"));
    }
    Ok(members)
}

/// The content of a file, `None` for a folder, or why the entry is refused.
fn content(entry: &mut Entry<impl Read>, path: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
    match entry.header().entry_type() {
        EntryType::Directory => return Ok(None),
        EntryType::Regular | EntryType::Continuous => {}
        other => return Err(format!("`{path}` is a {other:?} entry; only files and folders are accepted")),
    }
    let size = entry.size();
    if size > limit {
        return Err(format!("`{path}` promises {size} bytes, at most {limit} are accepted"));
    }
    // What the header promises, now that it is within the limit: the buffer does not double.
    let mut bytes = Vec::with_capacity(size as usize);
    entry.read_to_end(&mut bytes).map_err(|e| format!("`{path}`: broken or cut archive ({e})"))?;
    if bytes.len() as u64 != size {
        return Err(format!("unexpected end of archive: `{path}` has {} of its {size} bytes", bytes.len()));
    }
    Ok(Some(bytes))
}

/// The path as `a/b/c`, or why it is refused.
fn safe_path(raw: &[u8]) -> Result<String, String> {
    let path = std::str::from_utf8(raw).map_err(|_| format!("path `{}` is not UTF-8", raw.escape_ascii()))?;
    if path.starts_with('/') {
        return Err(format!("path `{path}` is absolute"));
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(format!("path `{path}` leaves the archive's folder"));
    }
    Ok(parts.join("/"))
}

/// Reads to the end of the stream, which is where gzip keeps its checksum.
fn finish(mut stream: Counted<'_, impl Read>, name: &str) -> Result<(), DataError> {
    let end = stream.read.get();
    let padding = io::copy(&mut Read::take(&mut stream, MAX_PADDING + 1), &mut io::sink());
    match padding.map_err(|e| broken(name, stream.read.get(), &e))? {
        n if n > MAX_PADDING => Err(DataError::format(name, At::Byte(end), "data after the end of the archive")),
        _ => Ok(()),
    }
}

/// What the reader of tar says may quote the archive's bytes.
fn broken(name: &str, byte: u64, error: &io::Error) -> DataError {
    let said = error.to_string().escape_debug().to_string();
    DataError::format(name, At::Byte(byte), format!("broken or cut archive ({said})"))
}

/// Refuses to read more than `limit` bytes.
struct Counted<'a, R> {
    inner: R,
    read: &'a Cell<u64>,
    limit: u64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buffer)?;
        self.read.set(self.read.get() + n as u64);
        if self.read.get() > self.limit {
            let rule = format!("more than {} bytes unpacked; a larger set must lie in a folder", self.limit);
            return Err(io::Error::other(rule));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packed() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for name in ["a/one", "a/two"] {
            let mut header = tar::Header::new_gnu();
            header.set_size(600);
            builder.append_data(&mut header, name, &[7; 600][..]).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn read(reader: impl Read, name: &str) -> Result<Members, DataError> {
        super::read(reader, name, Limits { file: 1000, archive: 1 << 20 })
    }

    #[test]
    fn what_is_too_large_is_refused_and_no_buffer_doubles() {
        let whole = packed();
        let with = |file, archive| super::read(&whole[..], "f", Limits { file, archive });
        assert!(with(600, 1 << 20).unwrap().values().flatten().all(|bytes| bytes.capacity() == 600));
        let error = with(599, 1 << 20).unwrap_err().to_string();
        assert!(error.contains("`a/one` promises 600 bytes, at most 599 are accepted"), "{error}");
        let error = with(600, 1500).unwrap_err().to_string();
        assert!(error.contains("more than 1500 bytes unpacked"), "{error}");
    }

    #[test]
    fn what_is_no_archive_is_said_to_be_none() {
        let said = |bytes: &[u8], name: &str| read(bytes, name).unwrap_err().to_string();
        let page = [&b"<html><title>not found</title>"[..], &[b' '; 1000]].concat();
        assert!(said(&page, "x.tar.gz").contains("byte 0: starts with `<htm`, which is no gzip"));
        assert!(said(&page, "x.tar").contains("broken or cut archive"));
        assert!(said(&[0; 2048], "x.tar").contains("no tar archive"));
        let mut damaged = packed();
        damaged[150] = 4;
        let text = said(&damaged, "x.tar");
        assert!(text.contains("x.tar, byte ") && !text.contains(|c: char| c.is_control()), "{text}");
    }

    #[test]
    fn an_archive_cut_within_a_file_is_refused() {
        let whole = packed();
        assert_eq!(read(&whole[..], "f").unwrap()["a/two"], Some(vec![7; 600]));
        for length in [100, 513, 1100, 1600, 2600, 3000] {
            assert!(read(&whole[..length], "f").is_err(), "{length}");
        }
    }

    proptest! {
        #[test]
        fn foreign_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
            let _ = read(&bytes[..], "f");
        }

        #[test]
        fn damaged_archives_never_panic(at: prop::sample::Index, byte: u8, cut: prop::sample::Index) {
            let mut bytes = packed();
            let length = bytes.len();
            bytes[at.index(length)] = byte;
            let _ = read(&bytes[..cut.index(length)], "f");
        }
    }
}
