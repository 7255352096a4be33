//! The records of a store, as commands read them.

use super::exit::Failure;
use super::report::warn_of;
#[cfg(feature = "torch")]
use crate::plan::{ResolvedTrial, TrialId};
use crate::record::{Record, Store};
#[cfg(feature = "torch")]
use std::collections::BTreeSet;
use std::path::Path;

/// The records of the store in `folder`; none where there is no store. Files among them that are none are named.
///
/// # Errors
/// stderr cannot be written.
pub fn records(folder: &Path) -> Result<Vec<Record>, Failure> {
    let Ok(store) = Store::open_existing(folder) else { return Ok(Vec::new()) };
    let (records, skipped) = store.records();
    warn_of(&skipped)?;
    Ok(records.into_iter().map(|(_, record)| record).collect())
}

/// The records of `trials`, by whomever they were trained; of other files nothing is said again.
#[cfg(feature = "torch")]
pub fn results(store: &Store, trials: &[ResolvedTrial]) -> Vec<Record> {
    let wanted: BTreeSet<TrialId> = trials.iter().map(|t| t.trial.id()).collect();
    store.records().0.into_iter().map(|(_, record)| record).filter(|record| wanted.contains(&record.trial_id)).collect()
}
