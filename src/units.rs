//! Quantities with their unit in the type; each is stored in its base unit.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A duration in seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seconds(pub f64);

/// An amount of memory in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// Energy in joules.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Joules(pub f64);

/// Power in watts.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Watts(pub f64);

/// A frequency in hertz.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hertz(pub f64);

/// A temperature in degrees Celsius.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Celsius(pub f64);

/// A share of a whole, 0 to 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Ratio(pub f64);

impl From<std::time::Duration> for Seconds {
    fn from(d: std::time::Duration) -> Self {
        Seconds(d.as_secs_f64())
    }
}

impl std::ops::Add for Seconds {
    type Output = Seconds;
    fn add(self, other: Seconds) -> Seconds {
        Seconds(self.0 + other.0)
    }
}

impl std::ops::AddAssign for Seconds {
    fn add_assign(&mut self, other: Seconds) {
        self.0 += other.0;
    }
}

impl std::iter::Sum for Seconds {
    fn sum<I: Iterator<Item = Seconds>>(iter: I) -> Seconds {
        // A sum of nothing is 0, not -0.
        Seconds(iter.map(|s| s.0).fold(0.0, |sum, s| sum + s))
    }
}

impl std::iter::Sum for Joules {
    fn sum<I: Iterator<Item = Joules>>(iter: I) -> Joules {
        // A sum of nothing is 0, not -0.
        Joules(iter.map(|s| s.0).fold(0.0, |sum, s| sum + s))
    }
}

/// `0.42 s`, `12.3 s`, `3 min 07 s`, `2 h 05 min`.
impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.0.round() as u64;
        match self.0 {
            s if s < 0.1 => write!(f, "{:.1} ms", s * 1e3),
            s if s < 10.0 => write!(f, "{s:.2} s"),
            s if s < 60.0 => write!(f, "{s:.1} s"),
            s if s < 3600.0 => write!(f, "{} min {:02} s", whole / 60, whole % 60),
            _ => write!(f, "{} h {:02} min", whole / 3600, whole % 3600 / 60),
        }
    }
}

/// Binary multiples: `512 B`, `1.5 KiB`, `2.3 GiB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        if unit == 0 { write!(f, "{} B", self.0) } else { write!(f, "{value:.1} {}", UNITS[unit]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_naturally() {
        let shown: Vec<String> =
            [0.0021, 0.42, 12.34, 187.0, 7500.0].map(|s| Seconds(s).to_string()).into_iter().collect();
        assert_eq!(shown, ["2.1 ms", "0.42 s", "12.3 s", "3 min 07 s", "2 h 05 min"]);
    }

    #[test]
    fn memory_uses_binary_multiples() {
        assert_eq!(Bytes(512).to_string(), "512 B");
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
        assert_eq!(Bytes(5 << 30).to_string(), "5.0 GiB");
    }
}
