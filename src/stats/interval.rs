//! Confidence intervals as values.

use serde::Serialize;

/// The confidence level of every interval in tables and figures that does not name another.
pub const LEVEL: f64 = 0.95;

/// A range that covers the true value with probability `level`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Confidence level, 0 to 1.
    pub level: f64,
}

impl Interval {
    /// High less low.
    pub fn width(&self) -> f64 {
        self.high - self.low
    }

    /// Whether it lies between two limits and touches neither.
    pub fn is_between(&self, low: f64, high: f64) -> bool {
        low < self.low && self.high < high
    }

    /// The interval of `exp(x)`, from that of `x`.
    pub fn exp(self) -> Interval {
        Interval { low: self.low.exp(), high: self.high.exp(), level: self.level }
    }

    /// `centre` ± `half`; `None` where an end is not finite.
    pub(super) fn around(centre: f64, half: f64, level: f64) -> Option<Interval> {
        let (low, high) = (centre - half, centre + half);
        (low.is_finite() && high.is_finite()).then_some(Interval { low, high, level })
    }
}

/// Whether a confidence level can be one.
pub(super) fn is_level(level: f64) -> bool {
    level > 0.0 && level < 1.0
}
