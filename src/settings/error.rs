//! What can be wrong with a settings file.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In a file.
    File {
        /// The file's name, as users know it.
        label: String,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
    },
    /// On the command line: the name of the flag.
    Flag(String),
}

impl Place {
    /// The place without its column, as records keep it: `demo.toml:12`, `--epochs`.
    pub fn source(&self) -> String {
        match self {
            Self::File { label, line, .. } => format!("{label}:{line}"),
            Self::Flag(flag) => flag.clone(),
        }
    }
}

/// `demo.toml:12:8`, `--epochs`.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { label, line, column } => write!(f, "{label}:{line}:{column}"),
            Self::Flag(flag) => f.write_str(flag),
        }
    }
}

/// One breach of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// The dotted key, `recipe.lr`; empty where the text is not TOML at all.
    pub key: String,
    /// The rule, and how it was broken.
    pub rule: String,
}

/// `demo.toml:12:8: recipe.lr: must be above 0 and at most 1000, not -1`.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.key.as_str() {
            "" => write!(f, "{}: {}", self.place, self.rule),
            key => write!(f, "{}: {key}: {}", self.place, self.rule),
        }
    }
}

/// A settings file could not be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// No file and no built-in of that name.
    #[error("no {what} named `{name}`{suggestion}; built in: {known}; or give the path of a file, `./my.toml`")]
    NotFound {
        /// `scenario`, `profile`.
        what: &'static str,
        /// The name as given.
        name: String,
        /// Empty, or ` (did you mean …?)`.
        suggestion: String,
        /// The names of all built-ins.
        known: String,
    },
    /// The file is there and cannot be read.
    #[error("cannot read the {what} file {}: {source}", path.display())]
    Read {
        /// `scenario`, `profile`.
        what: &'static str,
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file breaks rules; never empty.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

impl From<Problem> for SettingsError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

/// One problem a line.
fn lines(problems: &[Problem]) -> String {
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}
