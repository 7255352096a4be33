//! The records of a store, as commands read them.

use super::exit::Failure;
use super::report::warn_of;
use crate::event::Retry;
#[cfg(feature = "torch")]
use crate::plan::ResolvedTrial;
use crate::plan::TrialId;
use crate::record::{MOST_DEATHS, ProbeRecord, Record, Store};
use std::collections::BTreeMap;
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

/// The probes of the store in `folder`; none where there is no store. Files among them that are none are named.
///
/// # Errors
/// stderr cannot be written.
pub fn probes(folder: &Path) -> Result<Vec<ProbeRecord>, Failure> {
    let Ok(store) = Store::open_existing(folder) else { return Ok(Vec::new()) };
    let (probes, skipped) = store.probes();
    warn_of(&skipped)?;
    Ok(probes)
}

/// Those of the probes in `folder` whose steps are all that a training of their kind does: no probe loads images, as trainings
/// on ImageNet do.
///
/// # Errors
/// As [`probes`].
pub fn probes_of_whole_steps(folder: &Path) -> Result<Vec<ProbeRecord>, Failure> {
    let mut probes = probes(folder)?;
    probes.retain(|probe| probe.cell.dataset.side() == 32);
    Ok(probes)
}

/// The trials that need not be trained, each with the record that says so.
pub fn done(records: &[Record], retry: Retry) -> BTreeMap<&TrialId, &Record> {
    let done = records.iter().filter(|record| !retry.includes(&record.outcome));
    done.map(|record| (&record.trial_id, record)).collect()
}

/// What to know of `n` trials that nobody has in hand since their trainers died.
pub fn died_words(n: usize) -> Option<String> {
    (n > 0).then(|| {
        format!(
            "the trainers of {n} trial(s) died without a word: killed from outside, for want of the host's memory perhaps, or \
             with their nodes; submitted or run again they go on, and are given up where {MOST_DEATHS} have died in a row \
             without a checkpoint between"
        )
    })
}

/// The records of `trials`, by whomever they were trained; of other files nothing is said again.
#[cfg(feature = "torch")]
pub fn results(store: &Store, trials: &[ResolvedTrial]) -> Vec<Record> {
    let wanted: BTreeSet<TrialId> = trials.iter().map(|t| t.trial.id()).collect();
    store.records().0.into_iter().map(|(_, record)| record).filter(|record| wanted.contains(&record.trial_id)).collect()
}
