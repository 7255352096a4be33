//! From arguments to trials.

use super::args::Selection;
use super::exit::Failure;
use crate::plan::{Filter, Overrides, ResolvedTrial, expand};
use crate::profile::Profile;
use crate::scenario::Scenario;
use std::path::PathBuf;

/// What the arguments select.
pub struct Selected {
    /// The scenario.
    pub scenario: Scenario,
    /// The machine.
    pub profile: Profile,
    /// The trials, in the order in which they run.
    pub trials: Vec<ResolvedTrial>,
    /// The folder of the records.
    pub store: PathBuf,
}

impl Selection {
    /// Reads the files and expands the matrix.
    ///
    /// # Errors
    /// A scenario, profile, filter or override that breaks a rule.
    pub fn resolve(&self) -> Result<Selected, Failure> {
        let scenario = Scenario::load(&self.scenario).map_err(input)?;
        let profile = Profile::load(&self.profile).map_err(input)?;
        let filter = Filter::parse(&self.only).map_err(input)?;
        let overrides = Overrides { attempts: self.attempts, epochs: self.epochs.clone(), set: self.set.clone() };
        let trials = expand(&scenario, &profile, &overrides, &filter).map_err(input)?;
        let store = self.store.clone().unwrap_or_else(|| PathBuf::from("results").join(scenario.name()));
        Ok(Selected { scenario, profile, trials, store })
    }
}

fn input(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Input(Box::new(error))
}
