//! Folders on the command line.

use std::path::PathBuf;

/// A folder that is there.
pub(super) fn existing_folder(text: &str) -> Result<PathBuf, String> {
    let path = folder(text)?;
    if path.is_dir() { Ok(path) } else { Err("there is no such folder".into()) }
}

/// A folder that is there or can be made.
pub(super) fn folder(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.exists() && !path.is_dir() { Err("this is a file, and a folder is needed".into()) } else { Ok(path) }
}
