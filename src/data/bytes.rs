//! Reading foreign bytes without trusting what they promise.

use super::error::{At, DataError};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// No file and no archive of a data set is larger than this, packed or unpacked.
pub(super) const MAX_BYTES: u64 = 2 << 30;

/// Opens a regular file for reading; its size comes with it. A named pipe, which would block for ever, or a device is
/// refused.
pub(super) fn open_regular(path: &Path) -> Result<(File, u64), DataError> {
    let failed = |source| DataError::Io { file: path.display().to_string(), source };
    let metadata = path.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(DataError::format(&path.display().to_string(), At::File, "is not a regular file"));
    }
    Ok((File::open(path).map_err(failed)?, metadata.len()))
}

/// The whole of a regular file of at most `limit` bytes.
pub(super) fn read_regular(path: &Path, limit: u64) -> Result<Vec<u8>, DataError> {
    let name = path.display().to_string();
    let (file, size) = open_regular(path)?;
    if size > limit {
        return Err(DataError::format(&name, At::File, format!("{size} bytes, at most {limit} are accepted")));
    }
    read_bounded(file, limit, &name)
}

/// Everything `reader` yields, at most `limit` bytes.
pub(super) fn read_bounded(reader: impl Read, limit: u64, name: &str) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::new();
    match reader.take(limit + 1).read_to_end(&mut bytes) {
        Err(source) => Err(DataError::reading(name, bytes.len() as u64, source)),
        Ok(read) if read as u64 > limit => {
            Err(DataError::format(name, At::Byte(limit), format!("goes on after the {limit} bytes accepted")))
        }
        Ok(_) => Ok(bytes),
    }
}

/// A stream that is unpacked where its first two bytes say gzip.
pub(super) enum Stream<R: Read> {
    Plain(BufReader<R>),
    Gzip(Box<MultiGzDecoder<BufReader<R>>>),
}

impl<R: Read> Stream<R> {
    pub(super) fn new(reader: R) -> io::Result<Self> {
        let mut buffered = BufReader::with_capacity(1 << 16, reader);
        let gzip = io::BufRead::fill_buf(&mut buffered)?.starts_with(&[0x1f, 0x8b]);
        Ok(if gzip { Self::Gzip(Box::new(MultiGzDecoder::new(buffered))) } else { Self::Plain(buffered) })
    }

    pub(super) fn is_gzip(&self) -> bool {
        matches!(self, Self::Gzip(_))
    }
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(reader) => reader.read(buffer),
            Self::Gzip(reader) => reader.read(buffer),
        }
    }
}
