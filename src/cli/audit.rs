//! `ndbench audit`: the published study, recomputed from its own attempts.

use crate::published::{Published, PublishedError};
use crate::report::audit::{Audit, text};
use std::io::{self, Write};
use std::path::Path;

/// The audit cannot be made or shown.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The published tables cannot be used.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// Output could not be written.
    #[error(transparent)]
    Write(#[from] io::Error),
}

/// Writes the audit of a folder's tables, or of the program's own, as Markdown or JSON. Findings are the result, not a
/// failure.
///
/// # Errors
/// [`AuditError`] where the tables cannot be read or `out` cannot be written.
pub fn run(folder: Option<&Path>, json: bool, out: &mut impl Write) -> Result<(), AuditError> {
    let published = folder.map_or_else(Published::embedded, Published::from_dir)?;
    let audit = Audit::of(&published);
    out.write_all(if json { audit.to_json() } else { text(&audit) }.as_bytes())?;
    Ok(out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_audited_like_the_program_s_own_tables() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/published");
        for json in [false, true] {
            let (mut own, mut read) = (Vec::new(), Vec::new());
            run(None, json, &mut own).unwrap();
            run(Some(&folder), json, &mut read).unwrap();
            assert_eq!(String::from_utf8(own).unwrap(), String::from_utf8(read).unwrap());
        }
        let nowhere = run(Some(Path::new("/nowhere")), false, &mut Vec::new()).unwrap_err();
        assert!(matches!(nowhere, AuditError::Published(_)) && nowhere.to_string().contains("/nowhere"));
    }
}
