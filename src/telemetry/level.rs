//! How much is watched.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// How much is watched.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Nothing: no thread, and no call to the driver.
    Off,
    /// Once a second memory, utilisation, power, energy and the host; no series.
    Minimal,
    /// Everything that the machine has, ten times a second where it is cheap.
    #[default]
    Full,
}

impl Level {
    /// Every one.
    pub const ALL: [Self; 3] = [Self::Off, Self::Minimal, Self::Full];

    /// The word used in arguments and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Minimal => "minimal",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|level| level.word() == text);
        found.ok_or_else(|| format!("`{text}` is not a level of telemetry: off, minimal or full"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_name_levels() {
        assert!(Level::ALL.iter().all(|level| level.to_string().parse() == Ok(*level)));
        assert!("some".parse::<Level>().unwrap_err().contains("off, minimal or full"));
    }
}
