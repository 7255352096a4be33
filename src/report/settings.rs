//! Hashes of settings that many trials share, each computed once.

use crate::plan::{Trial, TrialId};
use crate::scenario::{Architecture, Dataset, Norm};
use std::collections::HashMap;

/// Trials whose settings differ in one of these have different hashes.
type Key = (Architecture, Dataset, Norm, u32);

/// What a hash of a trial's settings costs is spent once for all its attempts.
#[derive(Default)]
pub(super) struct Settings {
    known: HashMap<Key, Vec<(Trial, TrialId)>>,
}

impl Settings {
    /// The hash of a trial's settings without the attempt: attempts of one cell share it.
    pub fn cell(&mut self, trial: &Trial) -> TrialId {
        self.id(Trial { attempt: 0, ..trial.clone() })
    }

    /// The hash of the settings that BN and ND of a cell share.
    pub fn pair(&mut self, trial: &Trial) -> TrialId {
        self.id(Trial { attempt: 0, norm: Norm::Bn, deconvolution: None, ..trial.clone() })
    }

    fn id(&mut self, trial: Trial) -> TrialId {
        let Trial { architecture, norm, epochs, .. } = trial;
        let alike = self.known.entry((architecture, trial.dataset.clone(), norm, epochs)).or_default();
        if let Some((_, id)) = alike.iter().find(|(known, _)| *known == trial) {
            return id.clone();
        }
        let id = trial.id();
        alike.push((trial, id.clone()));
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::made_up;

    #[test]
    fn attempts_share_a_cell_and_norms_a_pair() {
        let of = |norm, attempt| made_up::trial(Architecture::Vgg16, Dataset::Cifar10, norm, 20, attempt);
        let mut settings = Settings::default();
        assert_eq!(settings.cell(&of(Norm::Nd, 1)), settings.cell(&of(Norm::Nd, 2)));
        assert_ne!(settings.cell(&of(Norm::Nd, 1)), settings.cell(&of(Norm::Bn, 1)));
        assert_eq!(settings.pair(&of(Norm::Nd, 1)), settings.pair(&of(Norm::Bn, 2)));
        assert_eq!(settings.cell(&of(Norm::Nd, 7)), of(Norm::Nd, 0).id());
        let slower = |attempt| {
            let mut trial = of(Norm::Nd, attempt);
            trial.recipe.lr = 0.05;
            trial
        };
        assert_ne!(settings.cell(&slower(1)), settings.cell(&of(Norm::Nd, 1)));
        assert_eq!(settings.cell(&slower(1)), settings.cell(&slower(2)));
    }
}
