//! From arguments to trials.

use super::args::Selection;
use super::exit::Failure;
use crate::plan::{Filter, Frozen, Overrides, PLAN_FILE, ResolvedTrial, Text, Thawed, expand};
use crate::profile::{self, Profile};
use crate::scenario::{self, Scenario};
use crate::settings::find;
use std::path::{Path, PathBuf};

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
        self.resolve_row(None)
    }

    /// The same of one row of a plan, from 1.
    ///
    /// # Errors
    /// Also a plan that cannot be used, a row that it does not have, or a row without a plan.
    pub fn resolve_row(&self, row: Option<usize>) -> Result<Selected, Failure> {
        match (self.frozen()?, row) {
            (Some(frozen), row) => return self.thaw(&frozen, row),
            (None, Some(_)) => return Err(Failure::Input("--row is for plans that `ndbench submit` wrote".into())),
            (None, None) => {}
        }
        let scenario = Scenario::load(&self.scenario).map_err(input)?;
        let profile = Profile::load(self.profile()).map_err(input)?;
        let filter = Filter::parse(&self.only).map_err(input)?;
        let trials = expand(&scenario, &profile, &self.overrides(), &filter).map_err(input)?;
        let store = self.store.clone().unwrap_or_else(|| PathBuf::from("results").join(scenario.name()));
        Ok(Selected { scenario, profile, trials, store })
    }

    /// The plan that is named in a scenario's place, if one is.
    ///
    /// # Errors
    /// It cannot be used.
    pub fn frozen(&self) -> Result<Option<Frozen>, Failure> {
        let named = self.scenario.ends_with(PLAN_FILE);
        named.then(|| Frozen::read(Path::new(&self.scenario))).transpose().map_err(input)
    }

    /// What is selected, word by word, for a plan of `store` that has no rows yet.
    ///
    /// # Errors
    /// A scenario or profile that is not there, or a plan that cannot be used.
    pub fn freeze(&self, store: &Path) -> Result<Frozen, Failure> {
        if let Some(Frozen { scenario, profile, overrides, only, .. }) = self.frozen()? {
            return Ok(Frozen::new(scenario, profile, overrides, only, store.into()));
        }
        let text = |(label, text)| Text { label, text };
        let scenario = find("scenario", &self.scenario, &scenario::BUILT_IN).map_err(input)?;
        let profile = find("profile", self.profile(), &profile::BUILT_IN).map_err(input)?;
        Ok(Frozen::new(text(scenario), text(profile), self.overrides(), self.only.clone(), store.into()))
    }

    /// The profile's name.
    pub fn profile(&self) -> &str {
        self.profile.as_deref().unwrap_or("cpu")
    }

    /// What the arguments change in the scenario.
    pub fn overrides(&self) -> Overrides {
        Overrides { attempts: self.attempts, epochs: self.epochs.clone(), set: self.set.clone() }
    }

    fn thaw(&self, frozen: &Frozen, row: Option<usize>) -> Result<Selected, Failure> {
        let plain = self.overrides() == Overrides::default() && self.only.is_empty() && self.profile.is_none();
        if !plain {
            return Err(Failure::Input(
                "a plan is frozen: --profile, --only, --attempts, --epochs and --set change nothing of it".into(),
            ));
        }
        let Thawed { scenario, profile, trials } = frozen.thaw(row).map_err(input)?;
        let store = self.store.clone().unwrap_or_else(|| frozen.store.clone());
        Ok(Selected { scenario, profile, trials, store })
    }
}

fn input(error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::Input(Box::new(error))
}
