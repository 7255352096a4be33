//! A turn of a program: `ndbench probe` of another build, as a process of its own.

use crate::record::{Entry, ProbeRecord, RecordError};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

/// A build of ndbench and what it probes.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// The arguments of its `probe`.
    pub arguments: Vec<OsString>,
}

/// A turn that told nothing.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// It did not start, or there is no room for its records.
    #[error("cannot run {}: {source}", program.display())]
    Start {
        /// What.
        program: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// It ended without success.
    #[error("{} probe ended with {status}: {said}", program.display())]
    Failed {
        /// What.
        program: PathBuf,
        /// How it ended.
        status: std::process::ExitStatus,
        /// Its last line on stderr.
        said: String,
    },
    /// It printed no probes.
    #[error("{} probe printed what is no list of probes: {why}", program.display())]
    Output {
        /// What.
        program: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// None of its times counts.
    #[error("{} probe measured nothing whose times count", program.display())]
    Nothing {
        /// What.
        program: PathBuf,
    },
}

impl Program {
    /// Probes once, in a store that is gone afterwards.
    ///
    /// # Errors
    /// [`TurnError`].
    pub fn turn(&self) -> Result<Vec<Entry>, TurnError> {
        let program = || self.path.clone();
        let start = |source| TurnError::Start { program: program(), source };
        let store = tempfile::tempdir().map_err(start)?;
        let mut command = Command::new(&self.path);
        command.arg("probe").args(&self.arguments).args(["--quiet", "--json", "--store"]).arg(store.path());
        let Output { status, stdout, stderr } = command.stdin(Stdio::null()).output().map_err(start)?;
        if !status.success() {
            let said = String::from_utf8_lossy(&stderr);
            let said = said.lines().last().unwrap_or("nothing was said").to_owned();
            return Err(TurnError::Failed { program: program(), status, said });
        }
        let probes = probes(&stdout).map_err(|why| TurnError::Output { program: program(), why })?;
        let entries: Vec<Entry> = probes.iter().filter_map(Entry::of).collect();
        if entries.is_empty() { Err(TurnError::Nothing { program: program() }) } else { Ok(entries) }
    }
}

/// The probes of a JSON array.
fn probes(text: &[u8]) -> Result<Vec<ProbeRecord>, String> {
    let records: Vec<serde_json::Value> = serde_json::from_slice(text).map_err(|e| e.to_string())?;
    let read = |record: &serde_json::Value| ProbeRecord::parse(record.to_string().as_bytes());
    records.iter().map(read).collect::<Result<_, RecordError>>().map_err(|e| e.to_string())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::record::made_up;
    use std::os::unix::fs::PermissionsExt;

    /// A program that does what `script` says.
    fn program(folder: &tempfile::TempDir, script: &str) -> Program {
        let path = folder.path().join("program");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        Program { path, arguments: vec!["smoke".into()] }
    }

    /// A script cannot run while another test's child, made at the same time, still has it open for writing.
    fn turn(program: &Program) -> Result<Vec<Entry>, TurnError> {
        loop {
            match program.turn() {
                Err(TurnError::Start { source, .. }) if source.kind() == std::io::ErrorKind::ExecutableFileBusy => {}
                other => return other,
            }
        }
    }

    #[test]
    fn a_turn_has_the_times_of_its_probes() {
        let folder = tempfile::tempdir().unwrap();
        let record = made_up::probe(&[&[1.0], &[3.0]]).to_json().unwrap();
        std::fs::write(folder.path().join("records"), format!("[{record}]")).unwrap();
        let script = format!("test \"$1 $2\" = 'probe smoke' && cat {}", folder.path().join("records").display());
        let entries = turn(&program(&folder, &script)).unwrap();
        assert_eq!(entries[0].steps.iter().map(|s| s.seconds.0).collect::<Vec<_>>(), [1.0, 3.0]);
    }

    #[test]
    fn each_way_to_fail_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let said = |script: &str| turn(&program(&folder, script)).unwrap_err().to_string();
        assert!(said("echo no GPU >&2; exit 6").ends_with("no GPU"));
        assert!(said("echo hello").contains("no list of probes"));
        assert!(said("echo '[]'").contains("nothing whose times count"));
        let absent = Program { path: folder.path().join("absent"), arguments: Vec::new() };
        assert!(matches!(absent.turn(), Err(TurnError::Start { .. })));
    }
}
