//! The hashes of many trials for less than one by one: of what is hashed, the attempts of a cell differ in one number.

use super::canonical::canonical;
use super::{Trial, TrialId};
use crate::scenario::{Architecture, Norm};
use std::collections::HashMap;

/// What stands around the attempt of a trial; no text comes before it but the key of a network.
const ATTEMPT: (&str, &str) = ("\"attempt\":", ",");

/// What was hashed before.
#[derive(Debug, Default)]
pub struct Ids {
    known: HashMap<(Architecture, Norm, u32), Vec<Cell>>,
}

/// The attempts of one cell: the canonical JSON up to the number of the attempt, and from there on.
#[derive(Debug)]
struct Cell {
    trial: Trial,
    before: String,
    after: String,
}

impl Ids {
    /// [`Trial::id`].
    pub fn id(&mut self, trial: &Trial) -> TrialId {
        let cells = self.known.entry((trial.architecture, trial.norm, trial.epochs)).or_default();
        let of_cell = |cell: &Cell| cell.trial == Trial { attempt: cell.trial.attempt, ..trial.clone() };
        let place = cells.iter().position(of_cell).unwrap_or_else(|| {
            cells.push(Cell::of(trial));
            cells.len() - 1
        });
        let Cell { before, after, .. } = &cells[place];
        TrialId::of(&format!("{before}{}{after}", trial.attempt))
    }
}

impl Cell {
    fn of(trial: &Trial) -> Self {
        let text = canonical(trial);
        let start = text.find(ATTEMPT.0).map_or(0, |at| at + ATTEMPT.0.len());
        let end = text[start..].find(ATTEMPT.1).map_or(start, |at| start + at);
        Self { trial: trial.clone(), before: text[..start].into(), after: text[end..].into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Filter, Overrides, expand};
    use crate::profile::Profile;
    use crate::scenario::{Dataset, Scenario};

    #[test]
    fn they_are_those_of_the_trials() {
        let (scenario, profile) = (Scenario::load("smoke").unwrap(), Profile::load("cpu").unwrap());
        let trials = expand(&scenario, &profile, &Overrides::default(), &Filter::default()).unwrap();
        let mut ids = Ids::default();
        for attempt in [1, 2, 30, 4_000_000_000] {
            for dataset in [Dataset::Cifar10, Dataset::Folder("\"attempt\":7,".into())] {
                for (resolved, lr) in trials.iter().flat_map(|t| [(t, 0.1), (t, 0.05)]) {
                    let mut trial = Trial { attempt, dataset: dataset.clone(), ..resolved.trial.clone() };
                    trial.recipe.lr = lr;
                    assert_eq!(ids.id(&trial), trial.id(), "{trial:?}");
                }
            }
        }
    }
}
