//! One file of ImageNet, read whole.

use super::decode::{Kind, Picture};
use super::shrink::{Small, shrunk};
use crate::data::bytes::{Limits, read_regular};
use crate::files::sha256_hex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What a file holds, and what is trained on.
#[derive(Debug)]
pub(super) struct Examined {
    /// How the file stores its pixels.
    pub(super) kind: Kind,
    /// The length of the file.
    pub(super) file_bytes: usize,
    /// What is trained on.
    pub(super) bytes: Vec<u8>,
    /// Its width and height.
    pub(super) size: (u32, u32),
    /// 16 hexadecimal digits of its SHA-256.
    pub(super) sha256: String,
}

/// Reads and decodes a picture. Where it is larger than `shorter_side`, what is trained on is a smaller one made of it.
///
/// # Errors
/// Why it cannot be trained on, in words.
pub(super) fn examine(path: &Path, shorter_side: Option<u16>) -> Result<Examined, String> {
    let bytes = read(path).map_err(|e| e.to_string())?;
    let file_bytes = bytes.len();
    guarded(|| {
        let picture = Picture::open(bytes)?;
        let pixels = picture.whole()?;
        let (kind, size) = (picture.kind(), picture.size());
        let smaller = shorter_side.map(|side| shrunk(&pixels, size, side.into())).transpose()?.flatten();
        let Small { jpeg: bytes, size } = smaller.unwrap_or_else(|| Small { jpeg: picture.into_bytes(), size });
        let sha256 = sha256_hex(&bytes)[..16].to_string();
        Ok(Examined { kind, file_bytes, bytes, size, sha256 })
    })
}

/// The bytes of a picture.
///
/// # Errors
/// Why there are none, in words, without the name of the file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unread> {
    read_regular(path, Limits::PICTURES.file).map_err(|e| match e {
        crate::data::DataError::Io { source, .. } => Unread::of("cannot be read", &source),
        crate::data::DataError::Format { rule, .. } => Unread::Picture(rule),
        other => Unread::Picture(other.to_string()),
    })
}

/// Why the bytes of a picture cannot be had, in words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// Of this picture alone: it is missing, forbidden, cut, too large.
    #[error("{0}")]
    Picture(String),
    /// Of whatever it lies on: others are no better off.
    #[error("{0}")]
    Storage(String),
}

impl Unread {
    /// What failed, and with what.
    pub(super) fn of(what: &str, error: &std::io::Error) -> Self {
        use std::io::ErrorKind::{
            InvalidFilename, IsADirectory, NotADirectory, NotFound, PermissionDenied, UnexpectedEof,
        };
        let words = format!("{what}: {error}");
        match error.kind() {
            NotFound | PermissionDenied | UnexpectedEof | IsADirectory | NotADirectory | InvalidFilename => {
                Self::Picture(words)
            }
            _ => Self::Storage(words),
        }
    }
}

/// Calls `decode`; a panic of a decoder, which foreign bytes must not cause, is an error of the file.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("the decoder failed on it".into()))
}
