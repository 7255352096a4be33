//! The probes of a store.

use super::read::text;
use super::skipped::unlisted;
use super::store::{files_in, io_error};
use super::{ProbeRecord, Skipped, Store, StoreError};
use crate::files::write_atomic;
use std::fs;
use std::path::PathBuf;

impl Store {
    /// The folder of the probes.
    pub fn probes_path(&self) -> PathBuf {
        self.path().join("probes")
    }

    /// Where the readings of an arm (from 0) of the probe of that name lie at full rate, or will.
    pub fn probe_series_path(&self, probe: &str, arm: usize) -> PathBuf {
        self.path().join("telemetry").join(format!("{probe}-{}.csv.gz", arm + 1))
    }

    /// Writes a probe's record and returns where.
    ///
    /// # Errors
    /// [`StoreError::Io`], or [`StoreError::Record`] where a number is not finite.
    pub fn write_probe(&self, probe: &ProbeRecord) -> Result<PathBuf, StoreError> {
        let folder = self.probes_path();
        fs::create_dir_all(&folder).map_err(io_error("make", &folder))?;
        let path = folder.join(format!("{}.json", probe.name()));
        write_atomic(&path, probe.to_json()?.as_bytes()).map_err(io_error("write", &path))?;
        Ok(path)
    }

    /// Every probe, in the order of the file names, and every file among them that is not one.
    pub fn probes(&self) -> (Vec<ProbeRecord>, Vec<Skipped>) {
        let folder = self.probes_path();
        let (mut probes, mut skipped) = (Vec::new(), Vec::new());
        match files_in(&folder) {
            Ok(paths) => {
                for path in paths {
                    match text(&path).and_then(|text| Ok(ProbeRecord::parse(&text)?)) {
                        Ok(probe) => probes.push(probe),
                        Err(why) => skipped.push(Skipped { path, kind: why.kind(), why: why.to_string() }),
                    }
                }
            }
            Err(e) => skipped.push(unlisted(folder, &e)),
        }
        (probes, skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{SkippedKind, made_up};
    use super::*;

    #[test]
    fn probes_come_back_and_what_is_none_is_named() {
        let (_folder, store) = made_up::store();
        assert_eq!(store.probes(), (Vec::new(), Vec::new()), "no folder yet");
        let probe = made_up::probe(&[&[1.0, 1.5], &[3.0, 3.25]]);
        let path = store.write_probe(&probe).unwrap();
        fs::write(store.probes_path().join("broken.json"), "{").unwrap();
        let (probes, skipped) = store.probes();
        assert_eq!((probes.as_slice(), path.parent()), (&[probe][..], Some(store.probes_path().as_path())));
        assert_eq!((skipped.len(), skipped[0].kind), (1, SkippedKind::Broken));
    }
}
