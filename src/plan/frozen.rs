//! A matrix frozen in a file: what was asked for, word by word, and its rows. Who trains a row later trains what was asked
//! for then, though scenario and profile have changed meanwhile.

use super::{Filter, Overrides, PlanError, ResolvedTrial, TrialId, expand};
use crate::files::{sha256_hex, write_atomic};
use crate::profile::Profile;
use crate::scenario::Scenario;
use crate::settings::SettingsError;
use crate::units::Seconds;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How the name of such a file ends.
pub const PLAN_FILE: &str = ".plan.json";

/// Where the plans of a store lie.
pub fn plans(store: &Path) -> PathBuf {
    store.join("plans")
}

/// The form of the file.
const SCHEMA: &str = "ndbench.plan/1";

/// A frozen matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frozen {
    schema: String,
    /// The version that froze it.
    ndbench: String,
    /// The scenario.
    pub scenario: Text,
    /// The machine.
    pub profile: Text,
    /// What the command line changed in the scenario.
    pub overrides: Overrides,
    /// Filters, as one would write them.
    pub only: Vec<String>,
    /// The folder of the records, absolute.
    pub store: PathBuf,
    /// What is to be trained.
    pub rows: Vec<Row>,
}

/// A settings file as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Its name in messages and sources.
    pub label: String,
    /// All of it.
    pub text: String,
}

/// The trials of one block that are to be trained, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The block.
    pub block: String,
    /// The trials.
    pub trials: Vec<TrialId>,
    /// What they were estimated to take; absent where nothing was known.
    pub seconds: Option<Seconds>,
}

/// A file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FrozenError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is none of this form.
    #[error("{}: no plan of the form {SCHEMA}: {why}", path.display())]
    Form {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Its scenario or profile breaks a rule of this program.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// Its matrix cannot be expanded by this program.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// This program makes other trials of it.
    #[error(
        "this is ndbench {}, which makes other trials of the plan than {made_by}, which made it (there is no trial \
         {missing}); use that version, or submit again", env!("CARGO_PKG_VERSION")
    )]
    OtherTrials {
        /// The version that made the plan.
        made_by: String,
        /// A trial of it that there is none of.
        missing: TrialId,
    },
    /// There is no such row.
    #[error("the plan has rows 1 to {rows}, no row {row}")]
    NoRow {
        /// What was asked for.
        row: usize,
        /// How many there are.
        rows: usize,
    },
}

/// What a frozen matrix was made of.
pub struct Thawed {
    /// The scenario.
    pub scenario: Scenario,
    /// The machine.
    pub profile: Profile,
    /// The trials, in their order.
    pub trials: Vec<ResolvedTrial>,
}

