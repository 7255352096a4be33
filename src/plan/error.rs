//! What can stand between a scenario and its trials.

use crate::settings::SettingsError;

/// A scenario, a profile and the command line make no list of trials.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// An override breaks a rule of the scenario.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// An override is not written as one.
    #[error("--set {0}: write KEY=VALUE, as in --set recipe.lr=0.05")]
    Setting(String),
    /// An override of the name, under which results are filed.
    #[error("--set name: the name is no setting; to keep the records elsewhere, use --store DIR")]
    Name,
    /// A flag and `--set` speak of the same key.
    #[error("{flag} and --set {key}: both set {key}; give one of them")]
    Twice {
        /// The flag.
        flag: &'static str,
        /// The dotted key.
        key: &'static str,
    },
    /// A filter names something that cannot be.
    #[error("--only {text}: {why}")]
    Filter {
        /// The pair as given.
        text: String,
        /// The rule.
        why: String,
    },
    /// A filter leaves nothing of the matrix.
    #[error("no trial of scenario `{scenario}` matches --only {filter}; its matrix has {matrix}")]
    NothingLeft {
        /// The scenario.
        scenario: String,
        /// The filter, as one would write it.
        filter: String,
        /// What there is to choose from.
        matrix: String,
    },
    /// The scenario asks for CUDA graphs and the machine has no CUDA device.
    #[error("{place}: recipe.cuda_graph: profile `{profile}` is of a CPU; leave it out, or take another profile")]
    NoGraphs {
        /// Where the scenario asks.
        place: String,
        /// The profile.
        profile: String,
    },
    /// The scenario asks for an arithmetic that the machine does not have.
    #[error(
        "{place}: recipe.precision: the device of profile `{profile}` has no {what}; use \"fp32\", or another profile"
    )]
    NoArithmetic {
        /// Where the scenario asks.
        place: String,
        /// The arithmetic.
        what: &'static str,
        /// The profile.
        profile: String,
    },
}
