//! The bytes of a picture, or why there are none: whether that is a matter of the picture or of what it lies on.

use crate::data::DataError;
use crate::data::bytes::{Limits, read_regular};
use std::io;
use std::path::Path;

/// Why a picture cannot be had, in words, without the name of its file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Of this picture alone: it is missing, forbidden, cut, too large, no picture.
    #[error("{0}")]
    Picture(String),
    /// Of whatever it lies on: others are no better off.
    #[error("{0}")]
    Storage(String),
}

impl Unread {
    /// What failed, and with what.
    pub(super) fn of(what: &str, error: &io::Error) -> Self {
        let words = format!("{what}: {error}");
        if is_of_one_file(error) { Self::Picture(words) } else { Self::Storage(words) }
    }
}

fn is_of_one_file(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied, UnexpectedEof};
    #[cfg(unix)]
    if error.raw_os_error() == Some(libc::ELOOP) {
        return true;
    }
    let kinds = [NotFound, PermissionDenied, UnexpectedEof, IsADirectory, NotADirectory, InvalidFilename];
    kinds.contains(&error.kind())
}

/// The bytes of a picture.
///
/// # Errors
/// Why there are none.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unread> {
    read_regular(path, Limits::PICTURES.file).map_err(|e| match e {
        DataError::Io { source, .. } => Unread::of("cannot be read", &source),
        DataError::Format { rule, .. } => Unread::Picture(rule),
        other => Unread::Picture(other.to_string()),
    })
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_itself_is_a_matter_of_the_picture() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("loop.JPEG");
        std::os::unix::fs::symlink(&link, &link).unwrap();
        assert!(matches!(read(&link), Err(Unread::Picture(why)) if why.starts_with("cannot be read: ")));
    }
}
