//! One file of ImageNet, read whole.

use super::decode::{Kind, Picture};
use super::shrink::{Small, shrunk};
use super::unread::{Unread, read};
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
/// Why it cannot be trained on.
pub(super) fn examine(path: &Path, shorter_side: Option<u16>) -> Result<Examined, Unread> {
    let bytes = read(path)?;
    let file_bytes = bytes.len();
    let examined = guarded(|| {
        let picture = Picture::open(bytes)?;
        let pixels = picture.whole()?;
        let (kind, size) = (picture.kind(), picture.size());
        let smaller = shorter_side.map(|side| shrunk(&pixels, size, side.into())).transpose()?.flatten();
        let Small { jpeg: bytes, size } = smaller.unwrap_or_else(|| Small { jpeg: picture.into_bytes(), size });
        let sha256 = sha256_hex(&bytes)[..16].to_string();
        Ok(Examined { kind, file_bytes, bytes, size, sha256 })
    });
    examined.map_err(Unread::Picture)
}

/// Calls `decode`; a panic of a decoder, which foreign bytes must not cause, is an error of the file.
pub(super) fn guarded<T>(decode: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).unwrap_or_else(|_| Err("the decoder failed on it".into()))
}
