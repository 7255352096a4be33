//! One file of ImageNet, read whole.

use super::decode::{Kind, Picture};
use crate::data::bytes::{Limits, read_regular};
use crate::files::sha256_hex;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Examined {
    pub(super) bytes: Vec<u8>,
    pub(super) kind: Kind,
    pub(super) size: (u32, u32),
    /// 16 hexadecimal digits.
    pub(super) sha256: String,
}

/// Reads and decodes a picture.
///
/// # Errors
/// Why it cannot be trained on, in words.
pub(super) fn examine(path: &Path) -> Result<Examined, String> {
    let bytes = read(path)?;
    let sha256 = sha256_hex(&bytes)[..16].to_string();
    guarded(|| {
        let picture = Picture::open(bytes)?;
        picture.whole()?;
        let (kind, size) = (picture.kind(), picture.size());
        Ok(Examined { bytes: picture.into_bytes(), kind, size, sha256 })
    })
}

/// The bytes of a picture.
///
/// # Errors
/// Why there are none, in words, without the name of the file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    read_regular(path, Limits::PICTURES.file).map_err(|e| match e {
        crate::data::DataError::Io { source, .. } => format!("cannot be read: {source}"),
        crate::data::DataError::Format { rule, .. } => rule,
        other => other.to_string(),
    })
}

/// Calls `decode`; a panic of a decoder, which foreign bytes must not cause, is an error of the file.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("the decoder failed on it".into()))
}
