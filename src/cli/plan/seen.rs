//! What a store tells of a device.

use super::energy::Energies;
use crate::cli::exit::Failure;
use crate::cli::fitting::fits;
use crate::cli::repetitions::repetitions;
use crate::cli::stored;
use crate::plan::{Repetitions, Sightings};
use crate::profile::Profile;
use crate::record::{ProbeRecord, Record, Store, sightings};
use std::path::Path;

/// The records and probes of a store.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub records: Vec<Record>,
    pub probes: Vec<ProbeRecord>,
}

impl Seen {
    /// Of the store in `folder`; nothing where there is none. Files that are no records are named.
    pub fn read(folder: &Path) -> Result<Self, Failure> {
        if !folder.is_dir() {
            return Ok(Self::default());
        }
        Store::open_existing(folder).map_err(|e| Failure::Store(Box::new(e)))?;
        Ok(Self { records: stored::records(folder)?, probes: stored::probes(folder)? })
    }

    /// Of memory, on devices that the profile describes.
    pub fn memory(&self, profile: &Profile) -> Sightings {
        sightings(&self.records, &self.probes, |device| fits(profile, device))
    }

    /// Of time, in the newest environment with such a device.
    pub fn times(&self, profile: &Profile) -> Repetitions {
        repetitions(&self.records, &self.probes, profile, None)
    }

    /// Of energy, on such devices.
    pub fn energy(&self, profile: &Profile) -> Energies {
        Energies::of(self.records.iter().filter(|record| fits(profile, &record.environment.device)))
    }
}
