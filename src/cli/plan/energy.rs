//! The energy of trials, from records of the same on such a device.

use crate::plan::Trial;
use crate::record::Record;
use crate::units::Joules;
use std::collections::BTreeMap;

/// Joules of an epoch by what is trained.
#[derive(Debug, Default)]
pub(super) struct Energies(BTreeMap<String, (f64, usize)>);

impl Energies {
    /// From finished records; those of other devices are to be left out before.
    pub fn of<'a>(records: impl Iterator<Item = &'a Record>) -> Self {
        let mut energies = Self::default();
        for record in records.filter(|record| record.is_finished()) {
            if let Some(joules) = record.energy() {
                let sum = energies.0.entry(key(&record.trial)).or_default();
                *sum = (sum.0 + joules.0, sum.1 + record.epochs.len());
            }
        }
        energies
    }

    /// Of a trial; absent where no record tells.
    pub fn joules(&self, trial: &Trial) -> Option<Joules> {
        let (joules, epochs) = self.0.get(&key(trial)).copied().filter(|(_, epochs)| *epochs > 0)?;
        Some(Joules(joules / epochs as f64 * f64::from(trial.epochs)))
    }
}

/// Equal for trials that differ in attempt, seed and length.
fn key(trial: &Trial) -> String {
    let one = Trial { attempt: 1, epochs: 1, base_seed: 0, ..trial.clone() };
    serde_json::to_string(&one).expect("a trial is plain data")
}
