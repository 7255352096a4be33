//! `--only`: a part of the matrix.

use super::{PlanError, Trial};
use crate::scenario::{Architecture, Dataset, Norm, UnknownName};
use crate::settings::did_you_mean;
use std::fmt::{self, Display};
use std::str::FromStr;

const KEYS: [&str; 5] = ["architecture", "dataset", "norm", "epochs", "attempt"];

/// Which trials to keep. Of one key any of the values may match; every key that is named must match. The default keeps
/// everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    architectures: Vec<Architecture>,
    datasets: Vec<Dataset>,
    norms: Vec<Norm>,
    epochs: Vec<u32>,
    attempts: Vec<u32>,
}

impl Filter {
    /// Reads `architecture=vgg16,norm=nd`, or several such texts, which make one filter.
    ///
    /// # Errors
    /// [`PlanError::Filter`] on what is no pair, an unknown key, or a value that no trial can have.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, PlanError> {
        let mut filter = Self::default();
        for pair in texts.iter().flat_map(|t| t.as_ref().split(',')) {
            filter.add(pair.trim()).map_err(|why| PlanError::Filter { text: pair.into(), why })?;
        }
        Ok(filter)
    }

    fn add(&mut self, pair: &str) -> Result<(), String> {
        let known = KEYS.join(", ");
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("write KEY=VALUE, where KEY is one of {known}"))?;
        let value = value.trim();
        match key.trim() {
            "architecture" => self.architectures.push(name(value)?),
            "dataset" => self.datasets.push(name(value)?),
            "norm" => self.norms.push(name(value)?),
            "epochs" => self.epochs.push(count(value)?),
            "attempt" => self.attempts.push(count(value)?),
            key => return Err(format!("unknown key `{key}`{}; known keys: {known}", did_you_mean(key, KEYS))),
        }
        Ok(())
    }

    /// Whether what is trained is to be kept; lengths and attempts do not matter.
    pub fn keeps_arm(&self, architecture: Architecture, dataset: &Dataset, norm: Norm) -> bool {
        any(&self.architectures, &architecture) && any(&self.datasets, dataset) && any(&self.norms, &norm)
    }

    /// Whether the trial is to be kept.
    pub fn keeps(&self, trial: &Trial) -> bool {
        self.keeps_arm(trial.architecture, &trial.dataset, trial.norm)
            && any(&self.epochs, &trial.epochs)
            && any(&self.attempts, &trial.attempt)
    }
}

fn any<T: PartialEq>(wanted: &[T], value: &T) -> bool {
    wanted.is_empty() || wanted.contains(value)
}

fn name<T: FromStr<Err = UnknownName>>(value: &str) -> Result<T, String> {
    value.parse().map_err(|e: UnknownName| {
        format!("unknown {} `{}`{}; known: {}", e.what, e.name, did_you_mean(&e.name, e.known.split(", ")), e.known)
    })
}

fn count(value: &str) -> Result<u32, String> {
    match value.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(format!("`{value}` is not a whole number, 1 or above")),
    }
}

/// As one would write it: `architecture=vgg16,norm=nd`.
impl Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fn pairs<T: Display>(key: &str, values: &[T]) -> Vec<String> {
            values.iter().map(|v| format!("{key}={v}")).collect()
        }
        let all = [
            pairs(KEYS[0], &self.architectures),
            pairs(KEYS[1], &self.datasets),
            pairs(KEYS[2], &self.norms),
            pairs(KEYS[3], &self.epochs),
            pairs(KEYS[4], &self.attempts),
        ];
        f.write_str(&all.concat().join(","))
    }
}
