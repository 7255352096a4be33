//! Reading foreign bytes without trusting what they promise.

use super::error::{At, DataError};
use flate2::read::MultiGzDecoder;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// How many foreign bytes are taken into memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    /// Of one file, on the disk or unpacked.
    pub(super) file: u64,
    /// Of a whole archive, unpacked.
    pub(super) archive: u64,
}

impl Limits {
    /// CIFAR: the largest file holds the 50,000 records of CIFAR-100's training images, 153,700,000 bytes; an archive
    /// unpacks to 60,000 records and some names.
    pub(super) const CIFAR: Limits = Limits { file: 192 << 20, archive: 256 << 20 };
    /// Image folders: one picture, and as many in an archive as should lie in memory beside their pixels.
    pub(super) const PICTURES: Limits = Limits { file: 64 << 20, archive: 512 << 20 };
}

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
    read_bounded(file, limit, size, &name)
}

/// Everything `reader` yields, at most `limit` bytes; `size` is what is expected of it.
pub(super) fn read_bounded(reader: impl Read, limit: u64, size: u64, name: &str) -> Result<Vec<u8>, DataError> {
    let mut bytes = Vec::with_capacity(size.min(limit) as usize);
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

    /// The first four bytes of what is not packed.
    pub(super) fn start(&self) -> &[u8] {
        match self {
            Self::Plain(reader) => &reader.buffer()[..reader.buffer().len().min(4)],
            Self::Gzip(_) => &[],
        }
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
