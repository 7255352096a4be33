//! What a store tells of a device.

use super::energy::Energies;
use crate::cli::exit::Failure;
use crate::cli::fitting::fits;
use crate::cli::repetitions::repetitions;
use crate::cli::stored;
use crate::plan::account::Cpu;
use crate::plan::{Repetitions, Sightings};
use crate::profile::Profile;
use crate::record::{ProbeRecord, Record, Store, cpu_of, sightings};
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

    /// Of memory, on devices that the profile describes; of CPUs on those like this machine's, whose account it corrects.
    pub fn memory(&self, profile: &Profile) -> Sightings {
        sightings(&self.records, &self.probes, |environment| {
            let is_like_here = cpu_of(environment).is_none_or(|cpu| cpu.is_like(Cpu::here()));
            fits(profile, &environment.device) && is_like_here
        })
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
