//! One file of a store: a record, or the reason why it is none.

use super::{Record, RecordError, StoreError};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

/// No record is nearly as large; a larger file is not read.
pub(super) const LARGEST: u64 = 16 << 20;

/// Why a file is not used; sentences without a full stop.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("half-written: being written now, or left by a process that was killed")]
    HalfWritten,
    #[error("the name of a record ends in .json")]
    Name,
    #[error("not a regular file")]
    Kind,
    #[error("larger than {} MiB, which no record is", LARGEST >> 20)]
    Size,
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Unusable {
    /// There is no such file.
    pub(super) fn is_absent(&self) -> bool {
        matches!(self, Self::Io(source) if source.kind() == io::ErrorKind::NotFound)
    }

    /// The error of a file in the place of a record that must be neither taken as absent nor replaced: a good record, for
    /// all we know. Of other files there is none.
    pub(super) fn refusal(self, path: &Path) -> Option<StoreError> {
        let path = path.to_path_buf();
        match self {
            Self::Record(RecordError::Newer { found, .. }) => Some(StoreError::Newer { path, found }),
            Self::Io(source) if source.kind() != io::ErrorKind::NotFound => {
                Some(StoreError::Io { action: "read", path, source })
            }
            _ => None,
        }
    }
}

/// Reads one record, or says why it is not one.
pub(super) fn read(path: &Path) -> Result<Record, Unusable> {
    Ok(Record::parse(&text(path)?)?)
}

/// The bytes of a file that may be a record.
pub(super) fn text(path: &Path) -> Result<Vec<u8>, Unusable> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if name.starts_with(".tmp-") {
        return Err(Unusable::HalfWritten);
    }
    if path.extension().is_none_or(|e| e != "json") {
        return Err(Unusable::Name);
    }
    // Asked before the file is opened: opening a pipe would wait for its other end.
    let file = fs::metadata(path)?;
    if !file.is_file() {
        return Err(Unusable::Kind);
    }
    let mut text = Vec::with_capacity(file.len().min(LARGEST) as usize + 1);
    File::open(path)?.take(LARGEST + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LARGEST {
        return Err(Unusable::Size);
    }
    Ok(text)
}
