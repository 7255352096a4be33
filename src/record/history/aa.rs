//! Comparisons of a program with itself: how often an alarm is false on a machine.

use super::super::RecordError;
use super::super::sealed::{Form, open, seal};
use crate::stats::{LEVEL, median};
use serde::{Deserialize, Serialize};
use statrs::distribution::{Beta, ContinuousCDF};

/// Name and version of the form.
pub const AA_SCHEMA: &str = "ndbench.aa/1";

const FORM: Form = Form { family: "ndbench.aa/", version: 1 };

/// What was found when one program took turns with itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AaRecord {
    /// [`AA_SCHEMA`].
    pub schema: String,
    /// The label of the environment.
    pub environment: String,
    /// The commit of the program.
    pub commit: String,
    /// When it began.
    pub started: jiff::Timestamp,
    /// Of each comparison the turns of one side, before a repetition.
    pub rounds: u32,
    /// The tolerance of the comparisons, as a share.
    pub tolerance: f64,
    /// The rate of wrong failures for which they were made; absent in records from before it was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<f64>,
    /// The arguments of `probe` for each turn; empty in records from before they were kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub probe: Vec<String>,
    /// Of the comparisons.
    pub gate: Alarms,
    /// Comparisons that told nothing.
    pub ambiguous: usize,
    /// The step times behind them.
    pub series: Vec<AaSeries>,
}

/// The times of one arm, in their order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AaSeries {
    /// The arm.
    pub name: String,
    /// Seconds of a step, one a turn.
    pub seconds: Vec<f64>,
}

/// A point of a history is the median of so many probes.
const PROBES: usize = 3;

impl AaSeries {
    /// The turns as the points of a history: logarithms of the medians of three turns, one after the other.
    pub fn points(&self) -> Vec<f64> {
        self.seconds.chunks_exact(PROBES).filter_map(median).map(f64::ln).collect()
    }
}

/// How many of so many were alarms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarms {
    /// False ones.
    pub alarms: usize,
    /// Of how many.
    pub of: usize,
}

impl Alarms {
    /// Both together.
    pub fn and(self, other: Self) -> Self {
        Self { alarms: self.alarms + other.alarms, of: self.of + other.of }
    }

    /// The upper limit of the rate at 95 %, one-sided (Clopper and Pearson, 1934).
    pub fn upper(self) -> f64 {
        let (alarms, rest) = (self.alarms as f64, self.of as f64 - self.alarms as f64);
        if rest <= 0.0 {
            return 1.0;
        }
        Beta::new(alarms + 1.0, rest).map_or(1.0, |beta| beta.inverse_cdf(LEVEL))
    }
}

impl AaRecord {
    /// As indented JSON with its checksum.
    ///
    /// # Errors
    /// [`RecordError::NotReadBack`].
    pub fn to_json(&self) -> Result<String, RecordError> {
        seal(self, &format!("of comparisons of {} with itself", self.commit))
    }

    /// Reads what [`AaRecord::to_json`] wrote.
    ///
    /// # Errors
    /// One variant of [`RecordError`] for each way in which a text cannot be trusted.
    pub fn parse(text: &[u8]) -> Result<Self, RecordError> {
        open(text, FORM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_its_upper_limit() {
        // Without an alarm: 1 - 0.05^(1/n).
        let none = Alarms { alarms: 0, of: 20 };
        assert!((none.upper() - (1.0 - 0.05_f64.powf(0.05))).abs() < 1e-6, "{}", none.upper());
        assert!(Alarms { alarms: 1, of: 20 }.upper() > none.upper());
        assert_eq!((Alarms { alarms: 2, of: 2 }.upper(), Alarms::default().upper()), (1.0, 1.0));
    }

    #[test]
    fn three_turns_make_a_point() {
        let series = AaSeries { name: "a".into(), seconds: vec![3.0, 1.0, 2.0, 5.0, 5.0, 9.0, 1.0] };
        assert_eq!(series.points(), [2.0_f64.ln(), 5.0_f64.ln()]);
    }

    #[test]
    fn it_reads_back() {
        let record = AaRecord {
            schema: AA_SCHEMA.into(),
            environment: "cpu-0123456789ab".into(),
            commit: "0123456".into(),
            started: jiff::Timestamp::UNIX_EPOCH,
            rounds: 6,
            tolerance: 0.03,
            rate: Some(0.05),
            probe: vec!["smoke".into()],
            gate: Alarms { alarms: 0, of: 3 },
            ambiguous: 1,
            series: vec![AaSeries { name: "a".into(), seconds: vec![0.1, 0.2] }],
        };
        assert_eq!(AaRecord::parse(record.to_json().unwrap().as_bytes()).unwrap(), record);
    }
}