impl Frozen {
    /// Freezes a matrix of these texts; it has no rows yet.
    pub fn new(scenario: Text, profile: Text, overrides: Overrides, only: Vec<String>, store: PathBuf) -> Self {
        let (schema, ndbench) = (SCHEMA.into(), env!("CARGO_PKG_VERSION").into());
        Self { schema, ndbench, scenario, profile, overrides, only, store, rows: Vec::new() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`FrozenError::Io`] and [`FrozenError::Form`].
    pub fn read(path: &Path) -> Result<Self, FrozenError> {
        let form = |why: String| FrozenError::Form { path: path.into(), why };
        let bytes = fs::read(path).map_err(|source| FrozenError::Io { path: path.into(), source })?;
        let frozen: Self = serde_json::from_slice(&bytes).map_err(|e| form(e.to_string()))?;
        if frozen.schema == SCHEMA { Ok(frozen) } else { Err(form(format!("it says {}", frozen.schema))) }
    }

    /// The name that its content gives it: 8 hexadecimal digits.
    pub fn name(&self) -> String {
        let mut name = sha256_hex(self.json().as_bytes());
        name.truncate(8);
        name
    }

    /// Writes it into `folder` under its name; the path.
    ///
    /// # Errors
    /// [`FrozenError::Io`].
    pub fn write(&self, folder: &Path) -> Result<PathBuf, FrozenError> {
        let path = folder.join(self.name() + PLAN_FILE);
        let written = fs::create_dir_all(folder).and_then(|()| write_atomic(&path, self.json().as_bytes()));
        written.map_err(|source| FrozenError::Io { path: path.clone(), source })?;
        Ok(path)
    }

    /// The trials of row `row`, from 1, or the whole matrix, what was not missing then included.
    ///
    /// # Errors
    /// Settings that break a rule of this program, other trials than those of the rows, or no such row.
    pub fn thaw(&self, row: Option<usize>) -> Result<Thawed, FrozenError> {
        let scenario = Scenario::parse(&self.scenario.label, &self.scenario.text)?;
        let profile = Profile::parse(&self.profile.label, &self.profile.text)?;
        let all = expand(&scenario, &profile, &self.overrides, &Filter::parse(&self.only)?)?;
        let known: HashMap<TrialId, &ResolvedTrial> = all.iter().map(|t| (t.trial.id(), t)).collect();
        let of = |id: &TrialId| {
            let missing = || FrozenError::OtherTrials { made_by: self.ndbench.clone(), missing: id.clone() };
            known.get(id).map(|trial| (*trial).clone()).ok_or_else(missing)
        };
        let rows: Vec<Vec<ResolvedTrial>> =
            self.rows.iter().map(|row| row.trials.iter().map(of).collect()).collect::<Result<_, _>>()?;
        let count = rows.len();
        let of_row = |row: usize| {
            let found = row.checked_sub(1).and_then(|index| rows.into_iter().nth(index));
            found.ok_or(FrozenError::NoRow { row, rows: count })
        };
        let trials = row.map(of_row).transpose()?.unwrap_or(all);
        Ok(Thawed { scenario, profile, trials })
    }

    /// The text of its file.
    pub fn json(&self) -> String {
        format!("{:#}\n", serde_json::to_value(self).expect("a plan is plain data"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frozen() -> Frozen {
        let text = |label: &str, text: &str| Text { label: label.into(), text: text.into() };
        let scenario = text("smoke.toml", include_str!("../../scenarios/smoke.toml"));
        let profile = text("cpu.toml", include_str!("../../profiles/cpu.toml"));
        let mut frozen = Frozen::new(scenario, profile, Overrides::default(), vec![], "/store".into());
        let all = expand(
            &Scenario::load("smoke").unwrap(),
            &Profile::load("cpu").unwrap(),
            &Overrides::default(),
            &Filter::default(),
        );
        frozen.rows = super::super::rows(&all.unwrap(), |_| true, |_| None);
        frozen
    }

    #[test]
    fn a_row_is_what_was_frozen() {
        let (frozen, folder) = (frozen(), tempfile::tempdir().unwrap());
        let path = frozen.write(&folder.path().join("plans")).unwrap();
        assert!(path.to_string_lossy().ends_with(PLAN_FILE));
        let read = Frozen::read(&path).unwrap();
        assert_eq!((&read, read.name()), (&frozen, frozen.name()));
        let ids = |row| read.thaw(row).unwrap().trials.iter().map(|t| t.trial.id()).collect::<Vec<_>>();
        assert_eq!(ids(Some(2)), frozen.rows[1].trials);
        assert_eq!(ids(None).len(), 4);
    }

    #[test]
    fn what_cannot_be_thawed_is_said() {
        let mut frozen = frozen();
        let why = |frozen: &Frozen, row| frozen.thaw(row).map(|_| ()).unwrap_err().to_string();
        for row in [0, 3] {
            assert_eq!(why(&frozen, Some(row)), format!("the plan has rows 1 to 2, no row {row}"));
        }
        frozen.rows[0].trials[0] = TrialId("0123456789abcdef".into());
        assert!(why(&frozen, Some(1)).contains("there is no trial 0123456789abcdef"));
        frozen.scenario.text = "name = 3".into();
        assert!(why(&frozen, None).starts_with("smoke.toml:1"), "{}", why(&frozen, None));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.plan.json");
        assert!(matches!(Frozen::read(&path), Err(FrozenError::Io { .. })));
        for text in ["{", "{\"schema\":\"other/1\"}"] {
            fs::write(&path, text).unwrap();
            assert!(matches!(Frozen::read(&path), Err(FrozenError::Form { .. })));
        }
    }
}
