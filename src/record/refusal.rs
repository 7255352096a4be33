//! Machines that could not train a trial, such as one whose GPU is gone. They have nothing to record, and say so in a
//! file of their own, so that whoever asks for the status hears why a trial waits.

use super::store::{file_part, files_in, io_error};
use super::{Store, StoreError};
use crate::files::write_atomic;
use crate::plan::TrialId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;

/// What is read of such a file at most, bytes.
const LONGEST: usize = 1000;

/// A machine that could not train a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The machine.
    pub node: String,
    /// Why.
    pub why: String,
}

impl Store {
    /// Notes that `node` cannot train these trials, and why.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file system refuses.
    pub fn refuse(&self, trials: &[TrialId], node: &str, why: &str) -> Result<(), StoreError> {
        let folder = self.refusals_path();
        fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        trials.iter().try_for_each(|id| {
            let path = self.refusal_path(id, node);
            write_atomic(&path, why.as_bytes()).map_err(io_error("write", &path))
        })
    }

    /// Takes back what `node` has said of these trials: it can train them now.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the file system refuses.
    pub fn admit(&self, trials: &[TrialId], node: &str) -> Result<(), StoreError> {
        trials.iter().try_for_each(|id| {
            let path = self.refusal_path(id, node);
            match fs::remove_file(&path) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => Err(io_error("remove", &path)(e)),
                _ => Ok(()),
            }
        })
    }

    /// Who could not train which trial, in the order of their names; what cannot be read is left out.
    pub fn refusals(&self) -> BTreeMap<TrialId, Vec<Refusal>> {
        let mut all: BTreeMap<TrialId, Vec<Refusal>> = BTreeMap::new();
        for path in files_in(&self.refusals_path()).unwrap_or_default() {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let Some((id, node)) = name.strip_suffix(END).and_then(|name| name.split_once('-')) else { continue };
            let Ok(why) = fs::read(&path) else { continue };
            let why = String::from_utf8_lossy(&why[..why.len().min(LONGEST)]).into_owned();
            all.entry(TrialId(id.into())).or_default().push(Refusal { node: node.into(), why });
        }
        all
    }

    fn refusals_path(&self) -> PathBuf {
        self.path().join("refusals")
    }

    fn refusal_path(&self, id: &TrialId, node: &str) -> PathBuf {
        self.refusals_path().join(format!("{id}-{}{END}", file_part(node)))
    }
}

/// What the files' names end with.
const END: &str = ".txt";

#[cfg(test)]
mod tests {
    use super::super::made_up;
    use super::*;

    #[test]
    fn what_a_machine_refuses_is_known_until_it_takes_it_back() {
        let (_folder, store) = made_up::store();
        let [one, two] = ["0123456789abcdef", "fedcba9876543210"].map(|id| TrialId(id.into()));
        assert_eq!(store.refusals(), BTreeMap::new());
        store.admit(std::slice::from_ref(&one), "alpha").unwrap();
        store.refuse(&[one.clone(), two.clone()], "node-1.lab", "no CUDA device").unwrap();
        store.refuse(std::slice::from_ref(&one), "beta", "no driver").unwrap();
        store.refuse(std::slice::from_ref(&one), "beta", "no CUDA device").unwrap();
        fs::write(store.refusals_path().join("foreign"), "x").unwrap();
        let refusal = |node: &str| Refusal { node: node.into(), why: "no CUDA device".into() };
        let wanted =
            [(one.clone(), vec![refusal("beta"), refusal("node-1.lab")]), (two.clone(), vec![refusal("node-1.lab")])];
        assert_eq!(store.refusals(), BTreeMap::from(wanted));
        store.admit(&[one.clone(), two.clone()], "node-1.lab").unwrap();
        assert_eq!(store.refusals(), BTreeMap::from([(one, vec![refusal("beta")])]));
    }
}
