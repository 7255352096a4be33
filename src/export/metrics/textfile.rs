//! A file for node_exporter's textfile collector: <https://github.com/prometheus/node_exporter#textfile-collector>.

use super::exposition::Exposition;
use crate::files::write_atomic;
use std::io;
use std::path::{Path, PathBuf};

/// The file cannot be.
#[derive(Debug, thiserror::Error)]
pub enum TextfileError {
    /// node_exporter reads other files not.
    #[error("{}: node_exporter reads files that end in .prom", .0.display())]
    Name(PathBuf),
    /// It cannot be written.
    #[error("{}: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Whether node_exporter would read a file of this name.
///
/// # Errors
/// [`TextfileError::Name`].
pub fn check_textfile(path: &Path) -> Result<(), TextfileError> {
    if path.extension().is_some_and(|e| e == "prom") { Ok(()) } else { Err(TextfileError::Name(path.into())) }
}

/// Writes what `exposition` says now, without timestamps, in one step: the collector sees the old file or the new one.
///
/// # Errors
/// [`TextfileError`].
pub fn write_textfile(path: &Path, exposition: &Exposition) -> Result<(), TextfileError> {
    check_textfile(path)?;
    let text = exposition.families().text();
    write_atomic(path, text.as_bytes()).map_err(|source| TextfileError::Write { path: path.into(), source })
}
